"""Handwritten digits with captions: real images without a download."""

from __future__ import annotations

import numpy as np
from sklearn.utils import Bunch, check_random_state

from skxmr._data.kinds import AnyArray, BoolArray, Float64Array, IntArray, Seed
from skxmr._data.option_checks import check_choice, flags_checked
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


@flags_checked
def load_captioned_digits(
    subset: str = "train", *, random_state: Seed = 0, return_X_y: bool = False
) -> Bunch | tuple[Pairs, IntArray]:
    """Load scikit-learn's handwritten digits with generated captions and correlated labels.

    The 16 labels are the digit's name, facts about that digit (even, prime, has a closed loop, made of straight lines)
    and whether it is written bolder or thinner than most digits of its kind, measured on the pixels. The caption names
    about half of an image's labels in varying words, so that retrieval is neither trivial nor impossible.

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
    from sklearn.datasets import load_digits

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


def ink_extremes(pixels: Float64Array, digits: IntArray) -> tuple[BoolArray, BoolArray]:
    """Return which images are among the fifth of their digit with most ink, and which with least."""
    ink = pixels.mean(axis=1)
    heavy = np.array([np.quantile(ink[digits == digit], 0.8) for digit in range(10)])
    light = np.array([np.quantile(ink[digits == digit], 0.2) for digit in range(10)])
    return ink > heavy[digits], ink < light[digits]


def _labels(pixels: Float64Array, digits: IntArray) -> IntArray:
    facts = [np.isin(digits, list(members)) for members in FACTS.values()]
    return np.column_stack([digits[:, None] == np.arange(10), *facts, *ink_extremes(pixels, digits)]).astype(np.int64)


def _caption(row: IntArray, names: AnyArray, rng: np.random.RandomState) -> str:
    true = [str(name) for name in names[row == 1]]
    mentioned = [name for name in true if rng.uniform() < 0.5] or true[:1]
    phrases = [name if name in NAMES else str(rng.choice(WORDS[name])) for name in rng.permutation(mentioned)]
    opening = str(rng.choice(["a digit", "a handwritten digit", "the number", "somebody wrote a digit", "this is"]))
    return f"{opening}: {', '.join(phrases)}"
