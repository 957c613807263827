"""Warnings that name the user's line, however many calls of this package or of scikit-learn lie between."""

from __future__ import annotations

import sys
import warnings

# Packages that call this one, or are called by it, on the way from the user's line to a warning.
_TOOLS = frozenset("skxmr sklearn joblib skorch torch dask numpy importlib contextlib functools pickle".split())


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the first line outside this package and its tools.

    A counted ``stacklevel`` is wrong as soon as the same code runs inside a Pipeline or a search: the warning then
    names a file of scikit-learn.
    """
    frame = sys._getframe(1)
    # In a worker thread or process there is no line of the user; the outermost frame is named then.
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _TOOLS:
        frame = frame.f_back
    warnings.warn_explicit(
        message,
        category,
        filename=frame.f_code.co_filename,
        lineno=frame.f_lineno,
        module=frame.f_globals.get("__name__"),
        registry=frame.f_globals.setdefault("__warningregistry__", {}),
    )
