"""Networks as their classes' names, plain attributes and arrays, and back."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from skxmr._data.kinds import AnyArray
from skxmr.persistence._stored import Restore, Stored
from skxmr.persistence._trust import Trust, UntrustedError, dotted, found

if TYPE_CHECKING:
    from torch import Tensor, nn

    from skxmr.features.encoders import NamedEncoder

# A recurrent layer has its weights in these as well.
_REPEATED = ("_flat_weights", "_flat_weight_refs")
# What every module has that may hold functions: it must be empty.
_HOOKS = (
    "_backward_hooks", "_backward_pre_hooks", "_forward_hooks", "_forward_pre_hooks", "_state_dict_hooks",
    "_state_dict_pre_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks",
)  # fmt: skip


class StoredTensor(Stored):
    """A tensor, dense or sparse, wherever it was; a parameter if `is_parameter`.

    Of this class and of the next one there are many objects in a model, so what is usual stands in the class.
    """

    is_parameter: bool = False
    # Where numpy has no such numbers, or where the tensor is sparse.
    dtype: str | None = None
    indices: AnyArray | None = None
    shape: tuple[int, ...] | None = None

    def __init__(self, tensor: Tensor) -> None:
        import torch

        here = tensor.detach().cpu()
        if isinstance(tensor, torch.nn.Parameter):
            self.is_parameter = True
        if here.is_sparse:
            here = here.coalesce()
            self.indices = here.indices().numpy()
            self.shape = tuple(here.shape)
            here = here.values()
        if here.dtype == torch.bfloat16:
            self.dtype = "bfloat16"
            here = here.float()
        self.values: AnyArray = here.numpy()

    def restored(self, trust: Trust, restore: Restore) -> Tensor:
        import torch

        # A copy, because arrays that are read from bytes cannot be written to.
        tensor = torch.from_numpy(np.array(self.values))
        if self.dtype == "bfloat16":
            tensor = tensor.bfloat16()
        if self.indices is not None:
            indices = torch.from_numpy(np.array(self.indices))
            tensor = torch.sparse_coo_tensor(indices, tensor, self.shape, check_invariants=True).coalesce()
        return torch.nn.Parameter(tensor, requires_grad=False) if self.is_parameter else tensor


class StoredNetwork(Stored):
    """A module of torch: its class by name, what it consists of, and its settings."""

    parameters: dict[str, Any] | None = None
    buffers: dict[str, Any] | None = None
    transient: list[str] | None = None
    modules: dict[str, Any] | None = None
    training: bool = False

    def __init__(self, module: nn.Module, pack: Callable[[Any], Any]) -> None:
        _check_no_hooks(module)
        self.name = dotted(type(module))
        every = set(vars(_empty_module()))
        settings = {key: value for key, value in vars(module).items() if key not in every and key not in _REPEATED}
        # A copy must not draw from the generator of a running fit.
        if "generator" in settings:
            settings["generator"] = None
        # As one string where that is possible, because every object takes some hundred bytes in the file.
        self.settings = repr(settings) if _is_literal(settings) else pack(settings)
        if module._parameters:
            self.parameters = pack(dict(module._parameters))
        if module._buffers:
            self.buffers = pack(dict(module._buffers))
        if module._modules:
            self.modules = pack(dict(module._modules))
        if module._non_persistent_buffers_set:
            self.transient = sorted(module._non_persistent_buffers_set)
        if module.training:
            self.training = True

    def restored(self, trust: Trust, restore: Restore) -> nn.Module:
        """Return a module like it; its constructor is not called."""
        from torch import nn

        module = _layer(self.name, trust)
        settings = ast.literal_eval(self.settings) if isinstance(self.settings, str) else restore(self.settings)
        if settings.keys() & vars(module).keys():
            raise ValueError(f"a layer {self.name} has settings that no layer of its kind is saved with.")
        vars(module).update(settings)
        for name, parameter in restore(self.parameters or {}).items():
            module.register_parameter(name, parameter)
        for name, buffer in restore(self.buffers or {}).items():
            module.register_buffer(name, buffer, persistent=name not in (self.transient or ()))
        for name, child in restore(self.modules or {}).items():
            module.add_module(name, child)
        if isinstance(module, nn.RNNBase):
            # torch does the same when a recurrent layer is unpickled.
            nn.RNNBase._init_flat_weights(module)
        vars(module)["training"] = bool(self.training)
        return module


class StoredEncoder(Stored):
    """A network that a package of the extra `demo` provides: its name, its weights, and how images are prepared."""

    def __init__(self, encoder: NamedEncoder, pack: Callable[[Any], Any]) -> None:
        self.name = encoder.name
        self.transform = pack(encoder.transform)
        self.state = pack(dict(encoder.state_dict()))
        self.training = encoder.training

    def restored(self, trust: Trust, restore: Restore) -> NamedEncoder:
        """Take the network of the installed package, and put the weights into it."""
        from skxmr.features.encoders import named_encoder

        encoder = named_encoder(self.name)
        encoder.load_state_dict(restore(self.state))
        encoder.transform = restore(self.transform)
        return encoder.requires_grad_(False).train(bool(self.training))


class StoredLearner(Stored):
    """A network that is to be trained again, and which of its weights then learn; otherwise no weight learns."""

    def __init__(self, network: nn.Module, pack: Callable[[Any], Any]) -> None:
        self.network = pack(network)
        self.learns = [weight.requires_grad for weight in network.parameters()]

    def restored(self, trust: Trust, restore: Restore) -> nn.Module:
        network: nn.Module = restore(self.network)
        for weight, learns in zip(network.parameters(), self.learns, strict=True):
            weight.requires_grad_(bool(learns))
        return network


class StoredFactory(Stored):
    """A foreign network, or another object: the function that makes it, its arguments, and the weights."""

    def __init__(self, made: object, factory: str, arguments: Mapping[str, Any], pack: Callable[[Any], Any]) -> None:
        check_factory(factory, arguments)
        self.factory = dotted(factory)
        self.arguments = json.dumps(dict(arguments))
        state = made.state_dict() if hasattr(made, "state_dict") else {}
        self.state = pack(dict(state))
        self.training = bool(getattr(made, "training", False))

    def restored(self, trust: Trust, restore: Restore) -> object:
        """Call the factory, which must be trusted, and put the weights into what it makes."""
        if self.factory not in trust.names:
            raise UntrustedError([self.factory])
        factory = found(self.factory)
        if not callable(factory):
            raise ImportError(f"the factory {self.factory} is not there; install or write the package that defines it.")
        made = factory(**json.loads(self.arguments))
        if self.state:
            made.load_state_dict(restore(self.state))
            made.train(self.training)
        return made


def check_factory(factory: str, arguments: Mapping[str, Any]) -> None:
    """Refuse a factory that would not be found when the model is loaded, or arguments that JSON does not keep."""
    name = dotted(factory)
    if name.startswith("__main__.") or not callable(found(name)):
        raise ValueError(
            f"factory={factory!r} is no function that can be imported; write it as 'package.module:function', and "
            "define it in a module that is there when the model is loaded."
        )
    try:
        kept = json.loads(json.dumps(dict(arguments)))
    except (TypeError, ValueError) as error:
        raise TypeError(f"the arguments of the factory must be numbers, strings, lists or dicts: {error}") from error
    if kept != dict(arguments):
        raise TypeError("the arguments of the factory must be what JSON keeps: lists, not tuples, and strings as keys.")


def _layer(name: str, trust: Trust) -> nn.Module:
    """Return a module without parts, of a class that may be loaded."""
    from torch import nn

    cls = found(name) if trust.layer(name) else None
    if not (isinstance(cls, type) and issubclass(cls, nn.Module)) or dotted(cls) != name:
        raise UntrustedError([name])
    module: nn.Module = cls.__new__(cls)
    nn.Module.__init__(module)
    return module


def _is_literal(settings: dict[str, Any]) -> bool:
    """Tell whether Python reads back from the text of some settings what they are, types included."""
    try:
        return repr(ast.literal_eval(repr(settings))) == repr(settings) and "np." not in repr(settings)
    except (ValueError, SyntaxError):
        return False


def _empty_module() -> nn.Module:
    from torch import nn

    return nn.Module()


def _check_no_hooks(module: nn.Module) -> None:
    for name in _HOOKS:
        if vars(module).get(name):
            raise TypeError(
                f"a layer {type(module).__name__} of the network has functions in {name}, which cannot be saved; "
                "remove the hooks first."
            )
