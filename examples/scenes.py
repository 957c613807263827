"""
Scenes that only relations tell apart
=====================================

Claim: a method that sees one vector per image and words without order finds the scene of a sentence far better than by
chance, but it cannot tell the scene from its twin, which has the same digits in another arrangement. That takes
regions with positions.

.. image:: /scenes.png
   :alt: Scenes of digits with frames around their regions and two sentences each; the last two are twins
"""

# sphinx_gallery_thumbnail_path = 'scenes.png'

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch

from skxmr import CCA, MeanRegions, Pairs, PerModality, Regions, Sentences
from skxmr.datasets import make_captioned_scenes
from skxmr.metrics import Similarity

# Pictures go to files, also on a machine without a screen.
matplotlib.use("Agg")
OUTPUT = Path(os.environ.get("SKXMR_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)
COLOURS = ("#0969da", "#bf3989", "#1a7f37", "#bc4c00")

# %%
# What a scene is
# ---------------
# A scene is a canvas with two to four handwritten digits. Each digit is a region with a box, and the sentences say
# which digit stands where. A twin has the same digits in another arrangement.


def draw(ax: Axes, scenes: Bunch, i: int) -> None:
    """Draw a scene, a frame around each of its regions, and its first two sentences below."""
    side = scenes.images.shape[1]
    ax.imshow(scenes.images[i], cmap="gray_r", extent=(0, side, side, 0))
    ax.set(xticks=[], yticks=[])
    for box, colour in zip(scenes.boxes[i][scenes.mask[i]] * side, COLOURS, strict=False):
        left, top, right, bottom = box
        ax.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=colour, linewidth=2))
    told = scenes.sentences[scenes.image_index == i][:2]
    text = "\n\n".join(textwrap.fill(sentence, 29) for sentence in told)
    ax.text(0, -0.06, text, transform=ax.transAxes, fontsize=12, va="top", linespacing=1.25)


single = make_captioned_scenes(3, subset="test", min_digits=3, random_state=4)
twins = make_captioned_scenes(2, subset="test", min_digits=3, max_digits=3, twins=True, random_state=1)
shown = [(single, i, f"scene {i + 1}") for i in range(3)]
shown += [(twins, 0, "a scene ..."), (twins, 1, "... and its twin")]
figure, axes = plt.subplots(1, 5, figsize=(15, 4.9))
figure.subplots_adjust(left=0.01, right=0.99, top=0.9, bottom=0.37, wspace=0.08)
for ax, (scenes, i, title) in zip(axes, shown, strict=True):
    draw(ax, scenes, i)
    ax.set_title(title, fontsize=12)
figure.savefig(OUTPUT / "scenes.png", dpi=100)
print(f"picture: {OUTPUT / 'scenes.png'}", flush=True)

# %%
# Asking for scenes by their sentences
# ------------------------------------
# ``MeanRegions`` turns the regions of an image into one vector, and tf-idf forgets the order of the words.


def as_pairs(scenes: Bunch) -> Pairs:
    """Return scenes as sets of regions and sequences of words; each scene is held once."""
    regions = Regions(scenes.regions, scenes.boxes, scenes.mask)
    sentences = Sentences(scenes.tokens, scenes.tags, scenes.heads)
    return Pairs(regions, sentences, image_index=scenes.image_index)


images = make_pipeline(MeanRegions(), StandardScaler())
model = make_pipeline(PerModality(image=images, text=TfidfVectorizer()), CCA(20))
model.fit(as_pairs(make_captioned_scenes(1000, random_state=0)))

scenes = make_captioned_scenes(200, subset="test", twins=True, random_state=0)
pairs = as_pairs(scenes)
# Every scene once, although several sentences are about it
image = model.transform(Pairs(image=pairs.image.view)).image
text = model.transform(Pairs(text=pairs.text)).text
# One row per sentence, one column per scene
scores = Similarity(text, image)[:]
own = scores[np.arange(len(text)), scenes.image_index]
twin = scores[np.arange(len(text)), scenes.twin[scenes.image_index]]
better = (scores > own[:, None] + 1e-9).sum(axis=1)

# %%
# The scene is usually among the first ten, and so is its twin: both have the same score.

print(f"{len(text)} sentences about {len(image)} test scenes, every second one the twin of the one before")
print(f"scene and twin are among the first 10: {np.mean(better < 10):.1%}, by chance {10 / len(image):.1%}")
print(f"the scene scores higher than its twin: {np.mean(own > twin + 1e-9):.1%}, by chance 50%; the others are equal")
if not (np.mean(better < 10) > 0.2 and np.allclose(own, twin)):
    raise RuntimeError("the claim does not hold")
