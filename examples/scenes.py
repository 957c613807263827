"""
Scenes that only relations tell apart
=====================================

Claim: a method that sees one vector per image and words without order finds the scene of a sentence far better than by
chance, but it cannot tell the scene from its twin, which has the same digits in another arrangement. That takes
regions with positions.

.. image:: /scenes.png
   :alt: Sentences and the scenes found for them: a scene and its twin have the same score

Digits: Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak (UCI Machine Learning Repository),
CC BY 4.0.
"""

# sphinx_gallery_thumbnail_path = 'scenes.png'

from __future__ import annotations

import os
from pathlib import Path

import matplotlib
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch

from skxmr import CCA, MeanRegions, Pairs, PerModality, Regions, Sentences
from skxmr.datasets import make_captioned_scenes
from skxmr.inspection import RetrievalDisplay
from skxmr.metrics import Similarity

# Pictures go to files, also on a machine without a screen.
matplotlib.use("Agg")
OUTPUT = Path(os.environ.get("SKXMR_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)

# %%
# Asking for scenes by their sentences
# ------------------------------------
# A scene is a canvas with two to four handwritten digits. Each digit is a region with a box, and the sentences say
# which digit stands where. A twin has the same digits in another arrangement. ``MeanRegions`` turns the regions of an
# image into one vector, and tf-idf forgets the order of the words.


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
# The scene of a sentence scores far better than most, and so does its twin: both have the same score.

print(f"{len(text)} sentences about {len(image)} test scenes, every second one the twin of the one before")
print(f"scene and twin are among the first 10: {np.mean(better < 10):.1%}, by chance {10 / len(image):.1%}")
print(f"the scene scores higher than its twin: {np.mean(own > twin + 1e-9):.1%}, by chance 50%; the others are equal")
if not (np.mean(better < 10) > 0.2 and np.allclose(own, twin)):
    raise RuntimeError("the claim does not hold")

# %%
# The picture
# -----------
# The first four sentences whose scene is among the first six, one per scene. Beside the right scene, or before it, is
# its twin.

among = np.flatnonzero(better < 5)
shown = among[np.unique(scenes.image_index[among] // 2, return_index=True)[1]][:4]
found = RetrievalDisplay.from_estimator(model, pairs, queries=shown, k=6, images=1 - scenes.images / 16, name="")
found.figure_.savefig(OUTPUT / "scenes.png", dpi=100)
print(f"picture: {OUTPUT / 'scenes.png'}", flush=True)
