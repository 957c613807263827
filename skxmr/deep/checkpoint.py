"""Checkpoint: the state of an unfinished fit in a folder, from which an equal fit goes on."""

from __future__ import annotations

import errno
import os
import pickle
import platform
import shutil
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import torch
from torch import Tensor, nn

import skxmr
from skxmr._data.content import content_key
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr._data.paths import expanded
from skxmr._data.warn import warn
from skxmr.deep.distributed import n_ranks
from skxmr.deep.items import digest

if TYPE_CHECKING:
    from filelock import FileLock

# Parameters that change nothing about the weights.
_WITHOUT_EFFECT = frozenset(("checkpoint", "keep_checkpoint", "n_jobs", "verbose"))
# What a fit with warm_start=True begins with.
_LEARNED = ("network_", "image_encoder_", "text_encoder_")
_FILE = "state.pt"
_LOCK = "lock"
# What changes where the state of a fit holds other things than that of the version before.
_FORMAT = 1

# What the system says where nothing more can be written.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

State = dict[str, Any]


class _NoRoomError(OSError):
    """There is no room even for an empty folder."""


class Checkpoint:
    """The folder of one fit, which no other fit uses at the same time.

    Parameters
    ----------
    folder : Path
        The folder, which exists and is locked.
    about : dict of str to str
        What the fit is of: its class, its parameters, its rows and the versions of the packages.
    keep : bool
        Whether the folder stays after the fit.

    Attributes
    ----------
    state : dict or None
        The state after the last finished epoch of an earlier fit.
    """

    def __init__(self, folder: Path, about: dict[str, str], keep: bool) -> None:
        self.folder = folder
        self.about = about
        self.keep = keep
        self._is_full = False
        # Left by a fit that was killed while it wrote.
        for file in folder.glob(f".{_FILE}.*"):
            file.unlink()
        self.state: State | None = self._read()

    def seeds(self, drawn: list[int]) -> list[int]:
        """Return the seeds of the fit that goes on, or the ones that were drawn for a new one."""
        if self.state is None:
            self._seeds = drawn
        else:
            self._seeds = self.state["seeds"]
        return self._seeds

    def write(self, state: State) -> None:
        """Put a state in the place of the last one; if that fails, the last one stays and the fit goes on."""
        new = self.folder / f".{_FILE}.{uuid.uuid4().hex[:8]}"
        whole = _plain({"format": _FORMAT, "about": self.about, "seeds": self._seeds, **state})
        try:
            with new.open("wb") as file:
                torch.save(whole, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, self.folder / _FILE)
        except (OSError, RuntimeError) as error:
            # torch reports a full disk as a RuntimeError. It is told once, and tried again after every epoch.
            if not self._is_full:
                warn(f"the checkpoint in {str(self.folder)!r} could not be written ({error}); the last one stays.")
            self._is_full = True
        finally:
            with suppress(OSError):
                new.unlink(missing_ok=True)

    def _read(self) -> State | None:
        file = self.folder / _FILE
        if not file.exists():
            return None
        try:
            _check_bytes(file)
            state: State = torch.load(file, map_location="cpu", weights_only=True)
            about = dict(state["about"])
            if state["format"] != _FORMAT:
                raise ValueError(f"it has format {state['format']}, and this version reads {_FORMAT}")
        except Exception as error:
            # Damaged files make torch raise errors of many kinds, at length where it explains how to trust a file.
            what = next(iter(str(error).splitlines()), type(error).__name__)
            raise ValueError(
                f"checkpoint: {str(file)!r} cannot be read ({what:.200}); delete it, and the fit starts anew."
            ) from error
        other = sorted(name for name in about.keys() | self.about.keys() if about.get(name) != self.about.get(name))
        if other:
            told = ", ".join(_difference(name, about, self.about) for name in other)
            raise ValueError(
                f"checkpoint: {str(file)!r} is of another fit: {told}. Delete it, or pass another folder, and the fit "
                "starts anew."
            )
        return state


def _check_bytes(file: Path) -> None:
    """Compare the checksums of a file with its bytes, which torch does not do."""
    with zipfile.ZipFile(file) as archive:
        bad = archive.testzip()
    if bad is not None:
        raise ValueError(f"the checksum of {bad} in it is not that of its bytes")


def _plain(value: Any) -> Any:
    """Return a state of tensors, numbers and texts, which torch reads again without running any code of the file."""
    if isinstance(value, Mapping):
        return {_plain(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_plain, value)) if type(value) in (list, tuple) else list(map(_plain, value))
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (Tensor, str, bool, int, float, type(None))):
        return value
    raise TypeError(
        f"checkpoint: a {type(value).__module__}.{type(value).__qualname__} in the state of the optimiser or of a "
        "callback cannot be kept; tensors, numbers, texts, lists and dicts can."
    )


def _difference(name: str, about: Mapping[str, str], now: Mapping[str, str]) -> str:
    if name.startswith(("version ", "class")):
        return f"{name} was {about.get(name)}, is {now.get(name)}"
    return f"other {name}"


@contextmanager
def open_checkpoint(estimator: Any, pairs: Pairs, labels: Labels | None) -> Iterator[Checkpoint | None]:
    """Lock the folder of a fit, or of an equal one beside it; None where the estimator has no checkpoint.

    The folder is deleted at the end, unless it holds a state and the fit fails or is interrupted, or it is to be kept.
    """
    if estimator.checkpoint is None:
        yield None
        return
    if n_ranks() > 1:
        raise ValueError("checkpoint is set, but several processes train together; only one alone can keep its state.")
    about = _about(estimator, pairs, labels)
    contents = [value for name, value in about.items() if not name.startswith("version ")]
    name = f"{type(estimator).__name__}-{joblib.hash(contents)[:16]}"
    try:
        folder, lock = _locked(expanded(estimator.checkpoint), name)
    except _NoRoomError as error:
        warn(f"there is no room for a checkpoint in {str(estimator.checkpoint)!r} ({error}); the fit goes on without.")
        yield None
        return
    finished = False
    try:
        found = Checkpoint(folder, about, bool(estimator.keep_checkpoint))
        yield found
        finished = not found.keep
    finally:
        if finished or not (folder / _FILE).exists():
            shutil.rmtree(folder, ignore_errors=True)
        lock.release()


def _locked(parent: Path, name: str) -> tuple[Path, FileLock]:
    """Return the first folder of a name that no other fit uses, and its lock."""
    from filelock import FileLock, Timeout

    number = 1
    while True:
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / _LOCK)
            lock.acquire(timeout=0)
        except Timeout:
            # An equal fit, such as that of a search that tries the same parameters twice.
            number += 1
            continue
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise _NoRoomError(error.errno, error.strerror) from error
            raise OSError(
                f"checkpoint={str(parent)!r} is no folder to write in ({error}); pass another one."
            ) from error
        return folder, lock


def _about(estimator: Any, pairs: Pairs, labels: Labels | None) -> dict[str, str]:
    """Return what makes a fit what it is."""
    about = {"class": f"{type(estimator).__module__}.{type(estimator).__qualname__}"}
    for name, value in sorted(estimator.get_params(deep=False).items()):
        if name not in _WITHOUT_EFFECT:
            about[f"parameter {name}"] = _key(name, value)
    last = [vars(estimator)[name] for name in _LEARNED if estimator.warm_start and name in vars(estimator)]
    about["rows"] = content_key(pairs, labels, pairs.label_graph)
    about["network of the last fit"] = " ".join(map(digest, last)) or "none"
    versions = {"skxmr": skxmr.__version__, "torch": str(torch.__version__), "numpy": np.__version__}
    versions["Python"] = platform.python_version()
    return about | {f"version of {package}": version for package, version in versions.items()}


def _key(name: str, value: Any) -> str:
    if isinstance(value, nn.Module):
        return digest(value)
    if name == "callbacks" and value is not None:
        # What they remember changes from fit to fit.
        value = [str(type(callback[-1] if isinstance(callback, tuple) else callback)) for callback in value]
    try:
        return str(joblib.hash(value))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(
            f"checkpoint is set, but the content of {name}={value!r} cannot be told ({error}); pass a function that a "
            "module defines, or no checkpoint."
        ) from error
