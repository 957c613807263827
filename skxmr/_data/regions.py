"""Regions: images as sets of regions, with the features of each region and its place in the image.

All images are padded to the same number of regions: detectors write their features so, and products over a batch of
images need it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from skxmr._data.kinds import AnyArray, BoolArray, RowKey, View
from skxmr._data.tensors import asarray

# Boxes may leave the image by this much, because they were rounded.
_SLACK = 1e-4


class Regions:
    """Images as sets of regions, such as detected objects: features, boxes, and which regions exist.

    Rows are images. A slice shares memory with the original, so a memory map stays on disk; rows picked by index are
    read and copied. A `Pairs` with an ``image_index`` picks rows without copying.

    Parameters
    ----------
    features : array-like of shape (n, r, d), or list of n array-like of shape (r_i, d)
        Features of the regions, of any type of real numbers. A list, or an object array of arrays, is packed into one
        array: shorter entries are padded and masked.
    boxes : array-like of shape (n, r, 4), list of n array-like of shape (r_i, 4), or None
        Left, top, right and bottom of each region, in [0, 1]: divided by the width and height of the image.
    mask : bool array-like of shape (n, r), or None
        True where a region exists; None means everywhere. Not allowed with a list, whose lengths tell.

    Attributes
    ----------
    shape : tuple of int
        ``(n, r, d)``.

    Raises
    ------
    ValueError
        If shapes differ, an image has no region, or a box leaves the image or has its edges in the wrong order.

    See Also
    --------
    MeanRegions : One vector per image, for methods that do not take regions.

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

    ndim = 3

    def __init__(self, features: ArrayLike, boxes: ArrayLike | None = None, mask: ArrayLike | None = None) -> None:
        if isinstance(features, np.ma.MaskedArray):
            raise ValueError("features is a masked array; pass its data, and mask= for whole regions.")
        listed = _is_listed(features)
        if _is_listed(features):
            if mask is not None:
                raise ValueError("mask is given with a list of features; it is for an array (n, regions, d).")
            features, mask = _packed(features, "features")
        elif not isinstance(features, np.ndarray):
            features = asarray(features, "features")
        if features.ndim != 3:
            found = f"{features.dtype} of shape {features.shape}"
            raise ValueError(f"features must be an array (n, regions, d), or a list of (regions, d); got {found}.")
        if features.dtype.kind not in "biuf":
            raise ValueError(f"features must be real numbers; got {features.dtype}.")
        self.features: AnyArray = features
        self.shape: tuple[int, ...] = features.shape
        self.dtype = features.dtype
        self.mask = _checked_mask(mask, self.shape[:2])
        self.boxes = None if boxes is None else _checked_boxes(boxes, self.mask, listed)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: RowKey) -> View:
        if isinstance(rows, (int, np.integer)):
            return self.features[rows][self.mask[rows]]
        if isinstance(rows, tuple) or self.mask[rows].ndim != 2:
            raise IndexError("Regions are indexed by images only, as in regions[rows]; else take .features.")
        # The rows were checked before, so the constructor is not called.
        new = object.__new__(Regions)
        new.features = self.features[rows]
        new.mask = self.mask[rows]
        new.boxes = None if self.boxes is None else self.boxes[rows]
        new.shape = new.features.shape
        new.dtype = self.dtype
        return new

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> AnyArray:
        raise TypeError(
            "Regions are no matrix; put PerModality(image=MeanRegions()) in front of a method that takes one vector "
            "per image, or pass regions.features."
        )

    def __repr__(self) -> str:
        n, r, d = self.shape
        return f"Regions({n} images, up to {r} regions of {d} features{', with boxes' * (self.boxes is not None)})"


def stacked_regions(parts: Sequence[Regions]) -> Regions:
    """Return the images of all parts, one after the other; boxes are kept if all parts have them."""
    r = max(part.shape[1] for part in parts)
    features = np.concatenate([_padded(part.features, r) for part in parts])
    mask = np.concatenate([_padded(part.mask, r) for part in parts])
    boxes = [_padded(part.boxes, r) for part in parts if part.boxes is not None]
    return Regions(features, np.concatenate(boxes) if len(boxes) == len(parts) else None, mask)


def _padded(array: AnyArray, r: int) -> AnyArray:
    """Fill up the second axis with zeros to length r."""
    missing = r - array.shape[1]
    return np.pad(array, [(0, 0), (0, missing)] + [(0, 0)] * (array.ndim - 2)) if missing else array


def _is_listed(rows: ArrayLike) -> TypeGuard[Sequence[ArrayLike]]:
    """Return whether there is one entry per image, each of its own length, and not one array of all images."""
    if isinstance(rows, (list, tuple)):
        return True
    # An array of objects, or a column of pandas.
    return getattr(rows, "ndim", 0) == 1 and getattr(rows, "dtype", "") == "object"


def _packed(rows: Sequence[ArrayLike], name: str) -> tuple[AnyArray, BoolArray]:
    """Return entries of different lengths as one padded array, and a mask of what is not padding."""
    parts = [_entry(row, name, i) for i, row in enumerate(rows)]
    if not parts:
        return np.zeros((0, 0, 0)), np.zeros((0, 0), dtype=bool)
    for i, part in enumerate(parts):
        if part.shape[1] != parts[0].shape[1]:
            raise ValueError(
                f"{name} of image {i} are of shape {part.shape}, those of image 0 of {parts[0].shape}; (regions, d) is "
                "wanted, with the same d in all images."
            )
    lengths = np.array([len(part) for part in parts])
    out = np.zeros((len(parts), lengths.max(), parts[0].shape[1]), np.result_type(*parts))
    for row, part in zip(out, parts, strict=True):
        row[: len(part)] = part
    return out, np.arange(lengths.max()) < lengths[:, None]


def _entry(row: ArrayLike, name: str, i: int) -> AnyArray:
    """Return the entry of image i as an array of numbers (regions, d)."""
    try:
        entry = asarray(row, f"{name} of image {i}")
    except ValueError as error:
        raise ValueError(f"{name} of image {i}: its regions are of different lengths, not (regions, d).") from error
    if entry.shape == (0,):
        raise ValueError(f"{name} of image {i} are empty; drop the image, or make the whole image one region.")
    if entry.ndim != 2 or entry.dtype.kind not in "biuf":
        raise ValueError(f"{name} of image {i} are {entry.dtype} of shape {entry.shape}, not numbers (regions, d).")
    return entry


def _checked_mask(mask: ArrayLike | None, shape: tuple[int, ...]) -> BoolArray:
    if mask is None:
        mask = np.ones(shape, dtype=bool)
    values = asarray(mask, "mask")
    if values.dtype.kind not in "biuf" or not np.isin(values, (0, 1)).all():
        raise ValueError("mask must say True or False (1 or 0) of every region, not which ones there are.")
    if values.shape != shape:
        raise ValueError(f"mask is of shape {values.shape}, but features want {shape}: one entry per region.")
    values = values.astype(bool)
    if not values.any(axis=1).all():
        i = int(np.argmin(values.any(axis=1)))
        raise ValueError(f"image {i} has no region; drop it, or make the whole image one.")
    return values


def _checked_boxes(boxes: ArrayLike, mask: BoolArray, listed: bool) -> AnyArray:
    boxes = _packed_boxes(boxes, mask, listed) if _is_listed(boxes) else asarray(boxes, "boxes")
    if boxes.shape != (*mask.shape, 4) or boxes.dtype.kind not in "biuf":
        raise ValueError(
            f"boxes are {boxes.dtype} of shape {boxes.shape}, but numbers of shape {(*mask.shape, 4)} are wanted: "
            "left, top, right and bottom of each region."
        )
    missing = np.isnan(boxes).any(axis=2) & mask
    _refuse(missing, boxes, "is not known; give the whole image, [0, 0, 1, 1], or mask the region")
    outside = ~((boxes >= -_SLACK) & (boxes <= 1 + _SLACK)).all(axis=2) & mask
    _refuse(outside, boxes, "leaves [0, 1]; divide by the width and height of the image")
    reversed_edges = ((boxes[:, :, 2] < boxes[:, :, 0]) | (boxes[:, :, 3] < boxes[:, :, 1])) & mask
    _refuse(reversed_edges, boxes, "has its edges in the wrong order, which is left, top, right, bottom")
    return boxes


def _refuse(wrong: BoolArray, boxes: AnyArray, reason: str) -> None:
    """Raise an error that names the first of the wrong boxes, if there are any."""
    if wrong.any():
        i, j = np.argwhere(wrong)[0]
        raise ValueError(f"boxes: region {j} of image {i}, {boxes[i, j].tolist()}, {reason}.")


def _packed_boxes(boxes: Sequence[ArrayLike], mask: BoolArray, listed: bool) -> AnyArray:
    """Return boxes that are listed by image as one array."""
    if len(boxes) != len(mask):
        raise ValueError(f"boxes has {len(boxes)} entries, but there are {len(mask)} images; one per image is wanted.")
    parts = [_entry(row, "boxes", i) for i, row in enumerate(boxes)]
    out = np.zeros((*mask.shape, 4), np.result_type(*parts) if parts else float)
    for i, part in enumerate(parts):
        # Boxes are listed for the regions that exist; beside an array of features also for those that do not.
        covers_all = len(part) == mask.shape[1] and not listed
        own = np.ones_like(mask[i]) if covers_all else mask[i]
        if part.shape != (own.sum(), 4):
            wanted = f"({mask[i].sum()}, 4) is wanted: one per region"
            raise ValueError(f"boxes of image {i} are of shape {part.shape}; {wanted}.")
        out[i, own] = part
    return out
