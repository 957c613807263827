"""The torch device of a name, and seeded initialisation of networks."""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import torch

# Reentrant, because a network may be built while another is being loaded.
_LOCK = threading.RLock()


@contextmanager
def initialising(seed: int) -> Iterator[None]:
    """Draw initial weights on the CPU from a seed, one thread at a time; torch's global generators are left alone."""
    with _LOCK, torch.random.fork_rng(devices=[]), torch.device("cpu"):
        # torch.manual_seed would seed the CUDA generators as well.
        torch.default_generator.manual_seed(seed)
        yield


class _Float32:
    """While anyone is inside, torch's default dtype is float32; the last one who leaves restores what there was."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = torch.float32

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._before = torch.get_default_dtype()
                torch.set_default_dtype(torch.float32)
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                torch.set_default_dtype(self._before)


# The default dtype is the same for all threads, so all fits of a process share this.
_FLOAT32 = _Float32()


@contextmanager
def ordinary_torch() -> Iterator[None]:
    """Compute as torch does by default, where the caller set `no_grad`, autocast or another default dtype or device."""
    with ExitStack() as ordinary:
        ordinary.enter_context(torch.inference_mode(False))
        ordinary.enter_context(torch.enable_grad())
        for kind in ("cpu", "cuda", "mps"):
            if torch.is_autocast_enabled(kind):
                ordinary.enter_context(torch.autocast(kind, enabled=False))
        # The context takes time in every call of torch, so it is entered only where another one is active.
        if torch.get_default_device().type != "cpu":
            ordinary.enter_context(torch.device("cpu"))
        ordinary.enter_context(_FLOAT32)
        yield


def resolve_device(device: str) -> torch.device:
    """Return the torch device of a name; ``"auto"`` is CUDA where there is one, else the CPU."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    unknown = f"device must be 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'; got {device!r}."
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(unknown) from error
    if resolved.type not in ("cpu", "cuda", "mps"):
        raise ValueError(unknown)
    present: dict[str, Callable[[], bool]] = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available}
    if resolved.type in present and not present[resolved.type]():
        raise ValueError(f"device={device!r} but torch finds no {resolved.type.upper()} here; use 'auto' or 'cpu'.")
    if resolved.type == "cuda" and (resolved.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"device={device!r} but torch finds {torch.cuda.device_count()} CUDA devices here.")
    return resolved


def fast_bfloat16(device: torch.device) -> bool:
    """Tell whether a device has instructions for bfloat16; emulated, it would be slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        # torch has no public functions for these, so a version may lack them; bool() is False.
        avx512 = getattr(torch.cpu, "_is_avx512_bf16_supported", bool)()
        amx = getattr(torch.cpu, "_is_amx_tile_supported", bool)()
        arm = platform.machine().lower() in ("aarch64", "arm64")
        return avx512 or amx or (arm and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()))
    return True
