"""How well labels fit images or texts, by a fitted model."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator

from skxmr._data.kinds import Float64Array, View


def label_scores(retriever: BaseEstimator, modality: str, rows: View) -> Float64Array | None:
    """Return the scores of all labels (n, c); None where the method has none, or did not train them."""
    if not hasattr(retriever, "decision_function"):
        return None
    try:
        return np.asarray(retriever.decision_function(**{modality: rows}), dtype=np.float64)
    except AttributeError:
        # The classification term had the weight 0.
        return None
