"""The checks of :mod:`skxmr.testing` for retrievers that compare pairs, on scenes of digits."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skxmr._data.kinds import AnyArray
from skxmr._data.pairs import Pairs
from skxmr._data.regions import Regions
from skxmr._data.sentences import Sentences
from skxmr.base import ComparingRetriever
from skxmr.datasets import make_captioned_scenes
from skxmr.metrics import RetrievalScores, SameGroup, mean_average_precision

# Images with their texts, and the labels of the rows.
Scenes: TypeAlias = tuple[Pairs, AnyArray]
# Blocks of other sizes round differently.
_CLOSE = 1e-5


def scenes(n: int = 20) -> Scenes:
    """Return scenes with five sentences each, and their labels."""
    made = make_captioned_scenes(n, random_state=0)
    images = Regions(made.regions, made.boxes, made.mask)
    texts = Sentences(made.tokens, made.tags, made.heads)
    return Pairs(images, texts, image_index=made.image_index), made.labels[made.image_index]


def check_pairs_both_spellings_agree(estimator: ComparingRetriever, data: Scenes) -> None:
    """Require equal results from ``fit(image, text, labels)`` and ``fit(Pairs(image, text), labels)``."""
    pairs, Y = _one_to_one(data)
    by_pairs = clone(estimator).fit(pairs, Y)
    by_arrays = clone(estimator).fit(pairs.image, pairs.text, Y)
    assert_array_equal(by_pairs.similarity(pairs), by_arrays.similarity(pairs.image, pairs.text))
    assert by_pairs.score(pairs, Y) == by_arrays.score(pairs.image, pairs.text, Y)
    assert clone(estimator).fit(pairs, labels=Y).score(pairs, labels=Y) == by_pairs.score(pairs, Y)


def check_pairs_similarity_is_of_single_pairs(estimator: ComparingRetriever, data: Scenes) -> None:
    """Require that a similarity depends neither on the other images nor on the other texts."""
    pairs, _ = data
    images = pairs.distinct_images()[0]
    texts = pairs.text
    fitted = clone(estimator).fit(pairs)
    asked = np.zeros((len(images), len(texts)), dtype=bool)
    asked[::3, ::7] = True
    found = fitted.similarity(images, texts, where=asked)
    assert found.shape == asked.shape and found.nnz == asked.sum() and np.isfinite(found.data).all()
    alone = [fitted.similarity(images[3:4], texts[j : j + 1], where=[[True]]).toarray()[0, 0] for j in (0, 7, 14)]
    assert_allclose(alone, found.toarray()[3, [0, 7, 14]], atol=_CLOSE)


def check_pairs_score_is_the_mean_of_both_directions(estimator: ComparingRetriever, data: Scenes) -> None:
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


def check_pairs_score_wants_the_labels_fit_had(estimator: ComparingRetriever, data: Scenes) -> None:
    """Require labels in `score` if there were labels in `fit`."""
    pairs, Y = data
    fitted = clone(estimator).fit(pairs, Y)
    assert_raises(lambda: fitted.score(pairs), ValueError, "fitted with labels")
    assert 0 <= fitted.score(pairs, Y) <= 1


def check_pairs_inputs_are_not_modified(estimator: ComparingRetriever, data: Scenes) -> None:
    """Require that inputs are not changed."""
    pairs, Y = data
    view = pairs.image.view
    before = copy.deepcopy((view.features, view.boxes, view.mask, Y))
    clone(estimator).fit(pairs, Y).similarity(pairs)
    for value, old in zip((view.features, view.boxes, view.mask, Y), before, strict=True):
        assert_array_equal(value, old)


def check_pairs_refit_and_copies_agree(estimator: ComparingRetriever, data: Scenes) -> None:
    """Require that pickles, deep copies and second fits give the same similarities, bit for bit."""
    pairs, _ = data
    fitted = clone(estimator).fit(pairs)
    expected = fitted.similarity(pairs)
    assert_array_equal(pickle.loads(pickle.dumps(fitted)).similarity(pairs), expected)
    assert_array_equal(copy.deepcopy(fitted).similarity(pairs), expected)
    assert_array_equal(clone(fitted).fit(pairs[:60]).fit(pairs).similarity(pairs), expected)


def check_pairs_wrong_input_is_named(estimator: ComparingRetriever, data: Scenes) -> None:
    """Require errors that name the argument."""
    pairs, Y = _one_to_one(data)
    image = pairs.image
    text = pairs.text
    fitted = clone(estimator).fit(pairs, Y)
    cases: list[tuple[Callable[[], object], type[Exception], str]] = [
        (lambda: fitted.score(pairs, Y[1:]), ValueError, "labels has"),
        (lambda: fitted.similarity(image), ValueError, "text"),
        (lambda: fitted.similarity(Regions(image.features[:, :, 1:], image.boxes), text), ValueError, "image"),
        (lambda: clone(estimator).fit(image, text[1:], Y), ValueError, "text has"),
        (lambda: clone(estimator).fit(image), ValueError, "text is missing"),
        (lambda: clone(estimator).fit((image, text), Y), TypeError, "wrap the views"),
        (lambda: clone(estimator).fit(pairs, Y, labels=Y), TypeError, "labels came twice"),
        (lambda: clone(estimator).fit(pairs[:1], Y[:1]), ValueError, "at least 2"),
    ]
    for call, error, message in cases:
        assert_raises(call, error, message)


def check_pairs_failed_fit_leaves_unfitted(estimator: ComparingRetriever, data: Scenes) -> None:
    """Require NotFittedError before a successful fit."""
    pairs, _ = data
    broken = Regions(np.full(pairs.image.view.shape, np.nan), pairs.image.view.boxes, pairs.image.view.mask)
    unfitted = clone(estimator)
    assert_raises(lambda: unfitted.similarity(pairs), NotFittedError, "not fitted")
    assert_raises(lambda: unfitted.fit(Pairs(broken, pairs.text, image_index=pairs.groups)), ValueError, "NaN")
    assert_raises(lambda: unfitted.similarity(pairs), NotFittedError, "not fitted")


def _one_to_one(data: Scenes) -> Scenes:
    """Return every fifth row, with an image of its own."""
    pairs, Y = data
    return Pairs(pairs.image.view, pairs.text[::5]), Y[::5]


def assert_raises(call: Callable[[], object], error: type[Exception], message: str) -> None:
    """Require an error of a type whose message contains a text."""
    try:
        call()
    except error as raised:
        assert message in str(raised), f"expected {message!r} in the message, got: {raised}"
    else:
        raise AssertionError(f"no {error.__name__} mentioning {message!r} was raised")


CHECKS: tuple[Callable[[ComparingRetriever, Scenes], None], ...] = tuple(
    value for name, value in sorted(globals().items()) if name.startswith("check_pairs_")
)
