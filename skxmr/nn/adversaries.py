"""Critics that tell modalities apart, behind a reversed gradient, so that the encoders learn to hide the modality.

The loss of a critic is *added* to the objective: the gradient reversal is the minus sign of the encoders.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction, FunctionCtx

from skxmr.nn.networks import SLOPE, decoder


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, strength: Tensor) -> Tensor:
        ctx.save_for_backward(strength)
        return x.view_as(x)

    @staticmethod
    def backward(ctx: BackwardCFunction, *gradients: Tensor) -> tuple[Tensor, None]:
        (strength,) = ctx.saved_tensors
        return -strength * gradients[0], None


def reverse_gradient(x: Tensor, strength: Tensor | float = 1.0) -> Tensor:
    """Return x unchanged and multiply the gradient that comes back by ``-strength``: Ganin and Lempitsky, ICML 2015.

    Parameters
    ----------
    x : Tensor of any shape
        What a discriminator judges.
    strength : Tensor or float, default=1.0
        Factor of the reversed gradient, a scalar.

    Returns
    -------
    Tensor
        Of the shape and with the values of x.

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import reverse_gradient
    >>> x = torch.ones(2, requires_grad=True)
    >>> reverse_gradient(x, 0.5).sum().backward()
    >>> x.grad
    tensor([-0.5000, -0.5000])
    """
    factor = torch.as_tensor(strength, dtype=x.dtype, device=x.device)
    # torch does not annotate Function.apply.
    return _Reversal.apply(x, factor)  # type: ignore[no-untyped-call]


class Discriminator(nn.Module):
    """Tells images from texts; through the reversed gradient, the encoders learn to hide what it learns to see.

    Shapes: rows (n, d); output (n, 2), column 0 for image, column 1 for text.

    Parameters
    ----------
    d : int
        Width of the rows.
    strength : float, default=1.0
        Strength of the gradient reversal.
    hidden : tuple of int or None, default=None
        Hidden units, with a LeakyReLU after each layer; None is BatchNorm, d -> d/4 -> d/16 -> 2, as in DAGNN.
    ramp : bool, default=False
        Multiply the strength by ``2 / (1 + e^(-10 q)) - 1``, where q is the share of the training that is done:
        whoever trains calls :meth:`advance` before every batch.

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import Discriminator
    >>> of_image, of_text = Discriminator(4, hidden=(8,))(torch.zeros(3, 4), torch.ones(3, 4))
    >>> of_image.shape
    torch.Size([3, 2])
    """

    reach: Tensor

    def __init__(
        self, d: int, strength: float = 1.0, hidden: tuple[int, ...] | None = None, ramp: bool = False
    ) -> None:
        super().__init__()
        self.strength = strength
        self.ramp = ramp
        # A tensor, because a compiled step would be compiled anew for every other number.
        self.register_buffer("reach", torch.tensor(float(strength)), persistent=False)
        self.advance(0.0)
        widths = [d, *((max(d // 4, 4), max(d // 16, 4)) if hidden is None else hidden)]
        layers: list[nn.Module] = [nn.BatchNorm1d(d)] if hidden is None else []
        for pair in itertools.pairwise(widths):
            layers += [nn.Linear(*pair), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 2))

    def advance(self, done: float) -> None:
        """Set the strength of the gradient reversal, if it is ramped.

        Parameters
        ----------
        done : float
            Share of the training that is done, from 0 to 1.
        """
        if self.ramp:
            self.reach.fill_(self.strength * (2 / (1 + math.exp(-10 * done)) - 1))

    def forward(self, *parts: Tensor) -> list[Tensor]:
        """Return the logits of groups of rows, normalised together so that batch statistics give nothing away.

        Parameters
        ----------
        *parts : Tensor of shape (n, d)
            Groups of rows, e.g. all image and all text embeddings of a batch.

        Returns
        -------
        list of Tensor of shape (n, 2)
            The logits of each group.
        """
        logits: Tensor = self.layers(reverse_gradient(torch.cat(parts), self.reach))
        return list(torch.split(logits, [len(part) for part in parts]))


class DualGAN(nn.Module):
    """Decoders reconstruct each modality from the other's embeddings, to fool a discriminator (DAGNN, eqs. 1-3).

    There is no reconstruction loss: the decoders learn through the discriminators only.

    Shapes: h_v (n, d_image), h_t (n, d_text), v and t (n, d); output: logits (2n, 2) of what comes from images, the
    images themselves and the texts decoded from them, and likewise of what comes from texts. `positive` says whether
    image and text rows are never negative; the decoder of such a view ends in a ReLU. Otherwise images end in a linear
    layer, and texts in a LeakyReLU, as pre-trained texts do: a critic would tell other ranges apart without learning.
    """

    def __init__(
        self, d: int, d_image: int, d_text: int, positive: tuple[bool, bool] = (False, False), strength: float = 1.0
    ) -> None:
        super().__init__()
        self.to_image = decoder(d, 2048, d_image, nn.ReLU(), nn.ReLU() if positive[0] else nn.Identity())
        leaky = nn.LeakyReLU(SLOPE)
        self.to_text = decoder(d, 512, d_text, leaky, nn.ReLU() if positive[1] else leaky)
        self.of_image = Discriminator(d_image, strength)
        self.of_text = Discriminator(d_text, strength)

    def forward(self, h_v: Tensor, h_t: Tensor, v: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of both origins."""
        real_image, fake_image = self.of_image(h_v, self.to_image(t))
        real_text, fake_text = self.of_text(h_t, self.to_text(v))
        return torch.cat([real_image, fake_text]), torch.cat([fake_image, real_text])


class EmbeddingCritic(nn.Module):
    """A discriminator between the embeddings themselves: that of ACMR, and DAGNN-4 in the ablations of that paper.

    Shapes: h_v and h_t unused, v and t (n, d); output: logits (n, 2) of what comes from images and from texts.
    """

    def __init__(
        self, d: int, strength: float = 1.0, hidden: tuple[int, ...] | None = None, ramp: bool = False
    ) -> None:
        super().__init__()
        self.of_embedding = Discriminator(d, strength, hidden, ramp)

    def forward(self, h_v: Tensor, h_t: Tensor, v: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of both origins, (n, 2) each."""
        of_image, of_text = self.of_embedding(v, t)
        return of_image, of_text
