"""Loss terms that compare the rows of a batch with one another, as published; the alphabet is that of `losses`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from skxmr.nn.losses import cosine

_NEVER = -1e30  # its exponential is 0: picking the others out would make a GPU wait for their number


def triplets(anchors: Tensor, others: Tensor, Y: Tensor, hinge: float, margin: float) -> Tensor:
    """Mean of ``l2(a_i, o_j) + hinge max(0, margin - l2(a_i, o_k))`` over triplets: ACMR eq. 4 or 5.

    Parameters
    ----------
    anchors, others : Tensor of shape (n, d)
        Embeddings of one modality and of the other.
    Y : Tensor of shape (n, c)
        Multi-hot labels: j shares a label with i, or is its own pair; k shares none.
    hinge : float
        Weight of the negatives, lambda in the paper.
    margin : float
        Distance beyond which a negative does not matter, mu in the paper.

    Returns
    -------
    Tensor
        A scalar; 0 where the batch has no triplet. All triplets of the batch count.
    """
    distances = torch.cdist(anchors, others, compute_mode="donot_use_mm_for_euclid_dist")
    alike = torch.logical_or(Y @ Y.T > 0, torch.eye(len(Y), dtype=torch.bool, device=Y.device)).to(distances.dtype)
    n_alike, n_other = alike.sum(dim=1), (1 - alike).sum(dim=1)
    near = (alike * distances).sum(dim=1) * n_other  # every positive stands in as many triplets as there are negatives
    far = ((1 - alike) * (margin - distances).clamp(min=0)).sum(dim=1) * n_alike
    return (near + hinge * far).sum() / (n_alike * n_other).sum().clamp(min=1)


def circle(S: Tensor, Y: Tensor, margin: float = 0.25, scale: float = 16.0) -> Tensor:
    """Circle loss of one modality: L2-GCN eqs. 11-16, after Sun et al., CVPR 2020.

    ``softplus(logsumexp_n(scale a_n (s_n - m)) + logsumexp_p(-scale a_p (s_p - (1 - m))))`` over the pairs i < j that
    share no label (n) or share one (p), with ``a_p = (1 + m - s_p)_+`` and ``a_n = (s_n + m)_+`` held constant.

    Parameters
    ----------
    S : Tensor of shape (n, n)
        Cosines of a modality's rows.
    Y : Tensor of shape (n, c)
        Multi-hot labels.
    margin : float, default=0.25
        m.
    scale : float, default=16.0
        The paper's gamma.

    Returns
    -------
    Tensor
        A scalar; 0 where the batch has no positive or no negative pair.
    """
    upper = torch.ones_like(S, dtype=torch.bool).triu(diagonal=1)
    alike = Y @ Y.T > 0
    a_p, a_n = (1 + margin - S).clamp(min=0).detach(), (S + margin).clamp(min=0).detach()
    of_positives = (-scale * a_p * (S - (1 - margin))).masked_fill(~(upper & alike), _NEVER)
    of_negatives = (scale * a_n * (S - margin)).masked_fill(~upper | alike, _NEVER)
    return functional.softplus(torch.logsumexp(of_negatives.flatten(), 0) + torch.logsumexp(of_positives.flatten(), 0))


def soft_contrastive(u: Tensor, v: Tensor, Y: Tensor, temperature: float = 0.22, within: float = 0.14) -> Tensor:
    """Multi-label contrastive loss of I-GNN, eqs. 18-22 of L2-GCN: every row that shares a label is a target.

    ``l_ij = s_ij / temperature - log sum_j exp(1.06 s_ij / temperature)`` with cosines s; across modalities the targets
    are ``q = R / (row sum)`` with ``R_ij = min(1, y_i . y_j)``, within one ``q' = (R - I)_+ / (row sum)``. The loss is
    ``-mean_i sum_j q l^vt - mean_i sum_j q l^tv - within (mean_i sum_j q' l^vv + mean_i sum_j q' l^tt)``.

    Parameters
    ----------
    u, v : Tensor of shape (n, d)
        Embeddings of both modalities.
    Y : Tensor of shape (n, c)
        Multi-hot labels. A row without labels has no targets and adds nothing.
    temperature : float, default=0.22
        Divides the cosines.
    within : float, default=0.14
        Weight of the targets of the same modality.

    Returns
    -------
    Tensor
        A scalar.
    """
    cosines = [cosine(a, b) for a, b in ((u, v), (u, u), (v, v))]
    return soft_contrastive_of_cosines(cosines, Y, temperature, within)


def soft_contrastive_of_cosines(
    cosines: Sequence[Tensor], Y: Tensor, temperature: float = 0.22, within: float = 0.14
) -> Tensor:
    """:func:`soft_contrastive` of cosines that are known.

    Parameters
    ----------
    cosines : sequence of three Tensor of shape (n, n)
        Of (u, v), (u, u) and (v, v); the last two are not looked at if `within` is 0.
    Y, temperature, within : object
        As in :func:`soft_contrastive`.

    Returns
    -------
    Tensor
        A scalar.
    """
    related = (Y @ Y.T).clamp(max=1)
    across = _shares(related)
    S = cosines[0]
    loss = _cross_entropy(S, across, temperature) + _cross_entropy(S.T, across, temperature)
    if within != 0:
        others = _shares((related - torch.eye(len(Y), dtype=Y.dtype, device=Y.device)).clamp(min=0))
        alone = [_cross_entropy(own, others, temperature) for own in cosines[1:]]
        loss = loss + within * (alone[0] + alone[1])
    return loss


def _shares(R: Tensor) -> Tensor:
    return R / R.sum(dim=1, keepdim=True).clamp(min=1)


def _cross_entropy(S: Tensor, targets: Tensor, temperature: float) -> Tensor:
    scaled = S / temperature
    log_shares = scaled - torch.logsumexp(1.06 * scaled, dim=1, keepdim=True)
    return -(targets * log_shares).sum(dim=1).mean()


def hardest_triplets(S: Tensor, alike: Tensor, margin: float = 0.2) -> Tensor:
    """Hinge on the hardest negatives of a batch: RACG eq. 21, SCAN eq. 12.

    ``sum_i [margin - s_ii + max_j s_ij]_+ + [margin - s_ii + max_j s_ji]_+`` over j that do not belong to i.

    Parameters
    ----------
    S : Tensor of shape (n, n)
        Similarity of image i with text j; pair i stands on the diagonal.
    alike : bool Tensor of shape (n, n)
        Which texts belong to which images: no negatives. The diagonal is taken for set.
    margin : float, default=0.2
        alpha in the paper.

    Returns
    -------
    Tensor
        A scalar; a row without a negative adds nothing.
    """
    by_image, by_text = _hardest(S, alike)
    own = S.diagonal()
    return ((margin - own + by_image).clamp(min=0) + (margin - own + by_text).clamp(min=0)).sum()


def absolute_similarity(S: Tensor, alike: Tensor, own: float = 0.7, other: float = 0.3) -> Tensor:
    """Push the similarity of pairs above one bound and of the hardest negatives below another: RACG eq. 22.

    Parameters
    ----------
    S, alike : Tensor of shape (n, n)
        As in :func:`hardest_triplets`.
    own : float, default=0.7
        beta in the paper.
    other : float, default=0.3
        gamma in the paper.

    Returns
    -------
    Tensor
        A scalar, a sum over the pairs.
    """
    by_image, by_text = _hardest(S, alike)
    below = (by_image - other).clamp(min=0) + (by_text - other).clamp(min=0)
    return (below + (own - S.diagonal()).clamp(min=0)).sum()


def _hardest(S: Tensor, alike: Tensor) -> tuple[Tensor, Tensor]:
    """Return the largest similarity with what does not belong to a row, and to a column, (n,) each."""
    alike = alike | torch.eye(len(S), dtype=torch.bool, device=S.device)
    negatives = S.masked_fill(alike, _NEVER)
    return negatives.amax(dim=1), negatives.amax(dim=0)
