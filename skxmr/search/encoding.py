"""Vectors of items and of queries, by the model of an index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skxmr._data.codes import as_signs, check_codes
from skxmr._data.kinds import AnyArray, FloatArray, View, n_rows, take
from skxmr._data.option_checks import check_choice
from skxmr._data.pairs import Pairs
from skxmr._data.view_checks import check_view
from skxmr.metrics._asking import bits_of, need_retriever, unwrapped
from skxmr.search.backends import BACKENDS

# Rows that are encoded together. The last bits of a product depend on its shape, so a smaller block is filled up, and
# then a row has the same vector alone and among others.
_ROWS = 64
# Rows that go through the steps before the retriever together, so that the features of a million images are never held.
_STEP_ROWS = 4096
# The backends that take codes; the last one holds them as bits.
_OF_CODES = ("exact", "binary")


def check_model(model: BaseEstimator) -> None:
    """Refuse what is no fitted model that embeds."""
    need_retriever(model, "model")
    if not hasattr(model, "transform"):
        raise TypeError(
            f"model={type(model).__name__} compares images and texts pair by pair and makes no vectors to be kept; "
            "make an index of a method that embeds, such as CCA, and re-rank what it finds: "
            "TwoStage(first=index, second=...)."
        )
    check_is_fitted(model)


def backend_for(model: BaseEstimator, backend: str, options: Mapping[str, Any]) -> str:
    """Return the name of the backend that holds what a model makes: codes are held by the one that compares bits."""
    if bits_of(model) is None:
        return backend
    check_choice(backend, "backend", BACKENDS)
    if backend not in _OF_CODES:
        raise ValueError(
            f"backend={backend!r} holds vectors of real numbers, but this model makes codes; take backend='exact', "
            "which compares codes by their Hamming distance."
        )
    if options and backend != _OF_CODES[-1]:
        raise ValueError(
            f"options holds {next(iter(options))!r}, but this model makes codes, which take no options of "
            f"backend={backend!r}; leave options out."
        )
    return _OF_CODES[-1]


def vectors_of(model: BaseEstimator, view: View, name: str) -> AnyArray:
    """Return the embeddings of images or of texts as an index takes them: unit vectors, or the signs of codes."""
    n_bits = bits_of(model)
    out = None
    done = 0
    for found in _embeddings(model, view, name):
        if n_bits is not None:
            vectors: AnyArray = as_signs(check_codes(found, f"the embedding of {name}"), n_bits)
        else:
            vectors = unit_vectors(found, name)
        if out is None:
            # Joining all blocks at the end would hold them twice.
            out = np.empty((n_rows(view, name), vectors.shape[1]), vectors.dtype)
        out[done : done + len(vectors)] = vectors
        done += len(vectors)
    assert out is not None
    return out


def unit_vectors(found: AnyArray, name: str) -> FloatArray:
    """Return embeddings as unit vectors (n, d) of float32; a row of zeros stays so."""
    embedded = np.asarray(check_view(found, f"the embedding of {name}", min_width=1))
    wide = embedded.astype(np.float64)
    norms = np.sqrt(np.einsum("ij,ij->i", wide, wide))[:, None]
    np.divide(wide, norms, out=wide, where=norms > 0)
    return wide.astype(np.float32)


def _embeddings(model: BaseEstimator, view: View, name: str) -> Iterator[AnyArray]:
    """Yield the embeddings of some thousand rows after the other."""
    pipelines, retriever = unwrapped(model)
    for start in range(0, n_rows(view, name), _STEP_ROWS):
        pairs = Pairs(**{name: take(view, slice(start, start + _STEP_ROWS))})
        for steps in pipelines:
            pairs = steps.transform(pairs)
        yield np.concatenate(_in_blocks(retriever, getattr(pairs, name), name))


def _in_blocks(retriever: BaseEstimator, rows: View, name: str) -> list[AnyArray]:
    """Return the embeddings of rows, block by block."""
    n = n_rows(rows, name)
    if getattr(rows, "ndim", 1) != 2:
        # Captions and images are not multiplied yet, and filling up a block with images would take long.
        return [np.asarray(getattr(retriever.transform(Pairs(**{name: rows})), name))]
    parts = []
    for start in range(0, n, _ROWS):
        some = np.arange(start, start + _ROWS)
        try:
            embedded = retriever.transform(Pairs(**{name: take(rows, np.minimum(some, n - 1))}))
        except ValueError:
            # Errors count what is wrong, and the rows that fill a block up are not the user's.
            retriever.transform(Pairs(**{name: take(rows, some[some < n])}))
            raise
        parts.append(np.asarray(getattr(embedded, name))[: n - start])
    return parts


def check_width(vectors: AnyArray, width: int) -> None:
    """Refuse vectors that have not the width of those of the index."""
    if vectors.shape[1] != width:
        raise ValueError(
            f"the model makes vectors of {vectors.shape[1]} dimensions, but those of the index have {width}: it was "
            "built with another model. Open it with that one, or build it again."
        )
