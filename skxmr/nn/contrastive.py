"""Loss terms that compare the rows of a batch with one another, one pure function per published term.

The alphabet is that of ``skxmr.nn.losses``. Every function returns a scalar, and gradients flow through all of
them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from skxmr._docstrings import documented_like
from skxmr.nn.losses import pairwise_likelihood

__all__ = [
    "absolute_similarity",
    "circle",
    "hardest_triplets",
    "nearest_triplets",
    "soft_contrastive",
    "summed_triplets",
    "triplets",
]

# A similarity whose exponential is 0. Selecting the other entries instead would make a GPU wait for their number.
_NEVER = -1e30
# A distance beyond every margin.
_FAR = 1e30


def nearest_triplets(
    anchors: Tensor, others: Tensor, alike: Tensor, margin: float = 0.4, k: int | None = None, own: bool = True
) -> Tensor:
    """Hinge on the nearest negatives of every row: one of the four sums of DSPE's objective.

    The mean, over pairs (i, j) that belong together, of ``sum_l [margin + l2(a_i, o_j) - l2(a_i, o_l)]_+`` over the `k`
    rows l nearest to a_i that do not belong to i.

    Parameters
    ----------
    anchors : Tensor of shape (n, d)
        Embeddings a.
    others : Tensor of shape (n, d)
        Embeddings o: of the other modality, or the anchors themselves.
    alike : bool Tensor of shape (n, n)
        Which rows belong together.
    margin : float, default=0.4
        m in the paper.
    k : int or None, default=None
        Negatives per row, at most; None is all.
    own : bool, default=True
        Whether row i is a positive of itself. Not within a modality, where its distance is 0.

    Returns
    -------
    Tensor
        A scalar; 0 where the batch has no pair that belongs together.

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import contrastive
    >>> a, o = torch.tensor([[0.0], [4.0]]), torch.tensor([[1.0], [5.0]])
    >>> contrastive.nearest_triplets(a, o, torch.eye(2, dtype=torch.bool), margin=4.0)  # (0 + 2) / 2
    tensor(1.)
    """
    distances = torch.cdist(anchors, others, compute_mode="donot_use_mm_for_euclid_dist")
    together = _with_own(alike)
    positives = together if own else together.logical_xor(_with_own(torch.zeros_like(alike)))
    n = len(alike)
    nearest = distances.masked_fill(together, _FAR).topk(n if k is None else min(k, n), dim=1, largest=False).values
    bounds = margin + distances
    # How many negatives are nearer than a bound, and the sum of their distances: a tensor (n, n, k) would be large.
    n_nearer = torch.searchsorted(nearest.detach(), bounds.detach())
    sums = functional.pad(nearest.cumsum(dim=1), (1, 0)).gather(1, n_nearer)
    hinges = (n_nearer * bounds - sums).masked_fill(~positives, 0)
    return hinges.sum() / positives.sum().clamp(min=1)


def triplets(anchors: Tensor, others: Tensor, Y: Tensor, hinge: float, margin: float) -> Tensor:
    """Mean of ``l2(a_i, o_j) + hinge max(0, margin - l2(a_i, o_k))`` over triplets: ACMR eq. 4 or 5.

    Parameters
    ----------
    anchors : Tensor of shape (n, d)
        Embeddings a of one modality.
    others : Tensor of shape (n, d)
        Embeddings o of the other.
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

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import contrastive
    >>> anchors, others = torch.tensor([[0.0], [4.0]]), torch.tensor([[1.0], [5.0]])
    >>> contrastive.triplets(anchors, others, torch.eye(2), hinge=1.0, margin=4.0)  # 1 + (0 + 1) / 2
    tensor(1.5000)
    """
    distances = torch.cdist(anchors, others, compute_mode="donot_use_mm_for_euclid_dist")
    own = torch.eye(len(Y), dtype=torch.bool, device=Y.device)
    alike = torch.logical_or(Y @ Y.T > 0, own).to(distances.dtype)
    n_alike = alike.sum(dim=1)
    n_other = (1 - alike).sum(dim=1)
    # Every positive is in as many triplets as there are negatives, and the other way round.
    near = (alike * distances).sum(dim=1) * n_other
    far = ((1 - alike) * (margin - distances).clamp(min=0)).sum(dim=1) * n_alike
    return (near + hinge * far).sum() / (n_alike * n_other).sum().clamp(min=1)


@documented_like(pairwise_likelihood)
def circle(S: Tensor, Y: Tensor, margin: float = 0.25, scale: float = 16.0) -> Tensor:
    """Circle loss of one modality: L2-GCN eqs. 11-16, after Sun et al., CVPR 2020.

    ``softplus(logsumexp_n(scale a_n (s_n - m)) + logsumexp_p(-scale a_p (s_p - (1 - m))))`` over the pairs i < j that
    share no label (n) or share one (p), with ``a_p = (1 + m - s_p)_+`` and ``a_n = (s_n + m)_+`` held constant.

    Parameters
    ----------
    S : Tensor of shape (n, n)
        Cosines of a modality's rows.
    margin : float, default=0.25
        m.
    scale : float, default=16.0
        The paper's gamma.

    Returns
    -------
    Tensor
        A scalar; 0 where the batch has no positive or no negative pair.

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import contrastive
    >>> Y = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> bool(contrastive.circle(Y @ Y.T, Y) < contrastive.circle(1 - Y @ Y.T, Y))
    True
    """
    upper = torch.ones_like(S, dtype=torch.bool).triu(diagonal=1)
    alike = Y @ Y.T > 0
    a_p = (1 + margin - S).clamp(min=0).detach()
    a_n = (S + margin).clamp(min=0).detach()
    of_positives = (-scale * a_p * (S - (1 - margin))).masked_fill(~(upper & alike), _NEVER)
    of_negatives = (scale * a_n * (S - margin)).masked_fill(~upper | alike, _NEVER)
    return functional.softplus(torch.logsumexp(of_negatives.flatten(), 0) + torch.logsumexp(of_positives.flatten(), 0))


@documented_like(pairwise_likelihood)
def soft_contrastive(cosines: Sequence[Tensor], Y: Tensor, temperature: float = 0.22, within: float = 0.14) -> Tensor:
    """Multi-label contrastive loss of I-GNN, eqs. 18-22 of L2-GCN: every row that shares a label is a target.

    ``l_ij = s_ij / temperature - log sum_j exp(1.06 s_ij / temperature)`` with cosines s; across modalities the targets
    are ``q = R / (row sum)`` with ``R_ij = min(1, y_i . y_j)``, within one ``q' = (R - I)_+ / (row sum)``. The loss is
    ``-mean_i sum_j q l^vt - mean_i sum_j q l^tv - within (mean_i sum_j q' l^vv + mean_i sum_j q' l^tt)``.

    Parameters
    ----------
    cosines : sequence of three Tensor of shape (n, n)
        Of images with texts, of images and of texts; the last two are not read if `within` is 0.
    Y : Tensor of shape (n, c)
        Multi-hot labels. A row without labels has no targets and adds nothing.
    temperature : float, default=0.22
        Divides the cosines.
    within : float, default=0.14
        Weight of the targets of the same modality.

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import contrastive
    >>> contrastive.soft_contrastive([torch.zeros(2, 2)] * 3, torch.eye(2), within=0.0)  # 2 log 2
    tensor(1.3863)
    """
    related = (Y @ Y.T).clamp(max=1)
    across = _row_shares(related)
    S = cosines[0]
    loss = _cross_entropy(S, across, temperature) + _cross_entropy(S.T, across, temperature)
    if within != 0:
        own = torch.eye(len(Y), dtype=Y.dtype, device=Y.device)
        others = _row_shares((related - own).clamp(min=0))
        of_first = _cross_entropy(cosines[1], others, temperature)
        of_second = _cross_entropy(cosines[2], others, temperature)
        loss = loss + within * (of_first + of_second)
    return loss


def _row_shares(R: Tensor) -> Tensor:
    return R / R.sum(dim=1, keepdim=True).clamp(min=1)


def _cross_entropy(S: Tensor, targets: Tensor, temperature: float) -> Tensor:
    scaled = S / temperature
    log_shares = scaled - torch.logsumexp(1.06 * scaled, dim=1, keepdim=True)
    return -(targets * log_shares).sum(dim=1).mean()


def hardest_triplets(S: Tensor, alike: Tensor, margin: float = 0.2) -> Tensor:
    """Hinge on the hardest negatives of a batch: RACG eq. 21, SCAN eq. 12, VSE++ eq. 6.

    ``sum_i [margin - s_ii + max_j s_ij]_+ + [margin - s_ii + max_j s_ji]_+`` over j that do not belong to i.

    Parameters
    ----------
    S : Tensor of shape (n, n)
        Similarity of image i with text j; pair i is on the diagonal.
    alike : bool Tensor of shape (n, n)
        Which texts belong to which images: these are no negatives. The diagonal counts as True.
    margin : float, default=0.2
        alpha in the paper.

    Returns
    -------
    Tensor
        A scalar, a sum over the pairs; a row without a negative adds nothing.

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import contrastive
    >>> S = torch.tensor([[0.9, 0.8], [0.1, 0.7]])
    >>> contrastive.hardest_triplets(S, torch.eye(2, dtype=torch.bool))  # 0.8 is too near to 0.9, and above 0.7
    tensor(0.4000)
    """
    by_image, by_text = _hardest(S, alike)
    own = S.diagonal()
    return ((margin - own + by_image).clamp(min=0) + (margin - own + by_text).clamp(min=0)).sum()


@documented_like(hardest_triplets)
def summed_triplets(S: Tensor, alike: Tensor, margin: float = 0.2) -> Tensor:
    """Hinge on all negatives of a batch: VSE++ eq. 5, the sum of hinges.

    ``sum_i sum_j [margin - s_ii + s_ij]_+ + [margin - s_ii + s_ji]_+`` over j that do not belong to i.

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import contrastive
    >>> S = torch.tensor([[0.9, 0.8], [0.1, 0.7]])
    >>> contrastive.summed_triplets(S, torch.eye(2, dtype=torch.bool))  # 0.8 is too near to 0.9, and above 0.7
    tensor(0.4000)
    """
    own = S.diagonal()
    by_image = (margin - own[:, None] + S).clamp(min=0)
    by_text = (margin - own + S).clamp(min=0)
    return (by_image + by_text).masked_fill(_with_own(alike), 0).sum()


@documented_like(hardest_triplets)
def absolute_similarity(S: Tensor, alike: Tensor, own: float = 0.7, other: float = 0.3) -> Tensor:
    """Push the similarity of pairs above one bound and of the hardest negatives below another: RACG eq. 22.

    Parameters
    ----------
    own : float, default=0.7
        Bound of the pairs, beta in the paper.
    other : float, default=0.3
        Bound of the negatives, gamma in the paper.

    Returns
    -------
    Tensor
        A scalar, a sum over the pairs.

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import contrastive
    >>> S = torch.tensor([[0.6, 0.4], [0.1, 0.7]])
    >>> contrastive.absolute_similarity(S, torch.eye(2, dtype=torch.bool))  # 0.6 is too far, 0.4 too near, twice
    tensor(0.3000)
    """
    by_image, by_text = _hardest(S, alike)
    too_near = (by_image - other).clamp(min=0) + (by_text - other).clamp(min=0)
    too_far = (own - S.diagonal()).clamp(min=0)
    return (too_near + too_far).sum()


def _hardest(S: Tensor, alike: Tensor) -> tuple[Tensor, Tensor]:
    """Return the largest similarity of each row, and of each column, with what does not belong to it, (n,) each."""
    negatives = S.masked_fill(_with_own(alike), _NEVER)
    return negatives.amax(dim=1), negatives.amax(dim=0)


def _with_own(alike: Tensor) -> Tensor:
    """Return what belongs together (n, n), the pairs themselves included."""
    return alike | torch.eye(len(alike), dtype=torch.bool, device=alike.device)
