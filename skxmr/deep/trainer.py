"""skorch's net with the inner loop that these methods need: nothing in a step waits for the device."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor, nn

from skxmr.deep.callbacks import DivergenceError, StopTraining
from skxmr.deep.compiled import Compiled
from skxmr.deep.memory import largest_fitting
from skxmr.nn.adversaries import Discriminator
from skxmr.nn.objective import Objective

_TWICE_WITHIN = 60.0  # seconds between two interrupts that mean "stop everything"
_READ_EVERY = 50  # steps: what a step measured is read together with its neighbours, as reading waits for the device
_last_interrupt = -math.inf


class Trainer(NeuralNet):
    """skorch's net over a network that returns a dict of tensors and an :class:`Objective`; held, never inherited."""

    def __init__(
        self, *args: Any, objective: Objective, precision: str = "float32", compiled: bool = False, **options: Any
    ) -> None:
        self.objective = objective
        self.precision = precision
        self.compiled = compiled
        super().__init__(*args, **options)

    def fit_loop(self, *args: Any, **kwargs: Any) -> Any:
        """Train, and tell a first interrupt, which keeps the model, from a second one soon after, which must raise."""
        global _last_interrupt
        self.interrupts_, self.steps_ = 0, 0
        self.critics_ = [module for module in self.module_.modules() if isinstance(module, Discriminator)]
        self.needs_closure_ = type(self.optimizer_) is torch.optim.LBFGS or not _of_torch(self.optimizer_)
        losses = losses_of(self.module_, self.objective, self.precision)
        self.losses_: Any = Compiled(losses) if self.compiled else losses
        try:
            return super().fit_loop(*args, **kwargs)
        except StopTraining:
            return self
        except KeyboardInterrupt:
            self.interrupts_ = 2 if time.monotonic() - _last_interrupt < _TWICE_WITHIN else 1
            _last_interrupt = time.monotonic()
            return self
        except torch.OutOfMemoryError as error:  # a training step tells what would fit
            said = str(error).splitlines()[0]
            raise MemoryError(
                f"the {self.device} device ran out of memory while rows were read or scored; set a smaller "
                f"batch_size, or free memory there. {said}"
            ) from error
        finally:
            self.losses_ = None  # what was compiled holds the network
            if self.compiled:  # torch keeps what it compiled, and compiles no more after the eighth network
                torch.compiler.reset()

    def notify(self, method_name: str, **kwargs: Any) -> None:
        """Call the callbacks; one that interrupts, as skorch's EarlyStopping does, stops the training and no more."""
        getattr(self, method_name)(self, **kwargs)
        for _, callback in self.callbacks_:
            self._tell(callback, method_name, **kwargs)

    def run_single_epoch(self, iterator: Any, training: bool, prefix: str, step_fn: Any, **fit_params: Any) -> None:
        """Train for an epoch; callbacks that do not heed batches are not told of them."""
        if iterator is None:
            return
        begin, end = self._overriding("on_batch_begin"), self._overriding("on_batch_end")
        self.gradient_callbacks_ = self._overriding("on_grad_computed")
        curious = any(_of_users(callback) for callback in (*begin, *end, *self.gradient_callbacks_))
        read_every = 1 if curious else _READ_EVERY  # they may look at the history
        self._set_training(True)
        unread: list[tuple[int, dict[str, Tensor]]] = []
        written: list[dict[str, Any]] = self.history[-1]["batches"]
        for batch in iterator:
            written.append({})  # as history.new_batch does, which looks the list up every time
            for callback in begin:
                self._tell(callback, "on_batch_begin", batch=batch, training=True)
            step = step_fn(batch, **fit_params)
            unread.append((len(batch[1]), step["terms"]))
            if len(unread) == read_every:
                self._read(unread)
            for callback in end:
                self._tell(callback, "on_batch_end", batch=batch, training=True, **step)
        self._read(unread)
        self.history.record(f"{prefix}_batch_count", len(written))

    def train_step(self, batch: Any, **fit_params: Any) -> Any:
        """Step; between the turns of the discriminators the optimiser does not touch them (ACMR's Algorithm 1)."""
        if self.objective.critic_every > 1:
            self.steps_ += 1
            for module in self.critics_:
                module.requires_grad_(self.steps_ % self.objective.critic_every == 0)
        first: dict[str, Any] = {}
        if not self.module_.training:  # a callback looked at the network
            self._set_training(True)
        try:
            if self.needs_closure_:
                self.optimizer_.step(partial(self._backward, batch, first))
            else:  # the same, without what torch does around a closure
                self._backward(batch, first)
                self.optimizer_.step()
            return first
        except torch.OutOfMemoryError as error:
            said = str(error)  # the error itself holds the step's tensors, by its traceback
        first.clear()
        raise largest_fitting(
            batch, lambda part: self.optimizer_.step(partial(self._backward, part, {})), said, self.precision
        )

    def _backward(self, batch: Any, first: dict[str, Any]) -> Any:
        """Compute the gradients, and keep what was measured first: some optimisers ask several times a step."""
        self.optimizer_.zero_grad()
        if self.compiled:
            total, terms, outputs = self.losses_.differentiated(*batch)
        else:
            total, terms, outputs = self.losses_(*batch)
            total.backward()
        for callback in self.gradient_callbacks_:
            named = list(self.get_all_learnable_params())
            self._tell(callback, "on_grad_computed", named_parameters=named, batch=batch, training=True)
        if self.compiled:  # what recorded kernels return is overwritten by the next step
            terms, total = {name: value.detach().clone() for name, value in terms.items()}, total.detach().clone()
        if not first:
            first.update(loss=total, y_pred=outputs, terms={**terms, "train_loss": total})
        return total

    def _read(self, unread: list[tuple[int, dict[str, Tensor]]]) -> None:
        """Write into the history what the last steps measured; a term that is not finite ends the training."""
        if not unread:
            return
        with torch.no_grad():
            values = torch.stack(
                [value if value.ndim == 0 else value.reshape(()) for _, terms in unread for value in terms.values()]
            )
        numbers = iter(values.tolist())
        for row, (size, terms) in zip(self.history[-1]["batches"][-len(unread) :], unread, strict=True):
            for name in terms:
                row[name] = next(numbers)
                if not math.isfinite(row[name]) and name != "train_loss":
                    raise DivergenceError(f"the loss term {name!r} became {row[name]} in epoch {len(self.history)}")
            row["train_batch_size"] = size
        unread.clear()

    def _overriding(self, method_name: str) -> list[Any]:
        """Return the callbacks that do something when told; the others are most of the cost of a small step."""
        nothing = getattr(Callback, method_name)
        return [
            callback for _, callback in self.callbacks_ if getattr(type(callback), method_name, None) is not nothing
        ]

    def _tell(self, callback: Any, method_name: str, **kwargs: Any) -> None:
        try:
            getattr(callback, method_name)(self, **kwargs)
        except KeyboardInterrupt as stop:
            if not _of_users(callback):  # the user interrupted while it worked, or it says StopTraining itself
                raise
            raise StopTraining from stop


def _of_users(callback: Any) -> bool:
    return not type(callback).__module__.startswith("skxmr.")


def losses_of(network: nn.Module, objective: Objective, precision: str) -> Callable[..., Any]:
    """Return the function of a batch that is differentiated: its total, its terms and the network's outputs."""

    def losses(X: Mapping[str, Tensor], Y: Tensor) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        if precision == "bf16":
            with torch.autocast(Y.device.type, torch.bfloat16):
                outputs = network(**X)
            outputs = {name: value.float() for name, value in outputs.items()}
        else:
            outputs = network(**X)
        terms = objective.terms(outputs, Y)
        return objective.total(terms), terms, outputs

    return losses


def _of_torch(optimizer: Any) -> bool:
    return type(optimizer).__module__.startswith("torch.optim.")
