"""Loss terms of tensors, one pure function per published term.

One alphabet serves all of them: u, v (n, d) are the embeddings of a batch of n rows, Z (c, d) the classifiers of c
labels, Y (n, c) the multi-hot labels, and S a matrix of similarities. Every function except :func:`cosine` returns a
scalar, and gradients flow through all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from skxmr._docstrings import documented_like

__all__ = [
    "classification",
    "correspondence",
    "cosine",
    "generalized_cross_entropy",
    "label_prediction",
    "origin",
    "origins",
    "pairwise_likelihood",
    "reconstruction",
    "similarity_consistency",
]


def cosine(u: Tensor, v: Tensor) -> Tensor:
    """Return the cosines of all rows of u with all rows of v; a zero row has cosine 0 with everything.

    Parameters
    ----------
    u : Tensor of shape (n, d)
        Rows to compare.
    v : Tensor of shape (m, d)
        What they are compared with.

    Returns
    -------
    Tensor of shape (n, m)
        In [-1, 1].

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import losses
    >>> losses.cosine(torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 0.0], [0.0, 3.0]]))
    tensor([[1., 0.]])
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

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import losses
    >>> scores, Y = torch.tensor([[1.0, 0.0], [0.6, 0.8]]), torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    >>> losses.classification(scores, Y)  # distances 0 and 1
    tensor(0.5000)
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

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import losses
    >>> losses.label_prediction(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))  # log 2
    tensor(0.6931)
    """
    targets = Y / Y.sum(dim=1, keepdim=True).clamp(min=1)
    return -(targets * functional.log_softmax(logits, dim=1)).sum(dim=1).mean()


def generalized_cross_entropy(logits: Tensor, Y: Tensor, q: Tensor | float) -> Tensor:
    """Generalised cross-entropy under a softmax: J_L of DRCL.

    ``1/n sum_i (1 - (y_i . p_i)^q) / q`` of Zhang and Sabuncu, "Generalized cross entropy loss for training deep neural
    networks with noisy labels", NeurIPS 2018: the cross-entropy for q towards 0, and linear in p for q = 1.

    Parameters
    ----------
    logits : Tensor of shape (n, c)
        Label scores, before the softmax.
    Y : Tensor of shape (n, c)
        Multi-hot labels, or mixtures of such rows.
    q : float or Tensor of one value
        In (0, 1].

    Returns
    -------
    Tensor
        A scalar. A row without labels has a constant share in it.

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import losses
    >>> losses.generalized_cross_entropy(torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]]), 1.0)
    tensor(0.5000)
    """
    probability = (Y * functional.softmax(logits, dim=1)).sum(dim=1)
    # Of a row without labels the logarithm would not be finite.
    logarithm = probability.clamp(min=torch.finfo(logits.dtype).tiny).log()
    # 1 - exp(q log p), which stays exact where q is small.
    return (-torch.expm1(q * logarithm) / q).mean()


def similarity_consistency(recast: Tensor, embedded: Tensor) -> Tensor:
    """How far similarities of embeddings are from those of what they should be: J_D of DRCL.

    With C_ab the cosines of all rows of a with all rows of b times 2, r the recast representations and f the
    embeddings: ``1/n^2 |C_rr - C_ff|^2 + 1/n^2 |C_rf - C_rf^T|^2``.

    Parameters
    ----------
    recast : Tensor of shape (n, d)
        Representations recast from the labels.
    embedded : Tensor of shape (n, d)
        Embeddings of the same rows.

    Returns
    -------
    Tensor
        A scalar, 0 where both are equal.

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import losses
    >>> losses.similarity_consistency(torch.eye(2), torch.eye(2))
    tensor(0.)
    """
    across = 2 * cosine(recast, embedded)
    within = 2 * cosine(recast, recast) - 2 * cosine(embedded, embedded)
    return within.square().mean() + (across - across.T).square().mean()


@documented_like(label_prediction)
def pairwise_likelihood(cosines: Sequence[Tensor], Y: Tensor, temperature: float = 2.0, count: bool = True) -> Tensor:
    """Negative log-likelihood of shared labels: terms of DAGNN eq. 10, L_mdi, and of DSCMR's second term.

    The sum over the matrices of ``1/n^2 sum_ij log(1 + e^theta_ij) - s_ij theta_ij``, ``theta = cos / temperature``.
    Given the cosines of (u, v), (u, u) and (v, v), it makes rows that share labels alike, across modalities and within.

    Parameters
    ----------
    cosines : sequence of Tensor of shape (n, n)
        Cosines of the batch's rows in two modalities, or in one; the diagonals count.
    temperature : float, default=2.0
        2 in both papers, so that theta stays within one half and no pair is ever very likely or unlikely.
    count : bool, default=True
        Whether s_ij is the number of shared labels, as in DAGNN, or 1 for rows that share any, as in DSCMR.

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import losses
    >>> losses.pairwise_likelihood([torch.zeros(2, 2), torch.zeros(2, 2)], torch.eye(2))  # 2 log 2
    tensor(1.3863)
    """
    shared = Y @ Y.T
    if not count:
        shared = shared.clamp(max=1)
    terms = []
    for S in cosines:
        theta = S / temperature
        terms.append((functional.softplus(theta) - shared * theta).mean())
    return torch.stack(terms).sum()


@documented_like(label_prediction)
def origin(logits: Tensor, of_text: bool) -> Tensor:
    """Cross-entropy of telling where rows come from, if all come from one modality: one term of DAGNN eq. 11.

    Parameters
    ----------
    logits : Tensor of shape (n, 2)
        A discriminator's logits; column 0 says image, column 1 text.
    of_text : bool
        True if the rows come from texts, False if they come from images.

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import losses
    >>> losses.origin(torch.zeros(3, 2), of_text=True)  # log 2
    tensor(0.6931)
    """
    target = torch.full((len(logits),), int(of_text), dtype=torch.long, device=logits.device)
    return functional.cross_entropy(logits, target)


@documented_like(origin)
def origins(from_image: Tensor, from_text: Tensor, n: int) -> Tensor:
    """Cross-entropy of telling images from texts: DAGNN eq. 11, L_adv.

    Parameters
    ----------
    from_image : Tensor of shape (m, 2)
        A discriminator's logits of all rows that come from images; a dual GAN judges m = 2n of them.
    from_text : Tensor of shape (m, 2)
        Its logits of all rows that come from texts.
    n : int
        Size of the batch; the sums over m rows are divided by it.

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import losses
    >>> losses.origins(torch.zeros(3, 2), torch.zeros(3, 2), n=3)  # 2 log 2
    tensor(1.3863)
    """
    return len(from_image) / n * (origin(from_image, False) + origin(from_text, True))


def correspondence(u: Tensor, v: Tensor) -> Tensor:
    """Mean squared distance of paired codes: L_C of Feng et al., ACM MM 2014, ``1/n sum_i |u_i - v_i|^2``.

    Parameters
    ----------
    u : Tensor of shape (n, d)
        Codes of the images.
    v : Tensor of shape (n, d)
        Codes of their texts.

    Returns
    -------
    Tensor
        A scalar.

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import losses
    >>> losses.correspondence(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 0.0]]))  # 1 + 4
    tensor(5.)
    """
    return (u - v).square().sum(dim=1).mean()


def reconstruction(decoded: Tensor, rows: Tensor) -> Tensor:
    """Mean squared error of decoded rows, the loss of an autoencoder: ``1/(n m) sum_i |x_i - x^_i|^2``.

    The papers do not divide by the number m of features, so that there a wide view counts more than a narrow one.

    Parameters
    ----------
    decoded : Tensor of shape (n, m)
        What a decoder made of codes.
    rows : Tensor of shape (n, m)
        What it should have made.

    Returns
    -------
    Tensor
        A scalar.

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import losses
    >>> losses.reconstruction(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 0.0]]))  # (1 + 4) / 2
    tensor(2.5000)
    """
    return (decoded - rows).square().mean()
