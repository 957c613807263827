"""Vocabulary: the words and tags of the fitting rows, as numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

import numpy as np

from skxmr._data.kinds import AnyArray, IndexArray, IntArray
from skxmr._data.sentences import Sentences

# Universal tags of nouns, and of attributes: adjectives and quantifiers.
_NOUNS = frozenset({"NOUN", "PROPN"})
_ATTRIBUTES = frozenset({"ADJ", "NUM"})
# How the names of the same tags begin in the Penn treebank.
_PENN_NOUNS = ("NN",)
_PENN_ATTRIBUTES = ("JJ", "CD")
# Which words can be connected with regions.
CROSS_WORDS = ("nouns", "nouns_and_attributes", "all")


def is_anchor(tag: str, choice: str = "nouns_and_attributes") -> bool:
    """Tell whether words with a tag, universal or of the Penn treebank, are among a choice of `CROSS_WORDS`."""
    tag = tag.upper()
    is_noun = tag in _NOUNS or tag.startswith(_PENN_NOUNS)
    is_attribute = tag in _ATTRIBUTES or tag.startswith(_PENN_ATTRIBUTES)
    return choice == "all" or is_noun or (choice == "nouns_and_attributes" and is_attribute)


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
    cross_words : {"nouns", "nouns_and_attributes", "all"}, default="nouns_and_attributes"
        Which words are connected with regions, where there are tags.

    Attributes
    ----------
    words, tags : dict of str to int
        The number of each word and of each tag; empty where there are none, or where the network does not use them.
    parsed : bool
        Whether the network uses heads.
    """

    # Networks that were pickled before there was a choice have no value of their own.
    cross_words: str = "nouns_and_attributes"

    def __init__(
        self, sentences: Sentences, min_count: int, uses: Collection[str], cross_words: str = "nouns_and_attributes"
    ) -> None:
        self.cross_words = cross_words
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
