"""Regions: images as sets of regions, their features, and where they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SLACK = 1e-4  # by which boxes may leave the image: they were rounded


class Regions:
    """Images as sets of regions, such as detected objects: features, boxes, and which regions there are.

    Rows are images. A slice looks into the same arrays, a memory map stays on disk.

    Parameters
    ----------
    features : array-like of shape (n, r, d), or list of n array-like of shape (r_i, d)
        Features of the regions. A list is packed: shorter ones are filled up and masked.
    boxes : array-like of shape (n, r, 4), list of n array-like of shape (r_i, 4), or None
        Left, top, right and bottom of each region, in [0, 1]: divided by the width and height of the image.
    mask : bool array-like of shape (n, r), or None
        Which regions there are; None means all. Not for a list, which tells by itself.

    Attributes
    ----------
    shape : tuple of int
        ``(n, r, d)``.

    Raises
    ------
    ValueError
        If shapes differ, an image has no region, or a box leaves the image or is turned over.

    See Also
    --------
    MeanRegions : one vector an image, for methods that take no regions.

    Examples
    --------
    >>> import numpy as np
    >>> from skxmr import Regions
    >>> regions = Regions([np.ones((2, 3)), np.ones((1, 3))])
    >>> regions
    Regions(2 images, up to 2 regions of 3 features)
    >>> regions.mask.tolist()
    [[True, True], [True, False]]
    """

    def __init__(self, features: Any, boxes: Any = None, mask: Any = None) -> None:
        if isinstance(features, (list, tuple)):
            if mask is not None:
                raise ValueError("mask is given with a list of features; it is for an array (n, regions, d).")
            features, mask = _packed(features, "features")
            boxes = boxes if boxes is None or hasattr(boxes, "ndim") else _packed(boxes, "boxes")[0]
        features = features if isinstance(features, np.ndarray) else np.asarray(features)
        if features.ndim != 3:
            raise ValueError(f"features must be of shape (n, regions, d); got {features.shape}.")
        if features.dtype.kind not in "biuf":
            raise ValueError(f"features must be numbers; got {features.dtype}.")
        n, r, _ = self.shape = tuple(features.shape)
        self.features: NDArray[Any] = features
        self.mask = np.ones((n, r), dtype=bool) if mask is None else np.asarray(mask).astype(bool)
        if self.mask.shape != (n, r):
            raise ValueError(f"mask is of shape {self.mask.shape}, but features want {(n, r)}: one entry a region.")
        self.boxes = None if boxes is None else _checked(np.asarray(boxes), self.mask)
        if n and not self.mask.any(axis=1).all():
            raise ValueError(
                f"image {int(np.argmin(self.mask.any(axis=1)))} has no region; drop it, or make the whole image one."
            )
        self.ndim, self.dtype = 3, features.dtype

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, rows: Any) -> Any:
        if isinstance(rows, (int, np.integer)):
            return self.features[rows][self.mask[rows]]
        new = object.__new__(Regions)  # parts of what was checked
        new.features, new.mask = self.features[rows], self.mask[rows]
        new.boxes = None if self.boxes is None else self.boxes[rows]
        new.shape, new.ndim, new.dtype = tuple(new.features.shape), 3, self.dtype
        return new

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError(
            "Regions are no matrix; put PerModality(image=MeanRegions()) in front of a method that takes one vector an "
            "image, or pass regions.features."
        )

    def __repr__(self) -> str:
        n, r, d = self.shape
        return f"Regions({n} images, up to {r} regions of {d} features{', with boxes' * (self.boxes is not None)})"


def stacked_regions(parts: Sequence[Regions]) -> Regions:
    """Return all images one after the other; boxes are kept where all parts have them."""
    r = max(part.shape[1] for part in parts)
    features, boxes, masks = (
        np.concatenate([_widened(getattr(part, name), r) for part in parts])
        if all(getattr(part, name) is not None for part in parts)
        else None
        for name in ("features", "boxes", "mask")
    )
    return Regions(features, boxes, masks)


def _widened(array: NDArray[Any], r: int) -> NDArray[Any]:
    missing = r - array.shape[1]
    return np.pad(array, [(0, 0), (0, missing)] + [(0, 0)] * (array.ndim - 2)) if missing else array


def _packed(rows: Any, name: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return ragged rows as one array, and which entries are theirs."""
    parts = [np.asarray(row) for row in rows]
    for i, part in enumerate(parts):
        if part.ndim != 2 or part.shape[1:] != parts[0].shape[1:]:
            raise ValueError(
                f"{name} of image {i} are of shape {part.shape}, those of image 0 of {parts[0].shape}; (regions, d) is "
                "wanted, with the same d in all images."
            )
    r = max((len(part) for part in parts), default=0)
    width = parts[0].shape[1] if parts else 0
    out = np.zeros((len(parts), r, width), np.result_type(*parts) if parts else float)
    for row, part in zip(out, parts, strict=True):
        row[: len(part)] = part
    return out, np.arange(r) < np.array([len(part) for part in parts])[:, None]


def _checked(boxes: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[Any]:
    if boxes.shape != (*mask.shape, 4):
        raise ValueError(f"boxes are of shape {boxes.shape}, but {(*mask.shape, 4)} is wanted: four edges a region.")
    outside = ~((boxes >= -_SLACK) & (boxes <= 1 + _SLACK)).all(axis=2) & mask  # NaN is outside
    turned = ((boxes[:, :, 2] < boxes[:, :, 0]) | (boxes[:, :, 3] < boxes[:, :, 1])) & mask
    for wrong, what, way in (
        (outside, "leaves [0, 1]", "divide by the width and height of the image"),
        (turned, "is turned over", "the order is left, top, right, bottom"),
    ):
        if wrong.any():
            i, j = np.argwhere(wrong)[0]
            raise ValueError(f"boxes: region {j} of image {i}, {boxes[i, j].tolist()}, {what}; {way}.")
    return boxes
