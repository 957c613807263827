"""Files of arrays: every loader reads them here, so that errors name the file, the wanted format and what was found."""

from __future__ import annotations

import math
import tokenize
import zipfile
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import IO, NoReturn

import numpy as np
import scipy.io
import scipy.sparse as sp

from skxmr._data.kinds import AnyArray, Matrix
from skxmr._data.paths import expanded
from skxmr.datasets._formats import first_bytes, format_of, named
from skxmr.datasets._matlab import check_elements

# Who writes which kind of file.
_WRITERS = {".npy": "np.save", ".npz": "np.savez or scipy.sparse.save_npz", ".mat": "MATLAB or scipy.io.savemat"}
_OBJECTS = (
    "Python objects instead of numbers; save numbers by np.save(file, np.asarray(values, dtype=float)), and a "
    "sparse matrix by scipy.sparse.save_npz"
)


def as_path(value: object, name: str) -> Path:
    """Return a path that was given by the argument of that name, or refuse what is none."""
    if not isinstance(value, (str, PathLike)):
        raise TypeError(f"{name} must be a path, as a string or pathlib.Path; got {value!r}.")
    return expanded(value)


def need_file(file: Path, way_out: str) -> Path:
    """Return a path if it is one of a file."""
    if not file.is_file():
        wrong = "is a folder, not a file" if file.is_dir() else "does not exist"
        raise FileNotFoundError(f"{file} {wrong}; {way_out}")
    return file


def read_arrays(file: Path, name: str = "") -> dict[str, Matrix]:
    """Return the arrays of a .mat, .npz or .npy file by name, or only the one of this name if an .npz file has it.

    Numbers of a .npy file stay on disk. Objects are not loaded: an array of None, which holds no memory, stands for
    their shape.
    """
    suffix = file.suffix.lower()
    reader = _READERS[suffix]
    found = format_of(file)
    if found == "hdf5" and suffix == ".mat":
        raise ValueError(
            f"{file} is a MATLAB 7.3 (HDF5) file, which scipy does not read. In MATLAB save it by save(..., '-v7') "
            f"or, above 2 GB, convert it with h5py: np.save('{file.stem}.npy', h5py.File('{file.name}')"
            f"['{file.stem}'][:].T), and remove the .mat file."
        )
    # MATLAB files up to version 4 have no name in their header, but a zero among the first four bytes.
    is_old = suffix == ".mat" and found is None and b"\0" in first_bytes(file)[:4]
    if found != suffix and not is_old:
        _refuse(file, f"it is {named(file)}")
    try:
        return reader(file, name)
    except MemoryError as error:
        # A damaged file may announce any shape.
        way_out = "" if suffix == ".mat" else "; numbers of a .npy file stay on disk"
        raise MemoryError(f"{file} is too large for the memory, or damaged ({error}){way_out}.") from error
    except Exception as error:
        # numpy and scipy raise many kinds of errors for damaged files.
        _refuse(file, f"it is cut off or damaged ({type(error).__name__}: {error})", error)


def read_numbers(file: Path, ndim: int, wanted: str) -> AnyArray:
    """Return the numbers of a .npy file, which stay on disk."""
    (array,) = read_arrays(file).values()
    if array.dtype.hasobject:
        _refuse(file, f"it holds {_OBJECTS}")
    if array.ndim != ndim or array.dtype.kind not in "biuf":
        raise ValueError(f"{file} holds {array.dtype} of shape {array.shape}; numbers of shape {wanted} are wanted.")
    return array


def read_matrix(file: Path, name: str, *, exact: bool = False) -> Matrix:
    """Return the matrix of that name, or else the only one in the file unless the name must be exact."""
    variables = read_arrays(file, name)
    fitting = [key for key, value in variables.items() if _is_matrix(value)]
    if name not in variables and not exact and len(fitting or variables) == 1:
        (name,) = fitting or variables
    if name not in variables:
        shapes = {key: getattr(value, "shape", None) for key, value in variables.items()}
        raise ValueError(f"{file} has the variables {shapes}; one matrix named {name!r}, or only one, is needed.")
    value = variables[name]
    if not _is_matrix(value):
        dtype = getattr(value, "dtype", type(value).__name__)
        if getattr(dtype, "hasobject", False) and file.suffix.lower() != ".mat":
            _refuse(file, f"{name} of shape {value.shape} holds {_OBJECTS}")
        shape = getattr(value, "shape", None)
        needed = "a matrix of numbers, with one row per item and two rows or more, is needed"
        raise ValueError(f"{name} of {file} has shape {shape}; {needed}, but it holds {dtype}.")
    return value.reshape(len(value), -1) if value.ndim == 1 else value


def read_lines(file: Path) -> list[str]:
    """Return the lines of a text in UTF-8, without white space around them; the last one may end with a line break."""
    if format_of(file):
        raise ValueError(f"{file} is {named(file)}, but lines of text in UTF-8 are wanted.")
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not in UTF-8: {error}; save it in that encoding.") from error
    # Other characters that break lines may be part of a sentence, and so may \r where there is \n.
    lines = text.split("\n" if "\n" in text else "\r")
    if not lines[-1].strip():
        del lines[-1]
    return [line.strip() for line in lines]


def _is_matrix(value: Matrix) -> bool:
    numeric = getattr(value, "dtype", np.dtype(object)).kind in "biuf"
    dimensions = (1, 2) if isinstance(value, np.ndarray) else (2,)
    return numeric and value.ndim in dimensions and value.shape[0] > 1


def _refuse(file: Path, reason: str, error: Exception | None = None) -> NoReturn:
    suffix = file.suffix.lower()
    wanted = f"a {suffix} file of numbers, as {_WRITERS[suffix]} writes it"
    raise ValueError(f"{file} cannot be read as {wanted}: {reason}.") from error


def array_header(opened: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    """Read the first bytes of an array; return its shape and dtype."""
    version = np.lib.format.read_magic(opened)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, _, dtype = read(opened)
    except (MemoryError, SyntaxError, TypeError, tokenize.TokenError) as error:
        # numpy reads as many bytes as the file names, and takes them for Python's literals.
        raise ValueError(f"its header is damaged ({error!r})") from error
    return shape, dtype


def _npy(file: Path, name: str) -> dict[str, Matrix]:
    with file.open("rb") as opened:
        shape, dtype = array_header(opened)
    if dtype.hasobject:
        return {file.stem: np.broadcast_to(np.array(None), shape)}
    return {file.stem: np.lib.format.open_memmap(file, mode="r")}


def _npz(file: Path, name: str) -> dict[str, Matrix]:
    with file.open("rb") as opened, zipfile.ZipFile(opened) as archive:
        names = [member.removesuffix(".npy") for member in archive.namelist() if member.endswith(".npy")]
        if not {"format", "shape", "data"} <= set(names):
            return {key: _member(archive, key) for key in ([name] if name in names else names)}
        parts = {key: _member(archive, key) for key in names}
        if any(part.dtype.hasobject for part in parts.values()):
            return parts
    # The file was written by scipy.sparse.save_npz.
    with file.open("rb") as opened:
        return {file.stem: _sound(sp.load_npz(opened))}


def _member(archive: zipfile.ZipFile, key: str) -> AnyArray:
    with archive.open(f"{key}.npy") as opened:
        shape, dtype = array_header(opened)
    if dtype.hasobject:
        return np.broadcast_to(np.array(None), shape)
    if archive.getinfo(f"{key}.npy").file_size < math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{key} holds fewer numbers than its header announces, {shape}")
    with archive.open(f"{key}.npy") as opened:
        return np.lib.format.read_array(opened, allow_pickle=False)


def _mat(file: Path, name: str) -> dict[str, Matrix]:
    check_elements(file)
    contents = scipy.io.loadmat(file)
    return {key: _sound(value) for key, value in contents.items() if not key.startswith("_")}


def _sound(matrix: Matrix) -> Matrix:
    """Check the indices of a sparse matrix, because compiled code relies on them."""
    if hasattr(matrix, "check_format"):
        ends: AnyArray = getattr(matrix, "indptr", np.zeros(0))
        # scipy does not look at them where the last one says that there are no entries.
        if np.diff(ends).min(initial=0) < 0:
            raise ValueError("indptr must be a non-decreasing sequence")
        matrix.check_format()
    return matrix


_READERS: dict[str, Callable[[Path, str], dict[str, Matrix]]] = {".npy": _npy, ".npz": _npz, ".mat": _mat}
