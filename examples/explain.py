"""
Why was this icon found?
========================

Claim: a linear model can say exactly why it finds an icon for some words: which of the words and which of the pixels
made their similarity, and by how much. The parts of each side add up to the similarity. They are followed back through
the principal components between the pixels and the method, because these are linear, too. The page of a report then
says where the model fails. The example needs ``pip install 'skxmr[demo]'``, takes some seconds, and writes
``output/explain.png`` and ``output/report.html``.

.. image:: /explain.png
   :alt: What single words add to a similarity, the icon found, and the pixels that speak for and against it
   :width: 90%

Icons: Font Awesome Free by Fonticons, Inc. (fontawesome.com), licensed under CC BY 4.0.
"""

# sphinx_gallery_thumbnail_path = 'explain.png'

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skxmr import Pairs, PerModality, SemanticMatching, similarity
from skxmr.datasets import load_icons
from skxmr.inspection import Explanation, explain, report

# Pictures go to files, also on a machine without a screen.
matplotlib.use("Agg")
OUTPUT = Path(os.environ.get("SKXMR_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)
SIDE = 20

# %%
# A model of pixels and words
# ---------------------------
# Icons become 20 x 20 grey values, dark ones large, and then their principal components.


def ink(icons: np.ndarray) -> np.ndarray:
    """Return how dark the pixels of small versions of the icons are, one row per icon."""
    rows = [np.asarray(Image.fromarray(icon).convert("L").resize((SIDE, SIDE)), dtype=float) for icon in icons]
    return 1 - np.stack(rows).reshape(len(icons), -1) / 255


train, test = load_icons("train"), load_icons("test")
tags = {
    part: [data.label_names[row == 1].tolist() for row in data.labels] for part, data in [("a", train), ("b", test)]
}
image = make_pipeline(FunctionTransformer(ink), PCA(100, random_state=0))
text = TfidfVectorizer(min_df=2, sublinear_tf=True)
model = make_pipeline(PerModality(image=image, text=text), SemanticMatching()).fit(train.pairs, tags["a"])

# %%
# Explanations
# ------------
# Each wish finds the most similar test icon. Its explanation is a text, a table and a picture. The last icon is wrong:
# a glass is no folder, but it has the outline of one, and the model sees nothing else than dark and light pixels.

wishes = ["truck or car", "calendar date", "folder with files"]
best = similarity(model, test.pairs.image, wishes).argmax(axis=0)
found = [explain(model, Pairs(text=[wish]), test.pairs.image[[i]]) for wish, i in zip(wishes, best, strict=True)]
print(found[0].text)
for explanation in found:
    sums = explanation.to_frame("features").groupby("side")["contribution"].sum()
    assert np.allclose(sums, explanation.similarity, atol=1e-6)

# %%
# A report
# --------
# It measures the test icons query by query and tag by tag. Most of the wrong icons have the most frequent tag.

measured = report(model, test.pairs, tags["b"])
measured.save(OUTPUT / "report.html")
print(measured.to_frame()[["direction", "map", "precision_at_k", "median_rank"]].round(3).to_string(index=False))
print(measured.to_frame("confusions").head(5).to_string(index=False))

# %%
# The picture
# -----------
# Left: what the words add. Middle: the icon. Right: what its pixels add; those that speak for it are purple, those that
# speak against it are orange and crossed out.


def show_pixels(ax: Axes, explanation: Explanation) -> None:
    """Draw the contributions of the pixels where they are in the icon."""
    frame = explanation.to_frame("features")
    pixels = frame[(frame["modality"] == "image") & (frame["feature"] != "(constant)")]["contribution"]
    grid = pixels.to_numpy().reshape(SIDE, SIDE)
    largest = np.abs(grid).max()
    ax.imshow(grid, cmap="PuOr", vmin=-largest, vmax=largest)
    against = np.argwhere(grid < -largest / 4)
    ax.plot(against[:, 1], against[:, 0], "kx", markersize=3, linewidth=0)
    ax.set_title(f"pixels: {grid.sum():+.2f}", fontsize=10)
    ax.axis("off")


def show_words(ax: Axes, explanation: Explanation, wish: str) -> None:
    """Draw the contributions of the words as bars, and all other ones together."""
    frame = explanation.to_frame("features")
    words = frame[frame["modality"] == "text"]
    own = (
        words[~words["absent"] & (words["feature"] != "(constant)")].set_index("feature")["contribution"].sort_values()
    )
    rest = words["contribution"].sum() - own.sum()
    ax.barh(["all else", *own.index], [rest, *own], color=["#cccccc"] + ["#2f6db5"] * len(own), edgecolor="#222222")
    ax.axvline(0, color="#222222", linewidth=0.8)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_title(f"“{wish}”: similarity {explanation.similarity:.2f}", fontsize=10, loc="left")
    ax.tick_params(labelsize=9)


figure, axes = plt.subplots(len(wishes), 3, figsize=(9, 6.6), width_ratios=[2, 1, 1], layout="constrained")
for row, explanation, wish, i in zip(axes, found, wishes, best, strict=True):
    show_words(row[0], explanation, wish)
    row[1].imshow(test.pairs.image[i], cmap="gray", vmin=0, vmax=255)
    row[1].set_title(textwrap.shorten(test.pairs.text[i], 24, placeholder=" ..."), fontsize=9)
    row[1].axis("off")
    show_pixels(row[2], explanation)
figure.text(0.5, -0.02, test.attribution, ha="center", fontsize=8)
figure.savefig(OUTPUT / "explain.png", dpi=100, bbox_inches="tight")
print(f"pictures: {OUTPUT / 'explain.png'}, and a page: {OUTPUT / 'report.html'}", flush=True)
