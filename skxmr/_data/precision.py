"""How exact the values of a view came: those of float16 and bfloat16 are no more exact when they are float32."""

from __future__ import annotations

from skxmr._data.kinds import Frame, View

# The relative distance of neighbouring numbers in float64, and in types of fewer bits, of numpy, pandas or torch.
EPS = 2.0**-52
_EPS = {"float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7, "float8_e4m3fn": 2.0**-3, "float8_e5m2": 2.0**-2}


def eps_of(dtype: object) -> float:
    """Return the relative distance of neighbouring numbers; all types but floats of fewer bits count as float64."""
    # Types of torch have no name, and classes such as numpy.float32 have another one.
    name = str(getattr(dtype, "name", getattr(dtype, "__name__", dtype))).removeprefix("torch.").lower()
    return _EPS.get(name, EPS)


def precision(view: View) -> float:
    """Return how exact the values of a view are, relative to their size: an array, tensor, frame or list of rows."""
    if isinstance(view, Frame) and view.ndim == 2:
        # Columns of several types become numbers of the most exact one.
        return min((eps_of(dtype) for dtype in view.dtypes), default=EPS)
    # None may stand where a row is missing.
    first = next((row for row in view if row is not None), None) if isinstance(view, (list, tuple)) else view
    return eps_of(getattr(first, "dtype", None))
