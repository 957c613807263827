"""The smallest deep method: two linear encoders with dropout, classified by free label vectors."""

import math
from dataclasses import field

import torch
from torch import nn

from skxmr.base import interrupts
from skxmr.deep.base import DeepRetriever
from skxmr.deep.loop import Learner
from skxmr.nn import losses
from skxmr.nn.networks import Dropout
from skxmr.nn.objective import Objective
from skxmr.nn.retrieval_network import RetrievalNetwork


class ToyNetwork(RetrievalNetwork):
    def __init__(self, d_image, d_text, d, c, dropout):
        super().__init__()
        self.image = nn.Sequential(Dropout(dropout), nn.Linear(d_image, d))
        self.text = nn.Sequential(Dropout(dropout), nn.Linear(d_text, d))
        self.classifiers = nn.Parameter(torch.randn(c, d))

    def encode_image(self, x):
        return self.image(x)

    def encode_text(self, x):
        return self.text(x)

    def forward(self, image, text):
        return {"image": self.image(image), "text": self.text(text), "classifiers": self.classifiers}


class ToyObjective(Objective):
    def terms(self, outputs, batch):
        scores = [losses.cosine(outputs[name], outputs["classifiers"]) for name in ("image", "text")]
        cosines = losses.cosine(outputs["image"], outputs["text"])
        return {
            "classification": sum(losses.classification(score, batch.labels) for score in scores),
            "likelihood": losses.pairwise_likelihood([cosines], batch.labels),
        }


class Toy(DeepRetriever):
    _requires_labels = True
    n_components: int = field(default=6, kw_only=False)
    lr: float = 0.01
    batch_size: int = 32
    max_epochs: int = 4
    dropout: float = 0.2
    # The network has no use for these two.
    input_dropout: float = field(default=0.0, init=False)
    standardize: bool | str = field(default=False, init=False)
    device: str = "cpu"
    random_state: int | None = 0
    validation_fraction: float = 0.2

    def _build(self, split):
        widths = split.pairs.image.shape[1], split.pairs.text.shape[1]
        network = ToyNetwork(*widths, self.n_components, split.labels.matrix.shape[1], self.dropout)
        return Learner(network, ToyObjective({"classification": 1.0, "likelihood": 0.2}))


def forget_interrupts():
    """Let the next interrupt be the first one, as it is a minute later."""
    interrupts._last_interrupt.set(-math.inf)
