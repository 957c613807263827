"""What every feature of the query and of the item adds to their similarity, for methods that are linear."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from skxmr._data.kinds import Float64Array
from skxmr._data.pairs import Pairs
from skxmr.inspection.explaining.linear_steps import mapped, origin_before, weights_before
from skxmr.inspection.explaining.traced import Traced, dense
from skxmr.methods._label_models import LabelRidge
from skxmr.methods._linear import LinearRetriever
from skxmr.methods.aligned import AlignedEmbeddings
from skxmr.methods.semantic import SemanticMatching
from skxmr.metrics import _asking

if TYPE_CHECKING:
    import pandas as pd

SIDES = ("query", "item")
# The line of a table for what no feature adds, such as the intercepts of a regression.
CONSTANT = "(constant)"
# A constant part that is no larger is an error of rounding.
_ROUNDING = 1e-12


class LinearMap(NamedTuple):
    """An embedding ``(x - origin) @ projection + intercept``; None projects by the identity."""

    origin: Float64Array
    projection: Float64Array | None
    intercept: Float64Array

    def embedding(self, values: Float64Array) -> Float64Array:
        """Return the embedding (k,) of the values (d,) that the retriever gets."""
        centred = values - self.origin
        return (centred if self.projection is None else centred @ self.projection) + self.intercept

    def weights(self, direction: Float64Array) -> Float64Array:
        """Return what a unit of every value adds in a direction of the common space."""
        return direction if self.projection is None else self.projection @ direction


class Embedded(NamedTuple):
    """Embeddings (k,) of the query and of the item, their cosine, and the maps that made them where these are known."""

    embeddings: list[Float64Array]
    maps: list[LinearMap | None]
    scale: float

    @property
    def similarity(self) -> float:
        """The cosine; 0 where an embedding is the origin."""
        return float(self.embeddings[0] @ self.embeddings[1] * self.scale)


def embedded(retriever: BaseEstimator, rows: tuple[Traced, Traced]) -> Embedded:
    """Embed the query and the item, in double precision where the method is linear."""
    maps = [linear_map(retriever, row.modality) for row in rows]
    embeddings = []
    for row, known in zip(rows, maps, strict=True):
        if known is None:
            found = _asking.embedded(retriever, Pairs(**{row.modality: row.last}))
            embeddings.append(dense(getattr(found, row.modality), row.modality))
        else:
            # The retriever has checks of its own, such as that of the width.
            checked = retriever._checked_query(row.last, row.modality)
            embeddings.append(known.embedding(_at_the_end(row) if row.linear else dense(checked, row.modality)))
    widths = [len(embedding) for embedding in embeddings]
    if widths[0] != widths[1]:
        raise ValueError(
            f"{type(retriever).__name__} maps the query to {widths[0]} dimensions and the item to {widths[1]}, which "
            "is no common space; pass a model that ends in a retriever, such as CCA()."
        )
    lengths = np.linalg.norm(embeddings[0]) * np.linalg.norm(embeddings[1])
    return Embedded(embeddings, maps, 0.0 if lengths == 0 else float(1 / lengths))


def _at_the_end(row: Traced) -> Float64Array:
    """Return the values that the retriever gets, in double precision from the features on."""
    values = row.values()
    for step in row.linear:
        values = mapped(step, values)
    return values


def linear_map(retriever: BaseEstimator, modality: str) -> LinearMap | None:
    """Return how a method embeds a modality, if it does so by a linear map."""
    if isinstance(retriever, LinearRetriever):
        projection = np.asarray(getattr(retriever, f"{modality}_projection_"), dtype=np.float64)
        mean = np.asarray(getattr(retriever, f"{modality}_mean_"), dtype=np.float64)
        return LinearMap(mean, projection, np.zeros(projection.shape[1]))
    if isinstance(retriever, SemanticMatching):
        model = getattr(retriever, f"{modality}_")
        if isinstance(model, LabelRidge):
            return LinearMap(model.mean_, model.coef_, np.asarray(model.intercept_, dtype=np.float64))
    if isinstance(retriever, AlignedEmbeddings):
        width = retriever.n_features_[modality]
        return LinearMap(np.zeros(width), None, np.zeros(width))
    return None


def feature_table(rows: tuple[Traced, Traced], found: Embedded) -> pd.DataFrame | None:
    """Return a line per feature of every side whose embedding is linear; None where neither is."""
    import pandas as pd

    tables = []
    for place, side in enumerate(SIDES):
        own_map = found.maps[place]
        if own_map is not None:
            direction = found.embeddings[1 - place] * found.scale
            table = _side_table(rows[place], own_map, direction)
            table.insert(0, "side", side)
            tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else None


def _side_table(row: Traced, own_map: LinearMap, direction: Float64Array) -> pd.DataFrame:
    import pandas as pd

    values = row.values()
    weights = own_map.weights(direction)
    origin = own_map.origin
    constant = float(own_map.intercept @ direction)
    for step in reversed(row.linear):
        before = origin_before(step, origin)
        # What the step makes of these values may miss the origin by rounding, or where it has clipped a variance.
        constant += float((mapped(step, before) - origin) @ weights)
        origin = before
        weights = weights_before(step, weights)
    names = row.feature_names()
    # Only where there is a part that no feature adds is there a line for it.
    rest = [constant] if abs(constant) > _ROUNDING else []
    nothing = [np.nan] * len(rest)
    columns = {
        "modality": row.modality,
        "feature": names + [CONSTANT] * len(rest),
        "value": np.append(values, nothing),
        "average": np.append(origin, nothing),
        "contribution": np.append((values - origin) * weights, rest),
        "absent": np.append(row.is_sparse() & (values == 0), np.zeros(len(rest), dtype=bool)),
    }
    return pd.DataFrame(columns)
