"""Images as one vector each: given ones, or the mean of the regions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from sklearn.utils import gen_batches

from skxmr._data.kinds import FloatArray, View
from skxmr._data.regions import Regions
from skxmr._data.repeated import IndexedRows, distinct
from skxmr._data.view_checks import check_view
from skxmr._data.views import as_view
from skxmr.pairwise.checks import check_number, checked_images
from skxmr.steps.mean_regions import MeanRegions

# Images whose regions are read together.
_BLOCK = 256


def one_vector_each(view: View, min_rows: int, width: int | None, columns: Sequence[str] | None) -> IndexedRows:
    """Return images as `Regions` by index with a single region each: a row of a matrix, or the mean of the regions."""
    view = as_view(view, "image")
    # An array of objects holds an array of regions for every image.
    if view.ndim == 3 or getattr(view, "dtype", "") == "object":
        return _means(checked_images(view, min_rows, width))
    images, index = distinct(view)
    matrix = check_view(images, "image", width=width, columns=columns)
    if index is None:
        index = np.arange(matrix.shape[0])
    check_number("image", len(index), min_rows)
    dense: FloatArray = matrix.toarray() if isinstance(matrix, sp.csr_array) else matrix
    return IndexedRows(Regions(dense[:, None]), index)


def _means(images: IndexedRows) -> IndexedRows:
    """Return the mean of the regions of the images that some row shows; a memory map is read in blocks."""
    used, index = np.unique(images.index, return_inverse=True)
    means = [MeanRegions().transform(images.view[used[block]]) for block in gen_batches(len(used), _BLOCK)]
    return IndexedRows(Regions(np.concatenate(means)[:, None]), index)
