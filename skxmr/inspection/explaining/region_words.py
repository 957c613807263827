"""Regions and words of one image and one text, and what attends to what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator

from skxmr._data.kinds import View

if TYPE_CHECKING:
    import pandas as pd


def region_word_table(retriever: BaseEstimator, image: View, text: View) -> pd.DataFrame | None:
    """Return a line per region and word, the strongest first; None where a method does not compare these."""
    # Torch is loaded only for methods that have loaded it already.
    if not hasattr(retriever, "_sources"):
        return None
    import pandas as pd

    from skxmr.pairwise.attention import attention_between

    found = attention_between(retriever, image, text)
    if found is None:
        return None
    texts = retriever._checked_query(text, "text")
    words = texts.tokens(0) if texts.readable else [f"word {i}" for i in range(found.attention.shape[1])]
    regions, places = np.indices(found.attention.shape).reshape(2, -1)
    table = pd.DataFrame(
        {
            "region": regions,
            "word": [words[i] for i in places],
            "place": places,
            "attention": found.attention.ravel().astype(np.float64),
            "cosine": found.cosines.ravel().astype(np.float64),
        }
    )
    return table.sort_values(["attention", "cosine"], ascending=False, kind="stable", ignore_index=True)
