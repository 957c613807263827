"""What experiments.py fits: retrievers at small sizes, and the rows that they are measured on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import LOADERS, RESULTS, append, fingerprint, fit_seconds, label_vectors, recorded
from experiments_kept import attention, classifiers, curves, history, space
from scenes import OF_RACG, scenes
from sklearn.decomposition import PCA
from sklearn.model_selection import ShuffleSplit
from tasks import TASKS

import skxmr
from skxmr import ACMR, ALGCN, DAGNN, L2GCN, RACG
from skxmr.datasets import make_multilabel_pairs
from skxmr.metrics import RecallScores, RetrievalScores

Record = dict[str, Any]
Changes = Mapping[str, Any]


class Rows(NamedTuple):
    """Rows to fit on, and rows to measure on."""

    pairs: Any
    labels: Any
    held: Any
    held_labels: Any


class Fit(NamedTuple):
    """The name of a setting, and the parameters that are changed."""

    setting: str
    changes: Changes

    def key(self, seed: int) -> str:
        """Return what a finished fit is found by."""
        return json.dumps([self.setting, dict(self.changes), seed], sort_keys=True)


def articles(seed: int) -> Rows:
    """Return three quarters of the 1,300 training articles of a seed, and the other quarter."""
    rows = TASKS["wikipedia_1300"].load(seed)
    labels = np.asarray(rows.y_train)
    fitting, held = next(ShuffleSplit(1, test_size=0.25, random_state=seed).split(labels))
    return Rows(rows.train[fitting], labels[fitting], rows.train[held], labels[held])


def test_articles(seed: int) -> Rows:
    """Return the 1,300 training articles of a seed, and the 1,566 test articles."""
    rows = TASKS["wikipedia_1300"].load(seed)
    return Rows(rows.train, rows.y_train, rows.test, rows.y_test)


@cache
def photographs(seed: int) -> Rows:
    """Return 1,500 training rows of corel5k_tags, images as 128 principal components, and 500 other training rows."""
    pairs, labels = LOADERS["corel5k_tags"]("train", return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(pairs))
    fitting = order[:1500]
    held = order[1500:2000]
    components = PCA(128, random_state=seed).fit(pairs.image[fitting])
    pairs = pairs.replace(image=components.transform(pairs.image).astype(np.float32))
    return Rows(pairs[fitting], labels[fitting], pairs[held], labels[held])


@cache
def tags(seed: int) -> Rows:
    """Return 2,000 training rows of mirflickr_tags with the names of the labels, and 500 other training rows."""
    found = LOADERS["mirflickr_tags"]("train")
    order = np.random.default_rng(seed).permutation(len(found.pairs))
    fitting = order[:2000]
    held = order[2000:2500]
    lists = [[str(name) for name in found.label_names[row > 0]] for row in found.labels]
    labels = [[lists[i] for i in rows] for rows in (fitting, held)]
    return Rows(found.pairs[fitting], labels[0], found.pairs[held], labels[1])


@cache
def training_scenes(seed: int) -> Rows:
    """Return 400 scenes and 200 others of the same digits, which are those of training scenes."""
    return Rows(scenes(400, "train", seed).pairs, None, scenes(200, "train", 4000 + seed).pairs, None)


@cache
def made_pairs(seed: int) -> Rows:
    """Return a few generated rows, for tests."""
    pairs, labels = make_multilabel_pairs(150, n_labels=12, random_state=seed)
    return Rows(pairs[:100], labels[:100], pairs[100:], labels[100:])


@cache
def few_scenes(seed: int) -> Rows:
    """Return a few scenes, for tests."""
    return Rows(scenes(20, "train", seed).pairs, None, scenes(8, "train", 4000 + seed).pairs, None)


def method(method: str = "ACMR", random_state: int = 0, **constants: Any) -> Any:
    """Return ACMR, or a closed form with the parameters that reproduce.py chose on the training rows of the seed."""
    if method == "ACMR":
        return ACMR.paper(random_state=random_state, **constants)
    wanted = {"set": "wikipedia_1300", "method": method, "variant": "search", "seed": random_state}
    found = [r for r in recorded(RESULTS / "reproduce.jsonl") if wanted.items() <= r.items()]
    model = getattr(skxmr, method)(**found[-1]["chosen"])
    # Thresholds of tags change no score, and take several fits.
    return model.set_params(tag_folds=None) if "tag_folds" in model.get_params() else model


def with_graph(method: str = "DAGNN", **constants: Any) -> Any:
    """Return a method whose label classifiers come from a graph network, or the same without that network.

    DAGNN with linear classifiers and without its adversary has the loss of ALGCN.
    """
    if method == "ALGCN":
        return ALGCN.paper(**constants)
    return DAGNN.paper(**constants)


@dataclass(frozen=True)
class Setting:
    """Rows, and the retriever that is fitted on them.

    Parameters
    ----------
    where : str
        The rows and the sizes, as the page says it.
    rows : callable
        Returns the rows of a seed.
    make : callable
        Returns an unfitted retriever.
    constants : dict
        Its parameters.
    small : dict
        Parameters with which a fit takes a moment, for tests.
    scorer : scorer
        Measures both directions.
    keeps : sequence of callable
        What is kept of a fitted model besides its scores.
    """

    where: str
    rows: Callable[[int], Rows]
    make: Callable[..., Any]
    constants: Changes
    small: Changes
    scorer: Any = field(default_factory=RetrievalScores)
    keeps: Sequence[Callable[[Any, Any], Record]] = ()

    def model(self, seed: int, changes: Changes) -> Any:
        """Return the unfitted retriever."""
        return self.make(random_state=seed, **{**self.constants, **changes})

    def parameters(self, seed: int, changes: Changes) -> str:
        """Return a hash of the parameters and of the kind of rows."""
        return fingerprint(self.model(seed, changes), self.rows.__name__)

    def made_small(self) -> Setting:
        """Return a setting in which a fit takes a moment."""
        rows = few_scenes if self.rows is training_scenes else made_pairs
        return replace(self, rows=rows, constants={**self.constants, **self.small})


_ALL = {"validation_fraction": 0, "device": "cpu"}
_TINY = {"n_components": 8, "max_epochs": 2, "batch_size": 25}
_NARROW = {"n_components": 128, "width": 128, "lr": 2e-3, "pretrain_text": False}
_TINY_GRAPH = {**_TINY, "width": 8, "label_embedding": None}
SETTINGS: dict[str, Setting] = {
    "acmr": Setting(
        "wikipedia: fitted on 975 training rows, measured on 325 others; hidden units (500, 125), 20 epochs, `lr=1e-3`",
        articles,
        ACMR.paper,
        {**_ALL, "hidden": (500, 125), "lr": 1e-3, "max_epochs": 20},
        {**_TINY, "hidden": (8, 8)},
    ),
    "articles": Setting(
        "wikipedia: fitted on 1,300 rows, drawn on 1,566 test rows; ACMR for 100 epochs, `lr=2e-4`, the epoch chosen "
        "on a tenth of the training rows; parameters of closed forms chosen on training rows",
        test_articles,
        method,
        {"validation_fraction": 0.1, "device": "cpu", "lr": 2e-4, "max_epochs": 100},
        {**_TINY, "hidden": (8, 8)},
        keeps=(curves, space, history),
    ),
    "dagnn": Setting(
        "corel5k_tags: fitted on 1,500 training rows, measured on 500 others; images as 128 principal components, "
        "128 columns, 8 epochs, `lr=2e-3`",
        photographs,
        DAGNN.paper,
        {**_ALL, **_NARROW, "max_epochs": 8, "gnn": "gcn"},
        _TINY_GRAPH,
    ),
    "l2gcn": Setting(
        "corel5k_tags: fitted on 1,500 training rows, measured on 500 others; images as 128 principal components, "
        "128 columns, 8 epochs, `lr=2e-3`; epsilon is 0 where nothing else is said, because the circle term hides what "
        "the others do",
        photographs,
        L2GCN.paper,
        {**_ALL, **_NARROW, "max_epochs": 8, "epsilon": 0.0},
        _TINY_GRAPH,
        keeps=(history,),
    ),
    "tags": Setting(
        "mirflickr_tags: fitted on 2,000 training rows; the paper's labels and word vectors, but tags in place of "
        "images; 128 columns, 10 epochs, `lr=2e-3`",
        tags,
        with_graph,
        {**_ALL, **_NARROW, "max_epochs": 10, "label_embedding": label_vectors("mirflickr_tags")},
        _TINY_GRAPH,
        keeps=(classifiers,),
    ),
    "racg": Setting(
        "generated scenes: fitted on 400, measured on 200 others of the same digits; 64 columns, batches of 16, "
        "6 epochs, the epoch chosen on a tenth of the 400",
        training_scenes,
        RACG,
        {**OF_RACG, "batch_size": 16, "validation_fraction": 0.1, "device": "cpu"},
        {"n_components": 32, "word_width": 8, "max_epochs": 1, "validation_fraction": 0.2},
        scorer=RecallScores(ks=(1,)),
        keeps=(history, attention),
    ),
}
SMALL = {name: setting.made_small() for name, setting in SETTINGS.items()}


def measure(fit: Fit, seed: int, settings: Mapping[str, Setting], file: Path) -> None:
    """Fit, measure, and add the outcome to the file."""
    setting = settings[fit.setting]
    rows = setting.rows(seed)
    model = setting.model(seed, fit.changes)
    record: Record = {"setting": fit.setting, "changes": dict(fit.changes), "seed": seed}
    record |= {"parameters": setting.parameters(seed, fit.changes)}
    record["seconds"] = round(fit_seconds(model, rows.pairs, rows.labels), 1)
    found = setting.scorer(model, rows.held, rows.held_labels)
    for direction in ("i2t", "t2i"):
        record[direction] = round(found.get(f"{direction}_map", found.get(f"{direction}_r1")), 4)
    for keep in setting.keeps:
        record |= keep(model, rows)
    append(file, record)
    print({key: record[key] for key in ("setting", "changes", "seed", "i2t", "t2i", "seconds")}, flush=True)


def finished(file: Path, settings: Mapping[str, Setting] = SETTINGS) -> dict[str, Record]:
    """Return what was measured so far with the parameters of today, by the keys of the fits."""
    valid = {}
    for record in recorded(file):
        fit = Fit(record["setting"], record["changes"])
        setting = settings.get(fit.setting)
        if setting is not None and record["parameters"] == setting.parameters(record["seed"], fit.changes):
            valid[fit.key(record["seed"])] = record
    return valid
