"""Small pictures and texts that show their labels, and encoders for them that could be anybody's."""

import numpy as np
import torch
from torch import nn

from skxmr.features import PadToSquare

WORDS = ("red", "green", "blue", "the")


class Bag(nn.Module):
    """The mean of the vectors of words; 0 fills up."""

    def __init__(self, d=5):
        super().__init__()
        self.vectors = nn.EmbeddingBag(len(WORDS) + 1, d, mode="mean", padding_idx=0)

    def transform(self, text):
        return torch.tensor([1 + WORDS.index(word) for word in text.split()])

    def forward(self, tokens):
        return self.vectors(tokens)


def picture_network(norm=True):
    """Two layers."""
    layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4) if norm else nn.Identity(), nn.ReLU()]
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten())
    network.transform = PadToSquare(8)
    return network


def encoders(norm=True):
    torch.manual_seed(0)
    return {"image_encoder": picture_network(norm), "text_encoder": Bag()}


def drawn(n=60, seed=0):
    """Return pictures of different sizes, texts of different lengths, and labels (n, 3)."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((n, 3)) < 0.4).astype(int)
    # The second label implies the first, so that there is a label graph.
    labels[(labels.sum(axis=1) == 0) | (labels[:, 1] == 1), 0] = 1
    pictures = []
    texts = []
    for i in range(n):
        noise = rng.integers(0, 150, (8 + i % 3, 8 + i % 2, 3))
        pictures.append((noise + 100 * labels[i]).astype(np.uint8))
        texts.append(" ".join(["the"] * (i % 3 + 1) + [WORDS[j] for j in np.flatnonzero(labels[i])]))
    return pictures, texts, labels
