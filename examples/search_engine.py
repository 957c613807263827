"""
From a folder of pictures to a search engine
============================================

Claim: a folder of picture files and a table with captions and tags is all that a search engine needs. The pictures are
drawings of the Open Clip Art Library, where the variable ``SKXMR_CLIPART`` names its folder
(``/usr/share/openclipart`` with Debian's packages ``openclipart-png`` and ``openclipart-svg``), and else the icons of
Font Awesome Free, written as PNG files first. A network that was trained on photographs turns them into vectors, which
are computed once and kept, and a search with validation by groups chooses between two methods. An index then finds
pictures by words and words by pictures, names tags, and is kept in a folder that another process opens. The example
needs ``pip install 'skxmr[demo]'`` and writes its picture to ``output/search_engine.png``.

.. image:: /drawings.png
   :alt: Words of people with the test drawings found for them, and test drawings with the captions found for them

Drawings: Open Clip Art Library 0.18 (openclipart.org), public domain.
"""

# sphinx_gallery_thumbnail_path = 'drawings.png'

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from itertools import chain
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from PIL import Image
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch

from skxmr import MLCCA, PerModality, RetrievalIndex, SemanticMatching, annotate
from skxmr.datasets import load_icons, load_openclipart, load_table
from skxmr.features import ImageFeatures
from skxmr.inspection import RetrievalDisplay
from skxmr.metrics import RetrievalScorer, RetrievalScores, SharedLabels
from skxmr.model_selection import MultilabelStratifiedKFold

# Pictures go to files, also on a machine without a screen.
matplotlib.use("Agg")
OUTPUT = Path(os.environ.get("SKXMR_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)

# %%
# A folder and a table
# --------------------
# Most people have this already: files, and a table that says what each shows. Here icons are written as files, or,
# where the variable ``SKXMR_CLIPART`` names the folder of the Open Clip Art Library, its drawings as they are.

CLIPART = os.environ.get("SKXMR_CLIPART")
load = partial(load_openclipart, CLIPART) if CLIPART else load_icons


def write_files(pictures: Bunch, folder: Path) -> list[str]:
    """Write pictures that are arrays into the folder; return the names of the files."""
    if pictures.pairs.image.ndim == 1:
        return list(pictures.pairs.image)
    for name, image in zip(pictures.names, pictures.pairs.image, strict=True):
        Image.fromarray(image).save(folder / f"{name}.png")
    return [f"{name}.png" for name in pictures.names]


folder = OUTPUT / "pictures"
folder.mkdir(exist_ok=True)
rows = []
for part in ("train", "test"):
    pictures = load(part)
    files = write_files(pictures, folder)
    tags = [";".join(pictures.label_names[row == 1]) for row in pictures.labels]
    # Some of those who drew have left their addresses in the words.
    captions = [re.sub(r"\S+@\S+", "", text) for text in pictures.pairs.text]
    rows.append(pd.DataFrame({"file_name": files, "caption": captions, "tags": tags, "part": part}))
pd.concat(rows).to_csv(folder / "table.csv", index=False)

# %%
# Reading it
# ----------
# Whatever is wrong in the table is said with its rows: the warnings name a row without tags, and pictures that look
# the same. Such pictures are in one group, and a group is never on both sides of a split.

table = load_table(folder / "table.csv", ids="file_name", split="part", near_duplicates="pictures")
is_test = table.split == "test"
train, train_tags = table.pairs[~is_test], table.labels[~is_test]
test, test_tags = table.pairs[is_test], table.labels[is_test]
print(f"{len(train)} training and {len(test)} test pictures, {len(table.label_names)} different tags", flush=True)

# %%
# Features, and a search over two methods
# ---------------------------------------
# Image features come from EfficientNet-Lite0, with weights for ImageNet that are published as a package. They are kept
# in a folder, so that the folds of the search, its refit and the next run compute none of them again.

image = ImageFeatures("efficientnet_lite0", cache=OUTPUT / "features")
start = time.perf_counter()
clone(image).set_params(verbose=1).fit_transform(table.pairs.image)
print(f"features of all pictures in {time.perf_counter() - start:.0f} s", flush=True)

text = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), min_df=3, sublinear_tf=True)
pipeline = Pipeline([("features", PerModality(image=image, text=text)), ("model", MLCCA())])
grid = [
    {"model": [MLCCA(48)], "model__ridge": [0.5, 1.0, 2.0]},
    {"model": [SemanticMatching()], "model__ridge": [0.3, 1.0, 3.0]},
]
folds = MultilabelStratifiedKFold(3, shuffle=True, random_state=0)
search = GridSearchCV(pipeline, grid, scoring=RetrievalScores(), refit="map", cv=folds)
start = time.perf_counter()
search.fit(train, train_tags, groups=train.groups)
print(f"chosen by 3-fold validation in {time.perf_counter() - start:.0f} s: {search.best_params_}")

found = RetrievalScores()(search, test, test_tags)
relevance = SharedLabels(test_tags)[:]
print(f"test mAP: image→text {found['i2t_map']:.3f}, text→image {found['t2i_map']:.3f}; chance {relevance.mean():.3f}")
first = RetrievalScorer("precision", "text_to_image", k=6)(search, test, test_tags)
print(f"of the first six pictures for a caption, {first:.0%} share a tag with it", flush=True)

# %%
# Words find pictures, and pictures find words
# --------------------------------------------
# An index holds the vectors of the test pictures and of their captions. A query of either kind finds both; here a
# condition asks for the other one. The pictures that ask are the first ones of the three most frequent tags. ``among``
# leaves out a picture's own caption, which would be too easy. Of nearly equal pictures the index has one.

kept = np.sort(np.unique(test.groups, return_index=True)[1])
test = test[kept]
test_tags = test_tags[kept]
relevance = SharedLabels(test_tags)[:]
index = RetrievalIndex(search)
names = np.array([os.path.relpath(path, os.path.commonpath(list(test.image))) for path in test.image], dtype=object)
index.add(image=test.image, ids=names, metadata={"tags": [";".join(row) for row in test_tags]})
index.add(text=test.text, ids=[f"caption of {name}" for name in names])

wishes = ["house or building", "car or train"]
wishes += ["a bird", "fruit or vegetable"] if CLIPART else ["people working", "happy face"]
pictures_found = index.search(text=wishes, k=6, where={"modality": "image"})
frequent = [tag for tag, _ in Counter(chain.from_iterable(test_tags)).most_common(3)]
queries = [next(i for i, own in enumerate(test_tags) if tag in own) for tag in frequent]
captions_found = [
    index.search(image=test.image[[i]], k=4, among=[f"caption of {name}" for name in np.delete(names, i)])
    for i in queries
]
print(pictures_found.to_frame()[["query", "rank", "id", "score", "tags"]].head(3).to_string(index=False))

# %%
# Tags
# ----
# Some pictures in a collection have no tags. Those of the test pictures were never shown to the model, which names them
# by a threshold for each tag, chosen on held-out rows of the training pictures. A method that does not learn to name
# tags leaves this to one that does.

tags_itself = hasattr(search.best_estimator_["model"], "annotate")
tagger = search if tags_itself else clone(pipeline).set_params(model=SemanticMatching()).fit(train, train_tags)
named = annotate(tagger, image=test.image)
right = sum(len(set(own) & set(row)) for own, row in zip(test_tags, named, strict=True))
print(f"tags named: {right} of {sum(map(len, test_tags))} and {sum(map(len, named)) - right} that nobody has given")
for i in queries:
    print(f"  {names[i]}: {', '.join(named[i]) or 'none'} (given: {', '.join(test_tags[i])})", flush=True)

# %%
# Files
# -----
# The folder of the index also holds the model, and no pickle. Another process opens it and finds the same; so does the
# shell, by ``skxmr search output/index "house or building" --where modality=image``.

index.save(OUTPUT / "index", overwrite=True)
program = """
import sys
from skxmr import RetrievalIndex
index = RetrievalIndex.load(sys.argv[1])
print(*index.search(text=sys.argv[2], k=6, where={"modality": "image"}).ids[0], sep="\\n")
"""
command = [sys.executable, "-c", program, str(OUTPUT / "index"), wishes[0]]
answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
assert answer == pictures_found.ids[0].tolist()
print(f"another process finds for {wishes[0]!r}: {', '.join(answer[:3])}, ...", flush=True)

# %%
# The picture
# -----------
# Above: what somebody might type, and the test pictures that come first. Below: a test picture, and the captions of
# other test pictures that come first. Those that are right share a tag with it.

path_of = dict(zip(names, map(Path, test.image), strict=True))
row_of = {f"caption of {name}": i for i, name in enumerate(names)}
captions = [[row_of[name] for name in hits.ids[0]] for hits in captions_found]
figure, (above, below) = plt.subplots(2, 1, figsize=(9, 11), height_ratios=[1.4, 1], layout="constrained")
RetrievalDisplay(
    queries=wishes,
    results=[[path_of[name] for name in ids] for ids in pictures_found.ids],
    scores=pictures_found.scores,
    name="words → pictures",
).plot(above)
RetrievalDisplay(
    queries=[Path(test.image[i]) for i in queries],
    results=[[test.text[j] for j in row] for row in captions],
    scores=[hits.scores[0] for hits in captions_found],
    relevant=[relevance[i, row] for i, row in zip(queries, captions, strict=True)],
    name="picture → words of other pictures",
).plot(below)
figure.supxlabel(pictures.attribution, fontsize=9)
figure.savefig(OUTPUT / "search_engine.png", dpi=100)
print(f"picture: {OUTPUT / 'search_engine.png'}", flush=True)
