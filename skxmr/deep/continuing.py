"""A fit that continues with the last network (`warm_start`), and what would then have no effect."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any
from weakref import ReferenceType

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from sklearn.base import clone
from torch import Tensor, nn

from skxmr._data.kinds import FittedGraph
from skxmr._data.labels import Labels
from skxmr.deep.items import digest
from skxmr.deep.options import Options
from skxmr.nn.networks import PretrainedText
from skxmr.nn.retrieval_network import RetrievalNetwork
from skxmr.steps.label_graph import LabelGraph

# Parameters that concern the rows and the training, and not the network.
_OF_TRAINING = frozenset(
    (
        *Options._fields,
        "checkpoint",
        "device",
        "encoder_lr",
        "keep_checkpoint",
        "n_jobs",
        "parser",
        "random_state",
        "validation_fraction",
        "warm_start",
    )
)
# What stands in front of the network.
_ENCODERS = ("image_encoder", "text_encoder")
# How the label graph that came with the pairs is called among the parameters.
_ATTACHED = "attached label graph"
# What every torch module has.
_OF_MODULES = frozenset(vars(nn.Module())) | {"generator", "frozen"}
# Makes the network of given parameters and of an attached label graph, or None.
Maker = Callable[[dict[str, Any], FittedGraph | None], RetrievalNetwork]


def check_columns(last: Mapping[str, list[str] | None], columns: Mapping[str, list[str] | None]) -> None:
    """Refuse data frames whose columns have other names, or another order, than those of the last fit."""
    for name, own in columns.items():
        before = last[name]
        if own is not None and before is not None and own != before:
            raise ValueError(
                f"warm_start=True, but the columns of {name}, {own[:3]} ..., are not those of the last fit, "
                f"{before[:3]} ..., in that order; bring them into that order, or set it to False."
            )


def check_names(last: list[Any], labels: Labels | None) -> None:
    """Refuse to continue with labels of other names than the last ones."""
    if labels is not None and labels.names.tolist() != last:
        raise ValueError("warm_start=True, but the labels of the last fit had other names; set it to False.")


def resumed(fresh: RetrievalNetwork, last: RetrievalNetwork) -> RetrievalNetwork:
    """Return a trainable copy of the last network, provided that a fresh one would have the same shapes."""
    try:
        fresh.load_state_dict(last.state_dict())
    except RuntimeError as error:
        raise ValueError(
            "warm_start=True, but widths, labels or the architecture differ from those of the last fit; "
            f"set warm_start=False to start anew. {error}"
        ) from error
    network = copy.deepcopy(last).requires_grad_(True)
    if isinstance(network.text_input, PretrainedText):
        network.text_input.freeze()
    return network


def makes_the_network(parameters: Mapping[str, Any], graph: FittedGraph | None) -> dict[str, Any]:
    """Return what may decide on the network of a fit: parameters, and the label graph attached to the pairs.

    In place of a network there is a key of its content.
    """
    found: dict[str, Any] = {}
    for name, value in parameters.items():
        if name not in _OF_TRAINING:
            found[name] = (digest(value),) if isinstance(value, nn.Module) else value
    return found | {_ATTACHED: graph}


def check_effects(last: Mapping[str, Any], now: Mapping[str, Any], labels: Labels | None, make: Maker) -> None:
    """Refuse what has changed since the last fit and would make another network, because the last network is used.

    `last` and `now` are what :func:`makes_the_network` returned for both fits. Whether a parameter enters the network
    is not known beforehand. So two networks are made for the rows of this fit, with the new value and with the last
    one, and compared.
    """
    changed = [name for name, value in now.items() if name in last and not _same(last[name], value)]
    if not changed:
        return
    fresh = _made(now, labels, make)
    idle = []
    for name in changed:
        if name in _ENCODERS:
            # The weights are those of the last fit. Features may have been followed by an encoder, and the reverse.
            idle += [name] if last[name] is not None and now[name] is not None else []
            continue
        try:
            other = _made({**now, name: last[name]}, labels, make)
        except ValueError:
            # The last value does not even go with the new values of the others.
            other = None
        if other is None or not _alike(fresh, other):
            idle.append(name)
    if idle:
        raise ValueError(
            f"warm_start=True continues with the last network, so {_told(idle, last, now)}. Set it back, or set "
            "warm_start=False to start anew."
        )


def _made(values: Mapping[str, Any], labels: Labels | None, make: Maker) -> RetrievalNetwork:
    """Make a network; both label graphs that are compared are learned from the same labels."""
    parameters = dict(values)
    graph = parameters.pop(_ATTACHED)
    with warnings.catch_warnings():
        # The fit itself has warned already.
        warnings.simplefilter("ignore")
        if isinstance(graph, LabelGraph) and labels is not None:
            graph = clone(graph).fit(None, labels)
        return make(parameters, graph)


def _told(names: list[str], last: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return which values would have no effect, and what they were where that can be said in a word."""
    told = []
    were = []
    for name in names:
        short = all(isinstance(value, (bool, int, float, str, type(None))) for value in (last[name], now[name]))
        told.append(f"{name}={now[name]!r}" if short else f"another {name}")
        were += [repr(last[name])] if short else []
    past = f"; {'it was' if len(were) == 1 else 'they were'} {', '.join(were)}" if were else ""
    return f"{', '.join(told)} would have no effect{past}"


def _same(value: Any, other: Any) -> bool:
    """Tell whether two values are equal: by their items, their attributes, or, of a label graph, its parameters."""
    if value is other:
        return True
    if type(value) is not type(other):
        return False
    if isinstance(value, Tensor):
        return _equal(value, other)
    if isinstance(value, np.ndarray):
        return np.array_equal(value, other)
    if sp.issparse(value):
        return value.shape == other.shape and (value != other).nnz == 0
    if isinstance(value, (pd.DataFrame, pd.Series)):
        return bool(value.equals(other))
    if isinstance(value, LabelGraph):
        return _same(value.get_params(), other.get_params())
    if isinstance(value, Mapping):
        return value.keys() == other.keys() and all(_same(value[name], other[name]) for name in value)
    if isinstance(value, (list, tuple)):
        return len(value) == len(other) and all(map(_same, value, other))
    if isinstance(value, FunctionType):
        # Functions that were made anew are never equal.
        return bool(value.__code__ == other.__code__)
    if isinstance(value, ReferenceType):
        # A recurrent layer refers to its weights, which are compared as such.
        return True
    if hasattr(value, "__dict__"):
        return _same(vars(value), vars(other))
    return bool(value == other)


def _alike(network: nn.Module, other: nn.Module) -> bool:
    """Tell whether two untrained networks have the same modules, settings, weights and data."""
    modules = dict(network.named_modules())
    others = dict(other.named_modules())
    if modules.keys() != others.keys():
        return False
    for name, module in modules.items():
        if type(module) is not type(others[name]) or not _same_settings(vars(module), vars(others[name])):
            return False
    state = network.state_dict()
    other_state = other.state_dict()
    return state.keys() == other_state.keys() and all(_equal(state[name], other_state[name]) for name in state)


def _same_settings(settings: Mapping[str, object], others: Mapping[str, object]) -> bool:
    """Compare the attributes of two modules that are neither weights nor modules."""
    names = settings.keys() - _OF_MODULES
    return names == others.keys() - _OF_MODULES and all(_same(settings[name], others[name]) for name in names)


def _equal(tensor: Tensor, other: Tensor) -> bool:
    if tensor.shape != other.shape or tensor.layout != other.layout:
        return False
    if tensor.is_sparse:
        tensor = tensor.coalesce()
        other = other.coalesce()
        return torch.equal(tensor.indices(), other.indices()) and torch.equal(tensor.values(), other.values())
    return torch.equal(tensor, other)
