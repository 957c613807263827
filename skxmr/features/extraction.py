"""Extraction: rows of images are looked at, read and turned into vectors, batch by batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from joblib import Parallel, delayed
from PIL import Image
from torch import Tensor
from tqdm.auto import tqdm

from skxmr._data.kinds import AnyArray
from skxmr.features.cache import Vectors
from skxmr.features.images import check_file, image_key, keyed_image
from skxmr.features.networks import Compute, ImageNetwork
from skxmr.features.vectors import checked_vectors


class Extraction:
    """The images of one call and what they pass through; the network is loaded when a vector is missing."""

    def __init__(
        self, rows: AnyArray, network: ImageNetwork, device: torch.device, threads: Parallel, max_pixels: int | None
    ) -> None:
        self._rows = rows
        self._network = network
        self._device = device
        self._threads = threads
        self._max_pixels = max_pixels
        self._function: Compute | None = None

    def keys(self, verbose: bool, by_content: bool) -> list[bytes]:
        """Look at every row; return the keys of their contents, or of their numbers. All bad rows are reported."""
        numbers = tqdm(range(len(self._rows)), unit="file", desc="looking", disable=not (verbose and by_content))
        found = self._threads(delayed(self._key)(i, by_content) for i in numbers)
        errors = {i: error for i, error in enumerate(found) if isinstance(error, Exception)}
        if not errors:
            return [key for key in found if isinstance(key, bytes)]
        first, *others = errors
        error = errors[first]
        if others:
            rest = f"{others[:10]}{' and so on' if len(others) > 10 else ''}"
            error = type(error)(f"{error} {len(others)} more rows cannot be used either: {rest}.")
        raise error

    def _key(self, i: int, by_content: bool) -> bytes | Exception:
        try:
            if by_content:
                return image_key(self._rows[i], i, self._max_pixels)
            check_file(self._rows[i], i, self._max_pixels)
        except (OSError, TypeError, ValueError) as error:
            return error
        return i.to_bytes(8, "little")

    def compute(self, numbers: Sequence[int]) -> tuple[list[bytes], Vectors]:
        """Return the keys and the vectors (n, d) of rows."""
        if self._function is None:
            self._function = self._network.compute(self._device)
        prepare = self._network.prepare()

        def read(i: int) -> tuple[bytes, Image.Image | Tensor]:
            image, key = keyed_image(self._rows[i], i, self._max_pixels)
            return key, image if prepare is None else prepare(image)

        read_rows = self._threads(delayed(read)(i) for i in numbers)
        images = [image for _, image in read_rows]
        batch = images if prepare is None else _stacked(images).to(self._device)
        vectors = checked_vectors(self._function(batch), len(images), self._network.name)
        return [key for key, _ in read_rows], vectors


def _stacked(images: Sequence[Tensor]) -> Tensor:
    try:
        return torch.stack([torch.as_tensor(image) for image in images])
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"prepare must turn every image into a tensor of one and the same shape ({error}).") from error
