"""Queries: images, texts, or both of them, as unit vectors."""

from __future__ import annotations

from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator

from skxmr._data.kinds import AnyArray, View
from skxmr.metrics._asking import bits_of
from skxmr.search.encoding import vectors_of
from skxmr.search.items import items_of


def query_vectors(model: BaseEstimator, image: View, text: View, weight: float) -> AnyArray:
    """Return one vector per query, of unit length unless it is a code; for both modalities their weighted mean."""
    _check_weight(weight)
    if image is None or text is None:
        items = items_of(image, text, None)
        return vectors_of(model, items.view, items.name)
    if bits_of(model) is not None:
        raise ValueError(
            "image and text came together, but the mean of two codes is no code; search with one of them, or with each "
            "and join what is found."
        )
    images = items_of(image, None, None)
    texts = items_of(None, text, None)
    if len(images) != len(texts):
        raise ValueError(
            f"image has {len(images)} rows but text has {len(texts)}; with both, row i of the two is one query."
        )
    of_images = vectors_of(model, images.view, images.name)
    of_texts = vectors_of(model, texts.view, texts.name)
    # Fractions would make objects of all numbers.
    weight = float(weight)
    mean = weight * of_images.astype(np.float64) + (1 - weight) * of_texts
    norms = np.sqrt(np.einsum("ij,ij->i", mean, mean))[:, None]
    np.divide(mean, norms, out=mean, where=norms > 0)
    return mean.astype(np.float32)


def vector_of_nothing(model: BaseEstimator) -> AnyArray | None:
    """Return the vector of an empty text (1, d); None where the model takes none."""
    try:
        return query_vectors(model, None, [""], 0.5)
    except Exception:
        # Models of others raise errors of any kind.
        return None


def is_unknown(vector: AnyArray, nothing: AnyArray | None) -> bool:
    """Tell whether a vector (1, d) is the one of a text in which the model knows no word."""
    return not vector.any() or (nothing is not None and np.array_equal(vector, nothing))


def _check_weight(weight: object) -> None:
    is_number = isinstance(weight, (Real, np.floating)) and not isinstance(weight, bool)
    if not (is_number and 0 <= weight <= 1):  # type: ignore[operator]
        raise ValueError(f"weight is the share of the image in a query with both, from 0 to 1; got {weight!r}.")
