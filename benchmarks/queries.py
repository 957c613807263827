"""Average precision of every test query of the recorded fits, which comparisons need; results/queries.jsonl keeps them.

A value between 0 and 1 is kept in 16 bits, so that a line of 1,000 queries is 3 kB and wrong by less than 1e-5.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from common import append, recorded

from skxmr.inspection import compare
from skxmr.metrics._asking import score_matrices
from skxmr.metrics._scorers import values_per_query

# Marks of a figure in a table.
BEST = "**{}**"
NOT_WORSE = "{} †"
# What tells fits apart: the parameters and the data are fingerprints.
KEY = ("set", "method", "variant", "seed", "parameters", "data")
DIRECTIONS = {"i2t": "image_to_text", "t2i": "text_to_image"}
_STEPS = 2**16 - 2
# Intervals of fewer queries may be too narrow, of which `compare` warns.
_FEW = 50
# A query without a relevant item has no value.
_NONE = 2**16 - 1


def file_of(results: Path) -> Path:
    """Return the file of the values that belong to a file of finished fits."""
    return results.with_name("queries.jsonl" if results.stem == "reproduce" else f"{results.stem}_queries.jsonl")


def key_of(record: dict[str, Any]) -> tuple[Any, ...]:
    """Return what tells the fit of a record apart."""
    return tuple(record.get(key) for key in KEY)


def keep(results: Path, record: dict[str, Any], model: Any, pairs: Any, labels: Any) -> None:
    """Add the values of a fitted model, beside its record."""
    scores, relevance = score_matrices(model, pairs, labels, None)
    values = {key: values_per_query(scores, relevance, "map", None, name) for key, name in DIRECTIONS.items()}
    line = dict(zip(KEY, key_of(record), strict=True)) | {key: packed(found) for key, found in values.items()}
    append(file_of(results), line)


def kept(results: Path) -> dict[tuple[Any, ...], dict[str, np.ndarray]]:
    """Return the values (n,) of both directions, by the key of the fit."""
    found = {}
    for line in recorded(file_of(results)):
        found[key_of(line)] = {key: unpacked(line[key]) for key in DIRECTIONS}
    return found


def packed(values: np.ndarray) -> str:
    """Return values between 0 and 1 as text; nan stays nan."""
    steps = np.where(np.isnan(values), _NONE, np.rint(np.nan_to_num(values) * _STEPS)).astype("<u2")
    return base64.b64encode(steps.tobytes()).decode()


def unpacked(text: str) -> np.ndarray:
    """Return the values that `packed` made a text of."""
    steps = np.frombuffer(base64.b64decode(text), dtype="<u2")
    return np.where(steps == _NONE, np.nan, steps / _STEPS)


def marks(methods: dict[str, pd.DataFrame]) -> dict[str, dict[str, str]]:
    """Return marks by method and direction: of the best mean, and of those that `compare` does not find to be worse.

    Parameters
    ----------
    methods : dict of str to DataFrame
        Runs of each method on the same queries, with a column ``queries``. Nothing is marked unless the values per
        query of all runs are kept, and there are enough of them.
    """
    if len(methods) < 2 or any(runs["queries"].isna().any() for runs in methods.values()):
        return {}
    if any(len(values) < _FEW for runs in methods.values() for run in runs["queries"] for values in run.values()):
        return {}
    stacked = {
        name: {long: np.stack([run[short] for run in runs["queries"]]) for short, long in DIRECTIONS.items()}
        for name, runs in methods.items()
    }
    shorts = {long: short for short, long in DIRECTIONS.items()}
    found: dict[str, dict[str, str]] = {name: {} for name in stacked}
    for line in compare(stacked).means.itertuples():
        found[line.method][shorts[line.direction]] = BEST if line.best else NOT_WORSE if line.not_worse else "{}"
    return found
