"""Networks of torchvision: found by name and filled with weights."""

from __future__ import annotations

import difflib
import hashlib
import pickle
import re
from functools import lru_cache
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from skxmr._data.paths import expanded
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

    def content(self, model: str) -> tuple[str, str]:
        """Return what decides the weights: a published address, which has their hash, bytes of a file, or a seed."""
        if self.kind == "published":
            return self.kind, str(entry_of(model, str(self.value)).url)
        if self.kind == "file":
            return self.kind, _digest(self)
        return self.kind, f"{self.value} of torch {torch.__version__}, torchvision {version('torchvision')}"


@lru_cache(maxsize=8)
def _digest(source: Source) -> str:
    with Path(str(source.value)).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def torchvision_models() -> ModuleType:
    """Import torchvision.models, or say in one error why not."""
    try:
        import torchvision.models
    except ModuleNotFoundError as error:
        raise ImportError(f"image features need torchvision ({error}): pip install 'skxmr[vision]'.") from error
    except (ImportError, RuntimeError, AttributeError) as error:
        raise ImportError(
            f"torchvision {version('torchvision')} was built for another torch than {torch.__version__} ({error}); "
            "install both in one command, with the --index-url that the makers of PyTorch name for your machine: "
            "pip install --force-reinstall torch torchvision --index-url ..."
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
    path = expanded(weights).absolute()
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
        # torchvision opens what is there by pickle. A file that holds more than tensors is refused here, before that.
        entry.get_state_dict(check_hash=True, weights_only=True)
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
