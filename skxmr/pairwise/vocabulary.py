"""Vocabulary: the words and tags of the fitting rows, as numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxmr._data.sentences import Sentences

ANCHORS = frozenset({"NOUN", "PROPN", "ADJ", "NUM"})  # nouns, and attributes: adjectives or quantifiers
_PENN = ("NN", "JJ", "CD")  # how the names of the same begin in the Penn treebank


def is_anchor(tag: str) -> bool:
    """Tell whether words of a tag, universal or of the Penn treebank, touch regions: nouns and attributes."""
    return tag.upper() in ANCHORS or tag.upper().startswith(_PENN)


class Vocabulary:
    """Numbers of words and tags, from 1; 0 stands for all that were not seen in fit, or too rarely.

    Parameters
    ----------
    sentences : Sentences
        The fitting rows.
    min_count : int
        A word that comes less often is not known.
    uses : collection of str
        Which of ``"tags"`` and ``"heads"`` the network looks at, where there are any.
    """

    def __init__(self, sentences: Sentences, min_count: int, uses: Collection[str]) -> None:
        packed, rows = sentences.packed()
        places = places_of(packed.offsets, rows)
        self.words = {} if packed.words is None or sentences.width else _numbered(packed.words[places], min_count)
        self.tags = {} if packed.tags is None or "tags" not in uses else _numbered(packed.tags[places], 1)
        self.parsed = sentences.parsed and "heads" in uses

    def word_ids(self, words: NDArray[Any]) -> NDArray[np.int64]:
        """Return the number of each word."""
        return _looked_up(self.words, words)

    def tag_ids(self, tags: NDArray[Any]) -> NDArray[np.int64]:
        """Return the number of each tag."""
        return _looked_up(self.tags, tags)


def _numbered(values: Iterable[str], min_count: int) -> dict[str, int]:
    counts = Counter(values)
    kept = sorted((value for value, count in counts.items() if count >= min_count), key=lambda v: (-counts[v], v))
    return {value: i for i, value in enumerate(kept, start=1)}


def _looked_up(numbers: dict[str, int], values: NDArray[Any]) -> NDArray[np.int64]:
    return np.fromiter((numbers.get(value, 0) for value in values), np.int64, len(values))


def places_of(offsets: NDArray[np.int64], rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return where the words of some sentences stand."""
    lengths = np.diff(offsets)[rows]
    starts = np.repeat(offsets[rows] - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths) if len(rows) else 0
    return np.arange(lengths.sum()) + starts
