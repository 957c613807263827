"""What a method builds: a network, what it minimises, and what it asks of the training loop."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

import torch

from skxmr.deep.validation import Validation
from skxmr.nn.objective import Objective
from skxmr.nn.retrieval_network import FittingRows, RetrievalNetwork

# What the history holds beside the terms of an objective: columns, or names of skorch for them.
_COLUMNS = frozenset(("batches", "dur", "epoch", "loss", "seconds", "train_batch_size", "train_loss", "valid_loss"))


class LoopOptions(NamedTuple):
    """What a method asks of the training loop.

    Parameters
    ----------
    critic_every : int, default=1
        The discriminators learn with every k-th batch only.
    smallest_batch : int, default=2
        A remainder of fewer rows joins the batch before it.
    rate_factors : mapping of str to float, default={}
        Factor of the learning rate for parameters of the network, by name; these are not decayed.
    clip : float or None, default=None
        Longer gradients are scaled to this length.
    rates : mapping of str to float, default={}
        Learning rate of parameters of the network, by name; these are decayed like the others.

    Examples
    --------
    >>> from skxmr.deep import LoopOptions
    >>> LoopOptions(critic_every=5).smallest_batch
    2
    """

    critic_every: int = 1
    smallest_batch: int = 2
    rate_factors: Mapping[str, float] = MappingProxyType({})
    clip: float | None = None
    rates: Mapping[str, float] = MappingProxyType({})


class Learner(NamedTuple):
    """What `_build` of a deep method returns: the network, what it minimises, and options of the training loop.

    Parameters
    ----------
    network : RetrievalNetwork
        The network that is trained.
    objective : Objective
        What it minimises.
    loop : LoopOptions, default=LoopOptions()
        What the method asks of the training loop.

    Examples
    --------
    >>> from torch import nn
    >>> from skxmr.deep import Learner
    >>> from skxmr.nn import Objective, TwoBranchNetwork, encoder
    >>> network = TwoBranchNetwork([nn.Identity(), nn.Identity()], [encoder(5, 3), encoder(4, 3)])
    >>> Learner(network, Objective({"distance": 1.0})).loop.critic_every
    1
    """

    network: RetrievalNetwork
    objective: Objective
    loop: LoopOptions = LoopOptions()


def check_learner(learner: object, method: str) -> Learner:
    """Return what `_build` of a method returned, or say what it must return.

    A rate factor may name several parameters by a pattern, because skorch takes patterns.
    """
    if not isinstance(learner, Learner):
        raise TypeError(
            f"{method}._build must return skxmr.deep.Learner(network, objective); got {type(learner).__name__}."
        )
    if not isinstance(learner.network, RetrievalNetwork):
        raise TypeError(
            f"the network of {method} must derive from skxmr.nn.RetrievalNetwork or skxmr.nn.TwoBranchNetwork; got "
            f"{type(learner.network).__name__}."
        )
    if not isinstance(learner.objective, Objective):
        raise TypeError(
            f"the objective of {method} must derive from skxmr.nn.Objective; got {type(learner.objective).__name__}."
        )
    taken = _COLUMNS & learner.objective.weights.keys()
    if taken:
        raise ValueError(
            f"{method} has a term {min(taken)!r}, but history_ has a column of this name already; rename the term."
        )
    names = [name for name, _ in learner.network.named_parameters()]
    for pattern in learner.loop.rate_factors:
        if not fnmatch.filter(names, pattern):
            raise ValueError(
                f"rate_factors of {method} names {pattern!r}, but the network has no such parameter; it has "
                f"{', '.join(names)}."
            )
    return learner


class TrainingRows(FittingRows, Protocol):
    """The rows of a fit, as batches are made of them."""

    device: torch.device
    stream: torch.cuda.Stream | None
    # Threads that read ahead on a CPU as well; 0 where reading takes no time.
    threads: int

    @property
    def resident(self) -> bool:
        """Whether all rows are on the device, so that nothing is read ahead."""


class Prepared(NamedTuple):
    """What a network is trained on, and how it is measured after every epoch; None if it is not measured."""

    rows: TrainingRows
    validation: Validation | None
