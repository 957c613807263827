"""Checks of images as regions and texts as words: what a method that compares sets is given."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from skxmr._data.kinds import AnyArray, Frame, IndexArray, View
from skxmr._data.regions import Regions
from skxmr._data.repeated import IndexedRows
from skxmr._data.sentences import Sentences
from skxmr._data.view_checks import check_mapped
from skxmr._data.warn import warn
from skxmr.pairwise.vocabulary import Vocabulary, places_of

if TYPE_CHECKING:
    from spacy.language import Language

    Parser: TypeAlias = str | Language | None

# Images that are looked at together; of words it is 64 times as many.
_BLOCK = 128


def checked_images(view: View, min_rows: int, width: int | None) -> IndexedRows:
    """Return images as rows of `Regions` by index, finite and of the width seen in fit."""
    if isinstance(view, IndexedRows):
        regions = _as_regions(view.view)
        rows = IndexedRows(regions, view.index)
    else:
        regions = _as_regions(view)
        rows = IndexedRows(regions, np.arange(len(regions)))
    check_number("image", len(rows), min_rows)
    if width is not None and regions.shape[2] != width:
        raise ValueError(f"image has regions of {regions.shape[2]} features, but {width} were seen in fit.")
    if regions.shape[2] == 0:
        raise ValueError("image has regions of 0 feature(s) while a minimum of 1 is required.")
    check_mapped(regions.features, "image")
    _check_finite(regions, np.unique(rows.index))
    return rows


def _as_regions(view: View) -> Regions:
    """Return images in any form as `Regions`."""
    if isinstance(view, Regions):
        return view
    if isinstance(view, (list, tuple)) or (isinstance(view, np.ndarray) and view.dtype.kind == "O"):
        return Regions(list(view))
    if isinstance(view, Frame) or np.ndim(view) != 3:
        has = f"has shape {view.shape}" if hasattr(view, "shape") else f"is a {type(view).__name__}"
        raise ValueError(
            f"image {has}, but regions are compared here: pass Regions(features, boxes), or an array (n, regions, d)."
        )
    return Regions(view)


def check_number(name: str, n: int, min_rows: int) -> None:
    """Refuse too few rows."""
    if n < min_rows:
        raise ValueError(f"{name} has {n} sample(s) (n_samples={n}); at least {min_rows} are needed.")


def _check_finite(regions: Regions, used: IndexArray) -> None:
    """Refuse existing regions with features that are not finite as float32; a memory map is read in blocks."""
    for start in range(0, len(used), _BLOCK):
        part = regions[used[start : start + _BLOCK]]
        with np.errstate(over="ignore", invalid="ignore"):
            # One bad value makes the sum bad.
            if np.isfinite(part.features.sum(dtype=np.float32)):
                continue
            bad = ~np.isfinite(part.features.astype(np.float32)).all(axis=2) & part.mask
        if bad.any():
            i = used[start + int(np.argmax(bad.any(axis=1)))]
            raise ValueError(f"image contains NaN or infinite values, first in image {i}; drop such regions.")


def checked_texts(view: View, min_rows: int, width: int | None, max_words: int, parser: Parser) -> Sentences:
    """Return texts as `Sentences` that are not too long; `width` is that of the words' vectors in fit, 0 for none."""
    texts = _as_sentences(view, parser)
    check_number("text", len(texts), min_rows)
    lengths = texts.lengths
    if len(lengths) and lengths.max() > max_words:
        i = int(lengths.argmax())
        raise ValueError(f"text {i} has {lengths[i]} words, but max_words={max_words}; raise it, or shorten the text.")
    found = texts.width or 0
    if width is not None and found != width:
        seen = f"vectors of width {width}" if width else "words without vectors"
        has = f"width {found}" if found else "no vectors"
        raise ValueError(f"the model was fitted on {seen}, but text has {has}.")
    if found:
        _check_vectors(texts)
    return texts


def _as_sentences(view: View, parser: Parser) -> Sentences:
    """Return texts in any form as `Sentences`; plain strings go through the parser, if there is one."""
    if isinstance(view, Sentences):
        return view
    if hasattr(view, "ndim") and view.ndim != 1:
        raise ValueError(f"text has shape {view.shape}, but words are compared here: pass Sentences, strings or lists.")
    if isinstance(view, (str, bytes, Set, Mapping)) or not hasattr(view, "__iter__"):
        raise TypeError(f"text is a {type(view).__name__}; pass a list of texts, [text] for one.")
    texts = list(view)
    if parser is None or not all(isinstance(text, str) for text in texts):
        return Sentences(texts)
    from skxmr._data.parsing import parse_sentences

    return parse_sentences(texts, parser)


def _check_vectors(texts: Sentences) -> None:
    """Refuse vectors of words that are not finite; a memory map is read in blocks."""
    packed, rows = texts.packed()
    vectors = packed.vectors
    assert vectors is not None
    check_mapped(vectors, "text")
    words = places_of(packed.offsets, rows)
    for start in range(0, len(words), 64 * _BLOCK):
        if not np.isfinite(vectors[words[start : start + 64 * _BLOCK]]).all():
            raise ValueError("the vectors of text contain NaN or infinite values; drop such texts.")


def check_known(vocabulary: Vocabulary, texts: Sentences) -> None:
    """Refuse texts that lack what the fitting rows had; warn of those without a known word."""
    _check_has("tags", bool(vocabulary.tags), texts.tagged)
    _check_has("heads", vocabulary.parsed, texts.parsed)
    if not vocabulary.words or len(texts) == 0:
        return
    packed, rows = texts.packed()
    if packed.words is None:
        raise ValueError("the model was fitted on words, and text is vectors alone.")
    silent = _count_unknown(vocabulary, packed.words[places_of(packed.offsets, rows)], texts.lengths)
    if silent:
        warn(f"{silent} of {len(texts)} texts hold no word that was seen in fit: their similarities mean nothing.")


def _check_has(name: str, wanted: bool, has: bool) -> None:
    """Refuse sentences without tags or heads where the fitting rows had them."""
    if wanted and not has:
        raise ValueError(
            f"the model was fitted on sentences with {name}, and text has none; make them as before, e.g. by "
            "parse_sentences or parser='spacy'."
        )


def _count_unknown(vocabulary: Vocabulary, words: AnyArray, lengths: AnyArray) -> int:
    """Return how many sentences hold no known word; `words` are those of all sentences, one after the other."""
    known = vocabulary.word_ids(words) > 0
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    return int((~np.logical_or.reduceat(known, starts)).sum())
