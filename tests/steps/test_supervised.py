"""Transformers that learn from labels, in PerModality."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.cross_decomposition import PLSRegression
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import (
    RFE,
    SelectFdr,
    SelectFromModel,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    chi2,
    f_classif,
    mutual_info_classif,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler, TargetEncoder
from sklearn.utils.validation import column_or_1d

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


@pytest.mark.slow
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


class TakesIds(TransformerMixin, BaseEstimator):
    """A transformer of somebody else, whose tags do not say that it learns from labels."""

    def fit(self, X, y):
        column_or_1d(y)
        return self

    def transform(self, X):
        return X


OF_ONE_LABEL = [
    LinearDiscriminantAnalysis(n_components=1),
    make_pipeline(StandardScaler(), NeighborhoodComponentsAnalysis(2, max_iter=1)),
    TargetEncoder(),
    SelectFromModel(LogisticRegression()),
    FeatureUnion([("rfe", RFE(LogisticRegression(), step=10))]),
    ColumnTransformer([("sfs", SequentialFeatureSelector(LogisticRegression(), n_features_to_select=1), [0, 1])]),
    SelectKBest(lambda X, y: f_classif(X, column_or_1d(y)), k=3),
    TakesIds(),
]


@pytest.mark.parametrize("transformer", OF_ONE_LABEL, ids=lambda transformer: type(transformer).__name__)
def test_what_takes_one_label_refuses_several_by_name(small, transformer):
    pairs, labels = small
    kind = type(transformer).__name__
    step = PerModality(image=transformer)
    several = (
        f"^{kind} cannot be fitted to image with several labels per row, of which it takes one; pass class ids, or"
    )
    for y in (labels, sp.csr_array(labels), forms(labels)["tags"]):
        with pytest.raises((TypeError, ValueError), match=several):
            step.fit(pairs, y)
    with pytest.raises((TypeError, ValueError), match=several):
        make_pipeline(step, MLCCA(2)).fit(pairs, labels)
    none = f"^{kind} cannot be fitted to image without labels, from which it learns; pass them: fit\\(pairs, labels\\)"
    with pytest.raises((TypeError, ValueError), match=none):
        step.fit(pairs)
    assert len(step.fit_transform(pairs, labels[:, 0]).image) == 120


def test_errors_about_the_views_stay_where_the_labels_are_several(small):
    pairs, labels = small
    image = pairs.image.copy()
    image[3, 4] = np.nan
    message = "SelectKBest cannot take image, whose row 3 holds nan: Input X contains NaN"
    with pytest.raises(ValueError, match=message):
        PerModality(image=SelectKBest(k=5)).fit(pairs.replace(image=image), labels)
    step = PerModality(image=SelectKBest(k=5)).fit(pairs, labels)
    with pytest.raises(ValueError, match="SelectKBest cannot take image: X has 19 features, but SelectKBest is"):
        step.transform(pairs.replace(image=pairs.image[:, 1:]))


@pytest.mark.parametrize("form", forms(np.eye(8, dtype=int)))
def test_partial_least_squares_of_labels(small, form):
    """Their fit_transform also returns the scores of the labels."""
    pairs, labels = small
    step = PerModality(image=PLSRegression(2))
    out = step.fit_transform(pairs, forms(labels)[form])
    assert_allclose(out.image, PLSRegression(2).fit(pairs.image, labels).transform(pairs.image))
    assert_allclose(step.transform(pairs).image, out.image)


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
