"""Closed-form methods keep what a view tells, as exact as it came, and nothing more: not its rounding, not less.

The answer may depend neither on the width of a view, nor on its kind (float32, float64, dense, CSR, chunks, parts).
"""

import warnings

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose

from skxmr import CCA, CCA3V, CFA, DCCA, DSCMR, GMA, MLCCA, PLS, SemanticMatching
from skxmr.datasets import make_multilabel_pairs
from tests.problems import correlated

CLOSED_FORM = {
    "CCA": CCA(),
    "CCA without a ridge": CCA(ridge=0.0),
    "CCA with a tiny ridge": CCA(ridge=1e-9),
    "PLS": PLS(),
    "PLS unscaled": PLS(scale=False),
    "CFA": CFA(),
    "CCA3V": CCA3V(),
    "CCA3V without a ridge": CCA3V(ridge=0.0),
    "GMA": GMA(),
    "GMA without a ridge": GMA(ridge=0.0),
    "MLCCA": MLCCA(),
    "MLCCA without a ridge": MLCCA(ridge=0.0),
    # Two folds are the least; what is learned from their rows must not change what is said of all rows.
    "SemanticMatching": SemanticMatching(tag_folds=2),
    "SemanticMatching without a ridge": SemanticMatching(ridge=0.0, tag_folds=2),
}
# By default each method is tried once; its other ridges and scales are slow tests.
NAMES = [
    name if name in ("CCA", "PLS", "MLCCA", "SemanticMatching") else pytest.param(name, marks=pytest.mark.slow)
    for name in CLOSED_FORM
]
FORMS = {"dense": np.asarray, "csr": sp.csr_array}


def fitted(model, image, text, labels, how="fit"):
    """A fitted copy, and the messages of its warnings."""
    copy = type(model)(**model.get_params())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if how == "partial_fit":
            half = image.shape[0] // 2
            copy.partial_fit(image[:half], text[:half], labels[:half])
            caught.clear()
            copy.partial_fit(image[half:], text[half:], labels[half:])
        elif how == "chunks":
            with dask.config.set(scheduler="synchronous"):
                copy.fit(da.from_array(image, chunks=(90, -1)), da.from_array(text, chunks=(70, -1)), labels)
        else:
            copy.fit(image, text, labels)
    return copy, [str(warning.message) for warning in caught]


def ways(model, sparse=False):
    """How rows can come."""
    chunks = [] if sparse else ["chunks"]
    return ["fit", *chunks, *(["partial_fit"] if hasattr(model, "partial_fit") else [])]


def decaying(d, n=900, seed=0):
    """A float32 view whose classes show in weak directions only, a text that shows them, and the classes."""
    rng = np.random.default_rng(seed)
    y = rng.integers(5, size=n)
    Z = rng.normal(size=(n, d))
    T = rng.normal(size=(n, 20))
    Z[:, -10:-5] += 9 * np.eye(5)[y]
    T[:, :5] += 9 * np.eye(5)[y]
    Q = np.linalg.qr(rng.normal(size=(d, d)))[0]
    X = (Z * np.arange(1, d + 1) ** -2.0) @ Q
    return X.astype(np.float32), T.astype(np.float32), y


@pytest.mark.parametrize(
    "model", [CCA(4, ridge=0.0), CCA(4, ridge=1e-10), MLCCA(4, ridge=0.0), SemanticMatching(ridge=0.0), PLS(20)]
)
def test_wide_float32_views_are_solved_as_exactly_as_float64(model):
    image, text, y = decaying(200)
    found = {}
    for name, views in {
        "float32": (image, text),
        "float64": (image.astype(np.float64), text.astype(np.float64)),
        "csr": (sp.csr_array(image), text),
    }.items():
        fit, _ = fitted(model, views[0][:500], views[1][:500], y[:500])
        found[name] = fit.score(views[0][500:], views[1][500:], y[500:])
    assert_allclose(found["float32"], found["float64"], atol=2e-3)
    assert_allclose(found["csr"], found["float64"], atol=2e-3)
    if not isinstance(model, PLS):
        assert found["float64"] > 0.9


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", FORMS)
def test_nothing_jumps_between_64_and_65_columns(name, form):
    """The 65th column is constant, so nothing may change but the unit of the ridge, and that in proportion."""
    image, text, y = decaying(64)
    model = CLOSED_FORM[name]
    ridge = model.get_params().get("ridge")
    wide = np.hstack([image, np.full((len(image), 1), 0.25, np.float32)])
    narrow, _ = fitted(model, FORMS[form](image), text, y)
    if ridge is not None:
        model = type(model)(**model.get_params() | {"ridge": ridge * 65 / 64})
    wider, _ = fitted(model, FORMS[form](wide), text, y)
    assert wider.n_components_ == narrow.n_components_
    scores = narrow.score(image, text, y), wider.score(wide, text, y)
    assert_allclose(scores[0], scores[1], atol=5e-3)


def low_rank(rank, d, dtype, n=240, offset=0.0, seed=0):
    """An image view of the given rank, as exact as its dtype, a text view of full rank, and labels."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n, rank))
    image = hidden @ rng.normal(size=(rank, d)) + offset
    text = hidden @ rng.normal(size=(rank, 9)) + rng.normal(size=(n, 9))
    labels = (hidden @ rng.normal(size=(rank, 8)) + rng.normal(size=(n, 8)) > 0).astype(int)
    return image.astype(dtype), text.astype(dtype), labels


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("rank", "d"),
    [(1, 5), (3, 65), pytest.param(3, 64, marks=pytest.mark.slow), pytest.param(3, 250, marks=pytest.mark.slow)],
)
def test_as_many_components_as_the_view_has_directions(name, dtype, rank, d):
    """Where more are asked for, a warning says so once; None are all that there are."""
    model = CLOSED_FORM[name]
    image, text, labels = low_rank(rank, d, dtype)
    asked = {None: model}
    wanted = min(8, d)
    if not isinstance(model, SemanticMatching):
        wanted = rank + 2
        asked[wanted] = type(model)(**model.get_params() | {"n_components": wanted})
    message = f"{type(model).__name__} finds {rank} of {wanted} components"
    for form in FORMS.values():
        for how in ways(model, form is sp.csr_array):
            for number, asking in asked.items():
                found, messages = fitted(asking, form(image), text, labels, how)
                assert found.n_components_ == rank, how
                said = number is not None or isinstance(model, SemanticMatching)
                assert [message in other for other in messages] == [True] * said, how
                out = found.transform(image, text)
                assert np.isfinite(out[0]).all() and np.isfinite(out[1]).all()


@pytest.mark.parametrize("offset", [100.0, 1e4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ridge", [0.0, 1e-6, 0.1])
def test_rounding_is_relative_to_the_whole_value(offset, dtype, form, ridge):
    image, text, labels = low_rank(3, 70, dtype, offset=offset)
    found, messages = fitted(CCA(5, ridge=ridge), FORMS[form](image), text, labels)
    assert found.n_components_ == 3
    assert len(messages) == 1


@pytest.mark.parametrize("ridge", [0.0, 0.1, 10.0])
def test_an_explicit_number_above_the_rank_is_said_once(ridge):
    image, text, _ = low_rank(1, 6, np.float64)
    with pytest.warns(UserWarning, match="CCA finds 1 of 3 components") as caught:
        found = CCA(3, ridge=ridge).fit(image, text)
    assert len(caught) == 1
    assert found.n_components_ == 1
    assert found.image_projection_.shape == (6, 1)
    assert found.correlations_.shape == (1,)


@pytest.mark.parametrize("model", [CCA(), CCA(ridge=0.0), PLS(), MLCCA(), SemanticMatching()])
def test_full_rank_is_kept_without_a_word(model):
    pairs, labels = make_multilabel_pairs(300, n_labels=6, random_state=0)
    for dtype in (np.float32, np.float64):
        found, messages = fitted(model, pairs.image.astype(dtype), pairs.text.astype(dtype), labels)
        limit = 6 if isinstance(model, (MLCCA, SemanticMatching)) else min(pairs.image.shape[1], pairs.text.shape[1])
        assert found.n_components_ == limit
        assert messages == []


@pytest.mark.parametrize("model", [SemanticMatching(), SemanticMatching(ridge=0.0), MLCCA(), MLCCA(ridge=0.0)])
@pytest.mark.parametrize("c", [2, 5, pytest.param(13, marks=pytest.mark.slow)])
def test_one_label_per_row_leaves_one_component_less_without_a_word(model, c):
    """The labels of a row sum to 1, so one of them follows from the others."""
    rng = np.random.default_rng(c)
    for n in (150, 700):
        y = rng.integers(c, size=n)
        image = np.eye(c)[y] @ rng.normal(size=(c, 20)) + rng.normal(size=(n, 20))
        text = np.eye(c)[y] @ rng.normal(size=(c, 15)) + rng.normal(size=(n, 15))
        for dtype in (np.float32, np.float64):
            for how in ways(model):
                found, messages = fitted(model, image.astype(dtype), text.astype(dtype), y, how)
                assert found.n_components_ == c - 1
                assert messages == []


def test_labels_limit_the_components_of_mlcca():
    """Related rows differ by their labels only, so 8 labels give 8 components; more would be noise."""
    rng = np.random.default_rng(0)
    labels = (rng.uniform(size=(300, 8)) < 0.3).astype(int)
    labels[0] = 1
    image = labels @ rng.normal(size=(8, 30)) + rng.normal(size=(300, 30))
    text = labels @ rng.normal(size=(8, 20)) + rng.normal(size=(300, 20))
    whole = MLCCA(correlation_power=0).fit(image, text, labels)
    assert whole.n_components_ == 8
    order = rng.permutation(300)
    permuted = MLCCA(correlation_power=0).fit(image[order], text[order], labels[order])
    assert_allclose(permuted.similarity(image, text), whole.similarity(image, text), atol=1e-9)
    with pytest.warns(UserWarning, match="MLCCA finds 8 of 20 components") as caught:
        assert MLCCA(20).fit(image, text, labels).n_components_ == 8
    assert len(caught) == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0.1, *(pytest.param(value, marks=pytest.mark.slow) for value in (0.0, 1.7e9))])
def test_no_component_is_an_error(name, dtype, value):
    model = CLOSED_FORM[name]
    _, text, labels = low_rank(3, 9, dtype)
    constant = np.full((240, 12), value, dtype)
    wide = np.full((240, 250), value, dtype)
    for form in FORMS.values():
        for how in ways(model, form is sp.csr_array):
            with pytest.raises(ValueError, match=f"{type(model).__name__} finds no component: image or text does not"):
                fitted(model, form(constant), text, labels, how)
        with pytest.raises(ValueError, match="finds no component"):
            fitted(model, form(wide), text, labels)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seconds", [50.0, 0.05])
def test_timestamps_are_no_constants(name, seconds):
    """Seconds since 1970 in float64 have nine digits before those that vary, and seven after."""
    model = CLOSED_FORM[name]
    if not model.get_params().get("scale", True):
        pytest.skip("a column that varies little counts little if columns are not scaled")
    pairs = correlated(n=240, d1=3)
    time = np.rint(seconds * 4096 * pairs.image) / 4096
    labels = (pairs.image > 0).astype(int)
    wanted, _ = fitted(model, time, pairs.text, labels)
    moved = time + 1.7e9
    for form in FORMS.values():
        for how in ways(model, form is sp.csr_array):
            found, messages = fitted(model, form(moved), pairs.text, labels, how)
            assert messages == []
            assert found.n_components_ == wanted.n_components_
            assert_allclose(found.similarity(moved, pairs.text), wanted.similarity(time, pairs.text), atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("scale", "dtype"), [(1e-20, np.float32), (1e-40, np.float32), (1e-40, np.float64), (1e-200, np.float64)]
)
@pytest.mark.parametrize("form", FORMS)
def test_very_small_values_are_values(name, scale, dtype, form):
    model = CLOSED_FORM[name]
    pairs = correlated(n=240)
    labels = (pairs.image[:, :3] > 0).astype(int)
    wanted, _ = fitted(model, pairs.image, pairs.text, labels)
    image = (pairs.image * scale).astype(dtype)
    text = pairs.text.astype(dtype)
    for how in ways(model, sparse=True):
        found, messages = fitted(model, FORMS[form](image), text, labels, how)
        assert messages == []
        assert np.isfinite(found.encode_image(image)).all()
        assert found.n_components_ == wanted.n_components_
        similarity = found.similarity(image, text)
        assert_allclose(similarity, wanted.similarity(pairs.image, pairs.text), atol=1e-3 if scale < 1e-30 else 1e-5)


VANISHING = r"of the \d+ features of a view hold values below 1e-154, whose squares are 0 in float64"


@pytest.mark.parametrize("name", CLOSED_FORM)
def test_chunks_of_very_small_values_are_refused_with_the_reason(name):
    pairs = correlated(n=240)
    labels = (pairs.image[:, :3] > 0).astype(int)
    with pytest.warns(UserWarning, match=VANISHING), pytest.raises(ValueError, match="finds no component"):
        with dask.config.set(scheduler="synchronous"):
            views = [da.from_array(view, chunks=(90, -1)) for view in (pairs.image * 1e-200, pairs.text)]
            CLOSED_FORM[name].fit(*views, labels)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scale", [1e-200, 1e-160])
@pytest.mark.parametrize("d", [12, 130])
def test_a_column_of_very_small_values_beside_others_is_named(name, scale, d):
    image, text, labels = low_rank(5, d, np.float64, n=60)
    image[:, 1] *= scale
    for form in FORMS.values():
        for how in ways(CLOSED_FORM[name], form is sp.csr_array):
            found, messages = fitted(CLOSED_FORM[name], form(image), text, labels, how)
            assert any("1 of the" in message and "below 1e-154" in message for message in messages), how
            assert np.isfinite(found.encode_image(image)).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scale", [1e-150, 1e-100, 1e-9])
def test_small_columns_beside_others_are_columns(name, scale):
    image, text, labels = low_rank(5, 12, np.float64)
    small = image.copy()
    small[:, 1] *= scale
    for how in ways(CLOSED_FORM[name]):
        found, messages = fitted(CLOSED_FORM[name], small, text, labels, how)
        assert not any("below 1e-154" in message for message in messages)
        # Traces, in whose units the weights of GMA are, depend on the scale of every column.
        if CLOSED_FORM[name].get_params().get("ridge", 1) == 0 and not isinstance(found, (GMA, MLCCA)):
            wanted, _ = fitted(CLOSED_FORM[name], image, text, labels, how)
            assert_allclose(found.similarity(small, text), wanted.similarity(image, text), atol=1e-6)


@pytest.mark.parametrize("standardize", [True, "view"])
@pytest.mark.parametrize("scale", [1e-200, 1e-60])
def test_networks_name_columns_that_vanish_in_float32(standardize, scale):
    pairs = correlated(n=120)
    image = pairs.image.copy()
    image[:, 0] *= scale
    model = DSCMR(max_epochs=1, hidden=4, standardize=standardize, random_state=0)
    with pytest.warns(UserWarning, match="1 of 7 features hold values of at most some .*zero in float32"):
        model.fit(image, pairs.text, pairs.image > 0)
    assert np.isfinite(model.encode_image(image)).all()


def test_networks_refuse_values_that_vanish_in_float32():
    pairs = correlated(n=60)
    with pytest.raises(ValueError, match=r"image holds 1\.\de-199 at most, which is zero in float32; scale it up"):
        DSCMR(max_epochs=1, hidden=4).fit(pairs.image * 1e-200, pairs.text, pairs.image > 0)


def test_networks_say_which_features_vanish_in_float32():
    pairs = correlated(n=120)
    image = pairs.image.copy()
    image[:, :2] += 1.7e9
    with pytest.warns(UserWarning, match="2 of 7 features vary by less than the rounding of float32"):
        DCCA(2, max_epochs=1, hidden=4, random_state=0).fit(image, pairs.text)
