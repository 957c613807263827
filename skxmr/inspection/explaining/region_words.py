"""Regions and words of one image and one text, and what attends to what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator

from skxmr._data.kinds import View
from skxmr.inspection.asking.attention import attended

if TYPE_CHECKING:
    import pandas as pd


def region_word_table(retriever: BaseEstimator, image: View, text: View) -> pd.DataFrame | None:
    """Return a line per region and word, the strongest first; None where a method does not compare these."""
    import pandas as pd

    found = attended(retriever, image, text)
    if found is None:
        return None
    regions, places = np.indices(found.attention.shape).reshape(2, -1)
    table = pd.DataFrame(
        {
            "region": regions,
            "word": [found.words[i] for i in places],
            "place": places,
            "attention": found.attention.ravel(),
            "cosine": found.cosines.ravel(),
        }
    )
    return table.sort_values(["attention", "cosine"], ascending=False, kind="stable", ignore_index=True)
