"""Checks of images as regions and texts as words: what a method that compares sets is given."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxmr._data.kinds import is_frame
from skxmr._data.regions import Regions
from skxmr._data.repeated import IndexedRows
from skxmr._data.sentences import Sentences
from skxmr._data.view_checks import check_mapped
from skxmr._data.warn import warn
from skxmr.pairwise.vocabulary import Vocabulary, places_of

_BLOCK = 128  # images that are looked at together


def checked_images(view: Any, min_rows: int, width: int | None) -> IndexedRows:
    """Return images as rows of `Regions` by index, finite and of the width seen in fit."""
    rows = view if isinstance(view, IndexedRows) else None
    regions = view if rows is None else rows.view
    raw = isinstance(regions, np.ndarray) and regions.dtype.kind == "O"
    if raw or isinstance(regions, (list, tuple)):
        regions = Regions(list(regions))
    if not isinstance(regions, Regions):
        if is_frame(regions) or np.ndim(regions) != 3:
            shape = getattr(regions, "shape", None) or f"a {type(regions).__name__}"
            raise ValueError(
                f"image is {shape}, but regions are compared here: pass Regions(features, boxes), or an array "
                "(n, regions, d)."
            )
        regions = Regions(regions)
    rows = IndexedRows(regions, np.arange(len(regions)) if rows is None else rows.index)
    if len(rows) < min_rows:
        raise ValueError(f"image has {len(rows)} sample(s) (n_samples={len(rows)}); at least {min_rows} are needed.")
    if width is not None and regions.shape[2] != width:
        raise ValueError(f"image has regions of {regions.shape[2]} features, but {width} were seen in fit.")
    if regions.shape[2] == 0:
        raise ValueError("image has regions of 0 feature(s) while a minimum of 1 is required.")
    check_mapped(regions.features, "image")
    _check_finite(regions, np.unique(rows.index))
    return rows


def _check_finite(regions: Regions, used: NDArray[Any]) -> None:
    """Refuse features that are not finite as float32, of regions that there are; a memory map is read in blocks."""
    for start in range(0, len(used), _BLOCK):
        part = regions[used[start : start + _BLOCK]]
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(part.features.sum(dtype=np.float32)):  # one bad value makes the sum bad
                continue
            bad = ~np.isfinite(part.features.astype(np.float32)).all(axis=2) & part.mask
        if bad.any():
            i = used[start + int(np.argmax(bad.any(axis=1)))]
            raise ValueError(f"image contains NaN or infinite values, first in image {i}; drop such regions.")


def checked_texts(view: Any, min_rows: int, width: int | None, max_words: int, parser: Any) -> Sentences:
    """Return texts as `Sentences` that are not too long; `width` is that of the words' vectors in fit, 0 for none."""
    if isinstance(view, Sentences):
        texts = view
    elif hasattr(view, "ndim") and view.ndim != 1:
        raise ValueError(f"text has shape {view.shape}, but words are compared here: pass Sentences, strings or lists.")
    elif isinstance(view, (str, bytes, Set, Mapping)) or not hasattr(view, "__iter__"):
        raise TypeError(f"text is a {type(view).__name__}; pass a list of texts, [text] for one.")
    else:
        texts = _parsed(list(view), parser)
    if len(texts) < min_rows:
        raise ValueError(f"text has {len(texts)} sample(s) (n_samples={len(texts)}); at least {min_rows} are needed.")
    lengths = texts.lengths
    if len(lengths) and lengths.max() > max_words:
        i = int(lengths.argmax())
        raise ValueError(f"text {i} has {lengths[i]} words, but max_words={max_words}; raise it, or shorten the text.")
    found = texts.width or 0
    if width is not None and found != width:
        kind = {True: f"vectors of width {width}", False: "words without vectors"}[width > 0]
        raise ValueError(f"the model was fitted on {kind}, but text has {f'width {found}' if found else 'no vectors'}.")
    if found:
        _check_vectors(texts)
    return texts


def _check_vectors(texts: Sentences) -> None:
    """Refuse vectors of words that are not finite; a memory map is read in blocks."""
    packed, rows = texts.packed()
    vectors: Any = packed.vectors
    check_mapped(vectors, "text")
    words = places_of(packed.offsets, rows)
    for start in range(0, len(words), 64 * _BLOCK):
        if not np.isfinite(vectors[words[start : start + 64 * _BLOCK]]).all():
            raise ValueError("the vectors of text contain NaN or infinite values; drop such texts.")


def check_known(vocabulary: Vocabulary, texts: Sentences) -> None:
    """Refuse texts without what the fitting rows had; warn of those that say nothing known."""
    for wanted, has, name in (
        (bool(vocabulary.tags), texts.tagged, "tags"),
        (vocabulary.parsed, texts.parsed, "heads"),
    ):
        if wanted and not has:
            raise ValueError(
                f"the model was fitted on sentences with {name}, and text has none; make them as before, e.g. by "
                "parse_sentences or parser='spacy'."
            )
    if not vocabulary.words or len(texts) == 0:
        return
    packed, rows = texts.packed()
    if packed.words is None:
        raise ValueError("the model was fitted on words, and text is vectors alone.")
    known = vocabulary.word_ids(packed.words[places_of(packed.offsets, rows)]) > 0
    silent = int((~np.logical_or.reduceat(known, np.concatenate([[0], np.cumsum(texts.lengths)[:-1]]))).sum())
    if silent:
        message = f"{silent} of {len(texts)} texts hold no word that was seen in fit: their similarities mean nothing."
        warn(message)


def _parsed(texts: list[Any], parser: Any) -> Sentences:
    if parser is None or not all(isinstance(text, str) for text in texts):
        return Sentences(texts)
    from skxmr._data.parsing import parse_sentences

    return parse_sentences(texts, parser)
