"""torch.compile around a training step, for those who asked for it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch

from skxmr._data.warn import warn

MODE = "default"  # "reduce-overhead" would record CUDA graphs


class Compiled:
    """The losses of a batch, compiled for full batches; what cannot be compiled runs as it is, with a warning.

    Never part of a network: one that was trained so is like any other, in pickles and copies, too.

    Parameters
    ----------
    losses : callable
        Given views and labels, returns a tuple of which the first is differentiated.

    Notes
    -----
    Only batches as large as the first one are compiled for; another size, at most one batch an epoch, is not worth the
    minute that it takes.
    """

    def __init__(self, losses: Callable[..., Any]) -> None:
        self.losses, self.rows = losses, 0
        self.compiled: Any = None

    def __call__(self, X: Any, Y: Any) -> Any:
        """Return the losses of a batch."""
        if self.rows == 0:
            return self._first(X, Y)
        if self.compiled is None or len(Y) != self.rows:
            return self.losses(X, Y)
        if Y.device.type == "cuda":
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        return self.compiled(X, Y)

    def differentiated(self, X: Any, Y: Any) -> Any:
        """Return the losses of a batch after the backward pass, which torch compiles when it is first wanted."""
        found = self(X, Y)
        try:
            found[0].backward()
        except Exception as error:
            self._give_up(error)
            found = self.losses(X, Y)
            found[0].backward()
        return found

    def _first(self, X: Any, Y: Any) -> Any:
        self.rows = len(Y)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch's own parts are deprecated by one another
                self.compiled = torch.compile(self.losses, dynamic=False, mode=MODE)
                return self.compiled(X, Y)
        except Exception as error:
            self._give_up(error)
            return self.losses(X, Y)

    def _give_up(self, error: Exception) -> None:
        """Go on uncompiled after an error of the compiler; any other is the caller's."""
        if self.compiled is None or not type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise error
        self.compiled = None
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        message = f"compile=True, but torch cannot compile here; training goes on without. {reason}"
        warn(message)
