"""Loss terms as published, one pure function of tensors each.

Alphabet: u, v (n, d) embeddings of a batch, Z (c, d) label classifiers, Y (n, c) multi-hot labels, S similarities.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def cosine(u: Tensor, v: Tensor) -> Tensor:
    """Return cosines of all rows of u (n, d) with all rows of v (m, d): (n, m). A zero row has cosine 0.

    Parameters
    ----------
    u, v : Tensor
        Rows to compare.

    Returns
    -------
    Tensor
        In [-1, 1].
    """
    return functional.normalize(u, dim=1) @ functional.normalize(v, dim=1).T


def classification(scores: Tensor, Y: Tensor) -> Tensor:
    """Mean distance of label scores from the labels: DAGNN eq. 9, ``1/n sum_i |y^_i - y_i|_2``, not squared.

    Parameters
    ----------
    scores : Tensor of shape (n, c)
        Predicted label scores, e.g. cosines with the classifiers.
    Y : Tensor of shape (n, c)
        Multi-hot labels.

    Returns
    -------
    Tensor
        A scalar. Its gradient is 0 for a row that is predicted exactly.
    """
    return torch.linalg.vector_norm(scores - Y, dim=1).mean()


def label_prediction(logits: Tensor, Y: Tensor) -> Tensor:
    """Cross-entropy of the labels under a softmax: one half of ACMR eq. 2, ``-1/n sum_i y_i . log p_i``.

    Parameters
    ----------
    logits : Tensor of shape (n, c)
        Label scores.
    Y : Tensor of shape (n, c)
        Multi-hot labels; a row with several is divided by their number, a row with none adds nothing.

    Returns
    -------
    Tensor
        A scalar.
    """
    targets = Y / Y.sum(dim=1, keepdim=True).clamp(min=1)
    return -(targets * functional.log_softmax(logits, dim=1)).sum(dim=1).mean()


def pairwise_likelihood(S: Tensor, Y: Tensor, temperature: float = 2.0, count: bool = True) -> Tensor:
    """Negative log-likelihood of shared labels: one term of DAGNN eq. 10, and of DSCMR's second term.

    ``1/n^2 sum_ij log(1 + e^theta_ij) - s_ij theta_ij`` with ``theta = cos / temperature``.

    Parameters
    ----------
    S : Tensor of shape (n, n)
        Cosines of the batch's rows in two modalities, or in one; the diagonal counts.
    Y : Tensor of shape (n, c)
        Multi-hot labels.
    temperature : float, default=2.0
        2 in both papers, where theta stays within one half and no pair is ever likely or unlikely.
    count : bool, default=True
        s_ij is the number of shared labels, as in DAGNN; False: 1 for rows that share any, as in DSCMR.

    Returns
    -------
    Tensor
        A scalar.
    """
    return likelihood_of_cosines([S], Y, temperature, count)


def modality_invariance(u: Tensor, v: Tensor, Y: Tensor, temperature: float = 2.0, count: bool = True) -> Tensor:
    """Rows that share labels are alike, across modalities and within: DAGNN eq. 10, L_mdi.

    The :func:`pairwise_likelihood` of the cosines of (u, v), (u, u) and (v, v), added.

    Parameters
    ----------
    u, v : Tensor of shape (n, d)
        Embeddings of both modalities.
    Y : Tensor of shape (n, c)
        Multi-hot labels.
    temperature : float, default=2.0
        As in :func:`pairwise_likelihood`.
    count : bool, default=True
        As in :func:`pairwise_likelihood`.

    Returns
    -------
    Tensor
        A scalar.
    """
    return likelihood_of_cosines([cosine(a, b) for a, b in ((u, v), (u, u), (v, v))], Y, temperature, count)


def likelihood_of_cosines(cosines: Sequence[Tensor], Y: Tensor, temperature: float, count: bool) -> Tensor:
    """:func:`pairwise_likelihood` of several matrices of cosines, added; the shared labels are counted once.

    Parameters
    ----------
    cosines : sequence of Tensor of shape (n, n)
        Cosines of the batch's rows.
    Y, temperature, count : object
        As in :func:`pairwise_likelihood`.

    Returns
    -------
    Tensor
        A scalar.
    """
    shared = Y @ Y.T if count else (Y @ Y.T).clamp(max=1)
    thetas = [S / temperature for S in cosines]
    return torch.stack([(functional.softplus(theta) - shared * theta).mean() for theta in thetas]).sum()


def origin(logits: Tensor, of_text: bool) -> Tensor:
    """Cross-entropy of telling where rows come from: one term of DAGNN eq. 11.

    Parameters
    ----------
    logits : Tensor of shape (n, 2)
        A discriminator's logits; column 0 says image, column 1 text.
    of_text : bool
        Where all these rows come from.

    Returns
    -------
    Tensor
        A scalar.
    """
    target = torch.full((len(logits),), int(of_text), dtype=torch.long, device=logits.device)
    return functional.cross_entropy(logits, target)


def origins(from_image: Tensor, from_text: Tensor, n: int) -> Tensor:
    """Cross-entropy of telling images from texts: DAGNN eq. 11, L_adv.

    Parameters
    ----------
    from_image, from_text : Tensor of shape (m, 2)
        Logits of all rows that come from images and from texts; a dual GAN judges m = 2n of each.
    n : int
        Size of the batch; the sums over m rows are divided by it.

    Returns
    -------
    Tensor
        A scalar.
    """
    return len(from_image) / n * (origin(from_image, False) + origin(from_text, True))


def weighted_origins(from_image: Tensor, from_text: Tensor, n: int, weight: float) -> Tensor:
    """Cross-entropies of the two discriminators of a dual GAN, weighted: L2-GCN eq. 25.

    Parameters
    ----------
    from_image, from_text : Tensor of shape (2n, 2)
        Logits of what comes from images and from texts; the image discriminator judged the first n rows of each.
    n : int
        Size of the batch.
    weight : float
        Share of the image discriminator; at one half the sum is half of DAGNN's.

    Returns
    -------
    Tensor
        A scalar.
    """
    image_view, text_view = origins(from_image[:n], from_text[:n], n), origins(from_image[n:], from_text[n:], n)
    return weight * image_view + (1 - weight) * text_view
