"""AlignedEmbeddings: cosines of what is given, as a baseline wherever a retriever can stand."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skxmr import CCA, AlignedEmbeddings, Pairs, RetrieverEnsemble, TwoStage
from skxmr.datasets import make_multilabel_pairs


@pytest.fixture
def clip():
    """(pairs, labels) of 120 rows whose views are noisy copies of one another, of other lengths."""
    _, labels = make_multilabel_pairs(120, random_state=0)
    rng = np.random.default_rng(0)
    image = rng.normal(size=(120, 16))
    text = (image + 0.5 * rng.normal(size=image.shape)) * rng.uniform(0.1, 9, size=(120, 1))
    return Pairs(image, text), labels


def test_similarities_are_the_cosines_of_the_rows(clip):
    pairs, _ = clip
    expected = np.empty((5, 7))
    for i in range(5):
        for j in range(7):
            u = pairs.image[i]
            v = pairs.text[j]
            expected[i, j] = u @ v / np.sqrt((u @ u) * (v @ v))
    fitted = AlignedEmbeddings().fit(pairs)
    assert_allclose(fitted.similarity(pairs.image[:5], pairs.text[:7]), expected, rtol=1e-12)
    assert_array_equal(fitted.encode_text(pairs), pairs.text)
    assert fitted.score(pairs) > 0.8


def test_embeddings_keep_their_dtype_and_are_dense(clip):
    pairs, _ = clip
    single = Pairs(sp.csr_array(pairs.image.astype(np.float32)), pairs.text.astype(np.float32))
    out = AlignedEmbeddings().fit_transform(single)
    assert isinstance(out.image, np.ndarray) and out.image.dtype == out.text.dtype == np.float32


def test_views_in_two_spaces_are_refused(small):
    with pytest.raises(ValueError, match="image has 20 features but text has 30; AlignedEmbeddings compares them as"):
        AlignedEmbeddings().fit(*small)


def test_it_is_one_choice_of_a_search(clip):
    pairs, labels = clip
    search = GridSearchCV(Pipeline([("model", CCA(2))]), {"model": [CCA(2), AlignedEmbeddings()]}, cv=3).fit(pairs)
    assert isinstance(search.best_params_["model"], AlignedEmbeddings)
    assert search.score(pairs) == AlignedEmbeddings().fit(pairs).score(pairs)
    assert 0 < AlignedEmbeddings().fit(pairs, labels).score(pairs, labels) < 1


def test_it_finds_candidates_and_is_part_of_an_ensemble(clip):
    pairs, _ = clip
    cosines = AlignedEmbeddings().fit(pairs).similarity(pairs)
    ensemble = RetrieverEnsemble([("clip", AlignedEmbeddings()), ("cca", CCA(4))]).fit(pairs)
    assert_allclose(ensemble.similarity(pairs), (cosines + CCA(4).fit(pairs).similarity(pairs)) / 2)
    two = TwoStage(first=AlignedEmbeddings(), second=CCA(4), k=5).fit(pairs)
    assert all(two.candidates(pairs)[[i], :].toarray()[0, cosines[i].argmax()] for i in range(120))


def test_columns_in_another_order_are_refused(clip):
    pairs, _ = clip
    image = pd.DataFrame(pairs.image).add_prefix("x")
    text = pd.DataFrame(pairs.text).add_prefix("x")
    AlignedEmbeddings().fit(image, text)
    AlignedEmbeddings().fit(image, pd.DataFrame(pairs.text).add_prefix("t"))
    with pytest.raises(ValueError, match=r"same columns in another order.*text\[image\.columns\]"):
        AlignedEmbeddings().fit(image, text[text.columns[::-1]])
