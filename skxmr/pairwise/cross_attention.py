"""Similarities of sets of regions and words by attention: all sets of a batch with all, without a loop.

Alphabet: a images of r regions, b texts of w words, all of width d; masks say which regions and words there are.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

# Slope of SCAN's LeakyReLU below 0.
_SLOPE = 0.1
_SMALL = 1e-8


def masked_softmax(logits: Tensor, allowed: Tensor) -> Tensor:
    """Softmax over the last axis among the allowed entries; all 0 where none is.

    Parameters
    ----------
    logits : Tensor of shape (..., m)
        Logits of any size.
    allowed : bool Tensor that broadcasts to (..., m)
        The entries that take part.

    Returns
    -------
    Tensor of shape (..., m)
        Non-negative; the last axis sums to 1, or is all 0.
    """
    floor = _lowest(logits.dtype)
    peak = logits.masked_fill(~allowed, -torch.inf).amax(dim=-1, keepdim=True).clamp(min=floor).detach()
    powers = torch.exp((logits - peak).masked_fill(~allowed, -torch.inf))
    return powers / powers.sum(dim=-1, keepdim=True).clamp(min=torch.finfo(logits.dtype).tiny)


def attended_cosines(
    context: Tensor, context_mask: Tensor, query: Tensor, query_mask: Tensor, sharpness: float
) -> Tensor:
    """Cosine of every query item with what it attends to in every context: SCAN, eqs. 1-5 and 8-10.

    With ``s_rw = v_r . q_w``: ``s' = l2(leaky_relu(s))`` over the items w of the query, attention ``alpha_rw`` the
    softmax of ``sharpness s'`` over the items r of the context, and the cosine of ``q_w`` with ``sum_r alpha_rw v_r``.
    The sums are never formed: their products follow from s and from the products of the context with itself.

    Parameters
    ----------
    context : Tensor of shape (a, r, d)
        Regions where words ask, or the other way round.
    context_mask : bool Tensor of shape (a, r)
        Which items there are.
    query : Tensor of shape (b, w, d)
        The items that attend.
    query_mask : bool Tensor of shape (b, w)
        Which items there are.
    sharpness : float
        The inverse temperature of the attention, lambda_1 in the paper.

    Returns
    -------
    Tensor of shape (a, b, w)
        In [-1, 1]; 0 for items that are not there, or where the context has none.
    """
    a, r, d = context.shape
    b, w, _ = query.shape
    # The products s and s', (a, b, r, w).
    products = (context.reshape(a * r, d) @ query.reshape(b * w, d).T).reshape(a, r, b, w).transpose(1, 2)
    # The attention alpha, (a, b, w, r).
    attention = attention_weights(products, context_mask, query_mask, sharpness)
    # Products of the query items with the attended sums, and the squared lengths of these sums, (a, b, w).
    dots = (attention * products.transpose(2, 3)).sum(dim=3)
    gram = context @ context.transpose(1, 2)
    squares = (attention * (attention.reshape(a, b * w, r) @ gram).reshape(a, b, w, r)).sum(dim=3)
    # Smaller squares are rounding errors.
    rounding = torch.finfo(gram.dtype).eps * gram.diagonal(dim1=1, dim2=2).amax(dim=1)[:, None, None].detach()
    least = max(_SMALL**2, torch.finfo(squares.dtype).tiny)
    lengths = squares.clamp(min=rounding.clamp(min=least)).sqrt() * torch.linalg.vector_norm(query, dim=2)
    return (dots / lengths.clamp(min=_small(products.dtype))).clamp(-1, 1).masked_fill(~query_mask, 0)


def attention_weights(products: Tensor, context_mask: Tensor, query_mask: Tensor, sharpness: float) -> Tensor:
    """How much every query item attends to every item of every context: SCAN, eqs. 2 and 9.

    Parameters
    ----------
    products : Tensor of shape (a, b, r, w)
        ``s_rw = v_r . q_w``.
    context_mask : bool Tensor of shape (a, r)
        Which items there are.
    query_mask : bool Tensor of shape (b, w)
        Which items there are.
    sharpness : float
        The inverse temperature of the attention, lambda_1 in the paper.

    Returns
    -------
    Tensor of shape (a, b, w, r)
        The attention that an item of the query pays adds up to 1.
    """
    rectified = functional.leaky_relu(products, _SLOPE).masked_fill(~query_mask[None, :, None, :], 0)
    small = _small(products.dtype)
    normalised = rectified / (torch.linalg.vector_norm(rectified, dim=3, keepdim=True) + small)
    return masked_softmax((sharpness * normalised).transpose(2, 3), context_mask[:, None, None, :])


def pooled(values: Tensor, mask: Tensor, sharpness: float | None) -> Tensor:
    """Pool values over the last axis: SCAN eq. 6, ``log sum exp(sharpness s) / sharpness``, or the mean for None.

    Parameters
    ----------
    values : Tensor of shape (..., m)
        Cosines of single items.
    mask : bool Tensor that broadcasts to (..., m)
        Which items there are.
    sharpness : float or None
        lambda_2 in the paper.

    Returns
    -------
    Tensor of shape (...)
        0 where there is no item.
    """
    count = mask.expand(values.shape).sum(dim=-1)
    if sharpness is None:
        return values.masked_fill(~mask, 0).sum(dim=-1) / count.clamp(min=1)
    top = torch.logsumexp((sharpness * values).masked_fill(~mask, _lowest(values.dtype)), dim=-1) / sharpness
    return top.masked_fill(count == 0, 0)


def _lowest(dtype: torch.dtype) -> float:
    """Return a value below all others that is finite in this dtype, so that its gradients are not NaN."""
    return max(-1e30, torch.finfo(dtype).min)


def _small(dtype: torch.dtype) -> float:
    """Return a number that keeps a quotient finite; 1e-8 itself would be 0 in float16."""
    return max(_SMALL, torch.finfo(dtype).tiny)
