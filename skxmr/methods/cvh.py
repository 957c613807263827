"""Cross-view hashing."""

from __future__ import annotations

from dataclasses import field
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions

from skxmr._data.estimator import Constraints
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr._data.warn import warn
from skxmr._linalg.chunks import CentredRows
from skxmr._linalg.exactness import SAFE_RIDGE, Array
from skxmr._linalg.moments import Covariances
from skxmr._linalg.rotation import Rotation, rotated
from skxmr._linalg.solvers import Whitened, paired_directions, whitened
from skxmr.methods._linear import covariances_of, lifted, remaining
from skxmr.methods._linear_codes import LinearHashing


class CVH(LinearHashing):
    """Cross-view hashing: codes of similar items, within each view and across both, differ in few bits.

    Minimises ``sum_ij W_ij d_ij`` for affinities W of the items, where d_ij is the squared distance of the values whose
    signs are the bits, summed over image with image, text with text, and both ways across. With centred views X, Y, the
    row sums D of W and the Laplacian ``L = D - W`` that is, per bit with directions a, b,

    ``a^T X^T (2 L + D) X a + b^T Y^T (2 L + D) Y b - 2 a^T X^T W Y b``,

    minimised subject to ``a^T S_xx a + b^T S_yy b = 1`` with S the covariances: an eigenproblem, whose smallest
    eigenvalues give the bits. A ridge is added to S and to ``X^T (2 L + D) X``.

    Parameters
    ----------
    n_bits : int or None, default=32
        Number of bits; fewer are made, with a warning, if the data have fewer directions, at most min(rows - 1, image
        features, text features). None makes all.
    affinity : {"pairs", "labels"}, default="pairs"
        W: 1 for the image and the text of a pair and else 0, for which labels are not used, or the cosine of the label
        vectors of two items.
    ridge : float, default=0.5
        Regularisation of both covariances, in units of their mean variance.

    Attributes
    ----------
    eigenvalues_ : ndarray of shape (n_bits,)
        What is minimised, of each bit, increasing, per row and with W scaled so that the mean of D is 1.

    Raises
    ------
    ValueError
        If affinity="labels" comes without labels, a parameter is out of range, or no direction is found.

    Notes
    -----
    With affinity="pairs", L is 0, and the directions are those of :class:`CCA`: with canonical correlations r, the
    eigenvalues are 1 - r. The same holds with affinity="labels" if every row has a label of its own.

    References
    ----------
    Kumar and Udupa, "Learning hash functions for cross-view similarity search", IJCAI 2011, the relaxed objective for
    two views and its special case W = I. Deviations: the ridge, off at 0; the paper leaves the affinities to the
    application; no more bits than the narrower view has directions, because beyond them image and text are related
    negatively.

    Examples
    --------
    >>> from skxmr import CVH
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(random_state=0)
    >>> model = CVH(n_bits=12).fit(pairs)
    >>> model.transform(pairs)
    Pairs(image=(200, 2) uint8, text=(200, 2) uint8)
    """

    n_bits: int | None = field(default=32, kw_only=False)
    affinity: str = "pairs"
    ridge: float = 0.5
    eigenvalues_: Array = field(init=False)
    _parameter_constraints: ClassVar[Constraints] = {
        "n_bits": [Interval(Integral, 1, None, closed="left"), None],
        "affinity": [StrOptions({"pairs", "labels"})],
        "ridge": [Interval(Real, 0, None, closed="left")],
    }

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return both affinities, with as many bits as there are."""
        return [{"n_bits": None}, {"n_bits": None, "affinity": "labels"}]

    def _fit(self, pairs: Pairs, labels: Labels | None) -> None:
        if self.affinity == "labels" and labels is None:
            raise ValueError(
                "CVH(affinity='labels') learns from labels, and requires y to be passed, but the target y is None; "
                "pass labels to fit, or use affinity='pairs'."
            )
        limit = min(len(pairs) - 1, pairs.image.shape[1], pairs.text.shape[1])
        k = limit if self.n_bits is None else min(self.n_bits, limit)
        views = rotated(pairs.image, pairs._eps[0]), rotated(pairs.text, pairs._eps[1])
        ridges = self.ridge * views[0].share, self.ridge * views[1].share
        cov = covariances_of(views, self.ridge < SAFE_RIDGE)
        self.image_mean_ = views[0].origin(cov.image_mean)
        self.text_mean_ = views[1].origin(cov.text_mean)
        if self.affinity == "labels" and labels is not None:
            image, text, eigenvalues = _least_distant(views, cov, labels.matrix, ridges, k)
        else:
            found = paired_directions(cov, ridges, k)
            image = found.image
            text = found.text
            eigenvalues = 1 - found.correlations
        self.n_bits_ = remaining(self, len(eigenvalues), None)
        if self.n_bits is not None and self.n_bits_ < self.n_bits:
            warn(
                f"CVH makes {self.n_bits_} of {self.n_bits} bits, because image and text have no more directions in "
                "which they are related. n_bits_ says how many there are; DCH makes any number of bits."
            )
        self.eigenvalues_ = eigenvalues
        self.image_projection_, self.text_projection_ = lifted(views, image, text)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.affinity == "labels"
        return tags


def _least_distant(
    views: tuple[Rotation, Rotation], cov: Covariances, Y: sp.csr_array, ridges: tuple[float, float], k: int
) -> tuple[Array, Array, Array]:
    """Return the k directions of both views in which items of similar labels are least distant, and the eigenvalues.

    Similarities are cosines ``W = Z Z^T`` of label vectors, so that no matrix of all items is needed.
    """
    lengths = np.sqrt(Y.sum(axis=1))
    Z = sp.csr_array(Y.multiply(np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)[:, None]))
    D = Z @ Z.sum(axis=0)
    rows = CentredRows(Pairs(views[0].rows, views[1].rows), exact=True)
    sums = rows.grouped(Z)
    scattered = rows.scattered(D, D)
    # As of covariances, so that pairs alone give those of the views.
    total = D.sum() * (cov.n - 1) / cov.n
    noise = cov.noise()
    plain = cov.xx.copy(), cov.tt.copy()
    own = whitened(cov.xx, ridges[0], noise[0], cov.n), whitened(cov.tt, ridges[1], noise[1], cov.n)
    within = []
    for view, C, S, G in zip(own, plain, scattered, sums, strict=True):
        # Whitened, the covariances with the ridge are the identity, and the ridge is what the others lack of it.
        products = _whitened_products(view, (3 * S - 2 * (G @ G.T)) / total - C, view)
        within.append(np.eye(len(products)) + products)
    across = _whitened_products(own[0], -(sums[0] @ sums[1].T) / total, own[1])
    values, vectors = scipy.linalg.eigh(np.block([[within[0], across], [across.T, within[1]]]), check_finite=False)
    k = min(k, *across.shape)
    image = own[0].whitener.unwhiten(vectors[: len(across), :k]) / own[0].scale[:, None]
    text = own[1].whitener.unwhiten(vectors[len(across) :, :k]) / own[1].scale[:, None]
    return image, text, values[:k]


def _whitened_products(first: Whitened, S: Array, second: Whitened) -> Array:
    """Return ``K_1^T S K_2`` for products S (d1, d2) of two views with whiteners K."""
    S = S / first.scale[:, None] / second.scale
    half = np.asfortranarray(first.whitener.whiten(np.asfortranarray(S)))
    return np.asarray(second.whitener.whiten_rows(half))
