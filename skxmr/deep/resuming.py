"""Resume: the callback that keeps the state of a training after every epoch and begins with one that was kept."""

from __future__ import annotations

from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, LRScheduler

from skxmr.deep.callbacks import Adversary, BestWeights
from skxmr.deep.checkpoint import Checkpoint, State
from skxmr.nn.retrieval_network import RetrievalNetwork

# Name of the callback.
RESUME = "skxmr_resume"


class Resume(Callback):
    """Keep everything that decides on the next epochs, so that a fit which was killed ends as if it had not been.

    It has to come last: the state of the other callbacks is kept after they have seen the epoch.

    Parameters
    ----------
    checkpoint : Checkpoint
        Where the state is kept.
    network : RetrievalNetwork
        What is trained, encoders included.
    callbacks : list of Callback or (str, Callback)
        The other callbacks of the training.
    generators : list of torch.Generator
        From which order and noise are drawn.
    device : torch.device or None
        Where torch's global generators are drawn from as well; None where they are not.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        network: RetrievalNetwork,
        callbacks: list[Any],
        generators: list[torch.Generator],
        device: torch.device | None,
    ) -> None:
        self.checkpoint = checkpoint
        self.network = network
        self.callbacks = [given[-1] if isinstance(given, tuple) else given for given in callbacks]
        self.generators = generators
        self.device = device

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Begin with the state that was kept, if there is one."""
        state = self.checkpoint.state
        if state is None:
            return
        self.network.load_state_dict(state["network"])
        net.optimizer_.load_state_dict(state["optimizer"])
        for generator, kept in zip(self.generators, state["generators"], strict=True):
            generator.set_state(kept)
        if self.device is not None:
            torch.set_rng_state(state["global"]["cpu"])
            if self.device.type == "cuda":
                torch.cuda.set_rng_state(state["global"]["cuda"], self.device)
        for callback, kept in zip(self.callbacks, state["callbacks"], strict=True):
            _restore(callback, kept)
        net.history.extend(state["history"])

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Keep the state."""
        found: State = {
            "network": self.network.state_dict(),
            "optimizer": net.optimizer_.state_dict(),
            "generators": [generator.get_state() for generator in self.generators],
            "callbacks": [_state(callback) for callback in self.callbacks],
            # What single batches measured is not looked at again.
            "history": [{**epoch, "batches": []} for epoch in net.history],
        }
        if self.device is not None:
            found["global"] = {"cpu": torch.get_rng_state()}
            if self.device.type == "cuda":
                found["global"]["cuda"] = torch.cuda.get_rng_state(self.device)
        self.checkpoint.write(found)


def _state(callback: Callback) -> State:
    """Return what a callback remembers from one epoch to the next."""
    if isinstance(callback, BestWeights):
        return {name: getattr(callback, name) for name in ("best_epoch", "best_value", "best_state")}
    if isinstance(callback, Adversary):
        return {"step": callback.step}
    if isinstance(callback, EarlyStopping):
        return {name: getattr(callback, name) for name in ("misses_", "dynamic_threshold_", "best_epoch_")}
    if isinstance(callback, LRScheduler):
        return {"batch_idx_": callback.batch_idx_, "schedule": callback.lr_scheduler_.state_dict()}
    return dict(callback.state_dict()) if hasattr(callback, "state_dict") else {}


def _restore(callback: Callback, kept: State) -> None:
    if hasattr(callback, "load_state_dict"):
        callback.load_state_dict(kept)
        return
    if isinstance(callback, LRScheduler):
        callback.lr_scheduler_.load_state_dict(kept.pop("schedule"))
    vars(callback).update(kept)
