"""The checks of :mod:`skxmr.testing` for retrievers that compare pairs."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose
from sklearn.base import clone

from skxmr.base import ComparingRetriever
from skxmr.metrics import RetrievalScores, SameGroup, mean_average_precision
from skxmr.testing.common import Data

# Blocks of other sizes round differently.
_CLOSE = 1e-5


def _check_similarity_is_of_single_pairs(estimator: ComparingRetriever, data: Data) -> None:
    """Require that a similarity depends neither on the other images nor on the other texts."""
    pairs, _ = data
    images = pairs.distinct_images()[0]
    texts = pairs.text
    fitted = clone(estimator).fit(pairs)
    asked = np.zeros((len(images), len(texts)), dtype=bool)
    asked[::3, ::7] = True
    found = fitted.similarity(images, texts, where=asked)
    assert found.shape == asked.shape, f"similarity of {asked.shape} images and texts has the shape {found.shape}"
    assert found.nnz == asked.sum(), f"similarity of {asked.sum()} pairs that were asked for has {found.nnz} entries"
    assert np.isfinite(found.data).all(), "similarity is not finite"
    alone = [fitted.similarity(images[3:4], texts[j : j + 1], where=[[True]]).toarray()[0, 0] for j in (0, 7, 14)]
    assert_allclose(alone, found.toarray()[3, [0, 7, 14]], atol=_CLOSE)


def _check_score_is_the_mean_of_both_directions(estimator: ComparingRetriever, data: Data) -> None:
    """Require that the score is the mean mAP of the similarity, in any order of the rows."""
    pairs, _ = data
    fitted = clone(estimator).fit(pairs)
    both = RetrievalScores()(fitted, pairs)
    assert_allclose(fitted.score(pairs), (both["i2t_map"] + both["t2i_map"]) / 2, rtol=1e-12)
    S = fitted.similarity(pairs)
    relevance = SameGroup(np.arange(len(S)), pairs.distinct_images()[1])
    assert_allclose(both["i2t_map"], mean_average_precision(S, relevance), rtol=1e-12)
    shuffled = np.random.default_rng(0).permutation(len(pairs))
    assert_allclose(fitted.score(pairs[shuffled]), both["map"], rtol=1e-3)
