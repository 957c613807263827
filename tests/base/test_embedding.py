"""What the public checks do not cover: corners of the call."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge

from skxmr import CCA, MLCCA, PLS, Pairs, SemanticMatching
from skxmr.metrics import Similarity

IMAGE, TEXT = np.random.default_rng(0).normal(size=(2, 30, 4))
LABELS = np.random.default_rng(1).integers(2, size=(30, 3))
LABELS[:, 0] = 1


def fit(image=IMAGE, text=TEXT, labels=LABELS):
    return MLCCA().fit(image, text, labels)


def with_value(value):
    out = IMAGE.copy()
    out[2, 1] = value
    return out


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fit(text=TEXT[1:]), ValueError, "text has 29 rows but image has 30"),
        (lambda: fit(labels=LABELS[1:]), ValueError, "labels has 29 rows but the views have 30"),
        (lambda: fit(image=IMAGE[:, 0]), ValueError, "image must be 2-D .* has shape .30,."),
        (lambda: fit(text=TEXT[..., None]), ValueError, "text must be 2-D"),
        (lambda: fit(image=with_value(np.nan)), ValueError, "image contains 1 NaN or infinite"),
        (lambda: fit(image=with_value(-np.inf)), ValueError, "image contains 1 NaN or infinite"),
        (lambda: fit(text=sp.csr_array(with_value(np.nan))), ValueError, "text contains 1 NaN"),
        (lambda: fit(image=IMAGE * 1j), ValueError, "image holds complex numbers"),
        (lambda: fit(text=["a caption"] * 30), ValueError, "text must be 2-D .* PerModality.text=TfidfVectorizer"),
        (lambda: fit(image=IMAGE.astype("datetime64[s]")), ValueError, "image holds datetime64.s. values"),
        (lambda: fit(image=np.ma.masked_less(IMAGE, 0)), ValueError, "masked values"),
        (lambda: fit(text={"a": 1}), TypeError, "text is a dict"),
        (lambda: fit(labels=(row for row in LABELS)), TypeError, "labels, a generator, is not a sequence of rows"),
        (lambda: PLS().fit(IMAGE * 1e200, TEXT), ValueError, "covariances of image and text overflow"),
        (lambda: MLCCA().fit(IMAGE * 1e200, TEXT, LABELS), ValueError, "covariances of image and text overflow"),
        (lambda: fit(text=np.full((30, 2), "word")), ValueError, "PerModality.text=TfidfVectorizer"),
        (lambda: fit(text=[["a"] * (i % 3) for i in range(30)]), ValueError, "text must be 2-D"),
        (lambda: fit(image=np.zeros((30, 0))), ValueError, r"image has 0 feature.s. .shape=.30, 0.."),
        (lambda: fit(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 2))), ValueError, "n_samples=0.; at least 2"),
        (lambda: MLCCA().fit(IMAGE, TEXT), ValueError, "MLCCA learns from labels"),
        (lambda: MLCCA().fit(Pairs(IMAGE, TEXT)), ValueError, "MLCCA learns from labels"),
        (lambda: MLCCA().fit(Pairs(IMAGE), LABELS), ValueError, "text is missing"),
        (lambda: MLCCA().fit((IMAGE, TEXT), LABELS), TypeError, "tuple of length 2; wrap the views"),
        (lambda: MLCCA().fit(IMAGE, Pairs(IMAGE, TEXT)), TypeError, "second argument is a Pairs"),
        (lambda: MLCCA().fit(Pairs(IMAGE, TEXT), LABELS, LABELS), TypeError, "labels came twice"),
        (lambda: fit().encode_image(TEXT[:, :3]), ValueError, "image has 3 features but 4 were seen"),
        (lambda: fit().encode_text(Pairs(image=IMAGE)), ValueError, "text is missing"),
        (lambda: fit().similarity(IMAGE), ValueError, "text is missing"),
        (lambda: fit().transform(Pairs(IMAGE), TEXT), TypeError, "takes no second argument"),
        (lambda: fit().score(IMAGE, TEXT), ValueError, "fitted with labels but is scored without"),
        (lambda: fit().score(IMAGE, TEXT, np.zeros((30, 3))), ValueError, "no query has a relevant item"),
        (lambda: MLCCA().similarity(IMAGE, TEXT), NotFittedError, "not fitted"),
        (lambda: MLCCA().score(IMAGE, TEXT, LABELS), NotFittedError, "not fitted"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("retriever", [CCA(), PLS(), MLCCA(), SemanticMatching()])
def test_two_rows_are_enough(retriever):
    """Two labelled points are always told apart."""
    fitted = retriever.fit(IMAGE[:2], TEXT[:2], [["a"], ["b"]])
    assert fitted.score(IMAGE[:2], TEXT[:2], [["a"], ["b"]]) == 1.0


@pytest.mark.parametrize("retriever", [CCA(ridge=0), CCA(), PLS(), MLCCA(ridge=0), MLCCA(), SemanticMatching()])
def test_a_view_that_never_varies_is_an_error(retriever):
    with pytest.raises(ValueError, match=f"{type(retriever).__name__} finds no component"):
        retriever.fit(np.ones_like(IMAGE), TEXT, LABELS[:, 1:])


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, bool, object])
def test_other_numbers_become_float64(dtype):
    counts = np.random.default_rng(0).integers(4, size=(30, 4))
    out = CCA().fit(counts.astype(dtype), TEXT).encode_image(counts.astype(dtype))
    assert out.dtype == np.float64
    if dtype is not bool:
        assert_allclose(out, CCA().fit(counts, TEXT).encode_image(counts), atol=1e-12)


def test_nullable_frames():
    frame = pd.DataFrame(np.arange(120).reshape(30, 4), columns=list("abcd"), dtype="Int64")
    expected = CCA().fit(frame.to_numpy(dtype=float), TEXT).encode_image(frame.to_numpy(dtype=float))
    assert_allclose(CCA().fit(frame, TEXT).encode_image(frame), expected, atol=1e-12)
    with pytest.raises(ValueError, match="image contains 1 NaN"):
        CCA().fit(frame.mask(frame == 7), TEXT)


def test_labels_in_another_order_of_rows_are_refused():
    image = pd.DataFrame(IMAGE, index=range(30))
    labels = pd.DataFrame(LABELS, index=range(30))[::-1]
    with pytest.raises(ValueError, match="the index of labels differs from that of the views"):
        MLCCA().fit(image, TEXT, labels)
    MLCCA().fit(image, TEXT, labels.loc[image.index])


def test_a_lone_array_is_the_image_and_a_pairs_may_hold_one_view():
    fitted = fit()
    assert_array_equal(fitted.transform(IMAGE), fitted.encode_image(IMAGE))
    assert fitted.transform(Pairs(text=TEXT)).image is None
    assert_array_equal(fitted.encode_text(Pairs(IMAGE, TEXT)), fitted.encode_text(TEXT))


def test_similarity_is_the_cosine_of_the_embeddings():
    fitted = fit()
    expected = Similarity(fitted.encode_image(IMAGE), fitted.encode_text(TEXT))[:]
    assert_array_equal(fitted.similarity(IMAGE, TEXT), expected)
    assert_array_equal(fitted.similarity(Pairs(IMAGE, TEXT)), expected)


def test_classes_follow_the_last_fit():
    model = CCA().fit(IMAGE, TEXT, LABELS)
    assert model.fitted_with_labels_ and len(model.classes_) == 3
    model.fit(IMAGE, TEXT)
    assert not model.fitted_with_labels_ and not hasattr(model, "classes_")
    assert 0 < model.score(IMAGE, TEXT) <= 1
    assert 0 < model.score(IMAGE, TEXT, LABELS) <= 1


def test_a_failed_refit_keeps_the_model():
    model = fit()
    before = model.transform(IMAGE)
    with pytest.raises(ValueError, match="image contains"):
        model.fit(with_value(np.nan), TEXT, LABELS)
    assert_array_equal(model.transform(IMAGE), before)


def test_a_refit_that_fails_halfway_keeps_the_model():
    class Failing(Ridge):
        def fit(self, X, y):
            raise ValueError("no")

    model = SemanticMatching().fit(IMAGE, TEXT, LABELS)
    before = model.transform(Pairs(IMAGE, TEXT))
    with pytest.raises(ValueError, match="no"):
        model.set_params(text=Failing()).fit(2 * IMAGE, TEXT, LABELS)
    assert_array_equal(model.transform(Pairs(IMAGE, TEXT)).image, before.image)


@pytest.mark.parametrize("form", ["csr", "unsorted csr", "memmap"])
def test_no_form_of_input_is_modified(form, tmp_path):
    text = np.maximum(TEXT, 0)
    if form == "memmap":
        view = np.memmap(tmp_path / "text", dtype=text.dtype, mode="w+", shape=text.shape)
        view[:] = text
        view.flags.writeable = False
    else:
        view = sp.csr_array(text)
        if form == "unsorted csr":
            view.indices, view.data = view.indices.copy(), view.data.copy()
            a, b = view.indptr[:2]
            view.indices[a:b], view.data[a:b] = view.indices[a:b][::-1], view.data[a:b][::-1]
            view.has_sorted_indices = False
        before = view.data.copy(), view.indices.copy(), view.indptr.copy()
    labels = sp.csr_array(LABELS)
    for retriever in (CCA(), PLS(), MLCCA(), MLCCA(weights="exponential"), SemanticMatching()):
        fitted = retriever.fit(IMAGE, view, labels)
        assert_allclose(
            fitted.encode_text(view), clone(retriever).fit(IMAGE, text, LABELS).encode_text(text), atol=1e-9
        )
    if form != "memmap":
        for now, then in zip((view.data, view.indices, view.indptr), before, strict=True):
            assert_array_equal(now, then)
    assert_array_equal(labels.toarray(), LABELS)


def test_set_output_is_harmless():
    model = MLCCA().set_output(transform="pandas").fit(IMAGE, TEXT, LABELS)
    assert isinstance(model.transform(Pairs(IMAGE)), Pairs)
    assert isinstance(model.transform(IMAGE), np.ndarray)
