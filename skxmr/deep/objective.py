"""Moved to :mod:`skxmr.nn.objective`; this path gives a `DeprecationWarning` and will be removed in 0.3."""

from skxmr._data.deprecation import moved

__getattr__ = moved(__name__, "skxmr.nn.objective")
