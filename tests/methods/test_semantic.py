import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import BayesianRidge, LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR, LinearSVC

from skxmr import SemanticMatching
from skxmr._data.labels import encode_labels
from skxmr.methods import semantic


@pytest.mark.parametrize("sparse", [False, True])
def test_built_in_regression_is_ridge_in_closed_form(small, sparse):
    pairs, labels = small
    view = sp.csr_array(pairs.text) if sparse else pairs.text
    fitted = SemanticMatching(ridge=0.2).fit(pairs.replace(text=view), labels)
    centred = pairs.text - pairs.text.mean(axis=0)
    alpha = 0.2 * np.trace(centred.T @ centred) / 30
    expected = Ridge(alpha=alpha, solver="cholesky").fit(pairs.text, labels).predict(pairs.text)
    assert_allclose(fitted.encode_text(view), expected, atol=1e-9)


def test_without_a_ridge_it_is_least_squares():
    rng = np.random.default_rng(0)
    image = rng.normal(size=(50, 4))
    image = np.hstack([image, image[:, :1]])  # a singular covariance
    labels = (rng.uniform(size=(50, 3)) < 0.5).astype(int)
    fitted = SemanticMatching(ridge=0).fit(image, image, labels)
    assert_allclose(fitted.encode_image(image), LinearRegression().fit(image, labels).predict(image), atol=1e-8)


def test_a_given_regressor_is_used_per_view(small):
    pairs, labels = small
    fitted = SemanticMatching(image=Ridge(alpha=3.0), text=LinearRegression()).fit(pairs, labels)
    assert_allclose(fitted.encode_image(pairs), Ridge(alpha=3.0).fit(pairs.image, labels).predict(pairs.image))
    assert_allclose(fitted.encode_text(pairs), LinearRegression().fit(pairs.text, labels).predict(pairs.text))


def test_one_label_a_row_gives_class_probabilities(small):
    pairs, labels = small
    classes = np.array(list("zebra"))[labels.argmax(axis=1) % 5]
    fitted = SemanticMatching(image=LogisticRegression(), text=LogisticRegression()).fit(pairs, classes)
    expected = LogisticRegression().fit(pairs.image, classes)
    assert fitted.classes_.tolist() == expected.classes_.tolist()
    assert_allclose(fitted.encode_image(pairs), expected.predict_proba(pairs.image), atol=1e-6)
    assert_allclose(fitted.encode_image(pairs).sum(axis=1), 1)


def test_many_labels_a_row_give_one_model_each(small):
    pairs, labels = small
    fitted = SemanticMatching(text=LogisticRegression()).fit(pairs, labels)
    for j in range(labels.shape[1]):
        one = LogisticRegression().fit(pairs.text, labels[:, j]).predict_proba(pairs.text)[:, 1]
        assert_allclose(fitted.encode_text(pairs)[:, j], one, atol=1e-6)


@pytest.mark.parametrize("model", [LinearSVC(), RidgeClassifier(), KNeighborsClassifier(3)])
@pytest.mark.parametrize("form", ["multi", "single", "two classes"])
def test_any_classifier_gives_a_column_per_label(small, model, form):
    pairs, labels = small
    Y = {"multi": labels, "single": labels.argmax(axis=1), "two classes": labels[:, 1]}[form]
    fitted = SemanticMatching(image=model, text=model).fit(pairs, Y)
    out = fitted.encode_image(pairs)
    assert out.shape == (120, len(fitted.classes_))
    hot = encode_labels(Y).matrix.toarray() == 1
    for j in range(out.shape[1]):  # the column of a label is larger where it holds
        assert out[hot[:, j], j].mean() > out[~hot[:, j], j].mean() + 0.1


@pytest.mark.parametrize(
    "model",
    [
        SVR(),
        BayesianRidge(),
        pytest.param(HistGradientBoostingRegressor(max_iter=5), marks=pytest.mark.slow),
        MultiOutputRegressor(SVR()),
        MultiOutputClassifier(LogisticRegression()),
        OneVsRestClassifier(LogisticRegression()),
    ],
    ids=str,
)
def test_models_of_a_single_output_are_fitted_per_label(small, model):
    pairs, labels = small
    fitted = SemanticMatching(text=model).fit(pairs, labels)
    base = clone(getattr(model, "estimator", model)).fit(pairs.text, labels[:, 2])
    expected = base.predict_proba(pairs.text)[:, 1] if hasattr(base, "predict_proba") else base.predict(pairs.text)
    assert_allclose(fitted.encode_text(pairs)[:, 2], expected, atol=1e-9)


def test_labels_missing_from_training_still_have_a_column(small):
    pairs, labels = small
    single = np.zeros((120, 4), dtype=int)
    single[np.arange(120), labels[:, 1] + 1] = 1  # columns 0 and 3 never occur
    for model in (LogisticRegression(), LinearSVC()):
        out = SemanticMatching(image=model, text=model).fit(pairs, single).encode_image(pairs)
        assert out.shape == (120, 4)
        assert_array_equal(out[:, 0], out[:, 1:3].min(axis=1))
        assert_array_equal(out[:, 3], out[:, 0])
        assert ((out[:, 2] > out[:, 1]) == (labels[:, 1] == 1)).mean() > 0.7


def test_labels_never_or_always_on(small):
    pairs, labels = small
    Y = labels.copy()
    Y[:, 0], Y[:, 1] = 0, 1
    assert np.isfinite(SemanticMatching().fit(pairs, Y).score(pairs, Y))
    fitted = SemanticMatching(text=LogisticRegression()).fit(pairs, Y)
    assert_allclose(fitted.encode_text(pairs)[:, :2], [[0, 1]] * 120)


def test_a_single_label(small):
    pairs, labels = small
    for model in (None, LogisticRegression()):
        fitted = SemanticMatching(image=model, text=model).fit(pairs, pd.DataFrame(labels[:, 1:2], columns=["cat"]))
        assert fitted.transform(pairs).image.shape == (120, 1)
        always = SemanticMatching(image=model, text=model).fit(pairs, pd.DataFrame({"cat": np.ones(120)}))
        assert_allclose(always.encode_image(pairs), 1)


def test_given_models_are_cloned(small):
    model = Ridge()
    SemanticMatching(image=model).fit(*small)
    assert not hasattr(model, "coef_")


def test_models_must_be_models(small):
    for wrong in ("ridge", StandardScaler()):
        with pytest.raises(ValueError, match="The 'image' parameter"):
            SemanticMatching(image=wrong).fit(*small)


@pytest.mark.parametrize("how", ["fit", "partial_fit"])
def test_a_refit_that_stops_halfway_keeps_both_models(small, how, monkeypatch):
    pairs, labels = small
    model = SemanticMatching().partial_fit(pairs, labels)
    before = model.transform(pairs)
    solved = []

    def stops_at_the_text(self, *args, solve=semantic.LabelRidge.solve):
        solved.append(self)
        if len(solved) == 2:
            raise KeyboardInterrupt
        return solve(self, *args)

    monkeypatch.setattr(semantic.LabelRidge, "solve", stops_at_the_text)
    with pytest.raises(KeyboardInterrupt):
        getattr(model, how)(pairs[:40], labels[:40])
    monkeypatch.undo()
    after = model.transform(pairs)
    assert_array_equal(after.image, before.image)
    assert_array_equal(after.text, before.text)
    model.partial_fit(pairs[:40], labels[:40])
    both = SemanticMatching().partial_fit(pairs, labels).partial_fit(pairs[:40], labels[:40])
    assert_allclose(model.transform(pairs).text, both.transform(pairs).text)
