"""What the regions of one image and the words of one text have to do with each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from skxmr._data.kinds import Float64Array, View


class Attended(NamedTuple):
    """The attention between regions and words and the cosines of their vectors, (r, w) both, and the words."""

    attention: Float64Array
    cosines: Float64Array
    words: list[str]


def attended(retriever: BaseEstimator, image: View, text: View) -> Attended | None:
    """Return what regions and words have to do with each other; None where a method does not compare these."""
    # Torch is loaded only for methods that have loaded it already.
    if not hasattr(retriever, "_sources"):
        return None
    from skxmr.pairwise.attention import attention_between

    found = attention_between(retriever, image, text)
    if found is None:
        return None
    texts = retriever._checked_query(text, "text")
    words = texts.tokens(0) if texts.readable else [f"word {i}" for i in range(found.attention.shape[1])]
    return Attended(found.attention.astype(np.float64), found.cosines.astype(np.float64), words)
