"""Vocabulary: the words and tags of the fitting rows, as numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

import numpy as np

from skxmr._data.kinds import AnyArray, IndexArray, IntArray
from skxmr._data.sentences import Sentences

# Nouns, and attributes: adjectives and quantifiers.
ANCHORS = frozenset({"NOUN", "PROPN", "ADJ", "NUM"})
# How the names of the same tags begin in the Penn treebank.
_PENN = ("NN", "JJ", "CD")


def is_anchor(tag: str) -> bool:
    """Tell whether words with a tag, universal or of the Penn treebank, are connected with regions."""
    return tag.upper() in ANCHORS or tag.upper().startswith(_PENN)


class Vocabulary:
    """Numbers of words and tags, from 1; 0 stands for all that were not seen in fit, or too rarely.

    Parameters
    ----------
    sentences : Sentences
        The fitting rows.
    min_count : int
        A word that occurs less often is not known.
    uses : collection of str
        Which of ``"tags"`` and ``"heads"`` the network looks at, where there are any.

    Attributes
    ----------
    words, tags : dict of str to int
        The number of each word and of each tag; empty where there are none, or where the network does not use them.
    parsed : bool
        Whether the network uses heads.
    """

    def __init__(self, sentences: Sentences, min_count: int, uses: Collection[str]) -> None:
        packed, rows = sentences.packed()
        places = places_of(packed.offsets, rows)
        self.words: dict[str, int] = {}
        self.tags: dict[str, int] = {}
        if packed.words is not None and not sentences.width:
            self.words = _numbered(packed.words[places], min_count)
        if packed.tags is not None and "tags" in uses:
            self.tags = _numbered(packed.tags[places], 1)
        self.parsed = sentences.parsed and "heads" in uses

    def word_ids(self, words: AnyArray) -> IntArray:
        """Return the number of each word."""
        return _looked_up(self.words, words)

    def tag_ids(self, tags: AnyArray) -> IntArray:
        """Return the number of each tag."""
        return _looked_up(self.tags, tags)


def _numbered(values: Iterable[str], min_count: int) -> dict[str, int]:
    """Give numbers to the values that occur often enough, the most frequent first."""
    counts = Counter(values)
    known = [value for value, count in counts.items() if count >= min_count]
    known.sort(key=lambda value: (-counts[value], value))
    return {value: number for number, value in enumerate(known, start=1)}


def _looked_up(numbers: dict[str, int], values: AnyArray) -> IntArray:
    return np.fromiter((numbers.get(value, 0) for value in values), np.int64, len(values))


def places_of(offsets: IntArray, rows: IndexArray) -> IntArray:
    """Return the places of all words of some sentences in the packed words, sentence after sentence."""
    if len(rows) == 0:
        return np.arange(0)
    lengths = np.diff(offsets)[rows]
    # Where the words of each sentence begin among the places that are returned.
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    return np.arange(lengths.sum()) + np.repeat(offsets[rows] - starts, lengths)
