"""Sentences: texts as sequences of words, with part-of-speech tags, dependencies or vectors of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"\w+(?:['\u2019-]\w+)*")


class Packed(NamedTuple):
    """Words of all sentences one after the other; sentence i has those from ``offsets[i]`` to ``offsets[i + 1]``."""

    offsets: NDArray[np.int64]
    words: NDArray[Any] | None
    tags: NDArray[Any] | None
    heads: NDArray[np.int64] | None
    vectors: NDArray[Any] | None


class Sentences:
    """Texts as sequences of words, packed one after the other; a slice looks into the same memory.

    Parameters
    ----------
    texts : sequence of n str, or of n lists of str, or None
        Sentences; a string is put into lower case and cut into words, punctuation is dropped. A list is taken as it is.
        None where `vectors` say all.
    tags : sequence of n lists of str, or None
        Part-of-speech tag of each word, universal (``"NOUN"``) or Penn (``"NNS"``).
    heads : sequence of n lists of int, or None
        Index of the word in the sentence that each word depends on; -1, or its own, for none.
    vectors : sequence of n array-like of shape (w_i, d), array of shape (n, w, d), or None
        Vectors of the words, e.g. the last hidden states of a frozen transformer; then no vectors are learned.

    Attributes
    ----------
    lengths : ndarray of shape (n,)
        Number of words of each.

    Raises
    ------
    ValueError
        If a sentence is empty, has more or fewer tags, heads or vectors than words, or a head outside of it.

    Examples
    --------
    >>> from skxmr import Sentences
    >>> sentences = Sentences(["A thick three.", "It's a seven!"])
    >>> sentences
    Sentences(2 texts, 6 words)
    >>> sentences.tokens(1), sentences[:1].lengths.tolist()
    (["it's", 'a', 'seven'], [3])
    """

    ndim = 1
    dtype = np.dtype(object)

    def __init__(self, texts: Any = None, tags: Any = None, heads: Any = None, vectors: Any = None) -> None:
        if texts is None and vectors is None:
            raise ValueError("texts and vectors are both None; sentences have words, vectors of words, or both.")
        words = None if texts is None else [_tokens(text, i) for i, text in enumerate(texts)]
        given = [np.asarray(v) if not isinstance(v, np.ndarray) else v for v in vectors] if vectors is not None else []
        lengths = np.array([len(row) for row in (given if words is None else words)], dtype=np.int64)
        for i in np.flatnonzero(lengths == 0)[:1]:
            raise ValueError(f"text {i} has no words; drop it, or write what it should say.")
        for name, rows in (("tags", tags), ("heads", heads), ("vectors", None if vectors is None else given)):
            _check_lengths(rows, name, lengths)
        self._packed = Packed(
            np.concatenate([[0], np.cumsum(lengths)]),
            None if words is None else _flat(words),
            None if tags is None else _flat(tags),
            None if heads is None else _flat_heads(heads, lengths),
            None if vectors is None else _flat_vectors(given, vectors),
        )
        self._rows = np.arange(len(lengths))

    @property
    def shape(self) -> tuple[int]:
        """``(n,)``."""
        return (len(self._rows),)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of words of each sentence."""
        return np.diff(self._packed.offsets)[self._rows]

    @property
    def width(self) -> int | None:
        """Width of the words' own vectors, None without."""
        return None if self._packed.vectors is None else int(self._packed.vectors.shape[1])

    @property
    def readable(self) -> bool:
        """Whether there are words, and not vectors alone."""
        return self._packed.words is not None

    @property
    def tagged(self) -> bool:
        """Whether words have tags."""
        return self._packed.tags is not None

    @property
    def parsed(self) -> bool:
        """Whether words have heads."""
        return self._packed.heads is not None

    def tokens(self, i: int) -> list[str]:
        """Return the words of a sentence.

        Parameters
        ----------
        i : int
            Which.

        Returns
        -------
        list of str
        """
        if self._packed.words is None:
            raise ValueError("these sentences are vectors only; pass texts as well to read them.")
        start, stop = self._packed.offsets[self._rows[i]], self._packed.offsets[self._rows[i] + 1]
        return list(self._packed.words[start:stop])

    def packed(self) -> tuple[Packed, NDArray[np.intp]]:
        """Return the memory that slices share, and which of its sentences these are.

        Returns
        -------
        packed : Packed
            Offsets, words, tags, heads and vectors, one after the other.
        rows : ndarray of shape (n,)
            Row i is its sentence ``rows[i]``.
        """
        return self._packed, self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: Any) -> Any:
        if isinstance(rows, (int, np.integer)):
            return " ".join(self.tokens(int(rows)))
        new = object.__new__(Sentences)
        new._packed, new._rows = self._packed, self._rows[rows]
        return new

    def __iter__(self) -> Iterator[str]:
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        out = np.empty(len(self), dtype=object)
        out[:] = list(self)
        return out

    def __repr__(self) -> str:
        has = [name for name in ("tags", "heads", "vectors") if getattr(self._packed, name) is not None]
        return f"Sentences({len(self)} texts, {int(self.lengths.sum())} words{', with ' * bool(has)}{', '.join(has)})"


def as_sentences(view: Any) -> Sentences:
    """Return a view of texts, such as strings or lists of words, as sentences."""
    return view if isinstance(view, Sentences) else Sentences(view)


def stacked_sentences(parts: Sequence[Sentences]) -> Sentences:
    """Return all sentences one after the other; words, tags, heads and vectors are kept where all parts have them."""
    columns: dict[str, list[Any]] = {name: [] for name in Packed._fields[1:]}
    for part in parts:
        packed, rows = part.packed()
        for name, column in columns.items():
            flat = getattr(packed, name)
            column.append(None if flat is None else [flat[packed.offsets[i] : packed.offsets[i + 1]] for i in rows])
    whole = {
        name: None if any(c is None for c in column) else [row for part in column for row in part]
        for name, column in columns.items()
    }
    words = whole["words"]
    return Sentences(
        None if words is None else [list(row) for row in words], whole["tags"], whole["heads"], whole["vectors"]
    )


def _tokens(text: Any, i: int) -> list[str]:
    if isinstance(text, str):
        return _WORD.findall(text.lower())
    if isinstance(text, (list, tuple, np.ndarray)) and all(isinstance(word, str) for word in text):
        return list(text)
    raise TypeError(f"text {i} is a {type(text).__name__}; a string or a list of words is wanted.")


def _check_lengths(rows: Any, name: str, lengths: NDArray[np.int64]) -> None:
    if rows is None:
        return
    if len(rows) != len(lengths):
        raise ValueError(f"{name} has {len(rows)} rows, but there are {len(lengths)} texts.")
    for i, (row, length) in enumerate(zip(rows, lengths.tolist(), strict=True)):
        if len(row) != length:
            raise ValueError(f"{name} of text {i} has {len(row)} entries for {length} words; one a word is wanted.")


def _flat(rows: Sequence[Any]) -> NDArray[Any]:
    return np.array([str(value) for row in rows for value in row], dtype=object)


def _flat_heads(heads: Sequence[Any], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    flat = np.array([int(head) for row in heads for head in row], dtype=np.int64)
    wrong = (flat < -1) | (flat >= np.repeat(lengths, lengths))
    if wrong.any():
        at = int(np.argmax(wrong))
        i = int(np.searchsorted(np.cumsum(lengths), at, side="right"))
        raise ValueError(
            f"heads of text {i} name word {flat[at]}, but it has words 0 to {lengths[i] - 1}; -1 stands for none."
        )
    return flat


def _flat_vectors(parts: list[NDArray[Any]], given: Any) -> NDArray[Any]:
    """Return the vectors of all words; an array of equally long sentences is not copied."""
    for i, part in enumerate(parts):
        if part.ndim != 2 or part.shape[1] != parts[0].shape[1] or part.dtype.kind not in "biuf":
            raise ValueError(
                f"vectors of text {i} are {part.dtype} of shape {part.shape}; numbers of shape (words, d) are wanted, "
                f"with the same d in all texts."
            )
    if isinstance(given, np.ndarray) and given.ndim == 3:
        return given.reshape(-1, given.shape[2])
    return np.concatenate(parts) if parts else np.zeros((0, 0))
