"""Networks of torchvision: found by name, filled with weights and cut at a layer."""

from __future__ import annotations

import copy
import difflib
import pickle
import re
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import version
from itertools import pairwise
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from skxmr.nn.device import initialising

if TYPE_CHECKING:
    from torchvision.models import Weights, WeightsEnum

# What users pass for weights.
GivenWeights: TypeAlias = str | PathLike[str] | nn.Module | None


class Source(NamedTuple):
    """Where weights come from, hashable: a published name, a file in its present state, or a seed."""

    kind: str
    value: str | int
    state: tuple[int, int] = (0, 0)


def torchvision_models() -> ModuleType:
    """Import torchvision.models, or say in one error why not."""
    try:
        import torchvision.models
    except ModuleNotFoundError as error:
        raise ImportError(f"image features need torchvision ({error}): pip install 'skxmr[vision]'.") from error
    except (ImportError, RuntimeError, AttributeError) as error:
        raise ImportError(
            f"torchvision {version('torchvision')} was built for another torch than {torch.__version__} ({error}); "
            "reinstall both from one index, e.g. "
            "pip install --force-reinstall torch torchvision --index-url https://download.pytorch.org/whl/cpu"
        ) from error
    return torchvision.models


def published(model: str) -> type[WeightsEnum]:
    """Return the enumeration of a model's published weights."""
    models = torchvision_models()
    known = models.list_models(module=models)
    if model not in known:
        near = difflib.get_close_matches(model, known) or ["vgg19", "resnet50"]
        raise ValueError(f"model={model!r} is no classification network of torchvision; did you mean {near}?")
    return models.get_model_weights(model)


def entry_of(model: str, weights: GivenWeights) -> Weights:
    """Return the published weights of that name, else the model's default ones: they say how to prepare images."""
    entries = published(model)
    return entries[weights if isinstance(weights, str) and weights in entries.__members__ else "DEFAULT"]


def side_of(entry: Weights) -> int:
    """Return the height and width of prepared images."""
    return int(entry.transforms().crop_size[0])


def _untrained(model: str, entry: Weights) -> nn.Module:
    """Build a network without weights that is otherwise as the published one was."""
    options: dict[str, object] = {}
    if model.startswith("vit_"):
        options = {"image_size": side_of(entry)}
    elif model in ("googlenet", "inception_v3"):
        # torchvision warns if `init_weights` is not given.
        options = {"transform_input": True, "init_weights": True}
    return torchvision_models().get_model(model, weights=None, **options)


def find_weights(model: str, weights: str | PathLike[str] | None, seed: int | None) -> Source:
    """Return where the weights come from, after checking that it exists."""
    names = published(model).__members__
    if weights is None:
        if seed is None:
            raise ValueError("weights=None draws random weights: pass random_state=0, so that they can be repeated.")
        return Source("seed", int(seed))
    if weights == "imagenet":
        return Source("published", "DEFAULT")
    if isinstance(weights, str) and weights in names:
        return Source("published", weights)
    path = Path(weights).expanduser().absolute()
    if not path.is_file():
        known = ["imagenet", *(name for name in names if name != "DEFAULT")]
        raise FileNotFoundError(f"weights={str(weights)!r} is no file and none of {known}; pass a state dict's path.")
    return Source("file", str(path), (path.stat().st_mtime_ns, path.stat().st_size))


# One network is kept for clones in a search; two VGG19 would take a gigabyte.
@lru_cache(maxsize=1)
def load(model: str, source: Source, device: torch.device) -> nn.Module:
    """Return a network of torchvision in evaluation mode, with the weights that `find_weights` found."""
    if source.kind == "file":
        network = _from_file(model, Path(str(source.value)))
    elif source.kind == "published":
        network = _downloaded(model, entry_of(model, str(source.value)))
    else:
        network = _untrained(model, entry_of(model, None))
    return network.float().eval().requires_grad_(False).to(device)


def _downloaded(model: str, entry: Weights) -> nn.Module:
    try:
        return torchvision_models().get_model(model, weights=entry)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise OSError(
            f"the weights of {model} could not be loaded from {entry.url} ({error}); download that file where you can "
            "and pass its path as weights='...'."
        ) from error


def _from_file(model: str, path: Path) -> nn.Module:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        reason = str(error).partition("\n")[0]
        way = "write one by torch.save(network.state_dict(), path)"
        raise ValueError(f"weights: {path} is no state dict ({reason}); {way}.") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"weights: {path} holds something other than one state dict; save net.state_dict() alone.")
    # The published file of DenseNet has keys that torch no longer allows.
    state = {re.sub(r"(denselayer\d+\.[a-z]+)\.(?=\d)", r"\1", key): value for key, value in state.items()}
    network = skeleton(model, entry_of(model, None))
    wanted = network.state_dict()
    bad = [key for key in wanted if key not in state or state[key].shape != wanted[key].shape]
    bad += [key for key in state if key not in wanted]
    if bad:
        raise ValueError(
            f"weights: {path} does not fit {model}: {len(bad)} tensors are missing, unknown or of another shape, e.g. "
            f"{bad[:3]}; name the model it was saved from, or load it yourself and pass the module as weights."
        )
    network.load_state_dict(state, assign=True)
    return network


def skeleton(model: str, entry: Weights) -> nn.Module:
    """Build a network without weights, which can be filled or tell shapes."""
    try:
        with torch.device("meta"):
            return _untrained(model, entry).eval()
    except NotImplementedError:
        # RegNet computes its widths with tensors, which needs a real device.
        with initialising(0):
            return _untrained(model, entry).eval().to("meta")


def cut(network: nn.Module, layer: str) -> Callable[[Tensor], Tensor]:
    """Return the network up to a layer, as a function from images to flat features; it shares the weights.

    An exception ends the pass once the layer is reached. Tracing a graph instead would patch all networks of the
    process for a moment, even those that other threads train.
    """
    shared = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    # A copy of the modules (not of the weights), so that the hook does not disturb other threads.
    own = copy.deepcopy(network, shared).eval()
    _stop_at(own, layer)

    def features(images: Tensor) -> Tensor:
        try:
            own(images)
        except _Reached as reached:
            output = reached.output
            if isinstance(output, Tensor):
                return output.flatten(1)
            raise ValueError(f"layer={layer!r} returns a {type(output).__name__}, not a tensor.") from None
        raise ValueError(f"layer={layer!r} takes no part in what {type(network).__name__} computes from images.")

    return features


class _Reached(Exception):  # noqa: N818
    """Ends a pass; no error, so the name does not end in Error."""

    def __init__(self, output: object) -> None:
        self.output = output


def _stop_at(network: nn.Module, layer: str) -> None:
    """Let the network raise `_Reached` with what a layer returns, or with what enters the last linear layer."""

    def before(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        raise _Reached(inputs[0])

    def after(module: nn.Module, inputs: tuple[Tensor, ...], output: object) -> None:
        raise _Reached(output)

    modules = dict(network.named_modules())
    linear = [module for module in modules.values() if isinstance(module, nn.Linear)]
    if layer == "penultimate" and linear:
        linear[-1].register_forward_pre_hook(before)
        return
    module = modules.get(_hidden_layers(network).get(layer, layer))
    if module is None:
        hint = " 'fc6' and 'fc7' are layers of AlexNet and VGG." if layer in ("fc6", "fc7") else ""
        raise ValueError(
            f"layer={layer!r} is no layer of {type(network).__name__}.{hint} Use 'penultimate', or a module such as "
            f"{list(modules)[-6:]}; named_modules() lists all."
        )
    module.register_forward_hook(after)


def _hidden_layers(network: nn.Module) -> dict[str, str]:
    """Return the names of fc6 and fc7 in networks whose classifier is a sequence with two hidden layers."""
    layers = getattr(network, "classifier", nn.Sequential()).named_children()
    hidden = []
    for (_, linear), (name, activation) in pairwise(layers):
        if isinstance(linear, nn.Linear) and isinstance(activation, nn.ReLU):
            hidden.append(f"classifier.{name}")
    return {"fc6": hidden[0], "fc7": hidden[1]} if len(hidden) == 2 else {}
