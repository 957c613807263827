import re

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
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer, OneHotEncoder, StandardScaler
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


CAPTIONS = ["a red bird", "a blue bird", "the sea", "a sea bird"]
VECTORISERS = [
    TfidfVectorizer(),
    HashingVectorizer(n_features=16),
    make_pipeline(CountVectorizer(), TfidfTransformer()),
    make_pipeline("passthrough", FeatureUnion([("words", CountVectorizer()), ("other", TfidfVectorizer())])),
]


@pytest.mark.parametrize("value", [None, np.nan, pd.NA, 3.5, ["a", "bird"]], ids=str)
@pytest.mark.parametrize("vectoriser", VECTORISERS, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("as_text", [list, lambda rows: pd.Series(rows, dtype=object)], ids=["list", "Series"])
def test_a_row_that_is_no_text_is_named(value, vectoriser, as_text):
    views = PerModality(text=vectoriser)
    wrong = Pairs(np.eye(4), as_text([*CAPTIONS[:2], value, CAPTIONS[3]]))
    row = rf"whose row 2 is {re.escape(repr(value))} .* among others of type str"
    message = f"{type(vectoriser).__name__} cannot take text, {row}"
    with pytest.raises((TypeError, ValueError), match=message):
        views.fit(wrong)
    views.fit(Pairs(np.eye(4), CAPTIONS))
    with pytest.raises((TypeError, ValueError), match=message):
        views.transform(wrong)


def test_rows_that_are_no_texts_at_all_are_named():
    with pytest.raises(
        TypeError, match=r"TfidfVectorizer cannot take text, whose rows are of type float\d*, such as .* in row 0"
    ):
        PerModality(text=TfidfVectorizer()).fit(Pairs(np.eye(4), np.arange(4.0)))


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array, pd.DataFrame], ids=lambda kind: kind.__name__)
def test_a_row_that_is_not_finite_is_named(kind):
    image = np.eye(4)
    image[2, 1] = np.inf
    with pytest.raises(
        ValueError, match=r"StandardScaler cannot take image, whose row 2 holds .*inf.*: Input X contains infinity"
    ):
        PerModality(image=StandardScaler(with_mean=False)).fit(Pairs(kind(image), CAPTIONS))


@pytest.mark.parametrize("vectoriser", VECTORISERS, ids=lambda model: type(model).__name__)
def test_one_column_of_captions_is_taken_as_such(vectoriser):
    wanted = PerModality(text=vectoriser).fit_transform(Pairs(np.eye(4), CAPTIONS)).text.toarray()
    column = np.array(CAPTIONS, dtype=object)[:, None]
    for text in (pd.DataFrame({"caption": CAPTIONS}), pd.DataFrame({"caption": CAPTIONS}, dtype=object), column):
        views = PerModality(text=vectoriser)
        assert_array_equal(views.fit_transform(Pairs(np.eye(4), text)).text.toarray(), wanted)
        assert_array_equal(views.transform(Pairs(text=text[:2])).text.toarray(), wanted[:2])
    with pytest.raises(
        ValueError, match=r"cannot take text.*: it has the shape \(4, 2\), but one column of texts is wanted"
    ):
        PerModality(text=vectoriser).fit(Pairs(np.eye(4), pd.DataFrame({"caption": CAPTIONS, "id": range(4)})))


@pytest.mark.parametrize("kind", [np.asarray, pd.DataFrame], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.inf, "whose row 2 holds inf: Input X contains infinity"),
        (np.nan, "whose row 2 holds nan: Input X contains NaN"),
        ("blue", "whose row 2 holds 'blue': could not convert string"),
    ],
)
def test_one_column_of_numbers_is_one_of_numbers(kind, value, message):
    """Integers and floats among them are not odd."""
    column = kind(np.array([[1], [2.5], [value], [3]], dtype=object if isinstance(value, str) else float))
    with pytest.raises(ValueError, match=f"Normalizer cannot take image, {message}"):
        PerModality(image=Normalizer()).fit(Pairs(column, CAPTIONS))


def test_a_column_of_none_is_named():
    with pytest.raises(TypeError, match="cannot take text, whose rows are of type NoneType, such as None in row 0"):
        PerModality(text=TfidfVectorizer()).fit(Pairs(np.eye(4), np.full((4, 1), None)))


def test_one_column_of_categories_stays_a_matrix():
    frame = pd.DataFrame({"colour": ["red", "blue", "red", "sea"]})
    out = PerModality(text=OneHotEncoder()).fit_transform(Pairs(np.eye(4), frame))
    assert out.text.shape == (4, 3)


def test_errors_about_the_transformer_itself_stay():
    with pytest.raises(ValueError, match=r"^The 'n_components' parameter of PCA"):
        PerModality(image=PCA(-2)).fit(Pairs(np.eye(4), CAPTIONS))


@pytest.mark.parametrize("kind", [np.asarray, pd.DataFrame], ids=lambda kind: kind.__name__)
def test_a_row_with_a_string_among_numbers_is_named(kind):
    image = np.eye(4).astype(object)
    image[3, 1] = "blue"
    with pytest.raises(
        ValueError, match=r"StandardScaler cannot take image, whose row 3 holds 'blue': could not convert"
    ):
        PerModality(image=StandardScaler()).fit(Pairs(kind(image), CAPTIONS))
