"""Rankings of both directions, by one model or several, of one split or of folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import _safe_indexing

from skxmr._data.arguments import as_pairs, need_complete
from skxmr._data.kinds import IndexArray, LabelsLike, View
from skxmr._data.labels import Labels, encode_labels
from skxmr._data.option_checks import check_choice
from skxmr._data.pairs import Pairs
from skxmr.metrics._asking import score_matrices, unwrapped
from skxmr.metrics._matrices import BlockedMatrix, MatrixLike, as_matrix, check_matrices
from skxmr.metrics._scorers import DIRECTIONS

Estimators: TypeAlias = BaseEstimator | Sequence[BaseEstimator]


class Run(NamedTuple):
    """One ranking: scores and relevance (n, m), and the labels of the queries where there are any."""

    scores: BlockedMatrix
    relevance: BlockedMatrix
    labels: Labels | None = None


# The rankings of every direction, one per fold or seed. Predictions have the direction "": the caller knows what it is.
Runs: TypeAlias = dict[str, list[Run]]


def shown_rows(pairs: Pairs) -> dict[str, IndexArray]:
    """Return which rows the distinct images and the texts stand in; an image that rows share stands in the first."""
    _, index = pairs.distinct_images()
    return {"image": np.unique(index, return_index=True)[1], "text": np.arange(len(pairs))}


def runs_of_model(
    model: BaseEstimator, X: View, y: View | LabelsLike = None, labels: LabelsLike = None, metric: str = "cosine"
) -> dict[str, Run]:
    """Ask a fitted model for the rankings of both directions."""
    pairs, given = as_pairs(X, y, labels)
    need_complete(pairs, "what looks at single rankings")
    scores, relevance = score_matrices(model, X, y, labels, metric)
    of_images = of_texts = None
    if given is not None:
        of_texts = encode_labels(given)
        of_images = of_texts._replace(matrix=of_texts.matrix[shown_rows(pairs)["image"]])
    return {
        "image_to_text": Run(scores, relevance, of_images),
        "text_to_image": Run(scores.T, relevance.T, of_texts),
    }


def runs_of_estimators(
    estimator: Estimators, X: View, y: View | LabelsLike, labels: LabelsLike, direction: str
) -> Runs:
    """Ask one fitted model, or several, for the rankings of the same rows."""
    models = list(estimator) if isinstance(estimator, (list, tuple)) else [estimator]
    if not models:
        raise ValueError("estimator is an empty list; pass a fitted model, or several.")
    wanted = _directions(direction)
    return _gathered([runs_of_model(model, X, y, labels) for model in models], wanted)


def runs_of_folds(cv_results: Mapping[str, Any], X: View, y: LabelsLike, direction: str) -> Runs:
    """Ask the model of each fold for the rankings of the rows that it has not seen."""
    need_results(cv_results, "pass what cross_validate returns, a dict")
    missing = [name for name in ("estimator", "indices") if name not in cv_results]
    if missing:
        raise ValueError(
            f"cv_results has no {' and no '.join(missing)}; call cross_validate with return_estimator=True and "
            "return_indices=True."
        )
    wanted = _directions(direction)
    found = []
    for model, rows in zip(cv_results["estimator"], cv_results["indices"]["test"], strict=True):
        found.append(runs_of_model(model, X[rows], None if y is None else _safe_indexing(y, rows)))
    return _gathered(found, wanted)


def need_results(cv_results: object, wanted: str) -> None:
    """Refuse what are no results of a search or a cross-validation, such as the search itself."""
    if not (hasattr(cv_results, "keys") and hasattr(cv_results, "__getitem__")):
        raise TypeError(f"cv_results is a {type(cv_results).__name__}; {wanted}.")


def runs_of_predictions(scores: Any, relevance: Any, labels: LabelsLike = None) -> Runs:
    """Return rankings that were made elsewhere: a matrix of scores and one of relevance, or several of them."""
    many = _several(scores)
    relevances = list(relevance) if _several(relevance) else [relevance] * len(many or [scores])
    if many is not None and len(many) != len(relevances):
        raise ValueError(
            f"scores holds {len(many)} matrices but relevance {len(relevances)}; pass one relevance matrix for each, "
            "or one for all."
        )
    runs = []
    encoded = None if labels is None else encode_labels(labels)
    for S, R in zip(many or [scores], relevances, strict=True):
        run = Run(as_matrix(S, "scores"), as_matrix(R, "relevance"), encoded)
        n, _ = check_matrices(run.scores, run.relevance, exclude_self=False)
        if encoded is not None and encoded.matrix.shape[0] != n:
            raise ValueError(f"labels has {encoded.matrix.shape[0]} rows but there are {n} queries.")
        runs.append(run)
    return {"": runs}


def name_of(estimator: Estimators) -> str:
    """Return the name of the method within pipelines and searches, and of how many models there are."""
    models = list(estimator) if isinstance(estimator, (list, tuple)) else [estimator]
    names = {_method(model) for model in models}
    more = f" (mean of {len(models)})" if len(models) > 1 else ""
    return " or ".join(sorted(names)) + more


def _method(model: BaseEstimator) -> str:
    # What holds no retriever keeps its own name; asking it for scores says what is wrong with it.
    with suppress(TypeError, ValueError, AttributeError):
        model = unwrapped(model)[1]
    return type(model).__name__


def _several(matrices: MatrixLike | Sequence[MatrixLike]) -> list[MatrixLike] | None:
    """Return a list of matrices as such, and None for a single matrix, which may be a list of rows."""
    if isinstance(matrices, (list, tuple)) and matrices:
        first = matrices[0]
        if len(getattr(first, "shape", np.shape(first))) == 2:
            return list(matrices)
    return None


def _directions(direction: str) -> Sequence[str]:
    check_choice(direction, "direction", ("both", *DIRECTIONS))
    return DIRECTIONS if direction == "both" else (direction,)


def _gathered(found: list[dict[str, Run]], directions: Sequence[str]) -> Runs:
    return {direction: [run[direction] for run in found] for direction in directions}
