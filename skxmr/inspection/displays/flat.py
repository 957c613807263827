"""Vectors of many dimensions brought to two, and the groups that their rows belong to."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from skxmr._data.kinds import Float64Array, IndexArray, LabelsLike, Seed
from skxmr._data.labels import encode_labels
from skxmr._data.option_checks import check_choice, check_k
from skxmr._data.view_checks import check_same_rows

METHODS = ("pca", "tsne")
# Marks that are told apart.
_MOST_GROUPS = 8


def flattened(vectors: Mapping[str, ArrayLike], method: str, random_state: Seed) -> dict[str, Float64Array]:
    """Return vectors of several kinds in two common dimensions, after they were scaled to unit length."""
    check_choice(method, "method", METHODS)
    parts = {}
    for kind, given in vectors.items():
        values = np.asarray(given, dtype=np.float64)
        if values.ndim != 2 or values.size == 0 or not np.isfinite(values).all():
            raise ValueError(f"embeddings of {kind!r} have the shape {values.shape}; finite numbers (n, d) are wanted.")
        parts[kind] = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    widths = {kind: part.shape[1] for kind, part in parts.items()}
    if len(set(widths.values())) > 1:
        raise ValueError(f"embeddings of one space have the same width; got {widths}.")
    stacked = np.concatenate(list(parts.values()))
    flat = _principal(stacked) if method == "pca" else _neighbours(stacked, random_state)
    ends = np.cumsum([len(part) for part in parts.values()])[:-1]
    return dict(zip(parts, np.split(flat, ends), strict=True))


def _principal(X: Float64Array) -> Float64Array:
    """Return the first two principal components (n, 2), of which there may be fewer."""
    U, s, _ = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    found = np.zeros((len(X), 2))
    found[:, : min(2, len(s))] = (U * s)[:, :2]
    return found


def _neighbours(X: Float64Array, random_state: Seed) -> Float64Array:
    """Return the places (n, 2) that t-SNE finds by cosines."""
    from sklearn.manifold import TSNE

    if len(X) < 4:
        raise ValueError(f"method='tsne' needs at least 4 points, but there are {len(X)}; use method='pca'.")
    perplexity = min(30.0, (len(X) - 1) / 3)
    # Between vectors of unit length, distances are ordered as cosines are.
    return TSNE(2, perplexity=perplexity, init="pca", random_state=random_state).fit_transform(X).astype(np.float64)


def groups_of(
    views: Mapping[str, ArrayLike], labels: LabelsLike, n_groups: int, max_points: int, random_state: Seed
) -> tuple[list[object] | None, IndexArray]:
    """Return which rows are drawn, and the groups of these: their most frequent labels, or None."""
    check_k(max_points, optional=False, name="max_points")
    check_k(n_groups, optional=False, name="n_groups")
    if n_groups > _MOST_GROUPS:
        raise ValueError(f"n_groups={n_groups}, but only {_MOST_GROUPS} marks are told apart; choose that or fewer.")
    if not views:
        raise ValueError("image and text are both None; pass the embeddings of at least one modality.")
    n = check_same_rows(**views, labels=labels)
    rows = np.arange(n)
    if n > max_points:
        rows = np.sort(check_random_state(random_state).choice(n, max_points, replace=False))
    if labels is None:
        return None, rows
    Y, names, _ = encode_labels(labels)
    frequent = np.argsort(-np.asarray(Y.sum(axis=0)).ravel(), kind="stable")[:n_groups]
    own = Y[rows][:, frequent].toarray() > 0
    called = [*names[frequent].tolist(), None]
    # The first of the frequent labels that a row has, else the last entry.
    return [called[i] for i in np.where(own.any(axis=1), own.argmax(axis=1), len(frequent))], rows


def without_overlap(places: Float64Array, widths: Float64Array, height: float) -> list[int]:
    """Return which boxes of these widths and this height, at places (n, 2), cover none of those before."""
    kept: list[int] = []
    for i, (x, y) in enumerate(places):
        others = places[kept]
        across = (x < others[:, 0] + widths[kept]) & (others[:, 0] < x + widths[i])
        if not (across & (np.abs(others[:, 1] - y) < height)).any():
            kept.append(i)
    return kept
