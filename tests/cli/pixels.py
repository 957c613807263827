"""A quick image step that needs no network, and an encoder of sentences, as code of somebody else."""

import numpy as np
from PIL import Image
from sklearn.base import BaseEstimator, TransformerMixin


class Pixels(TransformerMixin, BaseEstimator):
    """The colours of a thumbnail."""

    def __init__(self, size=6):
        self.size = size

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        rows = [np.asarray(Image.open(path).convert("RGB").resize((self.size, self.size))).ravel() for path in X]
        return np.stack(rows) / 255


class Letters:
    """How often letters occur in texts, in place of an encoder of sentences."""

    def __init__(self, letters):
        self.letters = letters

    def encode(self, texts):
        return np.array([[text.count(letter) for letter in self.letters] for text in texts], dtype=float)


def letters(letters="abdeginorstu"):
    if not letters:
        raise LookupError("no letters")
    return Letters(letters)
