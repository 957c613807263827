"""How good the tags are that a model gives: per label, for images and for texts, and how good they could be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.metrics import f1_score, precision_recall_fscore_support

from skxmr._data.kinds import MODALITIES, BoolArray, Float64Array, IndexArray
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr.base.thresholds import best_threshold
from skxmr.inspection.asking.label_scores import label_scores
from skxmr.inspection.asking.runs import shown_rows
from skxmr.metrics._asking import unwrapped

if TYPE_CHECKING:
    import pandas as pd


def tag_table(model: BaseEstimator, pairs: Pairs, labels: Labels) -> pd.DataFrame | None:
    """Return a line per modality and label that both fit and these rows know; None where a model scores no labels."""
    import pandas as pd

    pipelines, retriever = unwrapped(model)
    if not hasattr(retriever, "decision_function"):
        return None
    place = {name: j for j, name in enumerate(np.asarray(retriever.classes_).tolist())}
    own = [j for j, name in enumerate(labels.names.tolist()) if name in place]
    if not own:
        return None
    columns = np.array([place[labels.names[j]] for j in own])
    images, _ = pairs.distinct_images()
    shown = shown_rows(pairs)
    tables = []
    for name, view in zip(MODALITIES, (images, pairs.text), strict=True):
        rows = Pairs(**{name: view})
        for steps in pipelines:
            rows = steps.transform(rows)
        scores = label_scores(retriever, name, getattr(rows, name))
        if scores is None:
            return None
        truth = labels.matrix[shown[name]][:, own].toarray() > 0
        thresholds = getattr(retriever, "tag_thresholds_", {}).get(name)
        table = _quality(scores[:, columns], truth, None if thresholds is None else thresholds[columns])
        table.insert(0, "modality", name)
        table.insert(1, "label", pd.Series(labels.names[own].tolist(), dtype=object))
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _quality(scores: Float64Array, truth: BoolArray, thresholds: Float64Array | None) -> pd.DataFrame:
    """Return measures of labels (c,) at the thresholds of fit, and the best thresholds for these rows beside them."""
    import pandas as pd

    n_labels = truth.shape[1]
    nothing = np.full(n_labels, np.nan)
    table = pd.DataFrame({"rows": truth.sum(axis=0), "named": nothing, "threshold": nothing})
    table[["precision", "recall", "f1"]] = np.nan
    if thresholds is not None:
        named = scores >= thresholds
        found = precision_recall_fscore_support(_as_table(truth), _as_table(named), average=None, zero_division=np.nan)
        table["named"] = named.sum(axis=0)
        table["threshold"] = thresholds
        for column, values in zip(("precision", "recall", "f1"), found[:3], strict=True):
            table[column] = values[:n_labels]
    best = np.full(n_labels, np.nan)
    for j in _occurring(truth):
        best[j] = best_threshold(scores[:, j], truth[:, j])
    table["best_threshold"] = best
    # No score reaches nan.
    f1 = f1_score(_as_table(truth), _as_table(scores >= best), average=None, zero_division=np.nan)
    table["best_f1"] = np.where(np.isnan(best), np.nan, f1[:n_labels])
    return table


def _occurring(truth: BoolArray) -> IndexArray:
    return np.flatnonzero(truth.any(axis=0))


def _as_table(flags: BoolArray) -> sp.csr_matrix:
    """Return flags as scikit-learn takes them, with an empty column, so that one label is no exception."""
    table = sp.csr_matrix(flags.astype(np.int8))
    table.resize(len(flags), flags.shape[1] + 1)
    return table
