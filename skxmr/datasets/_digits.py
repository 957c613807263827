"""Handwritten digits with captions: real images that can be looked at, without a download."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.utils import Bunch, check_random_state

from skxmr._data.option_checks import check_choice
from skxmr._data.pairs import Pairs

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
FACTS = {"even": {0, 2, 4, 6, 8}, "prime": {2, 3, 5, 7}, "loop": {0, 6, 8, 9}, "straight": {1, 4, 7}}
WORDS = {
    "even": ("even", "splits into halves", "not odd"),
    "prime": ("a prime", "prime", "without divisors"),
    "loop": ("with a closed loop", "round", "with a hole"),
    "straight": ("made of straight lines", "angular", "with sharp corners"),
    "bold": ("in thick ink", "bold", "with heavy strokes"),
    "thin": ("in thin ink", "faint", "with light strokes"),
}
SUBSETS = ("train", "test", "all")


def load_captioned_digits(
    subset: str = "train", *, random_state: Any = 0, return_X_y: bool = False
) -> Bunch | tuple[Pairs, NDArray[np.int64]]:
    """Load scikit-learn's handwritten digits with generated captions and correlated labels.

    The 16 labels are the digit's name, facts about that digit (even, prime, has a closed loop, made of straight lines)
    and whether it is written bolder or thinner than most of its kind, measured on the pixels. The caption tells about
    half of an image's labels in varying words, so that retrieval is neither trivial nor hopeless.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The first 1,347 images, the last 450, or all.
    random_state : int, RandomState or None, default=0
        Seed of the captions' wording.
    return_X_y : bool, default=False
        Return ``(pairs, labels)`` instead of a Bunch.

    Returns
    -------
    Bunch or tuple
        ``pairs`` (image (n, 64) float64 in [0, 16], text (n,) captions), ``labels`` (n, 16) multi-hot int64,
        ``label_names`` (16,), ``images`` (n, 8, 8), ``digits`` (n,) and ``DESCR``.

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
    heavy, light = (np.array([np.quantile(ink[digits == d], q) for d in range(10)])[digits] for q in (0.8, 0.2))
    facts = [np.isin(digits, list(members)) for members in FACTS.values()]
    return np.column_stack([digits[:, None] == np.arange(10), *facts, ink > heavy, ink < light]).astype(np.int64)


def _caption(row: NDArray[np.int64], names: NDArray[Any], rng: np.random.RandomState) -> str:
    on = [str(name) for name in names[row == 1]]
    said = [name for name in on if rng.uniform() < 0.5] or on[:1]
    phrases = [name if name in NAMES else str(rng.choice(WORDS[name])) for name in rng.permutation(said)]
    opening = str(rng.choice(["a digit", "a handwritten digit", "the number", "somebody wrote a digit", "this is"]))
    return f"{opening}: {', '.join(phrases)}"
