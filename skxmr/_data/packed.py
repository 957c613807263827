"""The words of all sentences in one array: how they are read, checked and packed."""

from __future__ import annotations

import operator
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from skxmr._data.kinds import AnyArray, IndexArray, IntArray
from skxmr._data.tensors import asarray


@cache
def _word_pattern() -> re.Pattern[str]:
    """Return the pattern of a word. It is made when the first text comes, because it looks at 64,000 characters."""
    # Accents, vowel signs of Hindi and joiners of Persian are separate characters that belong to the letter before.
    marks = "\u200c\u200d"
    for code in range(0x300, 0x10000):
        if unicodedata.category(chr(code)).startswith("M"):
            marks += chr(code)
    letters = rf"\w[\w{marks}]*"
    return re.compile(rf"{letters}(?:['\u2019-]{letters})*")


class Packed(NamedTuple):
    """Words of all sentences, one after the other; sentence i has those from ``offsets[i]`` to ``offsets[i + 1]``."""

    offsets: IntArray
    words: AnyArray | None
    tags: AnyArray | None
    heads: IntArray | None
    vectors: AnyArray | None


def gathered(packed: Packed, rows: IndexArray) -> Packed:
    """Return a copy of some of the sentences."""
    lengths = np.diff(packed.offsets)[rows]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    words = np.arange(offsets[-1]) + np.repeat(packed.offsets[rows] - offsets[:-1], lengths)
    return Packed(offsets, *(None if column is None else column[words] for column in packed[1:]))


def tokens(texts: Iterable[str | Sequence[str]]) -> list[list[str]]:
    """Return the words of each text."""
    if isinstance(texts, (str, bytes, Set, Mapping)) or not hasattr(texts, "__iter__") or hasattr(texts, "columns"):
        one = isinstance(texts, str)
        way = "put one text into a list, [text]" if one else "pass a list, an array or one column of strings"
        raise TypeError(f"texts is a {type(texts).__name__}; {way}.")
    return [words_of(text, i) for i, text in enumerate(texts)]


def words_of(text: object, i: int = 0) -> list[str]:
    """Return the words of text i, a string or a list of words: an analyzer for scikit-learn's vectorizers."""
    if isinstance(text, str):
        return _word_pattern().findall(unicodedata.normalize("NFC", text.lower()))
    if isinstance(text, (list, tuple, np.ndarray)) and all(isinstance(word, str) for word in text):
        return [str(word) for word in text]
    raise TypeError(f"text {i} is a {type(text).__name__}; a string or a list of words is wanted.")


def check_lengths(rows: Sequence[object] | None, name: str, lengths: IntArray) -> None:
    """Refuse what does not have one entry per word."""
    if rows is None:
        return
    if len(rows) != len(lengths):
        raise ValueError(f"{name} has {len(rows)} rows, but there are {len(lengths)} texts; one per text is wanted.")
    for i, (row, length) in enumerate(zip(rows, lengths.tolist(), strict=True)):
        if isinstance(row, str) or not hasattr(row, "__len__"):
            raise TypeError(f"{name} of text {i} is a {type(row).__name__}; a list with one entry per word is wanted.")
        if len(row) != length:
            raise ValueError(f"{name} of text {i} has {len(row)} entries for {length} words; one per word is wanted.")


def flat(rows: Sequence[Sequence[str]]) -> AnyArray:
    """Return the strings of all rows, one after the other."""
    return np.array([str(value) for row in rows for value in row], dtype=object)


def flat_heads(rows: Sequence[Sequence[int]], lengths: IntArray) -> IntArray:
    """Return the heads of all words, after checking that each names a word of its own sentence or none."""
    try:
        heads = np.array([operator.index(head) for row in rows for head in row], dtype=np.int64)
    except TypeError as error:
        raise TypeError(f"heads are indices of words, integers with -1 for none: {error}.") from error
    wrong = (heads < -1) | (heads >= np.repeat(lengths, lengths))
    if wrong.any():
        word = int(np.argmax(wrong))
        i = int(np.searchsorted(np.cumsum(lengths), word, side="right"))
        raise ValueError(
            f"heads of text {i} name word {heads[word]}, but it has words 0 to {lengths[i] - 1}; -1 stands for none, "
            "and every sentence counts from 0."
        )
    return heads


def rows_of_vectors(vectors: Iterable[ArrayLike]) -> list[AnyArray]:
    """Return the vectors of each text as an array (words, d)."""
    rows = [asarray(row, "vectors") for row in vectors]
    for i, row in enumerate(rows):
        if row.ndim != 2 or row.shape[1] != rows[0].shape[1] or row.dtype.kind not in "biuf":
            wanted = "numbers of shape (words, d) are wanted, with the same d in all texts"
            raise ValueError(f"vectors of text {i} are {row.dtype} of shape {row.shape}; {wanted}.")
    return rows


def flat_vectors(rows: list[AnyArray], given: object) -> AnyArray:
    """Return the vectors of all words, one after the other; an array of equally long sentences is not copied."""
    if isinstance(given, np.ndarray) and given.ndim == 3:
        return given.reshape(given.shape[0] * given.shape[1], given.shape[2])
    return np.concatenate(rows) if rows else np.zeros((0, 0))
