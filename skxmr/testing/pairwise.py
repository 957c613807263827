"""The checks of :mod:`skxmr.testing` for retrievers that compare pairs, on scenes of digits."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skxmr._data.pairs import Pairs
from skxmr._data.regions import Regions
from skxmr._data.sentences import Sentences
from skxmr.base import ComparingRetriever
from skxmr.datasets import make_captioned_scenes
from skxmr.metrics import RetrievalScores, SameGroup, mean_average_precision
from skxmr.testing.common import Data, assert_raises

# Blocks of other sizes round differently.
_CLOSE = 1e-5


def scenes(n: int = 20) -> Data:
    """Return scenes with three sentences each, and their labels."""
    made = make_captioned_scenes(n, n_sentences=3, random_state=0)
    images = Regions(made.regions, made.boxes, made.mask)
    texts = Sentences(made.tokens, made.tags, made.heads)
    return Pairs(images, texts, image_index=made.image_index), made.labels[made.image_index]


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


def _check_regions_of_another_width_are_refused(estimator: ComparingRetriever, data: Data) -> None:
    """Require an error that names the argument."""
    pairs, _ = data
    regions = pairs.image.view
    fitted = clone(estimator).fit(pairs)
    narrow = Regions(regions.features[:, :, 1:], regions.boxes)
    assert_raises(lambda: fitted.similarity(narrow, pairs.text), ValueError, "image")


def _check_failed_fit_leaves_unfitted(estimator: ComparingRetriever, data: Data) -> None:
    """Require NotFittedError before a successful fit."""
    pairs, _ = data
    broken = Regions(np.full(pairs.image.view.shape, np.nan), pairs.image.view.boxes, pairs.image.view.mask)
    unfitted = clone(estimator)
    assert_raises(lambda: unfitted.similarity(pairs), NotFittedError, "not fitted")
    assert_raises(lambda: unfitted.fit(Pairs(broken, pairs.text, image_index=pairs.groups)), ValueError, "NaN")
    assert_raises(lambda: unfitted.similarity(pairs), NotFittedError, "not fitted")
