"""Dual adversarial graph neural networks: the network and the objective."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from skxmr import losses
from skxmr.deep.objective import Objective
from skxmr.networks import SLOPE, Discriminator


class DualGAN(nn.Module):
    """Each embedding reconstructs the other modality well enough to fool a discriminator (DAGNN, eqs. 1-3).

    There is no reconstruction loss: the decoders learn through the discriminators only.

    Parameters
    ----------
    d : int
        Width of the embeddings.
    d_image, d_text : int
        Widths of the views.
    positive : tuple of bool
        Whether image and text rows are never negative; the decoder of such a view ends in a rectifier.
    strength : float
        Strength of the gradient reversal.

    Shapes: h_v (n, d_image), h_t (n, d_text), v and t (n, d); output: logits (2n, 2) of what comes from images, the
    images themselves and the texts decoded from them, and likewise of what comes from texts.
    """

    def __init__(
        self, d: int, d_image: int, d_text: int, positive: tuple[bool, bool] = (False, False), strength: float = 1.0
    ) -> None:
        super().__init__()
        self.to_image = _decoder(d, 2048, d_image, nn.ReLU(), positive[0])
        self.to_text = _decoder(d, 512, d_text, nn.LeakyReLU(SLOPE), positive[1])
        self.of_image, self.of_text = Discriminator(d_image, strength), Discriminator(d_text, strength)

    def forward(self, h_v: Tensor, h_t: Tensor, v: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of both origins."""
        real_image, fake_image = self.of_image(h_v, self.to_image(t))
        real_text, fake_text = self.of_text(h_t, self.to_text(v))
        return torch.cat([real_image, fake_text]), torch.cat([fake_image, real_text])


class EmbeddingCritic(nn.Module):
    """A discriminator between the embeddings themselves: the paper's ablation DAGNN-4."""

    def __init__(self, d: int, strength: float = 1.0) -> None:
        super().__init__()
        self.of_embedding = Discriminator(d, strength)

    def forward(self, h_v: Tensor, h_t: Tensor, v: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of both origins, (n, 2) each."""
        of_image, of_text = self.of_embedding(v, t)
        return of_image, of_text


class DAGNNNetwork(nn.Module):
    """Two encoders, label classifiers that a graph network spreads over the label graph, and a critic.

    Parameters
    ----------
    image_input, text_input : nn.Module
        Make the representations h_v, h_t of the raw rows, e.g. :class:`skxmr.networks.Standardize`.
    image_encoder, text_encoder : nn.Module
        Map them into the common space.
    classifiers : nn.Module
        Called with `Q` and `A`; gives Z (c, d).
    Q : Tensor of shape (c, d_label)
        Label vectors: data, not parameters.
    A : Tensor of shape (c, c)
        The label graph: data as well.
    critic : nn.Module or None
        :class:`DualGAN`, :class:`EmbeddingCritic`, or none.
    """

    Q: Tensor
    A: Tensor

    def __init__(
        self,
        image_input: nn.Module,
        text_input: nn.Module,
        image_encoder: nn.Module,
        text_encoder: nn.Module,
        classifiers: nn.Module,
        Q: Tensor,
        A: Tensor,
        critic: nn.Module | None,
    ) -> None:
        super().__init__()
        self.image_input, self.text_input = image_input, text_input
        self.image_encoder, self.text_encoder = image_encoder, text_encoder
        self.classifiers = classifiers
        self.critic = critic
        self.register_buffer("Q", Q)
        self.register_buffer("A", A)

    def encode_image(self, x: Tensor) -> Tensor:
        """Map images (n, d_image) to (n, d)."""
        out: Tensor = self.image_encoder(self.image_input(x))
        return out

    def encode_text(self, x: Tensor) -> Tensor:
        """Map texts (n, d_text) to (n, d)."""
        out: Tensor = self.text_encoder(self.text_input(x))
        return out

    def forward(self, image: Tensor, text: Tensor) -> dict[str, Tensor]:
        """Return embeddings, classifiers and, with a critic, its logits."""
        h_v, h_t = self.image_input(image), self.text_input(text)
        v, t = self.image_encoder(h_v), self.text_encoder(h_t)
        out = {"image": v, "text": t, "classifiers": self.classifiers(self.Q, self.A)}
        if self.critic is not None:
            out["from_image"], out["from_text"] = self.critic(h_v, h_t, v, t)
        return out


class DAGNNObjective(Objective):
    """L_cla + alpha L_mdi + beta L_adv (eqs. 9-12); the reversal layer is the minus sign of eq. 12."""

    def terms(self, outputs: Mapping[str, Tensor], Y: Tensor) -> dict[str, Tensor]:
        """Return the terms that have a weight."""
        wanted: dict[str, Any] = {"classification": _classification, "invariance": _invariance, "adversary": _adversary}
        return {name: term(outputs, Y) for name, term in wanted.items() if name in self.weights}


def _classification(outputs: Mapping[str, Tensor], Y: Tensor) -> Tensor:
    scores = (losses.cosine(outputs[name], outputs["classifiers"]) for name in ("image", "text"))
    return torch.stack([losses.classification(score, Y) for score in scores]).sum()


def _invariance(outputs: Mapping[str, Tensor], Y: Tensor) -> Tensor:
    v, t = outputs["image"], outputs["text"]
    similarities = (losses.cosine(a, b) for a, b in ((v, t), (v, v), (t, t)))
    return torch.stack([losses.pairwise_likelihood(S, Y) for S in similarities]).sum()


def _adversary(outputs: Mapping[str, Tensor], Y: Tensor) -> Tensor:
    # Means over n rows each: a dual GAN judges 2n rows of each origin, two terms of eq. 11.
    times = len(outputs["from_image"]) / len(Y)
    return times * (losses.origin(outputs["from_image"], False) + losses.origin(outputs["from_text"], True))


def _decoder(d: int, hidden: int, d_out: int, activation: nn.Module, positive: bool) -> nn.Sequential:
    layers = [nn.Linear(d, hidden), activation, nn.Linear(hidden, d_out)]
    return nn.Sequential(*layers, nn.ReLU()) if positive else nn.Sequential(*layers)
