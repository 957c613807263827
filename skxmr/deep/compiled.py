"""torch.compile around a training step, for those who asked for it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch

MODE = "default"  # "reduce-overhead" would use CUDA graphs


class Compiled:
    """The losses of a batch, compiled for full batches; what cannot be compiled runs as it is, with a warning.

    Never part of a network: a network that was trained so is the same object as any other, in pickles and copies, too.

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
        self.compiled: Any = torch.compile(losses, dynamic=False, mode=MODE)

    def __call__(self, X: Any, Y: Any) -> Any:
        """Return the losses of a batch."""
        self.rows = self.rows or len(Y)
        if self.compiled is None or len(Y) != self.rows:
            return self.losses(X, Y)
        try:
            return self.compiled(X, Y)
        except (torch.OutOfMemoryError, KeyboardInterrupt):
            raise
        except Exception as error:
            if not _in_the_compiler(error):
                raise
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            message = f"compile=True, but torch cannot compile here; training goes on without it. {reason}"
            warnings.warn(message, UserWarning, stacklevel=2)
            self.compiled = None
            return self.losses(X, Y)


def _in_the_compiler(error: BaseException) -> bool:
    return type(error).__module__.startswith(("torch._dynamo", "torch._inductor"))
