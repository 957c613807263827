"""torch.compile around a training step, for those who asked for it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor

from skxmr._data.warn import warn
from skxmr.nn.objective import AnyBatch

# The total that is differentiated, the single terms, and the outputs of the network.
Losses: TypeAlias = tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]


def compile_mode(device: torch.device, n_processes: int = 1) -> str:
    """Return the mode of ``torch.compile`` for a device: on CUDA, graphs of a step's kernels are recorded.

    A step on small batches spends most of its time in launching kernels, and graphs launch all of them at once.
    What several processes tell one another is not recorded.
    """
    return "reduce-overhead" if device.type == "cuda" and n_processes == 1 else "default"


class Compiled:
    """The losses of a batch, compiled for full batches; what cannot be compiled runs as it is, with a warning.

    It is never part of a network, so a network that was trained with it is pickled and copied like any other.

    Parameters
    ----------
    losses : callable
        Given a batch, returns a tuple of which the first is differentiated.
    mode : {"default", "reduce-overhead"}
        Mode of ``torch.compile``.

    Notes
    -----
    Only batches as large as the first one are compiled for; another size, at most one batch per epoch, is not worth the
    minute that it takes. In the mode ``"reduce-overhead"`` the next step overwrites what a step has returned.
    """

    def __init__(self, losses: Callable[[Any], Losses], mode: str) -> None:
        self.losses = losses
        self.mode = mode
        self.rows = 0
        self.compiled: Callable[[Any], Losses] | None = None

    def __call__(self, batch: AnyBatch) -> Losses:
        """Return the losses of a batch."""
        if self.rows == 0:
            return self._first(batch)
        if self.compiled is None or batch.size != self.rows:
            return self.losses(batch)
        if self.mode == "reduce-overhead":
            # torch publishes no type of this function.
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        return self.compiled(batch)

    def differentiated(self, batch: AnyBatch) -> Losses:
        """Return the losses of a batch after the backward pass, which torch compiles when it is first wanted.

        Total and terms are copies, which the next step does not overwrite.
        """
        found = self(batch)
        try:
            torch.autograd.backward(found[0])
        except Exception as error:
            self._give_up(error)
            found = self.losses(batch)
            torch.autograd.backward(found[0])
        total, terms, outputs = found
        return total.detach().clone(), {name: term.detach().clone() for name, term in terms.items()}, outputs

    def _first(self, batch: AnyBatch) -> Losses:
        self.rows = batch.size
        try:
            with warnings.catch_warnings():
                # While torch compiles, it warns of deprecated functions of its own.
                warnings.simplefilter("ignore")
                self.compiled = torch.compile(self.losses, dynamic=False, mode=self.mode)
                return self.compiled(batch)
        except Exception as error:
            self._give_up(error)
            return self.losses(batch)

    def _give_up(self, error: Exception) -> None:
        """Continue uncompiled after an error of the compiler; raise any other error."""
        if self.compiled is None or not type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise error
        self.compiled = None
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        warn(f"compile=True, but torch cannot compile here; training goes on without. {reason}")
