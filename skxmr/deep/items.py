"""Raw items, such as paths of images and sentences, as the batches that an encoder takes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from skxmr._data.kinds import AnyArray, Frame, IndexArray, View
from skxmr._data.repeated import IndexedRows
from skxmr._data.tensors import asarray
from skxmr._data.views import as_view
from skxmr.nn.encoder_batch import EncoderBatch

# Larger images are refused before they are decoded, as by ImageFeatures.
_MAX_PIXELS = 100_000_000


def checked_items(view: View, name: str, min_rows: int, encoder: nn.Module | str) -> AnyArray | IndexedRows:
    """Return raw items as an array whose rows are the items; nothing is opened."""
    if isinstance(view, IndexedRows):
        return IndexedRows(checked_items(view.view, name, 1, encoder), view.index)
    rows = as_view(view, name)
    if isinstance(rows, Frame):
        if rows.ndim != 1:
            raise ValueError(f"{name} is a DataFrame, but {name}_encoder takes one item per row; pass one column.")
        rows = rows.to_numpy(dtype=object)
    if not hasattr(rows, "dtype") or not hasattr(rows, "ndim") or hasattr(rows, "tocsr"):
        raise TypeError(
            f"{name} is a {type(rows).__name__}, but {name}_encoder takes raw items; pass a list or an array of them, "
            f"or leave {name}_encoder at None if these are features."
        )
    if name == "image":
        _check_images(rows)
    if len(rows) < min_rows:
        raise ValueError(f"{name} has {len(rows)} samples (n_samples={len(rows)}); at least {min_rows} are needed.")
    _check_encoder(encoder, name, rows)
    return rows


def _check_images(rows: AnyArray) -> None:
    if rows.dtype.kind not in "OU" and rows.ndim not in (3, 4):
        raise ValueError(
            f"image has shape {rows.shape}, but image_encoder takes images: paths, PIL images, or arrays "
            "(n, height, width) or (n, height, width, 3). Leave it at None if these are features."
        )
    try:
        import PIL  # noqa: F401
    except ModuleNotFoundError as error:
        raise ImportError(f"images need pillow ({error}): pip install 'skxmr[vision]'.") from error


def _check_encoder(encoder: nn.Module | str, name: str, rows: AnyArray) -> None:
    """Refuse an encoder that does not say how items become tensors."""
    if isinstance(encoder, str) or hasattr(encoder, "transform") or hasattr(encoder, "collate"):
        return
    if name == "image":
        raise ValueError(
            "image_encoder has no attribute `transform`, a function that turns an RGB image of PIL into a tensor; set "
            "it, as in encoder.transform = skxmr.features.PadToSquare(64)."
        )
    if rows.dtype.kind == "U" or any(isinstance(row, str) for row in rows[:1]):
        raise ValueError(
            "text_encoder has no attribute `transform`, a function that turns a text into a tensor of token ids; set "
            "it, or pass token ids as text."
        )


def read_batch(encoder: nn.Module, view: AnyArray | IndexedRows, numbers: IndexArray, name: str) -> EncoderBatch:
    """Return the batch of some rows: each is read and transformed, and all are collated."""
    items = [_read(encoder, view, int(i), name) for i in numbers]
    collate = getattr(encoder, "collate", None)
    made = _joined(items, name) if collate is None else collate(items)
    if isinstance(made, Tensor):
        return EncoderBatch((made,), {})
    if isinstance(made, Mapping):
        return EncoderBatch((), {str(key): torch.as_tensor(part) for key, part in made.items()})
    if isinstance(made, (tuple, list)):
        return EncoderBatch(tuple(torch.as_tensor(part) for part in made), {})
    raise TypeError(
        f"collate of {name}_encoder returns a {type(made).__name__}; tensors are wanted: one, several or a dict."
    )


def _read(encoder: nn.Module, view: AnyArray | IndexedRows, i: int, name: str) -> object:
    item = view[i]
    if name == "image":
        from skxmr.features.images import read_image

        # A broken file is named by its row and its path.
        item = read_image(item, f"row {i} of image", _MAX_PIXELS)
    transform = getattr(encoder, "transform", None)
    if transform is None:
        return item
    try:
        return transform(item)
    except Exception as error:
        error.add_note(f"The transform of {name}_encoder was given row {i} of {name}.")
        raise


def _joined(items: Sequence[object], name: str) -> Tensor:
    """Return one tensor: sequences of token ids are filled up with 0, everything else must have one shape."""
    try:
        tensors = [item if isinstance(item, Tensor) else torch.as_tensor(asarray(item, name)) for item in items]
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"transform of {name}_encoder must turn every item into a tensor ({error}).") from error
    if all(tensor.ndim == 1 for tensor in tensors):
        return nn.utils.rnn.pad_sequence(tensors, batch_first=True)
    shapes = sorted({tuple(tensor.shape) for tensor in tensors})
    if len(shapes) > 1:
        raise ValueError(
            f"transform of {name}_encoder makes tensors of the shapes {shapes[:3]}; make all of one shape, or give the "
            "encoder an attribute `collate`, a function from a list of them to a batch."
        )
    return torch.stack(tensors)


def digest(network: nn.Module) -> str:
    """Return a key of the architecture and the weights of a network."""
    found = hashlib.sha256(repr(network).encode())
    for name, tensor in network.state_dict().items():
        # Of all numbers the bytes, whatever their dtype.
        values = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8) if tensor.numel() else tensor.cpu()
        found.update(name.encode() + str(tuple(tensor.shape)).encode() + values.numpy().tobytes())
    return found.hexdigest()
