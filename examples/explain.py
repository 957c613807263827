"""
Why was this picture found?
===========================

Claim: a linear model can say exactly why it finds a picture for some words: which of the words and which of the pixels
made their similarity, and by how much. The parts of each side add up to the similarity. They are followed back through
the principal components between the pixels and the method, because these are linear, too. The page of a report then
says where the model fails. The pictures are drawings of the Open Clip Art Library, where the variable
``SKXMR_CLIPART`` names its folder, and else icons. The example needs ``pip install 'skxmr[demo]'`` and writes
``output/explain.png`` and ``output/report.html``.

.. image:: /explain.png
   :alt: What single words add to a similarity, the drawing found, and the pixels that speak for and against it
   :width: 90%

Drawings: Open Clip Art Library 0.18 (openclipart.org), public domain.
"""

# sphinx_gallery_thumbnail_path = 'explain.png'

from __future__ import annotations

import os
import textwrap
from functools import partial
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.utils import Bunch

from skxmr import Pairs, PerModality, SemanticMatching, similarity
from skxmr.datasets import load_icons, load_openclipart
from skxmr.features import ImageFeatures, PadToSquare
from skxmr.inspection import Explanation, explain, report

# Pictures go to files, also on a machine without a screen.
matplotlib.use("Agg")
OUTPUT = Path(os.environ.get("SKXMR_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)
CLIPART = os.environ.get("SKXMR_CLIPART")
load = partial(load_openclipart, CLIPART) if CLIPART else load_icons
SIDE = 20

# %%
# A model of pixels and words
# ---------------------------
# Pictures become 20 x 20 pixels of three colours, dark ones large and white 0, and then their principal components.


def tags_of(pictures: Bunch) -> list[list[str]]:
    """Return the names of the labels of each picture."""
    return [pictures.label_names[row == 1].tolist() for row in pictures.labels]


train = load("train")
test = load("test")
ink = ImageFeatures(torch.nn.Flatten(), prepare=PadToSquare(SIDE, mean=1, std=-1), cache=OUTPUT / "features")
image = make_pipeline(ink, PCA(100, random_state=0))
text = TfidfVectorizer(min_df=2, sublinear_tf=True)
model = make_pipeline(PerModality(image=image, text=text), SemanticMatching()).fit(train.pairs, tags_of(train))

# %%
# Explanations
# ------------
# Each wish finds the most similar test picture. Its explanation is a text, a table and a picture. The model sees the
# colours of a few pixels and nothing else, so some pictures are wrong. Of the drawings, it takes a ladybird for an
# apple: most of what speaks for the ladybird are the pixels of its round, red back.

wishes = ["a red flag", "an apple", "a map of the world"]
best = similarity(model, test.pairs.image, wishes).argmax(axis=0)
found = [explain(model, Pairs(text=[wish]), test.pairs.image[[i]]) for wish, i in zip(wishes, best, strict=True)]
print(found[0].text)
for explanation in found:
    sums = explanation.to_frame("features").groupby("side")["contribution"].sum()
    assert np.allclose(sums, explanation.similarity, atol=1e-6)

# %%
# A report
# --------
# It measures the test pictures query by query and tag by tag, and says which tags are taken for which.

measured = report(model, test.pairs, tags_of(test))
measured.save(OUTPUT / "report.html")
print(measured.to_frame()[["direction", "map", "precision_at_k", "median_rank"]].round(3).to_string(index=False))
print(measured.to_frame("confusions").head(5).to_string(index=False))

# %%
# The picture
# -----------
# Left: what the words add. Middle: the picture. Right: what its pixels add; those that speak for it are purple, those
# that speak against it are orange and crossed out.


def show_pixels(ax: Axes, explanation: Explanation) -> None:
    """Draw the contributions of the pixels where they are in the picture, all colours together."""
    frame = explanation.to_frame("features")
    pixels = frame[(frame["modality"] == "image") & (frame["feature"] != "(constant)")]["contribution"]
    grid = pixels.to_numpy().reshape(3, SIDE, SIDE).sum(axis=0)
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


large = ImageFeatures(torch.nn.Flatten(), prepare=PadToSquare(200, mean=0, std=1)).transform(test.pairs.image[best])
pictures = large.reshape(-1, 3, 200, 200).transpose(0, 2, 3, 1)
figure, axes = plt.subplots(len(wishes), 3, figsize=(9, 6.6), width_ratios=[2, 1, 1], layout="constrained")
for row, explanation, wish, i, picture in zip(axes, found, wishes, best, pictures, strict=True):
    show_words(row[0], explanation, wish)
    row[1].imshow(picture)
    row[1].set_title(textwrap.shorten(test.pairs.text[i], 24, placeholder=" ..."), fontsize=9)
    row[1].axis("off")
    show_pixels(row[2], explanation)
figure.supxlabel(test.attribution, fontsize=9)
figure.savefig(OUTPUT / "explain.png", dpi=100)
print(f"pictures: {OUTPUT / 'explain.png'}, and a page: {OUTPUT / 'report.html'}", flush=True)
