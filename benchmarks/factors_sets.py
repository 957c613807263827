"""The rows on which factors.py compares: training rows of the sets only, and one way to read the texts of pictures."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from common import LOADERS
from sentences import sentence_vectors
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit
from tasks import clipart_file, drawings, features_folder, icons

from skxmr import Pairs
from skxmr.datasets import load_icons

PICTURES = {"clipart": drawings, "icons": icons}
SETS = (*LOADERS, *PICTURES)
TEXTS = ("words", "letters", "words, letters", "letters, sentences")
# Larger sets are cut to so many training rows.
_LARGEST = 4000
# Columns of words, and of parts of words, of the most frequent ones.
_COLUMNS = 5000


class Fold(NamedTuple):
    """Rows to fit, and rows that were held out of the training rows, with their labels."""

    fitting: Pairs
    labels: Any
    held_out: Pairs
    held_out_labels: Any


def fold(name: str, text: str, seed: int) -> Fold:
    """Return a random four fifths of the training rows of a set, and the other fifth; groups stay together."""
    pairs, labels = _training_rows(name)
    order = np.random.default_rng(seed).permutation(len(labels))[:_LARGEST]
    pairs = pairs[order]
    labels = labels[order]
    grouped = pairs.groups is not None and len(np.unique(pairs.groups)) < len(pairs)
    splitter = (GroupShuffleSplit if grouped else ShuffleSplit)(1, test_size=0.2, random_state=seed)
    fitting, held_out = next(splitter.split(labels, groups=pairs.groups))
    if name not in PICTURES:
        return Fold(pairs[fitting], labels[fitting], pairs[held_out], labels[held_out])
    parts = columns(text, list(pairs.text), fitting, held_out)
    views = [pairs[rows].replace(text=part) for rows, part in zip((fitting, held_out), parts, strict=True)]
    return Fold(views[0], labels[fitting], views[1], labels[held_out])


def columns(text: str, captions: list[str], fitting: Any, held_out: Any) -> list[sp.csr_array]:
    """Return captions as columns, of the fitting rows and of those held out; the vocabulary is of the former."""
    known = [captions[i] for i in fitting]
    others = [captions[i] for i in held_out]
    parts: list[list[Any]] = [[], []]
    for kind in text.split(", "):
        if kind == "sentences":
            found = [sentence_vectors(rows, features_folder()) for rows in (known, others)]
        else:
            words = {"words": {"min_df": 2}, "letters": {"analyzer": "char_wb", "ngram_range": (3, 5), "min_df": 3}}
            vectorizer = TfidfVectorizer(**words[kind], max_features=_COLUMNS, sublinear_tf=True, dtype=np.float32)
            found = [vectorizer.fit_transform(known), vectorizer.transform(others)]
        for part, own in zip(parts, found, strict=True):
            part.append(sp.csr_array(own))
    return [sp.csr_array(sp.hstack(part)) for part in parts]


def label_names(name: str) -> list[str]:
    """Return the names of the labels of a set."""
    if name == "clipart":
        with np.load(clipart_file(), allow_pickle=False) as file:
            return file["label_names"].tolist()
    return [str(label) for label in (load_icons if name == "icons" else LOADERS[name])("train").label_names]


def name_vectors(name: str, classes: Any) -> Any:
    """Return the vectors of the names of labels, in the order of the classes: names, or numbers of columns."""
    names = label_names(name)
    vectors = np.asarray(sentence_vectors(names, features_folder()), dtype=np.float32)
    by_name = dict(zip(names, vectors, strict=True)) | dict(enumerate(vectors))
    return np.stack([by_name[label] for label in classes])


@lru_cache(maxsize=1)
def _training_rows(name: str) -> tuple[Pairs, Any]:
    if name in PICTURES:
        pairs, labels = PICTURES[name]()[:2]
        return pairs, labels
    return LOADERS[name]("train", return_X_y=True)
