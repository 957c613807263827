"""Scores, relevance and average precision of tensors on their own device; only one number a query comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skxmr._data.option_checks import check_k
from skxmr._data.view_checks import check_view
from skxmr.metrics._blocks import as_matrix, check_matrices, relevance_rows
from skxmr.metrics._ranking import Array
from skxmr.metrics._relevance import SameRow, SharedLabels

_BLOCK = 2**24  # entries of the score matrix ranked at once, at about 100 bytes each
_DENSE_LABELS = 2**28  # entries of a label matrix up to which it is held densely on the device, in 1 GB


class TensorScores:
    """Similarities of two tensors (n, d) and (m, d) by rows; equal gallery rows get equal scores, to the last bit."""

    def __init__(self, query: Tensor, gallery: Tensor, metric: str) -> None:
        if query.device != gallery.device:
            raise ValueError(
                f"query is on {query.device} but gallery on {gallery.device}; move one, e.g. query.to(gallery.device)."
            )
        self.query, self.metric = query, metric
        self._shift = gallery.mean(dim=0) if metric == "euclidean" else torch.zeros_like(gallery[0])
        keys = self._form(gallery)
        # Equal gallery rows must tie, but products round by place: score each row once.
        hashes, self._spread = torch.unique(_hashes(keys), return_inverse=True)
        one_of = torch.empty_like(hashes).scatter_(0, self._spread, torch.arange(len(keys), device=keys.device))
        self._keys = keys[one_of].to(torch.promote_types(query.dtype, gallery.dtype))

    def __getitem__(self, rows: slice) -> Tensor:
        Q = self._form(self.query[rows]).to(self._keys.dtype)
        scores = Q @ self._keys.T
        if self.metric == "euclidean":
            scores = 2 * scores - (self._keys**2).sum(dim=1) - (Q**2).sum(dim=1, keepdim=True)
        return scores[:, self._spread]

    def _form(self, rows: Tensor) -> Tensor:
        if self.metric != "cosine" or rows.shape[1] == 0:
            return rows - self._shift
        peak = rows.abs().amax(dim=1, keepdim=True)  # divided by first, so that squares neither overflow nor vanish
        rows = rows / torch.where(peak > 0, peak, torch.ones_like(peak))
        norms = rows.norm(dim=1, keepdim=True)
        return rows / torch.where(norms > 0, norms, torch.ones_like(norms))


def average_precision(
    scores: Any, relevance: Any, k: int | None, ties: str, denominator: str, exclude_self: bool
) -> Array:
    """Return the average precision (n,) of each query, nan without a relevant item."""
    relevance = as_matrix(relevance)
    n, m = check_matrices(scores, relevance, exclude_self)
    check_k(k, m - exclude_self)
    if getattr(relevance, "graded", False):
        raise ValueError("relevance must hold only 0 and 1 (or booleans); graded gains are for ndcg_at_k.")
    relevant = _relevance_on(relevance, scores[:1].device)
    parts = []
    for start in range(0, n, step := max(1, _BLOCK // m)):
        rows = slice(start, min(start + step, n))
        S, R = _finite(scores[rows].detach()), relevant(rows)
        if exclude_self:
            S, R, own = S.clone(), R.clone(), torch.arange(rows.start, rows.stop, device=S.device)
            S[own - start, own], R[own - start, own] = -torch.inf, False
        total = _gains(S, R, ties)[:, : m - exclude_self if k is None else k].sum(dim=1)
        count = R.sum(dim=1).double()
        ideal = count if k is None or denominator == "relevant" else count.clamp(max=k)
        parts.append(torch.where(count > 0, total / ideal.clamp(min=1), torch.nan))
    return torch.cat(parts).cpu().numpy()


def _gains(S: Tensor, R: Tensor, ties: str) -> Tensor:
    """Return what each rank adds to the sum of precisions (b, m), float64: its expectation over the orders of ties."""
    m = S.shape[1]
    values, order = S.sort(dim=1, descending=True)
    relevant = R.gather(1, order)
    place, first, last = torch.arange(m, device=S.device), torch.ones_like(relevant), torch.ones_like(relevant)
    first[:, 1:] = values[:, 1:] != values[:, :-1]
    last[:, :-1] = first[:, 1:]
    start = torch.where(first, place, 0).cummax(dim=1).values
    end = torch.where(last, place, m).flip(1).cummin(dim=1).values.flip(1)
    found = relevant.cumsum(dim=1)
    above = found.gather(1, start) - relevant.gather(1, start).long()
    within = (found.gather(1, end) - above).double()
    size = end - start + 1
    if ties == "sklearn":
        precision = (above + within) / (end + 1)
    else:
        precision = (above + 1 + (place - start) * ((within - 1) / (size - 1).clamp(min=1))) / (place + 1)
    return within / size * precision


def _relevance_on(relevance: Any, device: torch.device) -> Callable[[slice], Tensor]:
    """Return a function of the rows (b, m), boolean on the device; foreign matrices go there block by block."""
    if isinstance(relevance, SharedLabels) and np.prod(relevance.gallery.shape) <= _DENSE_LABELS:
        labels = (side.astype(np.float32).toarray() for side in (relevance.query, relevance.gallery))
        query, gallery = (torch.as_tensor(side, device=device) for side in labels)
        return lambda rows: query[rows] @ gallery.T > 0
    if isinstance(relevance, SameRow):
        item = torch.arange(relevance.shape[0], device=device)
        return lambda rows: item[rows, None] == item
    if isinstance(relevance, Tensor) and relevance.dtype == torch.bool:
        return lambda rows: relevance[rows].to(device)
    return lambda rows: torch.as_tensor(relevance_rows(relevance, rows, graded=False), device=device)


def checked(view: Any, name: str) -> Tensor:
    """Return an embedding tensor (n, d) as float32 or float64, after the checks an array would have."""
    if not isinstance(view, Tensor):
        raise TypeError(f"{name} is a {type(view).__name__} but the other side is a tensor on CUDA; pass two tensors.")
    if view.is_complex() or view.layout != torch.strided:
        kind = "complex" if view.is_complex() else "sparse"
        raise ValueError(f"{name} is a {kind} tensor; embeddings are dense tensors of real numbers.")
    check_view(view[:1].detach().cpu().float().numpy(), name, min_width=0)
    view = view.detach()
    view = view if view.dtype == torch.float64 else view.float() if view.is_floating_point() else view.double()
    if not torch.isfinite(view).all():
        check_view(view.cpu().numpy(), name)  # words the error
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
        bits = (rows + 0).view(torch.int32 if X.dtype == torch.float32 else torch.int64).long()  # -0.0 becomes 0.0
        bits = (bits ^ ((bits >> 32) & (2**32 - 1))) * -0x61C8864680B583EB  # without the sign that a shift brings in:
        bits = bits ^ ((bits >> 29) & (2**35 - 1))  # with it, numbers and their complements would become the same
        out.append((bits * factors).sum(dim=1))
    return torch.cat(out)
