"""The checks of :mod:`skxmr.testing` for retrievers that embed, on vectors."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skxmr._data.pairs import Pairs
from skxmr.base import CrossModalRetriever
from skxmr.metrics import RetrievalScores
from skxmr.testing.common import Data, WrongCalls, answers, assert_close, assert_raises


def _check_transform_answers_in_kind(estimator: CrossModalRetriever, data: Data) -> None:
    pairs, Y = data
    estimator.fit(pairs, Y)
    both = estimator.transform(pairs)
    assert isinstance(both, Pairs) and len(both) == len(pairs)
    image, text = estimator.transform(pairs.image, pairs.text)
    assert_array_equal(both.image, image)
    assert_array_equal(both.text, text)
    assert_array_equal(estimator.transform(pairs.image), image)
    only_text = estimator.transform(Pairs(text=pairs.text))
    assert only_text.image is None
    assert_array_equal(only_text.text, estimator.encode_text(pairs.text))
    fitted = clone(estimator).fit_transform(pairs, Y)
    assert_allclose(fitted.image, image, rtol=1e-6, atol=1e-9)


def _check_similarity_is_a_bounded_cosine(estimator: CrossModalRetriever, data: Data) -> None:
    pairs, Y = data
    S = estimator.fit(pairs, Y).similarity(pairs.image[:7], pairs.text[:5])
    assert S.shape == (7, 5) and np.isfinite(S).all() and np.abs(S).max() <= 1 + 1e-6
    assert_allclose(estimator.similarity(pairs[:5])[:5], S[:5], atol=1e-6)
    assert_allclose(estimator.similarity(pairs.image[:1], pairs.text[:5]), S[:1], atol=1e-6)


def _check_score_is_the_mean_of_both_directions(estimator: CrossModalRetriever, data: Data) -> None:
    pairs, Y = data
    estimator.fit(pairs, Y)
    both = RetrievalScores()(estimator, pairs, Y)
    assert_allclose(estimator.score(pairs, Y), (both["i2t_map"] + both["t2i_map"]) / 2, rtol=1e-12)
    shuffled = np.random.default_rng(0).permutation(len(pairs))
    assert_allclose(estimator.score(pairs[shuffled], Y[shuffled]), both["map"], rtol=1e-5)


def _check_labels_in_every_form(estimator: CrossModalRetriever, data: Data) -> None:
    pairs, Y = data
    import pandas as pd

    names = [f"tag{j}" for j in range(Y.shape[1])]
    tags = [[names[j] for j in np.flatnonzero(row)] for row in Y]
    reference = clone(estimator).fit(pairs, Y)
    for labels in (sp.csr_array(Y), pd.DataFrame(Y, columns=names), tags, Y.astype(bool)):
        fitted = clone(estimator).fit(pairs, labels)
        assert_close(answers(fitted, pairs), answers(reference, pairs), atol=1e-9)
        assert_allclose(fitted.score(pairs, labels), reference.score(pairs, Y), rtol=1e-12)
    assert list(clone(estimator).fit(pairs, tags).classes_) == names
    assert 0 <= clone(estimator).fit(pairs, Y.argmax(axis=1)).score(pairs, Y.argmax(axis=1)) <= 1


def _check_sparse_equals_dense(estimator: CrossModalRetriever, data: Data) -> None:
    pairs, Y = data
    sparse = pairs.replace(text=sp.csr_array(pairs.text))
    found = answers(clone(estimator).fit(sparse, Y), sparse)
    assert_close(found, answers(clone(estimator).fit(pairs, Y), pairs), atol=1e-6)


def _check_dataframes_equal_arrays(estimator: CrossModalRetriever, data: Data) -> None:
    pairs, Y = data
    import pandas as pd

    columns = [f"f{j}" for j in range(pairs.image.shape[1])]
    frame = pairs.replace(image=pd.DataFrame(pairs.image, columns=columns))
    fitted = clone(estimator).fit(frame, Y)
    assert_close(answers(fitted, frame), answers(clone(estimator).fit(pairs, Y), pairs))
    assert_raises(lambda: fitted.encode_image(frame.image[columns[::-1]]), ValueError, "columns of image")


def _check_float32_is_kept(estimator: CrossModalRetriever, data: Data) -> None:
    pairs, Y = data
    single = Pairs(pairs.image.astype(np.float32), pairs.text.astype(np.float32))
    encoded = clone(estimator).fit(single, Y).transform(single)
    assert encoded.image.dtype == encoded.text.dtype == np.float32


def _check_read_only_views_are_taken(estimator: CrossModalRetriever, data: Data) -> None:
    pairs, Y = data
    read_only = pairs.image.copy()
    read_only.flags.writeable = False
    clone(estimator).fit(pairs.replace(image=read_only), Y)


def _check_wrong_views_are_named(estimator: CrossModalRetriever, data: Data) -> None:
    pairs, Y = data
    image = pairs.image
    text = pairs.text
    fitted = clone(estimator).fit(pairs, Y)
    broken = image.copy()
    broken[3, 2] = np.nan
    cases: WrongCalls = [
        (lambda: fitted.encode_text(text[:, 1:]), ValueError, "text has"),
        (lambda: fitted.encode_image(broken), ValueError, "image contains"),
        (lambda: fitted.encode_image(image[0]), ValueError, "image must be 2-D"),
        (lambda: fitted.transform((image, text)), TypeError, "tuple"),
    ]
    for case in cases:
        assert_raises(*case)


def _check_failed_fit_leaves_unfitted(estimator: CrossModalRetriever, data: Data) -> None:
    pairs, Y = data
    assert_raises(lambda: clone(estimator).encode_text(pairs.text), NotFittedError, "not fitted")
    unfitted = clone(estimator)
    assert_raises(lambda: unfitted.fit(pairs.replace(image=pairs.image * np.inf), Y), ValueError, "image")
    assert_raises(lambda: unfitted.transform(pairs), NotFittedError, "not fitted")
