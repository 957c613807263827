"""The paired eigenproblem of CCA for any number of views: directions in which all pairs of views are most related."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.linalg

from skxmr._linalg.exactness import Array
from skxmr._linalg.moments import Covariances
from skxmr._linalg.solvers import (
    Whitened,
    covariance_noise,
    leading_eigenpairs,
    leading_triplets,
    standardise,
    whitened,
)


class JointCovariances(NamedTuple):
    """Covariances of v views: `within` each (d_i, d_i), `between` views i < j (d_i, d_j), and the columns' rounding.

    `whole` are the covariances that they were cut from, which tell the number of rows and how exact all are.
    """

    within: Sequence[Array]
    between: dict[tuple[int, int], Array]
    noise: Sequence[Array]
    whole: Covariances


class JointSolution(NamedTuple):
    """Directions of all views, (d_i, k) each, and their `eigenvalues` (k,), decreasing, all above 1."""

    directions: list[Array]
    eigenvalues: Array


def labels_apart(cov: Covariances, c: int) -> JointCovariances:
    """Return the covariances of images, texts and labels, where the last c columns of the second view are labels."""
    d = len(cov.tt) - c
    x_noise, t_noise = cov.noise()
    within = [cov.xx, cov.tt[:d, :d], cov.tt[d:, d:]]
    between = {(0, 1): cov.xt[:, :d], (0, 2): cov.xt[:, d:], (1, 2): cov.tt[:d, d:]}
    # Labels are 0 or 1, which no float rounds.
    return JointCovariances(within, between, [x_noise, t_noise[:d], np.zeros(c)], cov)


def joint_directions(joint: JointCovariances, ridges: Sequence[float], k: int) -> JointSolution:
    """Solve ``S w = l D w``: S are the covariances of all views together, and D those within views, both with ridges.

    Every view is whitened, so that D is the identity, and S is the identity and the covariances between the views. Up
    to k eigenvectors are returned, scaled so that ``w^T D w = 1``: of those with eigenvalues above 1, by more than the
    rounding of the views can make, and no more than the first two views have directions. The covariances are
    overwritten.
    """
    views = []
    for S, ridge, noise in zip(joint.within, ridges, joint.noise, strict=True):
        views.append(whitened(S, ridge, noise, joint.whole.n))
    crossed = {}
    for (i, j), S in joint.between.items():
        crossed[i, j] = whitened_between(S, views[i], views[j])
        crossed[j, i] = crossed[i, j].T
    ranks = [view.whitener.factor.shape[1] for view in views]
    k = min(k, ranks[0], ranks[1])
    if k == 0:
        return JointSolution([np.zeros((len(S), 0)) for S in joint.within], np.zeros(0))
    values, parts = _eigenvectors(crossed, ranks, k)
    # The projections of a view that varies in r directions lie in r dimensions, however many components there are.
    k = min(_related(0, joint, views, parts, values), _related(1, joint, views, parts, values))
    scaled = [view.whitener.unwhiten(part) for view, part in zip(views, parts, strict=True)]
    limits = np.zeros(len(values))
    for i, j in joint.between:
        limits += 2 * _noise(joint, views, (i, scaled[i]), (j, scaled[j]))
    keep = np.flatnonzero(values > limits)[:k]
    directions = [own[:, keep] / view.scale[:, None] for view, own in zip(views, scaled, strict=True)]
    return JointSolution(directions, 1 + values[keep])


def whitened_between(S: Array, first: Whitened, second: Whitened) -> Array:
    """Return the covariances (r_i, r_j) between two whitened views; S is overwritten."""
    S = np.array(standardise(S, first.scale, second.scale), order="F")
    half = np.asfortranarray(first.whitener.whiten(S))
    return second.whitener.whiten_rows(half)


def _eigenvectors(crossed: dict[tuple[int, int], Array], ranks: list[int], k: int) -> tuple[Array, list[Array]]:
    """Return the k largest eigenvalues of the covariances between whitened views, and the vectors by view, (r_i, k).

    A view of more directions than all others together is related to them in as many directions as they have.
    """
    views = range(len(ranks))
    bases: list[Array | None] = [None for _ in views]
    sizes = list(ranks)
    for i in views:
        others = [j for j in views if j != i]
        if ranks[i] > sum(ranks[j] for j in others):
            bases[i], R = scipy.linalg.qr(
                np.hstack([crossed[i, j] for j in others]), mode="economic", check_finite=False
            )
            sizes[i] = len(R)
            cuts = np.cumsum([ranks[j] for j in others])[:-1]
            for j, part in zip(others, np.split(R, cuts, axis=1), strict=True):
                crossed[i, j] = part
                crossed[j, i] = part.T
    blocks = [[np.zeros((sizes[i], sizes[i])) if i == j else crossed[i, j] for j in views] for i in views]
    values, vectors = leading_eigenpairs(np.block(blocks), k)
    parts = np.split(vectors, np.cumsum(sizes)[:-1])
    return values, [part if basis is None else basis @ part for basis, part in zip(bases, parts, strict=True)]


def _related(i: int, joint: JointCovariances, views: list[Whitened], parts: list[Array], values: Array) -> int:
    """Return in how many directions view i is related to the others, by more than rounding.

    Its part of an eigenvector times the eigenvalue is what its covariances make of the other parts.
    """
    U, s, Vt = leading_triplets(parts[i] * values, len(values))
    own = i, views[i].whitener.unwhiten(U)
    limits = np.zeros(len(s))
    for j, part in enumerate(parts):
        if j != i:
            limits += _noise(joint, views, own, (j, views[j].whitener.unwhiten(part @ Vt.T)))
    return int((s > limits).sum())


def _noise(
    joint: JointCovariances, views: list[Whitened], first: tuple[int, Array], second: tuple[int, Array]
) -> Array:
    """Return how large the covariances of directions of two views, given with their numbers, can be by rounding."""
    relative = [joint.noise[i] / views[i].scale for i, _ in (first, second)]
    return covariance_noise(first[1], second[1], (relative[0], relative[1]), joint.whole)
