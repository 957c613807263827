"""The retrieval tasks that reproduce.py measures: which rows to learn from, which to test on."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from common import LOADERS, label_vectors
from sentences import sentence_vectors
from sklearn.feature_extraction.text import TfidfVectorizer

from skxmr import Pairs
from skxmr.datasets import load_feature_files, load_icons, load_wikipedia
from skxmr.features import ImageFeatures


class Rows(NamedTuple):
    """Training and test rows with their labels, and the label vectors that came with them.

    Training rows that a split must keep together, such as near-duplicates, are in one of the groups that they carry.
    """

    train: Pairs
    y_train: Any
    test: Pairs
    y_test: Any
    vectors: Any = None


# Training rows and their labels, test rows and theirs.
Parts = tuple[Pairs, Any, Pairs, Any]


@dataclass(frozen=True)
class Task:
    """A data set with its split.

    Parameters
    ----------
    name : str
        As in the file of finished fits.
    title : str
        As on the pages.
    about : str
        What the rows are, for docs/results.md.
    load : callable
        Returns the rows of a seed.
    constants : str or None
        The data set whose constants ``paper(dataset=...)`` takes, where a method has them; else its default.
    vectors : path or None
        Word vectors of the labels.
    digest : str or None
        Hash of rows from the user's own files; None where they are always the same, or not at hand.
    redrawn : bool
        Whether every seed has other test rows.
    """

    name: str
    title: str
    about: str
    load: Callable[[int], Rows]
    constants: str | None = None
    vectors: Path | None = None
    digest: str | None = None
    redrawn: bool = False


def standard(name: str, seed: int) -> Rows:
    """Return the rows of a research set in its fixed split."""
    return Rows(*LOADERS[name]("train", return_X_y=True), *LOADERS[name]("test", return_X_y=True))


def wikipedia_split(seed: int) -> Rows:
    """Return all 2,866 articles, split at random in 1,300 to learn from and 1,566 to test on, as ACMR's paper did."""
    pairs, labels = load_wikipedia("all", return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(pairs))
    train = order[:1300]
    test = order[1300:]
    return Rows(pairs[train], labels[train], pairs[test], labels[test])


def feature_files(folder: Path | None, seed: int) -> Rows:
    """Return the rows of a folder in the papers' layout, in its split."""
    return _feature_files(folder)


@lru_cache(maxsize=1)  # gigabytes, needed by every fit
def _feature_files(folder: Path | None) -> Rows:
    if folder is None:
        raise FileNotFoundError("these features come from your own files; pass --features FOLDER.")
    train, test = (load_feature_files(folder, subset) for subset in ("train", "test"))
    return Rows(train.pairs, train.labels, test.pairs, test.labels, train.label_embedding)


def with_letters(train: Pairs, y_train: Any, test: Pairs, y_test: Any) -> Rows:
    """Return the rows with parts of words in place of texts; only parts that training rows have are known."""
    letters = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), min_df=3, sublinear_tf=True, dtype=np.float32
    ).fit(train.text)
    train, test = (pairs.replace(text=letters.transform(pairs.text)) for pairs in (train, test))
    return Rows(train, y_train, test, y_test)


def clipart_file() -> Path:
    """Return the file of drawings."""
    path = Path(os.environ.get("SKXMR_DATA", "")) / "clipart" / "clipart.npz"
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; set SKXMR_DATA to the folder that holds clipart/clipart.npz.")
    return path


def features_folder() -> Path:
    """Return the folder in which features of pictures and of texts are kept."""
    return Path(os.environ.get("SKXMR_OUTPUT", tempfile.gettempdir())) / "skxmr-features"


def drawings() -> Parts:
    """Return drawings of the Open Clip Art Library with their captions, in their fixed split."""
    with np.load(clipart_file(), allow_pickle=False) as file:
        n = int(file["n_train"])
        pairs = Pairs(file["features"].astype(np.float32), file["captions"].tolist(), groups=file["groups"])
        labels = file["labels"].astype(int)
    return pairs[:n], labels[:n], pairs[n:], labels[n:]


def icons() -> Parts:
    """Return the icons of Font Awesome Free with their search terms, in their fixed split."""
    return *icon_features("train"), *icon_features("test")


def icon_features(subset: str) -> tuple[Pairs, Any]:
    """Return icons as features with their search terms, and their labels."""
    network = ImageFeatures("efficientnet_lite0", cache=features_folder())
    found = load_icons(subset)
    # Groups by number, so that splits of the training rows stay the same whatever the groups are called.
    return found.pairs.replace(image=network.transform(found.pairs.image), groups=found.groups), found.labels


@lru_cache(maxsize=2)
def letters_of(load: Callable[[], Parts]) -> Rows:
    """Return pictures with parts of words."""
    return with_letters(*load())


@lru_cache(maxsize=1)
def sentences_of(load: Callable[[], Parts]) -> Rows:
    """Return pictures with parts of words beside vectors of sentences."""
    parts = load()
    rows = with_letters(*parts)
    train, test = (
        pairs.replace(text=sp.hstack([pairs.text, sentence_vectors(texts, features_folder())]).tocsr())
        for pairs, texts in ((rows.train, parts[0].text), (rows.test, parts[2].text))
    )
    return rows._replace(train=train, test=test)


def the_same(rows: Callable[[], Rows], seed: int) -> Rows:
    """Return rows that do not depend on the seed."""
    return rows()


def icons_at_random(seed: int) -> Rows:
    """Return 350 icons drawn for every seed to test on, whether or not others look nearly the same."""
    pairs, labels = icon_features("all")
    order = np.random.default_rng(seed).permutation(len(pairs))
    test = order[:350]
    train = order[350:]
    return with_letters(pairs[train], labels[train], pairs[test], labels[test])


def digest(rows: Rows) -> str:
    """Return a hash of the rows: of all shapes, and of some 200 rows of each array."""
    found = hashlib.sha256()
    for array in (rows.train.image, rows.train.text, rows.y_train, rows.test.image, rows.test.text, rows.y_test):
        some = array[:: max(1, array.shape[0] // 200)]
        found.update(repr(array.shape).encode())
        found.update(np.ascontiguousarray(some.toarray() if hasattr(some, "toarray") else some).tobytes())
    found.update(b"" if rows.vectors is None else np.ascontiguousarray(rows.vectors).tobytes())
    return found.hexdigest()[:12]


ABOUT = {
    "wikipedia": "Images are 128 SIFT words, texts 10 LDA topics, and a row has one of 10 classes. The split is that "
    "of Rasiwasia et al.: 2173 training and 693 test rows.",
    "corel5k_tags": "Images are 1100 SIFT and hue features, texts 210 words, and there are 50 labels; 3056 training "
    "and 372 test rows. No paper used this split of the words into text and labels.",
    "mirflickr_tags": "The two views are two halves of 693 tags, and there are 24 labels; 11801 training and 2000 "
    "test rows. The label vectors are GloVe vectors of their names. No paper used this split of the tags into two "
    "views.",
}
_FEATURES = (
    "Images are 1280 features of EfficientNet-Lite0, which was trained on ImageNet. Texts are tf-idf vectors of parts "
    "of words, three to five letters each. No split divides near-duplicates, neither that into training and test rows "
    "nor those of the training rows."
)
PICTURES = {
    "clipart": (
        drawings,
        "Drawings of the Open Clip Art Library with titles, descriptions and keywords by people. The labels are 63 "
        f"frequent keywords, which the texts lack. {_FEATURES} 2,019 training and 500 test rows. A random ranking has "
        "an mAP of .088.",
    ),
    "icons": (
        icons,
        "Solid icons of Font Awesome Free with their search terms. The labels are 64 categories of at least ten icons. "
        f"{_FEATURES} 1,043 training and 352 test rows. A random ranking has an mAP of .125.",
    ),
}
CONSTANTS = {"wikipedia": "wikipedia", "mirflickr_tags": "mirflickr"}
FEATURES = {"mirflickr": "MIRFlickr", "nuswide": "NUS-WIDE", "coco": "MS-COCO"}


def of_features(dataset: str, folder: Path | None = None) -> Task:
    """Return the task of a folder with features of one of the papers' sets."""
    load = partial(feature_files, folder)
    about = "Image features and texts from files in the papers' layout, which also name the training and test rows."
    name = f"{dataset}_vgg"
    title = f"{FEATURES[dataset]}, papers' features"
    return Task(name, title, about, load, dataset, digest=None if folder is None else digest(load(0)))


TASKS = {
    **{
        name: Task(name, name, ABOUT[name], partial(standard, name), CONSTANTS.get(name), label_vectors(name))
        for name in LOADERS
    },
    "wikipedia_1300": Task(
        "wikipedia_1300",
        "wikipedia, 1300/1566",
        "The same articles and features, all rows drawn anew for every seed: 1,300 to learn from, 1,566 to test on, "
        "the sizes of ACMR's paper (Wang et al., ACM MM 2017, Table 1). Its own draw is not known.",
        wikipedia_split,
        "wikipedia",
        redrawn=True,
    ),
    **{f"{dataset}_vgg": of_features(dataset) for dataset in FEATURES},
    **{
        name: Task(name, name, about, partial(the_same, partial(letters_of, load)))
        for name, (load, about) in PICTURES.items()
    },
    **{
        f"{name}_sentences": Task(
            f"{name}_sentences",
            f"{name}, sentence vectors",
            f"As {name}, with 384 features of all-MiniLM-L6-v2 beside those of parts of words.",
            partial(the_same, partial(sentences_of, load)),
        )
        for name, (load, _) in PICTURES.items()
    },
    "icons_350": Task(
        "icons_350",
        "icons, 1045/350",
        "The same icons, 350 of them drawn anew for every seed to test on, as users would who do not know of "
        "near-duplicates: a tenth of the icons is of a series, and the twin of a test icon may be a training row.",
        icons_at_random,
        redrawn=True,
    ),
}
