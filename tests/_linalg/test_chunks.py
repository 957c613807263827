"""dask arrays: fitted chunk by chunk, equal to rows in memory; what cannot be done by chunks says so."""

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from sklearn.linear_model import Ridge

from skxmr import CCA, CCA3V, CFA, DAGNN, GMA, LCFS, MLCCA, PLS, Pairs, SemanticMatching
from skxmr._linalg import chunks as _chunks
from skxmr.datasets import make_multilabel_pairs
from tests.problems import assert_equal_models, chunked

METHODS = {
    "CCA": CCA(),
    "PLS": PLS(n_components=4),
    "SemanticMatching": SemanticMatching(),
    "CFA": CFA(),
    "CCA3V": CCA3V(n_components=4),
    "LCFS": LCFS(selection=0.001),
    "GMA": GMA(n_components=4),
    "MLCCA": MLCCA(),
    "MLCCA with distances": MLCCA(weights="exponential", n_neighbors=20),
}


@pytest.fixture(scope="module")
def data():
    return make_multilabel_pairs(500, n_image_features=20, random_state=0)


@pytest.fixture
def here():
    """In this process, whatever cluster there is."""
    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.mark.parametrize("name", METHODS)
def test_empty_chunks_hold_nothing(here, data, name):
    pairs, labels = data
    wanted = METHODS[name].fit(pairs, labels)
    views = []
    for view in (pairs.image, pairs.text):
        more = da.from_array(np.concatenate([np.full_like(view[:100], -99), view]), chunks=(100, -1))
        views.append(more[more[:, 0] > -99].compute_chunk_sizes())
    assert views[0].chunks[0] == (0, 100, 100, 100, 100, 100)
    found = type(wanted)(**wanted.get_params()).fit(Pairs(*views), labels)
    assert_equal_models(found, wanted, pairs)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(
    ("rows", "n"),
    [((7, 59), 60), *(pytest.param(rows, n, marks=pytest.mark.slow) for rows, n in [((1, 2), 24), ((60, 60), 60)])],
)
def test_any_chunks_give_the_same(here, data, name, sparse, rows, n):
    pairs, labels = data[0][:n], data[1][:n]
    pairs = pairs.replace(text=sp.csr_array(pairs.text)) if sparse else pairs
    wanted = METHODS[name].fit(pairs, labels)
    views = chunked(pairs, rows)
    found = type(wanted)(**wanted.get_params()).fit(views.image, views.text, da.from_array(labels, chunks=20))
    assert_equal_models(found, wanted, pairs)


def test_fewer_rows_than_features(here):
    """In memory such views are rotated first, by chunks they are not."""
    rng = np.random.default_rng(0)
    pairs = Pairs(rng.normal(size=(40, 100)), rng.normal(size=(40, 90)))
    found, wanted = CCA(n_components=5).fit(chunked(pairs, (8, 9))), CCA(n_components=5).fit(pairs)
    assert_equal_models(found, wanted, pairs)


@pytest.mark.parametrize("method", [CCA(), SemanticMatching()])
def test_parts_may_be_chunked(here, data, method):
    pairs, labels = data
    for rows in (slice(0, 200), slice(200, 500)):
        method.partial_fit(chunked(pairs[rows]), labels[rows])
    assert_equal_models(method, type(method)().fit(pairs, labels), pairs)


def test_rows_are_encoded_by_chunks(here, data):
    pairs, _ = data
    model = CCA(n_components=4).fit(chunked(pairs))
    image = chunked(pairs).image.rechunk((70, -1))
    lazy = image.map_blocks(model.encode_image, chunks=(image.chunks[0], (4,)), dtype=image.dtype)
    assert_allclose(lazy.compute(), model.encode_image(pairs.image), rtol=1e-10, atol=1e-10)


def test_a_sum_that_is_used_twice_is_not_changed(here, data, monkeypatch):
    """dask may do a task again, with the same inputs."""
    add = _chunks._add
    monkeypatch.setattr(_chunks, "_add", lambda *given: (add(*given), add(*given))[1])
    join = _chunks._join
    monkeypatch.setattr(_chunks, "_join", lambda *given: (join(*given), join(*given))[1])
    pairs, labels = data
    assert_equal_models(MLCCA().fit(chunked(pairs), labels), MLCCA().fit(pairs, labels), pairs)
    assert_equal_models(CCA().fit(chunked(pairs)), CCA().fit(pairs), pairs)


def broken(pairs, value):
    image = pairs.image.copy()
    image[321, 3] = value
    return chunked(pairs.replace(image=image))


def wrong_width(pairs):
    blocks = [dask.delayed(pairs.image[:250]), dask.delayed(pairs.image[250:, 1:])]
    return Pairs(da.concatenate([da.from_delayed(b, (250, 20), float) for b in blocks]), chunked(pairs).text)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda p, y: CCA().fit(broken(p, np.nan)), ValueError, "image contains 1 NaN"),
        (
            lambda p, y: CCA().fit(wrong_width(p)),
            ValueError,
            r"a chunk of image has shape \(250, 19\) where .* \(250, 20",
        ),
        (lambda p, y: CCA().fit(Pairs(chunked(p).image, p.text)), TypeError, "text is a ndarray, but the other view"),
        (
            lambda p, y: CCA().fit(chunked(p).image[:, 0], chunked(p).text),
            ValueError,
            r"image must be a 2-D .* \(500,\)",
        ),
        (lambda p, y: CCA().fit(chunked(p).image.astype(str), chunked(p).text), ValueError, "image must be .* of real"),
        (lambda p, y: CCA().fit(chunked(p)[:1]), ValueError, "at least 2 rows"),
        (lambda p, y: Pairs(chunked(p).image[chunked(p).image[:, 0] > 0]), ValueError, r"compute_chunk_sizes\(\)"),
        (lambda p, y: CCA().fit(p).transform(chunked(p)), TypeError, r"image\.map_blocks\(model\.encode_image"),
        (lambda p, y: DAGNN().fit(chunked(p), y), TypeError, "is a dask array and is not loaded unasked"),
        (lambda p, y: SemanticMatching(Ridge()).fit(chunked(p), y), ValueError, "a dask array needs the built-in"),
        (
            lambda p, y: CCA().partial_fit(p).partial_fit(chunked(p.replace(image=p.image[:, 1:]))),
            ValueError,
            "19 feat",
        ),
    ],
)
def test_what_cannot_be_is_named(here, data, call, error, message):
    with pytest.raises(error, match=message):
        call(*data)


def test_pairs_of_dask_arrays_stay_lazy(data):
    views = chunked(data[0])
    part = views[np.array([3, 400])]
    assert isinstance(part.image, da.Array) and len(part) == 2
    assert_allclose(part.image.compute(), data[0].image[[3, 400]])
    assert repr(views) == "Pairs(image=(500, 20) float64, text=(500, 30) float64)" and views._repr_html_()
