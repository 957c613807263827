"""Sentences: texts as sequences of words, with part-of-speech tags, dependencies or given vectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from skxmr._data.kinds import AnyArray, IndexArray, IntArray, RowKey, View
from skxmr._data.packed import Packed, check_lengths, flat, flat_heads, flat_vectors, gathered, rows_of_vectors, tokens


class Sentences:
    """Texts as sequences of words, held one after the other in one array; a slice shares that memory.

    Parameters
    ----------
    texts : sequence of n str, or of n lists of str, or None
        Sentences. A string is put into lower case (and Unicode's composed form) and cut into words without
        punctuation; a list of words is taken as it is. None if there are only `vectors`.
    tags : sequence of n lists of str, or None
        Part-of-speech tag of each word, universal (``"NOUN"``) or Penn (``"NNS"``).
    heads : sequence of n lists of int, or None
        For each word, the index in its sentence of the word that it depends on; -1, or its own index, for none.
    vectors : sequence of n array-like of shape (w_i, d), array of shape (n, w, d), or None
        Vectors of the words, e.g. the last hidden states of a frozen transformer: one row per word, and where the model
        cuts a word into pieces, their mean. Methods then learn no vectors and need no vocabulary. float16 is kept and
        takes half the memory; an array of equally long sentences is not copied, and may be a memory map.

    Attributes
    ----------
    lengths : ndarray of shape (n,)
        Number of words of each sentence.

    Raises
    ------
    TypeError
        If texts are not a sequence of strings or of lists of words, or heads are not integers.
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

    def __init__(
        self,
        texts: Iterable[str | Sequence[str]] | None = None,
        tags: Iterable[Sequence[str]] | None = None,
        heads: Iterable[Sequence[int]] | None = None,
        vectors: Iterable[ArrayLike] | None = None,
    ) -> None:
        if texts is None and vectors is None:
            raise ValueError("texts and vectors are both None; sentences have words, vectors of words, or both.")
        words = None if texts is None else tokens(texts)
        given = None if vectors is None else rows_of_vectors(vectors)
        # An iterator becomes a list.
        tags = None if tags is None else list(tags)
        heads = None if heads is None else list(heads)
        lengths = np.array([len(row) for row in (given if words is None else words) or ()], dtype=np.int64)
        if not lengths.all():
            raise ValueError(f"text {int(lengths.argmin())} has no words; drop it, or write what it should say.")
        check_lengths(tags, "tags", lengths)
        check_lengths(heads, "heads", lengths)
        check_lengths(given, "vectors", lengths)
        self._packed = Packed(
            offsets=np.concatenate([[0], np.cumsum(lengths)]),
            words=None if words is None else flat(words),
            tags=None if tags is None else flat(tags),
            heads=None if heads is None else flat_heads(heads, lengths),
            vectors=None if given is None else flat_vectors(given, vectors),
        )
        self._rows = np.arange(len(lengths))

    @property
    def shape(self) -> tuple[int]:
        """``(n,)``."""
        return (len(self._rows),)

    @property
    def lengths(self) -> IntArray:
        """Number of words of each sentence."""
        return np.diff(self._packed.offsets)[self._rows]

    @property
    def width(self) -> int | None:
        """Width of the given vectors of words, or None."""
        return None if self._packed.vectors is None else int(self._packed.vectors.shape[1])

    @property
    def readable(self) -> bool:
        """Whether there are words, not only vectors."""
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
            Number of the sentence.

        Returns
        -------
        list of str
        """
        if self._packed.words is None:
            raise ValueError("these sentences are vectors only; pass texts as well to read them.")
        row = self._rows[i]
        return list(self._packed.words[self._packed.offsets[row] : self._packed.offsets[row + 1]])

    def packed(self) -> tuple[Packed, IndexArray]:
        """Return the memory that slices share, and which sentences in it these are.

        Returns
        -------
        packed : Packed
            ``offsets``, ``words``, ``tags``, ``heads`` and ``vectors``; sentence i has the words from ``offsets[i]`` to
            ``offsets[i + 1]``. What was not given is None.
        rows : ndarray of shape (n,)
            Numbers of these sentences in `packed`, in order.
        """
        return self._packed, self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: RowKey) -> View:
        if isinstance(rows, (int, np.integer)):
            return " ".join(self.tokens(int(rows)))
        if isinstance(rows, tuple) or self._rows[rows].ndim != 1:
            raise IndexError("Sentences are indexed by texts only, as in sentences[rows]; tokens(i) has the words.")
        return _unchecked(self._packed, self._rows[rows])

    def __iter__(self) -> Iterator[str]:
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> AnyArray:
        out = np.empty(len(self), dtype=object)
        out[:] = list(self)
        return out

    def __getstate__(self) -> dict[str, object]:
        # The pickle of a slice holds its own sentences only.
        whole = np.array_equal(self._rows, np.arange(len(self._packed.offsets) - 1))
        packed = self._packed if whole else gathered(self._packed, self._rows)
        return {"_packed": packed, "_rows": np.arange(len(self))}

    def __repr__(self) -> str:
        has = [name for name in ("tags", "heads", "vectors") if getattr(self._packed, name) is not None]
        return f"Sentences({len(self)} texts, {int(self.lengths.sum())} words{', with ' * bool(has)}{', '.join(has)})"


def stacked_sentences(parts: Sequence[Sentences]) -> Sentences:
    """Return the sentences of all parts; words, tags, heads and vectors are kept where all parts have them."""
    packs = [gathered(*part.packed()) for part in parts]
    given = [pack.vectors for pack in packs if pack.vectors is not None]
    widths = sorted({vectors.shape[1] for vectors in given})
    if len(given) == len(packs) and len(widths) > 1:
        raise ValueError(f"vectors of words have {widths} columns in the parts; all must come from one model.")
    lengths = np.concatenate([part.lengths for part in parts])
    columns = zip(*(pack[1:] for pack in packs), strict=True)
    whole = Packed(np.concatenate([[0], np.cumsum(lengths)]), *(_joined(column) for column in columns))
    if whole.words is None and whole.vectors is None:
        raise ValueError("some parts have words only and others vectors only; all must have the one or the other.")
    return _unchecked(whole, np.arange(len(lengths)))


def _joined(columns: tuple[AnyArray | None, ...]) -> AnyArray | None:
    """Return the entries of all parts, or None if some part has none."""
    there = [column for column in columns if column is not None]
    return np.concatenate(there) if len(there) == len(columns) else None


def _unchecked(packed: Packed, rows: IndexArray) -> Sentences:
    """Return sentences of packed words that were checked before."""
    new = object.__new__(Sentences)
    new._packed = packed
    new._rows = rows
    return new
