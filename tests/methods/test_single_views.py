"""Learning from rows that have an image or a text only, and scoring them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skxmr import Pairs, PerModality, SemanticMatching
from skxmr.datasets import make_multilabel_pairs
from skxmr.metrics import RecallScores, average_precision

NUMBER = np.arange(160)
NO_IMAGE = NUMBER % 4 == 1
NO_TEXT = NUMBER % 8 == 2


@pytest.fixture(scope="module")
def made():
    pairs, labels = make_multilabel_pairs(160, random_state=0)
    return pairs, labels, Pairs(pairs.image, pairs.text, image_missing=NO_IMAGE, text_missing=NO_TEXT)


MODELS = {
    "regression": SemanticMatching(),
    "without folds": SemanticMatching(tag_folds=None),
    "classifiers": SemanticMatching(LogisticRegression(), LogisticRegression(), tag_folds=None),
}


@pytest.mark.parametrize("kind", MODELS)
def test_each_view_is_learned_from_the_rows_that_have_it(kind, made):
    pairs, labels, partial = made
    model = MODELS[kind].fit(partial, labels)
    assert model.n_samples_per_view_ == {"image": 120, "text": 140}
    assert model.n_samples_seen_ == 160
    for name, gone in (("image", NO_IMAGE), ("text", NO_TEXT)):
        alone = clone(MODELS[kind]).fit(pairs[~gone], labels[~gone])
        encode = f"encode_{name}"
        found = getattr(model, encode)(getattr(pairs, name))
        assert_allclose(found, getattr(alone, encode)(getattr(pairs, name)), atol=1e-12)
        if kind == "regression":
            assert_allclose(model.tag_thresholds_[name], alone.tag_thresholds_[name], atol=1e-12)


def test_parts_equal_the_whole(made):
    _, labels, partial = made
    whole = SemanticMatching().fit(partial, labels)
    parts = SemanticMatching().partial_fit(partial[:50], labels[:50]).partial_fit(partial[50:], labels[50:])
    assert parts.n_samples_per_view_ == whole.n_samples_per_view_
    assert_allclose(parts.image_.coef_, whole.image_.coef_, atol=1e-10)
    assert_allclose(parts.text_.coef_, whole.text_.coef_, atol=1e-10)


def test_the_order_of_the_rows_changes_nothing(made):
    _, labels, partial = made
    order = np.random.default_rng(0).permutation(160)
    model = SemanticMatching().fit(partial, labels)
    other = SemanticMatching().fit(partial[order], labels[order])
    assert_allclose(model.image_.coef_, other.image_.coef_, atol=1e-12)
    assert_allclose(model.score(partial, labels), other.score(partial[order], labels[order]), atol=1e-12)


def test_a_view_that_hardly_any_row_has_is_worth_a_warning(made):
    pairs, labels, _ = made
    with pytest.warns(UserWarning, match="text is missing in all but 5 of 160 rows"):
        SemanticMatching().fit(Pairs(pairs.image, pairs.text, text_missing=NUMBER >= 5), labels)
    with pytest.raises(ValueError, match="text has 1 sample"):
        SemanticMatching().fit(Pairs(pairs.image, pairs.text, text_missing=NUMBER >= 1), labels)


def test_transform_keeps_them(made):
    pairs, labels, partial = made
    model = SemanticMatching().fit(partial, labels)
    embedded = model.transform(partial)
    assert_array_equal(embedded.image_missing, NO_IMAGE)
    assert_array_equal(embedded.text.present, model.encode_text(pairs.text[~NO_TEXT]))


def test_transformers_see_the_rows_that_are_there(made):
    pairs, labels, partial = made
    steps = PerModality(StandardScaler(), SelectKBest(f_classif, k=5))
    model = make_pipeline(steps, SemanticMatching()).fit(partial, labels)
    assert_allclose(model[0].image_.mean_, pairs.image[~NO_IMAGE].mean(axis=0), atol=1e-12)
    own = SelectKBest(model[0].text_.score_func, k=5).fit(pairs.text[~NO_TEXT], labels[~NO_TEXT])
    assert_array_equal(model[0].text_.get_support(), own.get_support())
    assert_array_equal(model[0].transform(partial).image_missing, NO_IMAGE)


def mean_of(values):
    return float(np.nanmean(values))


def expected_map(model, pairs, labels):
    """The mean average precision of both directions, query by query, of the views that are there."""
    image = model.encode_image(pairs.image.present)
    text = model.encode_text(pairs.text.present)
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (image, text)]
    scores = unit[0] @ unit[1].T
    relevant = (labels[pairs.image.rows] @ labels[pairs.text.rows].T) > 0
    return (mean_of(average_precision(scores, relevant)) + mean_of(average_precision(scores.T, relevant.T))) / 2


def test_what_is_missing_neither_asks_nor_is_found(made):
    _, labels, partial = made
    model = SemanticMatching().fit(partial, labels)
    assert_allclose(model.score(partial, labels), expected_map(model, partial, labels), atol=1e-9)


def test_search_and_folds_take_them(made):
    _, labels, partial = made
    search = GridSearchCV(SemanticMatching(), {"ridge": [0.01, 1.0]}, cv=3).fit(partial, labels)
    held = partial[107:]
    model = SemanticMatching(ridge=1.0).fit(partial[:107], labels[:107])
    assert_allclose(search.cv_results_["split2_test_score"][1], model.score(held, labels[107:]), atol=1e-9)


def test_images_alone_and_texts_alone_can_be_scored(made):
    pairs, labels, partial = made
    model = SemanticMatching().fit(partial, labels)
    apart = Pairs.concatenate([Pairs(pairs.image[:80]), Pairs(text=pairs.text[80:])], mark_missing=True)
    assert_allclose(model.score(apart, labels), expected_map(model, apart, labels), atol=1e-9)
    with pytest.raises(ValueError, match="no row to score has text"):
        model.score(apart[:80], labels[:80])


def test_without_labels_the_same_row_is_relevant_where_it_has_both(made):
    _, labels, partial = made
    model = SemanticMatching().fit(partial, labels)
    found = RecallScores()(model, partial)
    scores = model.similarity(partial.image.present, partial.text.present)
    same = partial.image.rows[:, None] == partial.text.rows
    asked = same.any(axis=1)
    best = scores.argmax(axis=1)
    expected = same[np.arange(len(same)), best][asked].mean()
    assert_allclose(found["i2t_r1"], expected, atol=1e-9)


def test_texts_without_an_image_beside_images_with_several_texts(made):
    pairs, labels, _ = made
    index = np.where(NO_IMAGE, -1, NUMBER // 2)
    rows = Pairs(pairs.image, pairs.text, image_index=index, image_missing=NO_IMAGE)
    model = SemanticMatching().fit(rows, labels)
    images, shown = np.unique(index[~NO_IMAGE], return_index=True)
    first = np.flatnonzero(~NO_IMAGE)[shown]
    apart = model.similarity(pairs.image[images], pairs.text)
    relevant = (labels[first] @ labels.T) > 0
    expected = mean_of(average_precision(apart, relevant)), mean_of(average_precision(apart.T, relevant.T))
    assert_allclose(model.score(rows, labels), np.mean(expected), atol=1e-9)
