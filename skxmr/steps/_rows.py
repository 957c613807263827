"""What a transformer gets of a view, and which row it stumbled over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils._param_validation import InvalidParameterError

from skxmr._data.kinds import Chunked, Frame, View


@contextmanager
def naming(
    name: str, transformer: object, rows: View, about_labels: Callable[[str], str] = lambda reason: ""
) -> Iterator[None]:
    """Name the view in errors of a transformer, and the row where it can be told.

    In fit, `about_labels` says of a reason what is wrong with the labels, if it is they.
    """
    try:
        yield
    except (InvalidParameterError, NotFittedError):
        # These speak of the transformer, not of its rows.
        raise
    except (AttributeError, TypeError) as error:
        raise TypeError(_message(name, transformer, rows, error, about_labels)) from error
    except (ValueError, LookupError) as error:
        raise ValueError(_message(name, transformer, rows, error, about_labels)) from error


def texts_of(rows: View, transformer: object) -> View:
    """Return the only column of a matrix of texts, because a vectoriser reads the names of a frame's columns."""
    is_table = isinstance(rows, (Frame, np.ndarray)) and rows.ndim == 2
    if not is_table or not _takes_texts(transformer):
        return rows
    if rows.shape[1] != 1:
        raise ValueError(f"it has the shape {rows.shape}, but one column of texts is wanted; choose that column")
    return _column(rows)


def _column(table: View) -> View:
    """Return the first column of a data frame or an array, or what is a column already."""
    if table.ndim == 1:
        return table
    return table.iloc[:, 0] if hasattr(table, "iloc") else table[:, 0]


def _takes_texts(transformer: object) -> bool:
    """Tell vectorisers, pipelines that begin with one, and unions of them."""
    steps = [step for _, step in getattr(transformer, "steps", ()) if step not in (None, "passthrough")]
    if steps:
        return _takes_texts(steps[0])
    union = [part for _, part in getattr(transformer, "transformer_list", ()) if part not in ("drop", "passthrough")]
    if union:
        return any(_takes_texts(part) for part in union)
    if not hasattr(transformer, "__sklearn_tags__"):
        return False
    takes = get_tags(transformer).input_tags
    return bool(takes.string and not takes.two_d_array)


def _message(name: str, transformer: object, rows: View, error: Exception, about_labels: Callable[[str], str]) -> str:
    kind = type(transformer).__name__
    reason = f"KeyError: {error}" if isinstance(error, KeyError) else str(error)
    wrong_labels = about_labels(reason)
    if wrong_labels:
        return f"{kind} cannot be fitted to {name} {wrong_labels}: {reason.strip().removesuffix('.')}."
    where = _where(rows, _takes_texts(transformer)) or _first_string(rows, reason)
    return f"{kind} cannot take {name}{where}: {reason.removesuffix('.')}."


def _where(rows: View, texts_are_wanted: bool) -> str:
    """Say which row differs from the others where texts are wanted, or is not finite; nothing if none does."""
    if isinstance(rows, Chunked):
        return ""
    shape: tuple[int, ...] = getattr(rows, "shape", ())
    if texts_are_wanted and (len(shape) == 1 or shape[1:] == (1,)):
        return _odd_one(list(_column(rows)))
    return _first_not_finite(rows)


def _odd_one(values: Sequence[object]) -> str:
    kinds = ["str" if isinstance(value, str) else type(value).__name__ for value in values]
    if not kinds:
        return ""
    # Of kinds that are equally frequent, texts are what is wanted.
    usual = max(Counter(kinds).items(), key=lambda item: (item[1], item[0] == "str"))[0]
    i = next((i for i, kind in enumerate(kinds) if kind != usual), 0)
    if kinds[i] == usual:
        return "" if usual == "str" else f", whose rows are of type {usual}, such as {_short(values[0])} in row 0"
    return f", whose row {i} is {_short(values[i])} ({kinds[i]}) among others of type {usual}"


def _first_not_finite(rows: View) -> str:
    if sp.issparse(rows):
        entries = rows.tocoo()
        values = entries.data
        numbers = entries.row
    elif isinstance(rows, (Frame, np.ndarray)):
        values = np.asarray(rows)
        numbers = np.arange(len(values))
    else:
        return ""
    if values.dtype.kind != "f":
        return ""
    bad = ~np.isfinite(values)
    if not bad.any():
        return ""
    i = int(np.argmax(bad.reshape(len(values), -1).any(axis=1)))
    return f", whose row {numbers[i]} holds {np.ravel(values[i])[np.ravel(bad[i])][0]}"


def _first_string(rows: View, reason: str) -> str:
    """Say which row holds a string that is no number, if that is what is wrong."""
    if "could not convert string to float" not in reason or not isinstance(rows, (Frame, np.ndarray)):
        return ""
    for i, row in enumerate(np.asarray(rows)):
        for value in np.ravel(row):
            try:
                float(value)
            except (TypeError, ValueError):
                return f", whose row {i} holds {_short(value)}"
    return ""


def _short(value: object) -> str:
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= 60 else f"{text[:60]}..."
