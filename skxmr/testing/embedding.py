"""The checks of :mod:`skxmr.testing` for retrievers that embed."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skxmr._data.pairs import Pairs
from skxmr.base import CrossModalRetriever
from skxmr.metrics import RetrievalScores
from skxmr.testing.common import Data, answers, assert_close, assert_in_unit_interval, one_to_one


def _check_transform_answers_in_kind(estimator: CrossModalRetriever, data: Data) -> None:
    """Require that `transform` returns a Pairs for a Pairs, arrays for arrays, and the same as `encode_text`."""
    pairs, Y = one_to_one(data)
    estimator.fit(pairs, Y)
    both = estimator.transform(pairs)
    assert isinstance(both, Pairs), f"transform of a Pairs returned a {type(both).__name__}"
    assert len(both) == len(pairs), f"transform of {len(pairs)} pairs returned {len(both)}"
    image, text = estimator.transform(pairs.image, pairs.text)
    assert_array_equal(both.image, image)
    assert_array_equal(both.text, text)
    assert_array_equal(estimator.transform(pairs.image), image)
    only_text = estimator.transform(Pairs(text=pairs.text))
    assert only_text.image is None, "transform of a Pairs without images returned images"
    assert_array_equal(only_text.text, estimator.encode_text(pairs.text))
    fitted = clone(estimator).fit_transform(pairs, Y)
    assert_allclose(fitted.image, image, rtol=1e-6, atol=1e-9)


def _check_similarity_is_a_bounded_cosine(estimator: CrossModalRetriever, data: Data) -> None:
    """Require finite similarities in [-1, 1], one row per image, that depend on no other row."""
    pairs, Y = one_to_one(data)
    S = estimator.fit(pairs, Y).similarity(pairs.image[:7], pairs.text[:5])
    assert S.shape == (7, 5), f"similarity of 7 images and 5 texts has the shape {S.shape}"
    assert np.isfinite(S).all(), "similarity is not finite; embeddings must be finite"
    assert np.abs(S).max() <= 1 + 1e-6, f"similarity reaches {np.abs(S).max()}, but cosines are in [-1, 1]"
    assert_allclose(estimator.similarity(pairs[:5])[:5], S[:5], atol=1e-6)
    assert_allclose(estimator.similarity(pairs.image[:1], pairs.text[:5]), S[:1], atol=1e-6)


def _check_score_is_the_mean_of_both_directions(estimator: CrossModalRetriever, data: Data) -> None:
    """Require that `score` is the mean mAP of both directions, in any order of the rows."""
    pairs, Y = one_to_one(data)
    estimator.fit(pairs, Y)
    both = RetrievalScores()(estimator, pairs, Y)
    assert_allclose(estimator.score(pairs, Y), (both["i2t_map"] + both["t2i_map"]) / 2, rtol=1e-12)
    shuffled = np.random.default_rng(0).permutation(len(pairs))
    assert_allclose(estimator.score(pairs[shuffled], Y[shuffled]), both["map"], rtol=1e-5)


def _check_labels_in_every_form(estimator: CrossModalRetriever, data: Data) -> None:
    """Require equal fits with labels as arrays, CSR, DataFrame, lists of tags and booleans."""
    pairs, Y = data
    import pandas as pd

    names = [f"tag{j}" for j in range(Y.shape[1])]
    tags = [np.array(names)[row == 1].tolist() for row in Y]
    reference = clone(estimator).fit(pairs, Y)
    for labels in (sp.csr_array(Y), pd.DataFrame(Y, columns=names), tags, Y.astype(bool)):
        fitted = clone(estimator).fit(pairs, labels)
        assert_close(answers(fitted, pairs), answers(reference, pairs), atol=1e-9)
        assert_allclose(fitted.score(pairs, labels), reference.score(pairs, Y), rtol=1e-12)
    classes = list(clone(estimator).fit(pairs, tags).classes_)
    assert classes == names, f"classes_ is {classes} after a fit with the tags {names}"
    ids = Y.argmax(axis=1)
    assert_in_unit_interval(clone(estimator).fit(pairs, ids).score(pairs, ids))
