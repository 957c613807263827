"""Transformers that learn from labels, in PerModality."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import (
    SelectFdr,
    SelectFromModel,
    SelectKBest,
    SelectPercentile,
    chi2,
    f_classif,
    mutual_info_classif,
)
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skxmr import MLCCA, Pairs, PerModality

NAMES = np.array(list("abcdefgh"))


def forms(labels):
    return {
        "array": labels,
        "bool": labels.astype(bool),
        "CSR": sp.csr_array(labels),
        "frame": pd.DataFrame(labels, columns=NAMES),
        "tags": [NAMES[row == 1].tolist() for row in labels],
        "Series of tags": pd.Series([set(NAMES[row == 1]) for row in labels]),
    }


def best_f(X, labels):
    """The largest F value of every feature over the labels, by two groups of rows."""
    out = np.zeros(X.shape[1])
    for j in range(X.shape[1]):
        for y in labels.T:
            a, b = X[y == 1, j], X[y == 0, j]
            between = len(a) * (a.mean() - X[:, j].mean()) ** 2 + len(b) * (b.mean() - X[:, j].mean()) ** 2
            within = ((a - a.mean()) ** 2).sum() + ((b - b.mean()) ** 2).sum()
            out[j] = max(out[j], between / (within / (len(X) - 2)))
    return out


@pytest.mark.parametrize("form", forms(np.eye(8, dtype=int)))
def test_features_are_selected_by_the_label_that_they_tell_best(small, form):
    pairs, labels = small
    step = PerModality(image=SelectKBest(k=5)).fit(pairs, forms(labels)[form])
    expected = best_f(pairs.image, labels)
    assert_allclose(step.image_.scores_, expected)
    kept = np.sort(np.argsort(-expected)[:5])
    assert_array_equal(step.transform(pairs).image, pairs.image[:, kept])
    assert_array_equal(clone(step).fit_transform(pairs, forms(labels)[form]).image, pairs.image[:, kept])


def test_a_label_of_all_rows_or_of_none_changes_nothing(small):
    pairs, labels = small
    more = np.hstack([labels, np.ones((120, 1), int), np.zeros((120, 1), int)])
    expected = PerModality(image=SelectKBest(k=5)).fit(pairs, labels)
    assert_array_equal(PerModality(image=SelectKBest(k=5)).fit(pairs, more).image_.scores_, expected.image_.scores_)
    with pytest.raises(ValueError, match=r"SelectKBest cannot take image: no label tells the rows apart"):
        PerModality(image=SelectKBest(k=5)).fit(pairs, np.ones((120, 2), int))


@pytest.mark.parametrize("form", forms(np.eye(8, dtype=int)))
def test_chi2_is_scikit_learns(small, form):
    pairs, labels = small
    step = PerModality(text=SelectKBest(chi2, k=7)).fit(pairs, forms(labels)[form])
    assert step.text_.score_func is chi2
    assert_array_equal(step.text_.scores_, chi2(pairs.text, labels)[0])


def test_class_ids_are_passed_as_they_are(small):
    pairs, labels = small
    ids = labels.argmax(axis=1)
    for y in (ids, ids.tolist(), pd.Series(ids), NAMES[ids]):
        step = PerModality(image=SelectKBest(k=5)).fit(pairs, y)
        assert step.image_.score_func is f_classif
        assert_array_equal(step.image_.scores_, f_classif(pairs.image, ids)[0])


def test_other_selections(small):
    pairs, labels = small
    tags = forms(labels)["tags"]
    information = partial(mutual_info_classif, random_state=0)
    step = PerModality(SelectPercentile(information, percentile=20), SelectFdr(alpha=0.05)).fit(pairs, tags)
    expected = np.max([information(pairs.image, y) for y in labels.T], axis=0)
    assert_allclose(step.image_.scores_, expected)
    p_values = np.min([f_classif(pairs.text, y)[1] for y in labels.T], axis=0) * 8
    assert_allclose(step.text_.pvalues_, np.minimum(1, p_values))
    forest = SelectFromModel(ExtraTreesClassifier(10, random_state=0))
    chosen = PerModality(image=forest).fit(pairs, tags).image_.get_support()
    assert_array_equal(chosen, clone(forest).fit(pairs.image, labels).get_support())


def test_selection_inside_pipelines_and_searches(small):
    pairs, labels = small
    tags = forms(labels)["tags"]
    texts = [" ".join([*(row if i % 5 else "abc"), "xyz"[i % 3]]) for i, row in enumerate(tags)]
    raw = Pairs(pairs.image, texts)
    words = make_pipeline(CountVectorizer(token_pattern=r"\w+"), SelectKBest(k=4))
    image = make_pipeline(StandardScaler(), MinMaxScaler(), SelectKBest(chi2, k=6))
    model = make_pipeline(PerModality(image=image, text=words), MLCCA(2))
    grid = {"permodality__text__selectkbest__k": [2, 6]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(raw, tags)
    assert search.best_params_ == {"permodality__text__selectkbest__k": 6}
    opened = pickle.loads(pickle.dumps(search.best_estimator_))
    assert_array_equal(opened.transform(raw).text, search.transform(raw).text)
    assert set(opened[0].text_.get_feature_names_out()) <= set(NAMES)


def test_what_does_not_learn_from_labels_gets_them_unread(small):
    pairs, labels = small
    tags = forms(labels)["tags"]
    seen = []

    class Reads(StandardScaler):
        def fit(self, X, y=None):
            seen.append(y)
            return super().fit(X)

    PerModality(image=Reads()).fit(pairs, tags)
    assert seen[0] is tags


@pytest.mark.parametrize("form", forms(np.eye(8, dtype=int)))
def test_an_image_that_rows_share_has_the_labels_of_the_first(small, form):
    pairs, labels = small
    shared = Pairs(pairs.image[:60], pairs.text, image_index=np.r_[np.arange(60), np.arange(60)])
    step = PerModality(image=SelectKBest(k=5)).fit(shared, forms(labels)[form])
    assert_allclose(step.image_.scores_, best_f(pairs.image[:60], labels[:60]))
    assert step.transform(shared).image.shape == (120, 5)
