"""Data, and comparisons of models, that tests of several modules use."""

import numpy as np
import scipy.sparse as sp
from numpy.testing import assert_allclose

from skxmr import Pairs


def correlated(n=300, d1=7, d2=5, seed=0, dtype=np.float64):
    """Two views of four hidden variables of decreasing strength, in as many dimensions as asked for."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n, 4)) * [3, 2, 1, 0.5]
    image = hidden @ rng.normal(size=(4, d1)) + rng.normal(size=(n, d1))
    text = hidden @ rng.normal(size=(4, d2)) + rng.normal(size=(n, d2)) + 5
    return Pairs(image.astype(dtype), text.astype(dtype))


def labelled_views(n=40, m=300, d=12, c=5, seed=0, dtype=np.float32):
    """Views of queries and of a gallery, and the labels of both."""
    rng = np.random.default_rng(seed)
    query, gallery = rng.normal(size=(n, d)).astype(dtype), rng.normal(size=(m, d)).astype(dtype)
    return (query, gallery), (rng.integers(2, size=(n, c)), rng.integers(2, size=(m, c)))


def chunked(pairs, rows=(70, 64)):
    """Both views as dask arrays, cut differently in rows, and the image in columns, too."""
    import dask
    import dask.array as da

    image, text = pairs.image, pairs.text
    if sp.issparse(text):
        blocks = [dask.delayed(text[a : a + rows[1]]) for a in range(0, len(pairs), rows[1])]
        shapes = [(block.compute().shape[0], text.shape[1]) for block in blocks]
        arrays = [da.from_delayed(b, s, text.dtype) for b, s in zip(blocks, shapes, strict=True)]
        return Pairs(da.from_array(image, chunks=(rows[0], 7)), da.concatenate(arrays))
    return Pairs(da.from_array(image, chunks=(rows[0], 7)), da.from_array(text, chunks=(rows[1], -1)))


def assert_equal_models(found, wanted, pairs):
    """Want two models to map both views alike, up to rounding."""
    inside, outside = found.transform(pairs), wanted.transform(pairs)
    assert_allclose(inside.image, outside.image, rtol=1e-10, atol=1e-10)
    assert_allclose(inside.text, outside.text, rtol=1e-10, atol=1e-10)
