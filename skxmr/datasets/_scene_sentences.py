"""Sentences about digits on a canvas: which they are, how they are written, and how they are arranged."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skxmr._data.kinds import Float64Array, IntArray
from skxmr.datasets._digits import NAMES

RELATIONS = {
    "left": ("left/ADV of/ADP", "to/ADP the/DET left/NOUN of/ADP"),
    "right": ("right/ADV of/ADP", "to/ADP the/DET right/NOUN of/ADP"),
    "above": ("above/ADP", "over/ADP", "on/ADP top/NOUN of/ADP"),
    "below": ("below/ADP", "under/ADP", "underneath/ADP"),
}


class Sentence(NamedTuple):
    """A sentence: tokens, universal part-of-speech tags, and for each token the one it depends on (-1: none)."""

    tokens: list[str]
    tags: list[str]
    heads: list[int]


class Scene(NamedTuple):
    """Digits of a canvas: their classes (m,), "thick", "thin" or "" (m,), and their centres (m, 2) as (x, y)."""

    digits: IntArray
    attributes: list[str]
    centres: Float64Array


def sentence(scene: Scene, apart: float, rng: np.random.RandomState) -> Sentence:
    """Name all digits in random order, each with where it lies as seen from the next; most attributes are mentioned."""
    order = rng.permutation(len(scene.digits))
    tokens: list[str] = []
    tags: list[str] = []
    heads: list[int] = []

    def say(word: str, tag: str, head: int) -> int:
        tokens.append(word)
        tags.append(tag)
        heads.append(head)
        return len(tokens) - 1

    head = -1
    for place, i in enumerate(order.tolist()):
        attribute = scene.attributes[i] if rng.uniform() < 0.7 else ""
        noun = len(tokens) + 1 + bool(attribute)
        say("an" if not attribute and scene.digits[i] == 8 else "a", "DET", noun)
        if attribute:
            say(attribute, "ADJ", noun)
        say(NAMES[scene.digits[i]], "NOUN", head)
        if place + 1 < len(order):
            head = noun
            for word in _relation(scene.centres[i], scene.centres[order[place + 1]], apart, rng).split():
                token, tag = word.split("/")
                head = say(token, tag, head)
    return Sentence(tokens, tags, heads)


def _relation(a: Float64Array, b: Float64Array, apart: float, rng: np.random.RandomState) -> str:
    """Say where a lies as seen from b, on an axis on which their centres are far enough apart; y points down."""
    dx, dy = a - b
    true = []
    if abs(dx) >= apart:
        true.append("left" if dx < 0 else "right")
    if abs(dy) >= apart:
        true.append("above" if dy < 0 else "below")
    wordings = RELATIONS[true[rng.randint(len(true))]]
    return wordings[rng.randint(len(wordings))]
