"""Regions: images as sets of regions, their features, and where they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SLACK = 1e-4  # by which boxes may leave the image: they were rounded


class Regions:
    """Images as sets of regions, such as detected objects: features, boxes, and which regions there are.

    Rows are images. A slice looks into the same arrays, so that a memory map stays on disk; rows picked by index are
    read and copied. A `Pairs` with an ``image_index`` picks without that.

    Parameters
    ----------
    features : array-like of shape (n, r, d), or list of n array-like of shape (r_i, d)
        Features of the regions, of any type of real numbers. A list, or an object array of arrays, is packed: shorter
        ones are filled up and masked.
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
        if isinstance(features, np.ma.MaskedArray):
            raise ValueError("features is a masked array; pass its data, and mask= for whole regions.")
        listed = _is_listed(features)
        if listed:
            if mask is not None:
                raise ValueError("mask is given with a list of features; it is for an array (n, regions, d).")
            features, mask = _packed(features, "features")
        features = features if isinstance(features, np.ndarray) else np.asarray(features)
        if features.ndim != 3:
            raise ValueError(
                f"features must be an array (n, regions, d), or a list of one array (regions, d) an image; got "
                f"{features.dtype} of shape {features.shape}."
            )
        if features.dtype.kind not in "biuf":
            raise ValueError(f"features must be real numbers; got {features.dtype}.")
        n, r, _ = self.shape = tuple(features.shape)
        self.features: NDArray[Any] = features
        self.mask = np.ones((n, r), dtype=bool) if mask is None else _truths(mask)
        if self.mask.shape != (n, r):
            raise ValueError(f"mask is of shape {self.mask.shape}, but features want {(n, r)}: one entry a region.")
        if n and not self.mask.any(axis=1).all():
            raise ValueError(
                f"image {int(np.argmin(self.mask.any(axis=1)))} has no region; drop it, or make the whole image one."
            )
        self.boxes = None if boxes is None else _checked(boxes, self.mask, listed)
        self.ndim, self.dtype = 3, features.dtype

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, rows: Any) -> Any:
        if isinstance(rows, (int, np.integer)):
            return self.features[rows][self.mask[rows]]
        new = object.__new__(Regions)  # parts of what was checked
        new.features, new.mask = self.features[rows], self.mask[rows]
        if isinstance(rows, tuple) or new.features.ndim != 3:
            raise IndexError("Regions are indexed by images only, as in regions[rows]; else take .features.")
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
    widths = sorted({part.shape[2] for part in parts})
    if len(widths) > 1:
        raise ValueError(f"regions have {widths} features in the parts; all must come from one extraction.")
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


def _is_listed(rows: Any) -> bool:
    """Tell one entry an image, of any length, from an array of all."""
    if isinstance(rows, (list, tuple)):
        return True
    return getattr(rows, "ndim", 0) == 1 and rows.dtype == object  # a pandas column, too


def _packed(rows: Any, name: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return ragged rows as one array, and which entries are theirs."""
    parts = [_part(row, name, i) for i, row in enumerate(rows)]
    for i, part in enumerate(parts):
        if part.shape[1] != parts[0].shape[1]:
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


def _part(row: Any, name: str, i: int) -> NDArray[Any]:
    try:
        part = np.asarray(row)
    except ValueError as error:
        raise ValueError(
            f"{name} of image {i}: its regions are of different lengths; (regions, d) is wanted."
        ) from error
    if part.shape == (0,):
        raise ValueError(f"{name} of image {i} are empty; drop the image, or make the whole image one region.")
    if part.ndim != 2 or part.dtype.kind not in "biuf":
        raise ValueError(
            f"{name} of image {i} are {part.dtype} of shape {part.shape}; numbers (regions, d) are wanted."
        )
    return part


def _truths(mask: Any) -> NDArray[np.bool_]:
    values = np.asarray(mask)
    if values.dtype.kind not in "biuf" or not np.isin(values, (0, 1)).all():
        raise ValueError("mask must say True or False (1 or 0) of every region, not which ones there are.")
    return values.astype(bool)


def _checked(boxes: Any, mask: NDArray[np.bool_], listed: bool) -> NDArray[Any]:
    boxes = _listed_boxes(boxes, mask, listed) if _is_listed(boxes) else np.asarray(boxes)
    if boxes.shape != (*mask.shape, 4) or boxes.dtype.kind not in "biuf":
        raise ValueError(
            f"boxes are {boxes.dtype} of shape {boxes.shape}, but numbers of shape {(*mask.shape, 4)} are wanted: "
            "left, top, right and bottom of each region."
        )
    missing = np.isnan(boxes).any(axis=2) & mask
    outside = ~((boxes >= -_SLACK) & (boxes <= 1 + _SLACK)).all(axis=2) & mask
    turned = ((boxes[:, :, 2] < boxes[:, :, 0]) | (boxes[:, :, 3] < boxes[:, :, 1])) & mask
    for wrong, what, way in (
        (missing, "is not known", "give the whole image, [0, 0, 1, 1], or mask the region"),
        (outside, "leaves [0, 1]", "divide by the width and height of the image"),
        (turned, "is turned over", "the order is left, top, right, bottom"),
    ):
        if wrong.any():
            i, j = np.argwhere(wrong)[0]
            raise ValueError(f"boxes: region {j} of image {i}, {boxes[i, j].tolist()}, {what}; {way}.")
    return boxes


def _listed_boxes(boxes: Any, mask: NDArray[np.bool_], listed: bool) -> NDArray[Any]:
    """Return boxes that are listed by image as one array: one a region, of those that an array masks as well or not."""
    if len(boxes) != len(mask):
        raise ValueError(f"boxes has {len(boxes)} entries, but there are {len(mask)} images; one an image is wanted.")
    parts = [_part(row, "boxes", i) for i, row in enumerate(boxes)]
    out = np.zeros((*mask.shape, 4), np.result_type(*parts) if parts else float)
    for i, part in enumerate(parts):
        own = np.ones_like(mask[i]) if len(part) == mask.shape[1] and not listed else mask[i]
        if part.shape != (own.sum(), 4):
            raise ValueError(
                f"boxes of image {i} are of shape {part.shape}; ({mask[i].sum()}, 4) is wanted: one a region."
            )
        out[i, own] = part
    return out
