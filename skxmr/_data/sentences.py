"""Sentences: texts as sequences of words, with part-of-speech tags, dependencies or vectors of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxmr._data.packed import Packed, check_lengths, flat, flat_heads, flat_vectors, gathered, rows_of_vectors, tokens


class Sentences:
    """Texts as sequences of words, packed one after the other; a slice looks into the same memory.

    Parameters
    ----------
    texts : sequence of n str, or of n lists of str, or None
        Sentences; a string is put into lower case (and Unicode's composed form) and cut into words, punctuation is
        dropped. A list of words is taken as it is. None where `vectors` say all.
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
    TypeError
        If texts are no sequence of strings or of lists of words, or heads no integers.
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
        words = None if texts is None else tokens(texts)
        given = None if vectors is None else rows_of_vectors(vectors)
        tags, heads = (rows if rows is None or hasattr(rows, "__len__") else list(rows) for rows in (tags, heads))
        lengths = np.array([len(row) for row in (given if words is None else words) or ()], dtype=np.int64)
        for i in np.flatnonzero(lengths == 0)[:1]:
            raise ValueError(f"text {i} has no words; drop it, or write what it should say.")
        for name, rows in (("tags", tags), ("heads", heads), ("vectors", given)):
            check_lengths(rows, name, lengths)
        self._packed = Packed(
            np.concatenate([[0], np.cumsum(lengths)]),
            None if words is None else flat(words),
            None if tags is None else flat(tags),
            None if heads is None else flat_heads(heads, lengths),
            None if given is None else flat_vectors(given, vectors),
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
            ``offsets``, ``words``, ``tags``, ``heads`` and ``vectors``; sentence i has the words from ``offsets[i]`` to
            ``offsets[i + 1]``. What there is not is None.
        rows : ndarray of shape (n,)
            Which sentences of `packed` these are, in order.
        """
        return self._packed, self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: Any) -> Any:
        if isinstance(rows, (int, np.integer)):
            return " ".join(self.tokens(int(rows)))
        if isinstance(rows, tuple) or (picked := self._rows[rows]).ndim != 1:
            raise IndexError("Sentences are indexed by texts only, as in sentences[rows]; tokens(i) has the words.")
        return _made(self._packed, picked)

    def __iter__(self) -> Iterator[str]:
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        out = np.empty(len(self), dtype=object)
        out[:] = list(self)
        return out

    def __getstate__(self) -> dict[str, Any]:
        whole = np.array_equal(self._rows, np.arange(len(self._packed.offsets) - 1))
        packed = self._packed if whole else gathered(self._packed, self._rows)  # a slice does not take all along
        return {"_packed": packed, "_rows": np.arange(len(self))}

    def __repr__(self) -> str:
        has = [name for name in ("tags", "heads", "vectors") if getattr(self._packed, name) is not None]
        return f"Sentences({len(self)} texts, {int(self.lengths.sum())} words{', with ' * bool(has)}{', '.join(has)})"


def as_sentences(view: Any) -> Sentences:
    """Return a view of texts, such as strings or lists of words, as sentences."""
    return view if isinstance(view, Sentences) else Sentences(view)


def stacked_sentences(parts: Sequence[Sentences]) -> Sentences:
    """Return all sentences one after the other; words, tags, heads and vectors are kept where all parts have them."""
    packs = [gathered(*part.packed()) for part in parts]
    columns = {name: [getattr(pack, name) for pack in packs] for name in Packed._fields[1:]}
    whole = {name: None if any(flat is None for flat in flats) else flats for name, flats in columns.items()}
    if whole["words"] is None and whole["vectors"] is None:
        raise ValueError("some parts have words only and others vectors only; all must have the one or the other.")
    widths = sorted({flat.shape[1] for flat in whole["vectors"] or ()})
    if len(widths) > 1:
        raise ValueError(f"vectors of words have {widths} columns in the parts; all must come from one model.")
    lengths = np.concatenate([part.lengths for part in parts])
    flats = (None if flats is None else np.concatenate(flats) for flats in whole.values())
    return _made(Packed(np.concatenate([[0], np.cumsum(lengths)]), *flats), np.arange(len(lengths)))


def _made(packed: Packed, rows: NDArray[np.intp]) -> Sentences:
    """Return some of the sentences of what was checked before."""
    new = object.__new__(Sentences)
    new._packed, new._rows = packed, rows
    return new
