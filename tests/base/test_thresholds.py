"""Thresholds of tags: the best F1 by trying every cut, and what is named with them."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import Ridge

from skxmr import ACMR, DAGNN, DSCMR, Pairs, SemanticMatching
from skxmr._data.labels import encode_labels
from skxmr.base.thresholds import best_thresholds
from skxmr.methods._label_models import LabelRidge, fitted_with_folds, folds_of

SMALL = {
    "n_components": 8,
    "hidden": 32,
    "max_epochs": 30,
    "batch_size": 32,
    "dropout": 0.1,
    "input_dropout": 0.0,
    "lr": 4e-3,
}
SMALL |= {"random_state": 0}
NAMES = np.array(["bird", "cat", "dog", "sea", "sky", "sofa", "sun", "tree"])


def f1_of(scores, y, threshold):
    named = scores >= threshold
    return 2 * int((named & y).sum()) / max(int(named.sum() + y.sum()), 1)


@pytest.mark.parametrize("digits", [1, 6])
def test_no_other_cut_has_a_better_f1(digits):
    rng = np.random.default_rng(0)
    Y = rng.random((60, 5)) < [0.5, 0.2, 0.05, 0.9, 0]
    # With one digit most scores are equal to others.
    scores = np.round(rng.normal(size=(60, 5)) + Y, digits)
    found = best_thresholds(scores, sp.csr_array(Y.astype(float)))
    # The label without rows has the threshold of all labels together.
    assert f1_of(scores.ravel(), Y.ravel(), found[4]) == max(
        f1_of(scores.ravel(), Y.ravel(), s) for s in scores.ravel()
    )
    for j in range(4):
        k = Y[:, j].sum()
        own = ((k + 2) * found[j] - 2 * found[4]) / k
        assert f1_of(scores[:, j], Y[:, j], own) == max(f1_of(scores[:, j], Y[:, j], s) for s in scores[:, j])


def test_thresholds_lie_between_scores():
    # Of a single label, that of all labels together is the same.
    scores = np.array([[0.9], [0.8], [0.2], [0.1]], np.float32)
    assert_allclose(best_thresholds(scores, sp.csr_array([[1.0], [1.0], [0.0], [0.0]])), [0.5])
    assert_allclose(best_thresholds(scores, sp.csr_array([[1.0], [1.0], [1.0], [1.0]])), [0.1])


@pytest.fixture
def tagged(small):
    pairs, labels = small
    return pairs, [NAMES[row == 1].tolist() for row in labels]


def test_closed_forms_choose_them_on_rows_that_were_held_out(tagged, small):
    pairs, tags = tagged
    Y = small[1][:, np.unique(np.concatenate(tags), return_index=True)[0].argsort()]
    for model in (None, Ridge(0.5)):
        fitted = SemanticMatching(image=model, tag_folds=4).fit(pairs, tags)
        scores = np.empty(Y.shape)
        folds = folds_of(pairs, 4)
        assert_array_equal(np.sort(np.concatenate(folds)), np.arange(len(pairs)))
        for rows in folds:
            others = np.setdiff1d(np.arange(len(pairs)), rows)
            part = SemanticMatching(image=model, tag_folds=None).fit(pairs[others], [tags[i] for i in others])
            scores[rows] = part.decision_function(image=pairs.image[rows])
        expected = best_thresholds(scores, sp.csr_array(Y.astype(float)))
        assert_allclose(fitted.tag_thresholds_["image"], expected)
        assert set(fitted.tag_thresholds_) == {"image", "text"}


@pytest.mark.parametrize("form", ["dense", "float32", "sparse", "wide"])
def test_products_are_shared_between_folds_and_give_what_fits_of_the_other_folds_give(tagged, form):
    pairs, tags = tagged
    rng = np.random.default_rng(0)
    view = rng.normal(size=(120, 300 if form == "wide" else 20)) + 3
    if form == "sparse":
        view *= rng.uniform(size=view.shape) < 0.2
        # A single row, and so a single fold, has this word.
        view[:, 0] = 0
        view[7, 0] = 5.0
        view = sp.csr_array(view)
    view = view.astype(np.float32) if form == "float32" else view
    labels = encode_labels(tags)
    folds = folds_of(pairs, 5)
    for ridge in (0.01, 0.3, 10.0):
        scores = fitted_with_folds(None, LabelRidge(ridge), view, labels, folds)[1]
        for rows in folds:
            others = np.setdiff1d(np.arange(120), rows)
            expected = LabelRidge(ridge).fit(view[others], labels.matrix[others]).predict(view[rows])
            assert_allclose(scores[rows], expected, atol=1e-4 if form == "float32" else 1e-9)


def test_rows_of_one_image_are_in_one_fold():
    pairs = Pairs(np.eye(10), np.ones((30, 2)), image_index=np.repeat(np.arange(10), 3))
    for rows in folds_of(pairs, 5):
        assert len(rows) == 6 and len(np.unique(pairs.groups[rows])) == 2


@pytest.mark.slow
@pytest.mark.parametrize("method", [DSCMR, ACMR, pytest.param(DAGNN, marks=pytest.mark.slow)])
def test_deep_methods_choose_them_on_validation_rows(tagged, method):
    pairs, tags = tagged
    fitted = method(**SMALL, validation_fraction=0.3).fit(pairs, tags)
    for name, view in (("image", pairs.image), ("text", pairs.text)):
        scores = fitted.decision_function(**{name: view})
        least = fitted.tag_thresholds_[name]
        assert scores.shape == (120, 8) and least.shape == (8,)
        named = fitted.annotate(**{name: view})
        for row, names in zip(scores, named, strict=True):
            best = np.argsort(-row, kind="stable")
            assert names == [fitted.classes_[j] for j in best if row[j] >= least[j]]
        right = sum(tag in own for own, row in zip(tags, named, strict=True) for tag in row)
        wanted = sum(map(len, tags))
        # Naming all labels has the recall 1 and the share of labels as its precision.
        everything = 2 * wanted / (wanted + 120 * 8)
        assert 2 * right / (wanted + sum(map(len, named))) > everything + 0.1
        capped = fitted.annotate(**{name: view}, k=1)
        assert capped == [row[:1] for row in named]


def test_the_scores_of_dscmr_and_acmr_are_those_of_their_last_layer(small):
    pairs, labels = small
    for method in (DSCMR, ACMR):
        fitted = method(**SMALL).fit(pairs, labels)
        layer = fitted.network_.to_labels
        W = layer.weight.numpy()
        expected = fitted.encode_text(pairs) @ W.T + layer.bias.numpy()
        assert_allclose(fitted.decision_function(text=pairs.text), expected, rtol=1e-4, atol=1e-5)
    without = DSCMR(**SMALL, w_cla=0).fit(pairs, labels)
    assert not hasattr(without, "tag_thresholds_")
    with pytest.raises(AttributeError, match="not trained: the weight of the classification term was 0"):
        without.annotate(image=pairs.image)


def test_given_thresholds_override_those_of_the_fit(tagged):
    pairs, tags = tagged
    fitted = SemanticMatching().fit(pairs, tags)
    learned = fitted.annotate(image=pairs.image)
    some = fitted.annotate(image=pairs.image, threshold={"sea": -np.inf, "sky": np.inf})
    for row, other in zip(learned, some, strict=True):
        assert "sea" in other and "sky" not in other
        assert set(row) - {"sea", "sky"} == set(other) - {"sea", "sky"}
    every = dict.fromkeys(NAMES.tolist(), 0.25)
    assert fitted.annotate(image=pairs.image, threshold=every) == fitted.annotate(image=pairs.image, threshold=0.25)
    assert fitted.annotate(image=pairs.image, threshold={}) == learned


def test_without_rows_held_out_there_are_none(tagged):
    pairs, tags = tagged
    model = SemanticMatching().fit(pairs, tags)
    for fitted in (
        model.set_params(tag_folds=None).fit(pairs, tags),
        SemanticMatching().partial_fit(pairs, tags),
        SemanticMatching().fit(pairs[:9], tags[:9]),
        DSCMR(**SMALL, validation_fraction=0).fit(pairs, tags),
    ):
        assert not hasattr(fitted, "tag_thresholds_")
        with pytest.raises(ValueError, match=r"has no thresholds of tags, because fit held out no rows .* pass k"):
            fitted.annotate(image=pairs.image)
        with pytest.raises(ValueError, match=r"threshold has 1 of \d labels, and fit has set no thresholds"):
            fitted.annotate(image=pairs.image, threshold={fitted.classes_[0]: 1.0})
        assert [len(row) for row in fitted.annotate(image=pairs.image[:3], k=2)] == [2, 2, 2]


@pytest.mark.parametrize(
    ("threshold", "message"),
    [
        ({"see": 0.5}, r"entry for 'see', which is no label of the fit; labels are \['sea'"),
        ({"sea": "high"}, r"threshold\['sea'\] must be a number; got 'high'"),
        ({"sea": True}, r"threshold\['sea'\] must be a number; got True"),
        ([0.5], r"threshold must be a number, a mapping from labels to numbers, or None; got \[0.5\]"),
    ],
)
def test_bad_thresholds_are_named(tagged, threshold, message):
    pairs, tags = tagged
    with pytest.raises(ValueError, match=message):
        SemanticMatching().fit(pairs, tags).annotate(image=pairs.image, threshold=threshold)
