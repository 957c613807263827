"""skorch's net with the inner loop that these methods need: nothing in a step waits for the device."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from typing import Any, NamedTuple, Self

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor, nn

from skxmr.base.interrupts import Interruptible, StopTraining
from skxmr.deep.callbacks import DivergenceError
from skxmr.deep.compiled import Compiled, Losses
from skxmr.nn.objective import AnyBatch, Objective

# After so many steps, what they measured is read from the device together, because every reading waits for it.
_READ_EVERY = 50
_HOOKS = (
    "on_train_begin", "on_train_end", "on_epoch_begin", "on_epoch_end", "on_batch_begin", "on_batch_end",
    "on_grad_computed",
)  # fmt: skip


class _Measured(NamedTuple):
    """What a step measured, still on the device."""

    size: int
    terms: dict[str, Tensor]


class Trainer(NeuralNet):
    """skorch's net around a network that returns a dict of tensors.

    Parameters
    ----------
    losses_of : callable
        Given the network as skorch trains it, returns the function of a batch that is differentiated.
    compile_mode : str or None
        Mode of ``torch.compile``; None does not compile.
    own : collection of str
        Names of the library's own callbacks. A KeyboardInterrupt inside one of them comes from the user. Inside another
        callback it is the way of that callback to end the training.
    """

    def __init__(
        self,
        *args: Any,
        losses_of: Callable[[nn.Module], Callable[[Any], Losses]],
        compile_mode: str | None = None,
        own: Collection[str] = (),
        **options: Any,
    ) -> None:
        self.losses_of = losses_of
        self.compile_mode = compile_mode
        self.own = own
        super().__init__(*args, **options)

    def initialize_callbacks(self) -> Self:
        """Note which callbacks do something in which hook; to call all of them would take most of a small step."""
        super().initialize_callbacks()
        self.listening_: dict[str, list[tuple[str, Callback]]] = {}
        for hook in _HOOKS:
            self.listening_[hook] = [pair for pair in self.callbacks_ if _overrides(pair[1], hook)]
        return self

    def fit_loop(self, *args: Any, **kwargs: Any) -> Self:
        """Train until the last epoch or until somebody stops the loop."""
        losses = self.losses_of(self.module_)
        self.losses_: Callable[[Any], Losses] | None = losses
        if self.compile_mode is not None:
            self.losses_ = Compiled(losses, self.compile_mode)
        # skorch's Checkpoint(load_best=True) replaces the history by that of its best epoch.
        self.whole_history_ = self.history
        self.interruption_ = Interruptible()
        try:
            with self.interruption_:
                # The epochs of the history that a checkpoint held are over.
                super().fit_loop(*args, epochs=self.max_epochs - len(self.history), **kwargs)
        finally:
            # The compiled function keeps a reference to the network.
            self.losses_ = None
            if self.compile_mode is not None:
                # torch keeps what it compiled, and compiles no more after the eighth network.
                torch.compiler.reset()
        return self

    def notify(self, method_name: str, **kwargs: Any) -> None:
        """Call the callbacks; the KeyboardInterrupt of a user's callback ends this training, not the whole search."""
        getattr(self, method_name)(self, **kwargs)
        for name, callback in self.listening_[method_name]:
            try:
                getattr(callback, method_name)(self, **kwargs)
            except KeyboardInterrupt as stop:
                # In a callback of our own it is the user who interrupts.
                if name in self.own:
                    raise
                raise StopTraining from stop

    def run_single_epoch(
        self, iterator: Iterable[Any] | None, training: bool, prefix: str, step_fn: Any, **fit_params: Any
    ) -> None:
        """Train for an epoch."""
        if iterator is None:
            return
        listening = [*self.listening_["on_batch_begin"], *self.listening_["on_batch_end"]]
        listening += self.listening_["on_grad_computed"]
        # Callbacks of users may look at the history after every batch.
        watched = any(name not in self.own for name, _ in listening)
        read_every = 1 if watched else _READ_EVERY
        self._set_training(True)
        unread: list[_Measured] = []
        batches = iter(iterator)
        try:
            for batch in batches:
                self.notify("on_batch_begin", batch=batch, training=True)
                step = step_fn(batch, **fit_params)
                unread.append(_Measured(batch.size, step["terms"]))
                if len(unread) == read_every:
                    self._read(unread)
                self.notify("on_batch_end", batch=batch, training=True, **step)
        finally:
            # After an error or an interrupt, threads that read ahead end now, and not when the error is forgotten.
            if isinstance(batches, Generator):
                batches.close()
        self._read(unread)
        self.history.record(f"{prefix}_batch_count", len(self.history[-1]["batches"]))

    def train_step_single(self, batch: AnyBatch, **fit_params: Any) -> dict[str, Any]:
        """Compute the gradients of a batch."""
        if not self.module_.training:
            # A callback has switched the network to evaluation mode.
            self._set_training(True)
        if isinstance(self.losses_, Compiled):
            total, terms, outputs = self.losses_.differentiated(batch)
        else:
            assert self.losses_ is not None
            total, terms, outputs = self.losses_(batch)
            torch.autograd.backward(total)
        return {"loss": total, "y_pred": outputs, "terms": {**terms, "train_loss": total}}

    def _read(self, unread: list[_Measured]) -> None:
        """Write into the history what the last steps measured; a term that is not finite ends the training."""
        if not unread:
            return
        rows = self.history[-1]["batches"][-len(unread) :]
        numbers = _numbers(unread)
        for row, step in zip(rows, unread, strict=True):
            for name in step.terms:
                row[name] = next(numbers)
                if not math.isfinite(row[name]) and name != "train_loss":
                    error = DivergenceError(f"the loss term {name!r} became {row[name]} in epoch {len(self.history)}")
                    error.at_start = len(self.history) == 1 and row is self.history[-1]["batches"][0]
                    raise error
            row["train_batch_size"] = step.size
        unread.clear()


def _overrides(callback: Callback, hook: str) -> bool:
    """Tell whether a callback does something in a hook, which its class or the callback itself may define."""
    return getattr(getattr(callback, hook, None), "__func__", None) is not getattr(Callback, hook)


@torch.no_grad()
def _numbers(unread: list[_Measured]) -> Iterator[float]:
    """Return the terms of all steps, which are read from the device at once."""
    scalars = []
    for step in unread:
        for value in step.terms.values():
            scalars.append(value if value.ndim == 0 else value.reshape(()))
    return iter(torch.stack(scalars).tolist())


def losses_of(network: nn.Module, objective: Objective, precision: str) -> Callable[[Any], Losses]:
    """Return the function of a batch that is differentiated: its total, its terms and the network's outputs."""
    device = next(network.parameters()).device.type

    def losses(batch: AnyBatch) -> Losses:
        if precision == "bf16":
            with torch.autocast(device, torch.bfloat16):
                outputs = network(batch.image, batch.text)
            outputs = {name: value.float() for name, value in outputs.items()}
        else:
            outputs = network(batch.image, batch.text)
        terms = objective.terms(outputs, batch)
        return objective.total(terms), terms, outputs

    return losses
