"""Code of somebody else: a transformer, a network, an encoder of sentences, and what makes them."""

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from torch import nn

from skxmr import DSCMR
from skxmr.deep import Learner


class Halve(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.asarray(X) / 2


class Net(nn.Module):
    """A network whose code is not torch's own."""

    def __init__(self, width):
        super().__init__()
        self.layer = nn.Conv2d(3, width, 3)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x):
        return self.norm(self.layer(x)).mean((2, 3))


def make_net(width=4):
    return Net(width)


def make_other_net(width=4):
    return nn.Linear(width, width)


class Words:
    """An encoder of sentences that is no module."""

    def __init__(self, width):
        self.width = width

    def encode(self, texts):
        return np.asarray([[len(text)] * self.width for text in texts])


class Scaled(nn.Module):
    """A layer with a setting that is no number."""

    def __init__(self, inner, sizes):
        super().__init__()
        self.inner = inner
        self.sizes = sizes
        self.register_buffer("two", torch.tensor(2.0), persistent=False)

    def forward(self, x):
        return self.inner(x) * self.two


class OwnMethod(DSCMR):
    """A method whose network has layers of its own."""

    def _build(self, split):
        learner = super()._build(split)
        learner.network.image_encoder = Scaled(learner.network.image_encoder, (1, (2, "a")))
        return Learner(learner.network, learner.objective, *learner[2:])
