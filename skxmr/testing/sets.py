"""The checks of :mod:`skxmr.testing` for retrievers that take regions and words, on scenes of digits."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skxmr._data.pairs import Pairs
from skxmr._data.regions import Regions
from skxmr._data.sentences import Sentences
from skxmr.base import Retriever
from skxmr.datasets import make_captioned_scenes
from skxmr.testing.common import Data, assert_effects, assert_raises


def scenes(n: int = 20) -> Data:
    """Return scenes with three sentences each, and their labels."""
    made = make_captioned_scenes(n, n_sentences=3, random_state=0)
    images = Regions(made.regions, made.boxes, made.mask)
    texts = Sentences(made.tokens, made.tags, made.heads)
    return Pairs(images, texts, image_index=made.image_index), made.labels[made.image_index]


def _check_regions_of_another_width_are_refused(estimator: Retriever, data: Data) -> None:
    """Require an error that names the argument."""
    pairs, _ = data
    regions = pairs.image.view
    fitted = clone(estimator).fit(pairs)
    narrow = Regions(regions.features[:, :, 1:], regions.boxes)
    assert_raises(lambda: fitted.similarity(narrow, pairs.text), ValueError, "image")


def _check_failed_fit_leaves_unfitted(estimator: Retriever, data: Data) -> None:
    """Require NotFittedError before a successful fit."""
    pairs, _ = data
    broken = Regions(np.full(pairs.image.view.shape, np.nan), pairs.image.view.boxes, pairs.image.view.mask)
    unfitted = clone(estimator)
    assert_raises(lambda: unfitted.similarity(pairs), NotFittedError, "not fitted")
    assert_raises(lambda: unfitted.fit(Pairs(broken, pairs.text, image_index=pairs.groups)), ValueError, "NaN")
    assert_raises(lambda: unfitted.similarity(pairs), NotFittedError, "not fitted")


def _check_parameters_of_training_have_an_effect(estimator: Retriever, data: Data) -> None:
    """Require that `standardize`, `dropout` and `input_dropout` change the answers, where they are parameters.

    `_build` must make use of them, for example by skxmr.pairwise.set_encoders. A method that has no use for one of them
    takes it out of its signature: ``dropout: float = field(default=0.0, init=False)``.
    """
    pairs, Y = data
    regions = pairs.image.view
    # Large means and scales, so that standardising cannot be without effect.
    shifted = Regions(4 * regions.features + 3, regions.boxes, regions.mask)
    assert_effects(estimator, Pairs(shifted, pairs.text, image_index=pairs.image.index), Y)
