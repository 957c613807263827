import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfTransformer, TfidfVectorizer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import estimator_html_repr

from skxmr import CCA, Pairs, PerModality


def test_each_modality_gets_its_transformer(small):
    pairs, _ = small
    views = PerModality(image=StandardScaler(), text=TfidfTransformer())
    out = views.fit_transform(pairs.replace(text=sp.csr_array(pairs.text)))
    assert_allclose(out.image, StandardScaler().fit_transform(pairs.image))
    assert sp.issparse(out.text)
    assert_allclose(out.text.toarray(), TfidfTransformer().fit_transform(pairs.text).toarray())
    assert_allclose(views.transform(pairs[:5]).image, out.image[:5])


def test_passthrough_leaves_a_view_alone(small):
    pairs, _ = small
    out = PerModality(image=StandardScaler()).fit_transform(pairs)
    assert out.text is pairs.text


def test_one_modality_alone(small):
    pairs, _ = small
    views = PerModality(image=StandardScaler(), text=StandardScaler()).fit(pairs)
    alone = views.transform(Pairs(text=pairs.text[:4]))
    assert alone.image is None
    assert_array_equal(alone.text, views.transform(pairs).text[:4])
    only_image = PerModality().fit(Pairs(pairs.image))
    with pytest.raises(ValueError, match="text was not seen in fit"):
        only_image.transform(pairs)


def test_a_refit_forgets_the_other_modality(small):
    pairs, _ = small
    views = PerModality().fit(pairs).fit(Pairs(pairs.image))
    with pytest.raises(ValueError, match="text was not seen in fit"):
        views.transform(pairs)


def test_a_failed_refit_changes_nothing(small):
    pairs, _ = small
    views = PerModality(image=StandardScaler(), text=StandardScaler()).fit(pairs)
    before = views.transform(pairs)
    with pytest.raises(ValueError, match="infinity"):
        views.fit(pairs.replace(image=3 * pairs.image, text=np.full((120, 30), np.inf)))
    after = views.transform(pairs)
    assert_array_equal(after.image, before.image)
    assert_array_equal(after.text, before.text)


def test_raw_captions_reach_a_vectoriser():
    pairs = Pairs(np.eye(3), ["a red bird", "a blue bird", "the sea"])
    out = PerModality(text=TfidfVectorizer()).fit_transform(pairs)
    assert sp.issparse(out.text) and out.text.shape[0] == 3


def test_parameters_are_nested():
    views = PerModality(image=PCA(2), text=make_pipeline(TfidfTransformer(), TruncatedSVD(3)))
    views.set_params(image__n_components=4, text__truncatedsvd__n_components=5)
    copied = clone(views)
    assert copied.image.n_components == 4 and copied.get_params()["text__truncatedsvd__n_components"] == 5
    copied.set_params(image="passthrough")
    assert views.image != "passthrough"


def test_the_given_transformers_are_not_fitted(small):
    scaler = StandardScaler()
    PerModality(image=scaler).fit(small[0])
    assert not hasattr(scaler, "mean_")


def test_labels_reach_supervised_transformers(small):
    pairs, labels = small
    out = PerModality(image=LinearDiscriminantAnalysis(n_components=1)).fit_transform(pairs, labels[:, 0])
    assert out.image.shape == (120, 1)


def test_set_output_is_harmless(small):
    pairs, labels = small
    pipe = make_pipeline(PerModality(image=StandardScaler(), text=StandardScaler()), CCA())
    expected = pipe.fit(pairs, labels).score(pairs, labels)
    assert clone(pipe).set_output(transform="pandas").fit(pairs, labels).score(pairs, labels) == expected
    with sklearn.config_context(transform_output="pandas"):
        frame = pd.DataFrame(pairs.image, index=range(7, 127)).add_prefix("f")
        out = PerModality(image=StandardScaler()).fit_transform(Pairs(frame))
        assert out.image.index.equals(frame.index)
        assert clone(pipe).fit(pairs, labels).score(pairs, labels) == expected
        scores = cross_val_score(pipe, pairs, pd.DataFrame(labels), cv=3, error_score="raise")
    assert_allclose(scores, cross_val_score(pipe, pairs, pd.DataFrame(labels), cv=3))


def test_diagram_shows_both_transformers():
    page = estimator_html_repr(PerModality(image=StandardScaler(), text=TfidfVectorizer()))
    assert "StandardScaler" in page and "TfidfVectorizer" in page


def test_a_transformer_without_fit_transform(small):
    class Halve:
        def get_params(self, deep=True):
            return {}

        def fit(self, X, y=None):
            return self

        def transform(self, X):
            return X / 2

    pairs, _ = small
    assert_array_equal(PerModality(image=Halve()).fit_transform(pairs).image, pairs.image / 2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda p: PerModality().fit(p.image), TypeError, "PerModality got a ndarray; wrap the views"),
        (lambda p: PerModality().fit((p.image, p.text)), TypeError, "wrap the views"),
        (lambda p: PerModality(image=StandardScaler).fit(p), TypeError, "image must be a transformer instance"),
        (lambda p: PerModality(text="drop").fit(p), TypeError, "text must be a transformer instance"),
        (lambda p: PerModality().transform(p), NotFittedError, "not fitted"),
        (lambda p: make_pipeline(StandardScaler(), CCA()).fit(p), TypeError, "PerModality"),
        (
            lambda p: PerModality(image=FunctionTransformer(lambda X: X[1:])).fit_transform(p),
            ValueError,
            "text has 120 rows but image has 119",
        ),
    ],
)
def test_bad_input_is_named(small, call, error, message):
    with pytest.raises(error, match=message):
        call(small[0])
