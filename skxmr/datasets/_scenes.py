"""Scenes of several handwritten digits with sentences about them: fine-grained retrieval without a download."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.utils import Bunch, check_random_state

from skxmr._data.kinds import Float64Array, IndexArray, IntArray, Seed
from skxmr._data.option_checks import check_choice, check_k, flags_checked
from skxmr.datasets._digits import NAMES, SUBSETS, ink_extremes

# A canvas has _CELLS x _CELLS cells of _CELL x _CELL pixels. Each holds at most one digit of _SIDE x _SIDE pixels.
_CELL = 12
_CELLS = 3
_SIDE = 8
# Centres of digits in neighbouring columns or rows of cells are at least this many pixels apart.
_APART = _SIDE
# Wordings of relations, every word with its part of speech.
_RELATIONS = {
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


@flags_checked
def make_captioned_scenes(
    n_scenes: int = 200,
    *,
    subset: str = "train",
    min_digits: int = 2,
    max_digits: int = 4,
    n_sentences: int = 5,
    twins: bool = False,
    random_state: Seed = None,
) -> Bunch:
    """Put handwritten digits on canvases and describe what stands where.

    The digits are scikit-learn's real 8 x 8 images. A sentence names all digits of its scene in some order and says
    where each lies as seen from the next, as in "a thick three left of a seven above a two". Of digits that are written
    unusually thick or thin, most are called so. Tags and dependencies are exact, because the sentences are generated.

    Parameters
    ----------
    n_scenes : int, default=200
        Number of scenes.
    subset : {"train", "test", "all"}, default="train"
        Which digits are used: the first 1,347 images, the last 450, or all. No test scene shows an image of a train
        scene.
    min_digits : int, default=2
        Smallest number of digits in a scene.
    max_digits : int, default=4
        Largest number of digits in a scene, at most 9.
    n_sentences : int, default=5
        Number of sentences about each scene.
    twins : bool, default=False
        Scenes 2 i and 2 i + 1 show the same images of different digits in mirrored places. Sentences about one are
        false for the other, and only relations tell them apart.
    random_state : int, RandomState or None, default=None
        Seed.

    Returns
    -------
    Bunch
        ``images`` (n, 36, 36) float64 in [0, 16]; ``regions`` (n, max_digits, 64), the digits, with ``boxes``
        (n, max_digits, 4), left, top, right and bottom in [0, 1], and ``mask`` (n, max_digits), True where a digit
        exists; ``sentences`` (n * n_sentences,) strings, their ``tokens``, ``tags`` (universal part-of-speech) and
        ``heads`` (index of the token that each depends on, -1 for none), and ``image_index`` (n * n_sentences,), the
        scene of each; ``digits`` (n, max_digits), -1 for none; ``labels`` (n, 10) multi-hot; ``twin`` (n,), the index
        of a scene's twin, -1 for none; ``DESCR``.

    Raises
    ------
    ValueError
        If a number is out of range, the subset is unknown, or twins are requested for an odd number of scenes.

    Examples
    --------
    >>> from skxmr.datasets import make_captioned_scenes
    >>> scenes = make_captioned_scenes(10, random_state=0)
    >>> scenes.regions.shape, scenes.image_index[:7].tolist()
    ((10, 4, 64), [0, 0, 0, 0, 0, 1, 1])
    >>> scenes.sentences[0]
    'a two under a three'
    """
    _check(n_scenes, min_digits, max_digits, n_sentences, twins)
    check_choice(subset, "subset", SUBSETS)
    rng = check_random_state(random_state)
    from sklearn.datasets import load_digits

    source = load_digits()
    rows = {"train": range(1347), "test": range(1347, 1797), "all": range(1797)}[subset]
    heavy, light = ink_extremes(source.data, source.target)
    attributes = np.where(heavy, "thick", np.where(light, "thin", "")).tolist()
    shown, cells = _arranged(n_scenes, (min_digits, max_digits), rows, source.target, twins, rng)
    corners = _CELL * np.stack([cells % _CELLS, cells // _CELLS], axis=2)
    # x and y of the upper left corners, (n, max_digits, 2).
    corners += rng.randint(_CELL - _SIDE + 1, size=corners.shape)
    mask = shown >= 0
    sentences = []
    for images, places, exists in zip(shown, corners, mask, strict=True):
        own = images[exists]
        scene = Scene(source.target[own], [attributes[i] for i in own], places[exists] + _SIDE / 2)
        sentences += [_sentence(scene, rng) for _ in range(n_sentences)]
    boxes = np.concatenate([corners, corners + _SIDE], axis=2) / (_CELL * _CELLS)
    digits = np.where(mask, source.target[shown], -1)
    twin = np.arange(n_scenes) ^ 1 if twins else np.full(n_scenes, -1)
    return Bunch(
        images=_canvases(source.images, shown, corners),
        regions=np.where(mask[:, :, None], source.data[shown], 0.0),
        boxes=np.where(mask[:, :, None], boxes, 0.0),
        mask=mask,
        sentences=np.array([" ".join(s.tokens) for s in sentences], dtype=object),
        tokens=[s.tokens for s in sentences],
        tags=[s.tags for s in sentences],
        heads=[s.heads for s in sentences],
        image_index=np.repeat(np.arange(n_scenes), n_sentences),
        digits=digits,
        labels=(digits[:, :, None] == np.arange(10)).any(axis=1).astype(np.int64),
        twin=twin,
        DESCR="Digits of the UCI optical recognition set on canvases, with generated sentences about their places.",
    )


def _check(n_scenes: int, min_digits: int, max_digits: int, n_sentences: int, twins: bool) -> None:
    numbers = {"n_scenes": n_scenes, "n_sentences": n_sentences, "min_digits": min_digits, "max_digits": max_digits}
    for name, value in numbers.items():
        check_k(value, optional=False, name=name)
    if not 1 <= min_digits <= max_digits <= _CELLS**2:
        needed = f"1 <= min_digits <= max_digits <= {_CELLS**2} is needed"
        raise ValueError(f"min_digits={min_digits} and max_digits={max_digits}, but {needed}.")
    if twins and (n_scenes % 2 or min_digits < 2):
        got = f"n_scenes={n_scenes}, min_digits={min_digits}"
        raise ValueError(f"twins=True needs an even number of scenes with two digits or more; got {got}.")


def _arranged(
    n: int, bounds: tuple[int, int], rows: range, digits: IntArray, twins: bool, rng: np.random.RandomState
) -> tuple[IndexArray, IntArray]:
    """Return which images scenes show, -1 for none, and in which cells, both (n, max_digits)."""
    shown = np.full((n, bounds[1]), -1)
    cells = np.zeros((n, bounds[1]), np.int64)
    for i in range(n):
        if twins and i % 2:
            # Mirrored places reverse every relation.
            shown[i] = shown[i - 1]
            cells[i] = _CELLS**2 - 1 - cells[i - 1]
            continue
        m = rng.randint(bounds[0], bounds[1] + 1)
        shown[i, :m] = _drawn(rows, digits, m, twins, rng)
        cells[i, :m] = rng.choice(_CELLS**2, m, replace=False)
    return shown, cells


def _drawn(rows: range, digits: IntArray, m: int, different: bool, rng: np.random.RandomState) -> IntArray:
    """Return m images, of different digits if requested."""
    if not different:
        return np.asarray(rng.choice(rows, m, replace=False))
    chosen = rng.choice(10, m, replace=False)
    return np.array([rng.choice(np.flatnonzero(digits[rows] == digit)) + rows.start for digit in chosen])


def _canvases(images: Float64Array, shown: IndexArray, corners: IntArray) -> Float64Array:
    out = np.zeros((len(shown), _CELL * _CELLS, _CELL * _CELLS))
    for i, j in np.argwhere(shown >= 0):
        x, y = corners[i, j]
        out[i, y : y + _SIDE, x : x + _SIDE] = images[shown[i, j]]
    return out


def _sentence(scene: Scene, rng: np.random.RandomState) -> Sentence:
    """Name all digits in random order and say where each lies as seen from the next; mention most attributes."""
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
            for word in _relation(scene.centres[i], scene.centres[order[place + 1]], rng).split():
                token, tag = word.split("/")
                head = say(token, tag, head)
    return Sentence(tokens, tags, heads)


def _relation(a: Float64Array, b: Float64Array, rng: np.random.RandomState) -> str:
    """Say where a lies as seen from b, on an axis on which their centres are far enough apart; y points down."""
    dx, dy = a - b
    true = []
    if abs(dx) >= _APART:
        true.append("left" if dx < 0 else "right")
    if abs(dy) >= _APART:
        true.append("above" if dy < 0 else "below")
    wordings = _RELATIONS[true[rng.randint(len(true))]]
    return wordings[rng.randint(len(wordings))]
