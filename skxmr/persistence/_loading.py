"""load: a model from the folder that it was saved to."""

from __future__ import annotations

import os
import warnings
import zipfile
from io import BufferedReader
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator

from skxmr._data.paths import expanded
from skxmr.persistence._config import check_file, read_config
from skxmr.persistence._trust import Trust, Trusted, UntrustedError, found
from skxmr.persistence._unpacking import Unpacking

KIND = "skxmr model"
FORMAT = 1
MODEL = "model.skops"


def load(path: str | os.PathLike[str], trusted: Trusted = ()) -> Any:
    """Open a model that was saved by :func:`save`.

    No pickle is opened and no code of the folder runs: the model is put together from arrays, settings, and classes of
    skxmr, scikit-learn, numpy, scipy and torch that are known to be harmless. Any other class or function is refused by
    its name, unless it is trusted.

    Parameters
    ----------
    path : path
        The folder.
    trusted : list of str, type or function, default=()
        Further classes and functions that the model may hold, as ``"package.module.name"`` or themselves, among them
        the factories of foreign networks. They are imported and run, so name only what you know.

    Returns
    -------
    estimator
        The model, on the CPU, equal to the saved one bit for bit.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    TypeError
        If the model holds a class or function that is not trusted.
    ValueError
        If the folder is not a model, is damaged, or was written by a later version of the library.

    See Also
    --------
    save : Write the folder.

    Examples
    --------
    >>> import tempfile
    >>> import skxmr
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     skxmr.save(skxmr.CCA(n_components=2), folder)
    ...     skxmr.load(folder)
    CCA(n_components=2)
    """
    trust = Trust(trusted)
    folder = expanded(path)
    while True:
        config = read_config(folder, KIND, FORMAT)
        try:
            return _read(folder / MODEL, config, trust)
        except ValueError:
            # Somebody may have saved to the folder meanwhile.
            if read_config(folder, KIND, FORMAT) == config:
                raise


def _read(file: Path, config: dict[str, Any], trust: Trust) -> BaseEstimator:
    if not file.is_file():
        raise ValueError(f"{str(file.parent)!r} is incomplete: {MODEL} is missing; take another copy of the folder.")
    with open(file, "rb") as handle:
        check_file(handle, file, config)
        try:
            model = opened(handle, trust)
        except (UntrustedError, ImportError):
            raise
        except Exception as error:
            # What a file holds that was made to do harm cannot be foreseen, and neither can its errors.
            raise ValueError(
                f"{str(file)!r} cannot be opened ({type(error).__name__}: {error}): it was not written by skxmr.save, "
                "or was changed afterwards."
            ) from error
    return model


def opened(handle: BufferedReader, trust: Trust) -> BaseEstimator:
    """Return the model that an open file holds; refuse names that are not trusted before anything is imported."""
    import skops.io

    names = untrusted_names(handle)
    unknown = trust.unknown(names)
    if unknown:
        raise UntrustedError(unknown)
    lost = [name for name in names if found(name) is None]
    if lost:
        raise ImportError(f"the model holds {', '.join(lost)}, which cannot be imported; install what defines it.")
    with warnings.catch_warnings():
        # The number of the format says whether attributes still mean the same.
        warnings.filterwarnings("ignore", message=".* was pickled by skxmr")
        model = Unpacking(trust).unpack(skops.io.load(handle, trusted=names))
    if not isinstance(model, BaseEstimator):
        raise ValueError(f"it holds a {type(model).__name__} and no estimator")
    return model


def untrusted_names(handle: BufferedReader) -> list[str]:
    """Return the names of classes and functions in an open file that skops does not know to be harmless."""
    import skops.io

    with zipfile.ZipFile(handle) as archive:
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise ValueError("it is compressed, and could be larger than the memory once it is unpacked")
    handle.seek(0)
    # skops passes an open file on to zipfile, as it does with a path.
    names: list[str] = skops.io.get_untrusted_types(file=handle)
    handle.seek(0)
    return names
