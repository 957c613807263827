"""Handwritten digits with captions: real images that can be looked at, without a download."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.utils import Bunch, check_random_state

from skxmr._validation import check_choice
from skxmr.pairs import Pairs

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
FACTS = {
    "even": {0, 2, 4, 6, 8},
    "odd": {1, 3, 5, 7, 9},
    "prime": {2, 3, 5, 7},
    "square": {0, 1, 4, 9},
    "loop": {0, 6, 8, 9},
    "straight": {1, 4, 7},
    "small": {0, 1, 2, 3, 4},
    "large": {5, 6, 7, 8, 9},
}
WORDS = {
    "even": ("even", "divisible by two", "not odd"),
    "odd": ("odd", "not divisible by two", "uneven"),
    "prime": ("a prime", "prime", "without divisors"),
    "square": ("a square number", "a perfect square", "square"),
    "loop": ("with a closed loop", "round", "with a hole"),
    "straight": ("made of straight lines", "angular", "with sharp corners"),
    "small": ("below five", "small", "a low digit"),
    "large": ("above four", "large", "a high digit"),
    "bold": ("in thick ink", "bold", "with heavy strokes"),
    "thin": ("in thin ink", "faint", "with light strokes"),
}
SUBSETS = ("train", "test", "all")


def load_captioned_digits(
    subset: str = "train", *, random_state: Any = 0, return_X_y: bool = False
) -> Bunch | tuple[Pairs, NDArray[np.int64]]:
    """Load scikit-learn's handwritten digits with generated captions and correlated labels.

    Every image gets 20 labels at most: its digit's name, facts about that digit (even, prime, has a loop, ...) and how
    bold it is written, measured on the pixels. The caption names about half of the labels in varying words, never all
    of them, so that retrieval is neither trivial nor hopeless.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The first 1,347 images, the last 450 (other writers), or all.
    random_state : int, RandomState or None, default=0
        Seed of the captions' wording.
    return_X_y : bool, default=False
        Return ``(pairs, labels)`` instead of a Bunch.

    Returns
    -------
    Bunch or tuple
        ``pairs`` (image (n, 64) float64 in [0, 16], text (n,) captions), ``labels`` (n, 20) multi-hot int64,
        ``label_names`` (20,), ``images`` (n, 8, 8), ``digits`` (n,) and ``DESCR``.

    Raises
    ------
    ValueError
        If the subset is unknown.

    Examples
    --------
    >>> from skxmr.datasets import load_captioned_digits
    >>> digits = load_captioned_digits("test")
    >>> digits.pairs
    Pairs(image=(450, 64) float64, text=(450,) object)
    """
    check_choice(subset, "subset", SUBSETS)
    source = load_digits()
    label_names = np.array([*NAMES, *WORDS])
    labels = _labels(source.data, source.target)
    rng = check_random_state(random_state)
    captions = np.array([_caption(row, label_names, rng) for row in labels], dtype=object)
    rows = {"train": slice(0, 1347), "test": slice(1347, None), "all": slice(None)}[subset]
    pairs = Pairs(source.data, captions)[rows]
    if return_X_y:
        return pairs, labels[rows]
    return Bunch(
        pairs=pairs,
        labels=labels[rows],
        label_names=label_names,
        images=source.images[rows],
        digits=source.target[rows],
        DESCR="UCI optical recognition of handwritten digits (1,797 8x8 images) with generated captions and labels.",
    )


def _labels(pixels: NDArray[np.float64], digits: NDArray[np.int64]) -> NDArray[np.int64]:
    ink = pixels.mean(axis=1)
    typical = np.array([np.median(ink[digits == d]) for d in range(10)])[digits]
    bold = ink > typical
    facts = [np.isin(digits, list(members)) for members in FACTS.values()]
    return np.column_stack([digits[:, None] == np.arange(10), *facts, bold, ~bold]).astype(np.int64)


def _caption(row: NDArray[np.int64], names: NDArray[Any], rng: np.random.RandomState) -> str:
    on = [str(name) for name in names[row == 1]]
    said = [name for name in on if rng.uniform() < 0.5] or on[:1]
    phrases = [name if name in NAMES else str(rng.choice(WORDS[name])) for name in rng.permutation(said)]
    opening = str(rng.choice(["a digit", "a handwritten digit", "the number", "somebody wrote a digit", "this is"]))
    return f"{opening}: {', '.join(phrases)}"
