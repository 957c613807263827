"""Scores, relevance and average precision of tensors on their own device; only one number per query comes back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils import gen_batches
from torch import Tensor

from skxmr._data.kinds import Float64Array
from skxmr._data.option_checks import check_k
from skxmr._data.view_checks import check_view
from skxmr.metrics._array_scores import NEAR
from skxmr.metrics._matrices import BlockedMatrix, MatrixLike, as_matrix, check_matrices, relevance_rows
from skxmr.metrics._relevance import SameRow, SharedLabels

# Values that are subtracted at once.
_DIFFERENCES = 2**24
# Entries of a label matrix up to which it is held densely on the device, in 1 GB.
_DENSE_LABELS = 2**28


class TensorScores:
    """Similarities of two tensors (n, d) and (m, d) by rows; equal gallery rows get equal scores, to the last bit."""

    def __init__(self, query: Tensor, gallery: Tensor, metric: str) -> None:
        if query.device != gallery.device:
            raise ValueError(
                f"query is on {query.device} but gallery on {gallery.device}; move one, e.g. query.to(gallery.device)."
            )
        self.query = query
        self.gallery = gallery
        self.metric = metric
        # Squared distances are differences of products, which lose the digits of near neighbours in float32.
        self._dtype = torch.float64 if metric == "euclidean" else torch.promote_types(query.dtype, gallery.dtype)
        self._shift = gallery.mean(dim=0, dtype=self._dtype) if metric == "euclidean" else torch.zeros_like(gallery[0])
        keys = self._formed(gallery)
        # Equal gallery rows must tie, but the columns of a product round by their place: each row is scored once.
        hashes, self._inverse = torch.unique(_hashes(keys), return_inverse=True)
        rows = torch.arange(len(keys), device=keys.device)
        distinct = torch.empty_like(hashes).scatter_(0, self._inverse, rows)
        self._keys = keys[distinct].to(self._dtype)

    def __getitem__(self, rows: slice) -> Tensor:
        Q = self._formed(self.query[rows]).to(self._keys.dtype)
        # Under autocast the product would have three digits, and its ties would be no ties.
        with torch.autocast(Q.device.type, enabled=False):
            scores = Q @ self._keys.T
        if self.metric == "euclidean":
            scores = (0.0 - self._distances(Q, scores)).to(torch.promote_types(self.query.dtype, self.gallery.dtype))
        return scores[:, self._inverse]

    def _distances(self, Q: Tensor, products: Tensor) -> Tensor:
        """Return the squared distances of queries Q (b, d) to all keys: exactly 0 where two rows are equal."""
        lengths = (Q**2).sum(dim=1, keepdim=True) + (self._keys**2).sum(dim=1)
        found = lengths - 2 * products
        # Small ones have lost digits in float64, too, and are computed from the differences of the values.
        near = torch.nonzero(found <= NEAR * lengths)
        for some in torch.split(near, max(1, _DIFFERENCES // max(1, Q.shape[1]))):
            i, j = some.T
            found[i, j] = ((Q[i] - self._keys[j]) ** 2).sum(dim=1)
        return found

    def _formed(self, rows: Tensor) -> Tensor:
        """Return rows whose products are the scores, or the scores up to the squared lengths."""
        if self.metric != "cosine" or rows.shape[1] == 0:
            return rows - self._shift
        # Dividing by the largest magnitude first keeps the squares from overflowing and vanishing.
        peak = rows.abs().amax(dim=1, keepdim=True)
        rows = rows / torch.where(peak > 0, peak, torch.ones_like(peak))
        norms = rows.norm(dim=1, keepdim=True)
        return rows / torch.where(norms > 0, norms, torch.ones_like(norms))


def average_precision(
    scores: BlockedMatrix,
    relevance: MatrixLike,
    k: int | None,
    ties: str,
    denominator: str,
    exclude_self: bool,
    block: int = 2**24,
) -> Float64Array:
    """Return the average precision (n,) of each query, nan without a relevant item.

    So many entries of the score matrix as `block` says are ranked at once, at about 100 bytes each.
    """
    relevance = as_matrix(relevance, "relevance")
    n, m = check_matrices(scores, relevance, exclude_self)
    check_k(k, m - exclude_self)
    if getattr(relevance, "graded", False):
        raise ValueError("relevance must hold only 0 and 1 (or booleans); graded gains are for ndcg_at_k.")
    relevant = _relevance_on(relevance, torch.as_tensor(scores[:1]).device)
    depth = m - exclude_self if k is None else k
    parts = []
    for rows in gen_batches(n, max(1, block // m)):
        S = _finite(torch.as_tensor(scores[rows]).detach())
        R = relevant(rows)
        if exclude_self:
            S = S.clone()
            R = R.clone()
            own = torch.arange(rows.start, rows.stop, device=S.device)
            S[own - rows.start, own] = -torch.inf
            R[own - rows.start, own] = False
        total = _gains(S, R, ties)[:, :depth].sum(dim=1)
        count = R.sum(dim=1).double()
        ideal = count if k is None or denominator == "relevant" else count.clamp(max=k)
        parts.append(torch.where(count > 0, total / ideal.clamp(min=1), torch.nan))
    return torch.cat(parts).cpu().numpy()


def _gains(S: Tensor, R: Tensor, ties: str) -> Tensor:
    """Return what each rank adds to the sum of precisions (b, m), float64: its expectation over the orders of ties."""
    m = S.shape[1]
    values, order = S.sort(dim=1, descending=True)
    relevant = R.gather(1, order)
    place = torch.arange(m, device=S.device)
    # Whether an item is the first, or the last, of its group of equal scores.
    first = torch.ones_like(relevant)
    last = torch.ones_like(relevant)
    first[:, 1:] = values[:, 1:] != values[:, :-1]
    last[:, :-1] = first[:, 1:]
    # The places where the group of each item begins and ends, its size, and the relevant items above and within it.
    start = torch.where(first, place, 0).cummax(dim=1).values
    end = torch.where(last, place, m).flip(1).cummin(dim=1).values.flip(1)
    size = end - start + 1
    found = relevant.cumsum(dim=1)
    above = found.gather(1, start) - relevant.gather(1, start).long()
    within = (found.gather(1, end) - above).double()
    if ties == "sklearn":
        precision = (above + within) / (end + 1)
    else:
        precision = (above + 1 + (place - start) * ((within - 1) / (size - 1).clamp(min=1))) / (place + 1)
    return within / size * precision


def _relevance_on(relevance: BlockedMatrix, device: torch.device) -> Callable[[slice], Tensor]:
    """Return a function that gives rows (b, m), boolean on the device; other matrices are copied block by block."""
    if isinstance(relevance, SharedLabels) and np.prod(relevance.gallery.shape) <= _DENSE_LABELS:
        query = torch.as_tensor(relevance.query.astype(np.float32).toarray(), device=device)
        gallery = torch.as_tensor(relevance.gallery.astype(np.float32).toarray(), device=device)
        return lambda rows: query[rows] @ gallery.T > 0
    if isinstance(relevance, SameRow):
        item = torch.arange(relevance.shape[0], device=device)
        return lambda rows: item[rows, None] == item
    if isinstance(relevance, Tensor) and relevance.dtype == torch.bool:
        return lambda rows: relevance[rows].to(device)
    return lambda rows: torch.as_tensor(relevance_rows(relevance, rows), device=device)


def checked(view: ArrayLike | Tensor, name: str) -> Tensor:
    """Return an embedding tensor (n, d) as float32 or float64, after the checks an array would have."""
    if not isinstance(view, Tensor):
        raise TypeError(f"{name} is a {type(view).__name__} but the other side is a tensor on CUDA; pass two tensors.")
    if view.is_complex() or view.layout != torch.strided:
        kind = "complex" if view.is_complex() else "sparse"
        raise ValueError(f"{name} is a {kind} tensor; embeddings are dense tensors of real numbers.")
    view = view.detach()
    # The shape is checked by that of an array that takes no memory; the values are checked on the device.
    same_shape = np.broadcast_to(0.0, tuple(view.shape))
    check_view(same_shape[:1] if view.ndim == 2 else same_shape, name, min_width=0)
    if view.dtype != torch.float64:
        view = view.float() if view.is_floating_point() else view.double()
    if not torch.isfinite(view).all():
        # The check of arrays raises the error with its usual message.
        check_view(view.cpu().numpy(), name)
    return view


def _finite(S: Tensor) -> Tensor:
    if not torch.isfinite(S).all():
        raise ValueError("scores contains NaN or infinite values; a ranking needs finite scores.")
    return S if S.dtype in (torch.float32, torch.float64) else S.double()


def _hashes(X: Tensor) -> Tensor:
    """Return a 64-bit hash of each row's bits: a random linear form of them after mixing; integers round nothing."""
    rng = np.random.default_rng(0)
    factors = torch.as_tensor(rng.integers(-(2**63), 2**63, size=X.shape[1]) | 1, device=X.device)
    out = [torch.zeros(0, dtype=torch.int64, device=X.device)]
    for rows in torch.split(X.contiguous(), max(1, 2**24 // max(1, X.shape[1]))):
        # Adding 0 turns -0.0 into 0.0.
        bits = (rows + 0).view(torch.int32 if X.dtype == torch.float32 else torch.int64).long()
        # A shift of a negative number fills with ones, which would make a number and its complement the same: they are
        # masked out.
        bits = (bits ^ ((bits >> 32) & (2**32 - 1))) * -0x61C8864680B583EB
        bits = bits ^ ((bits >> 29) & (2**35 - 1))
        out.append((bits * factors).sum(dim=1))
    return torch.cat(out)
