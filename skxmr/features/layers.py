"""Networks cut at a layer: a function from images to what that layer gives."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import pairwise

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


def cut(network: nn.Module, layer: str | None) -> Callable[[Tensor], Tensor]:
    """Return the network up to a layer, as a function from images to flat features; it shares the weights.

    The layer ``"auto"`` is fc7 where the network has one, else what its last linear layer sees, and None is the output.

    An exception ends the pass once the layer is reached. Tracing a graph instead would patch all networks of the
    process for a moment, even those that other threads train.
    """
    shared = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    # A copy of the modules (not of the weights), so that the hook does not disturb other threads.
    own = copy.deepcopy(network, shared).eval()
    if layer is not None:
        _stop_at(own, layer)

    def features(images: Tensor) -> Tensor:
        try:
            output = own(images)
        except _Reached as reached:
            output = reached.output
        else:
            if layer is not None:
                name = type(network).__name__
                raise ValueError(f"layer={layer!r} takes no part in what {name} computes from images.")
        if isinstance(output, Tensor):
            return output.flatten(1)
        what = type(network).__name__ if layer is None else f"layer={layer!r}"
        raise ValueError(
            f"{what} returns a {type(output).__name__}, not a tensor; name a layer that does, or pass a function."
        )

    return features


def reached(network: nn.Module, layer: str, images: Tensor) -> Tensor:
    """Return what a layer gives for images, flat; the network computes in the mode in which it is, and no further.

    The hook is there during the call only, so that the network can be copied and saved like any other.
    """
    handle = _stop_at(network, layer)
    try:
        network(images)
    except _Reached as found:
        assert isinstance(found.output, Tensor)
        return found.output.flatten(1)
    finally:
        handle.remove()
    raise ValueError(f"layer={layer!r} takes no part in what {type(network).__name__} computes from images.")


class _Reached(Exception):  # noqa: N818
    """Ends a pass; no error, so the name does not end in Error."""

    def __init__(self, output: object) -> None:
        self.output = output


def _stop_at(network: nn.Module, layer: str) -> RemovableHandle:
    """Let the network raise `_Reached` with what a layer returns, or with what enters the last linear layer."""

    def before(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        raise _Reached(inputs[0])

    def after(module: nn.Module, inputs: tuple[Tensor, ...], output: object) -> None:
        raise _Reached(output)

    modules = dict(network.named_modules())
    linear = [module for module in modules.values() if isinstance(module, nn.Linear)]
    hidden = _hidden_layers(network)
    if layer == "auto":
        layer = "fc7" if hidden else "penultimate"
    if layer == "penultimate" and linear:
        return linear[-1].register_forward_pre_hook(before)
    module = modules.get(hidden.get(layer, layer))
    if module is None:
        hint = " 'fc6' and 'fc7' are layers of AlexNet and VGG." if layer in ("fc6", "fc7") else ""
        raise ValueError(
            f"layer={layer!r} is no layer of {type(network).__name__}.{hint} Use 'penultimate', or a module such as "
            f"{list(modules)[-6:]}; named_modules() lists all."
        )
    return module.register_forward_hook(after)


def _hidden_layers(network: nn.Module) -> dict[str, str]:
    """Return the names of fc6 and fc7 in networks whose classifier is a sequence with two hidden layers."""
    classifier = getattr(network, "classifier", None)
    layers = classifier.named_children() if isinstance(classifier, nn.Module) else ()
    hidden = []
    for (_, linear), (name, activation) in pairwise(layers):
        if isinstance(linear, nn.Linear) and isinstance(activation, nn.ReLU):
            hidden.append(f"classifier.{name}")
    return {"fc6": hidden[0], "fc7": hidden[1]} if len(hidden) == 2 else {}
