"""Words of all sentences one after the other: how they are read, checked and packed."""

from __future__ import annotations

import operator
import re
import unicodedata
from collections.abc import Mapping, Set
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# What stands by itself in Unicode but belongs to the letter before: accents, vowels of Hindi, joiners of Persian
_SIGNS = "".join(c for c in map(chr, range(0x300, 0x10000)) if unicodedata.category(c)[0] == "M") + "\u200c\u200d"
_LETTERS = rf"\w[\w{_SIGNS}]*"
_WORD = re.compile(rf"{_LETTERS}(?:['\u2019-]{_LETTERS})*")


class Packed(NamedTuple):
    """Words of all sentences one after the other; sentence i has those from ``offsets[i]`` to ``offsets[i + 1]``."""

    offsets: NDArray[np.int64]
    words: NDArray[Any] | None
    tags: NDArray[Any] | None
    heads: NDArray[np.int64] | None
    vectors: NDArray[Any] | None


def gathered(packed: Packed, rows: NDArray[np.intp]) -> Packed:
    """Return some of the sentences, one after the other."""
    lengths = np.diff(packed.offsets)[rows]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    words = np.arange(offsets[-1]) + np.repeat(packed.offsets[rows] - offsets[:-1], lengths)
    return Packed(offsets, *(None if flat is None else flat[words] for flat in packed[1:]))


def tokens(texts: Any) -> list[list[str]]:
    """Return the words of each text."""
    if isinstance(texts, (str, bytes, Set, Mapping)) or not hasattr(texts, "__iter__") or hasattr(texts, "columns"):
        one = isinstance(texts, str)
        way = "put one text into a list, [text]" if one else "pass a list, an array or one column of strings"
        raise TypeError(f"texts is a {type(texts).__name__}; {way}.")
    return [_words(text, i) for i, text in enumerate(texts)]


def words_of(text: Any) -> list[str]:
    """Return the words of one text, a string or a list of words: an analyzer for scikit-learn's vectorizers."""
    return _words(text, 0)


def _words(text: Any, i: int) -> list[str]:
    if isinstance(text, str):
        return _WORD.findall(unicodedata.normalize("NFC", text.lower()))
    if isinstance(text, (list, tuple, np.ndarray)) and all(isinstance(word, str) for word in text):
        return [str(word) for word in text]
    raise TypeError(f"text {i} is a {type(text).__name__}; a string or a list of words is wanted.")


def check_lengths(rows: Any, name: str, lengths: NDArray[np.int64]) -> None:
    """Refuse what does not have one entry for every word."""
    if rows is None:
        return
    if len(rows) != len(lengths):
        raise ValueError(f"{name} has {len(rows)} rows, but there are {len(lengths)} texts; one a text is wanted.")
    for i, (row, length) in enumerate(zip(rows, lengths.tolist(), strict=True)):
        if isinstance(row, str) or not hasattr(row, "__len__"):
            raise TypeError(f"{name} of text {i} is a {type(row).__name__}; a list with one entry a word is wanted.")
        if len(row) != length:
            raise ValueError(f"{name} of text {i} has {len(row)} entries for {length} words; one a word is wanted.")


def flat(rows: Any) -> NDArray[Any]:
    """Return the strings of all rows, one after the other."""
    return np.array([str(value) for row in rows for value in row], dtype=object)


def flat_heads(heads: Any, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the heads of all words, which name words of their own sentence or none."""
    try:
        flat = np.array([operator.index(head) for row in heads for head in row], dtype=np.int64)
    except TypeError as error:
        raise TypeError(f"heads are indices of words, integers with -1 for none: {error}.") from error
    wrong = (flat < -1) | (flat >= np.repeat(lengths, lengths))
    if wrong.any():
        at = int(np.argmax(wrong))
        i = int(np.searchsorted(np.cumsum(lengths), at, side="right"))
        raise ValueError(
            f"heads of text {i} name word {flat[at]}, but it has words 0 to {lengths[i] - 1}; -1 stands for none, and "
            "every sentence counts from 0."
        )
    return flat


def rows_of_vectors(vectors: Any) -> list[NDArray[Any]]:
    """Return the vectors of each text, views of an array that has those of all."""
    rows = [row if isinstance(row, np.ndarray) else np.asarray(row) for row in vectors]
    for i, row in enumerate(rows):
        if row.ndim != 2 or row.shape[1] != rows[0].shape[1] or row.dtype.kind not in "biuf":
            raise ValueError(
                f"vectors of text {i} are {row.dtype} of shape {row.shape}; numbers of shape (words, d) are wanted, "
                f"with the same d in all texts."
            )
    return rows


def flat_vectors(rows: list[NDArray[Any]], given: Any) -> NDArray[Any]:
    """Return the vectors of all words; an array of equally long sentences is not copied."""
    if isinstance(given, np.ndarray) and given.ndim == 3:
        return given.reshape(given.shape[0] * given.shape[1], given.shape[2])
    return np.concatenate(rows) if rows else np.zeros((0, 0))
