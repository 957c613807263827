"""The explanation of a weighted mean of several methods, from the explanations by each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skxmr._data.kinds import Float64Array
from skxmr.inspection.explaining.contributions import CONSTANT, SIDES
from skxmr.inspection.explaining.explanation import Explanation

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ["side", "modality", "feature", "value", "average", "contribution", "absent"]


def mean_of(method: str, names: list[str], shares: Float64Array, parts: list[Explanation]) -> Explanation:
    """Return the explanation of a mean; labels and pairs are those of the method that adds most and has any."""
    import pandas as pd

    similarities = np.array([part.similarity for part in parts])
    adds = shares * similarities
    columns = {"method": names, "weight": shares, "similarity": similarities, "contribution": adds}
    tables: dict[str, pd.DataFrame | None] = {"methods": pd.DataFrame(columns)}
    tables["features"] = _features(names, shares, parts)
    by_share = [parts[i] for i in np.argsort(-adds, kind="stable")]
    tables["pairs"] = next((part.tables["pairs"] for part in by_share if "pairs" in part.tables), None)
    with_labels = next((part for part in by_share if "labels" in part.tables), None)
    if with_labels is not None:
        # What a label adds to one of the methods is no part of the mean.
        tables["labels"] = with_labels.tables["labels"].drop(columns="contribution", errors="ignore")
    path = [] if with_labels is None else with_labels.path
    in_graph = with_labels is not None and with_labels.in_graph
    return Explanation(method, parts[0].modalities, float(adds.sum()), tables, path, in_graph)


def _features(names: list[str], shares: Float64Array, parts: list[Explanation]) -> pd.DataFrame | None:
    """Return a line per feature of every side on which a method is linear; None where no method is."""
    import pandas as pd

    tables = []
    for side, modality in zip(SIDES, parts[0].modalities, strict=True):
        own: list[pd.DataFrame] = []
        # By method: what it adds where it is not linear.
        wholes: dict[str, float] = {}
        for name, share, part in zip(names, shares, parts, strict=True):
            table = part.tables.get("features")
            rows = None if table is None else table[table["side"] == side]
            if rows is None or rows.empty:
                wholes[f"{name} as a whole"] = share * part.similarity
            else:
                own.append(rows.assign(contribution=share * rows["contribution"], method=name))
        if own:
            columns = {"side": side, "modality": modality, "feature": list(wholes), "absent": False}
            rest = pd.DataFrame(columns | {"contribution": list(wholes.values())})
            tables += [*_together(own), rest]
    return pd.concat(tables, ignore_index=True)[_COLUMNS] if tables else None


def _together(tables: list[pd.DataFrame]) -> list[pd.DataFrame]:
    """Return one table where all methods see the same features; else tables whose features have a method's name."""
    features = [table[table["feature"] != CONSTANT].reset_index(drop=True) for table in tables]
    constants = [table[table["feature"] == CONSTANT] for table in tables]
    first = features[0]
    if all(other["feature"].equals(first["feature"]) and other["value"].equals(first["value"]) for other in features):
        merged = first.assign(contribution=sum(other["contribution"] for other in features))
        averages = np.array([other["average"] for other in features])
        merged["average"] = np.where(np.isclose(averages, averages[0]).all(axis=0), averages[0], np.nan)
        features = [merged]
    else:
        features = [table.assign(feature=table["method"] + ": " + table["feature"]) for table in features]
    constant = constants[0].head(0) if not any(map(len, constants)) else next(rows for rows in constants if len(rows))
    return [*features, constant.assign(contribution=sum(rows["contribution"].sum() for rows in constants))]
