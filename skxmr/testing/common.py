"""The checks of :mod:`skxmr.testing` for all retrievers, whether they embed or compare pairs."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import TypeAlias

import joblib
import numpy as np
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.utils import get_tags

from skxmr._data.kinds import AnyArray
from skxmr._data.pairs import Pairs
from skxmr.base import Retriever

# Pairs, and the labels of the rows.
Data: TypeAlias = tuple[Pairs, AnyArray]
# What is done, the error that it must raise, and a part of the message.
WrongCalls: TypeAlias = list[tuple[Callable[[], object], type[Exception], str]]
# What to do where fits are not repeatable.
TWO_FITS = (
    "two fits with the same data and random_state=0 differ: draw random numbers only from random_state. In a network "
    "use skxmr.nn.Dropout, because the dropout of torch draws from torch's global generator; an objective draws from "
    "self.generator, as in torch.randperm(n, generator=self.generator, device=self.generator.device)"
)


def _check_both_spellings_agree(estimator: Retriever, data: Data) -> None:
    """Require that `fit` and `score` take a Pairs, or both views and the labels, with equal results."""
    pairs, Y = one_to_one(data)
    by_pairs = clone(estimator).fit(pairs, Y)
    by_arrays = clone(estimator).fit(pairs.image, pairs.text, Y)
    by_keyword = clone(estimator).fit(pairs, labels=Y)
    scores = [by_pairs.score(pairs, Y), by_arrays.score(pairs.image, pairs.text, Y), by_keyword.score(pairs, labels=Y)]
    assert min(scores) == max(scores), f"the scores of the three spellings are {scores}; {TWO_FITS}"
    assert_close(answers(by_pairs, pairs), answers(by_arrays, pairs), message=TWO_FITS)
    assert_close([by_pairs.similarity(pairs)], [by_arrays.similarity(pairs.image, pairs.text)], message=TWO_FITS)


def _check_score_wants_the_labels_fit_had(estimator: Retriever, data: Data) -> None:
    """Require that `score` is in [0, 1] and asks for labels where `fit` had labels."""
    pairs, Y = data
    fitted = clone(estimator).fit(pairs, Y)
    assert_raises(lambda: fitted.score(pairs), ValueError, "fitted with labels")
    assert_in_unit_interval(fitted.score(pairs, Y))
    if get_tags(estimator).target_tags.required:
        assert_raises(lambda: clone(estimator).fit(pairs), ValueError, "labels")
    else:
        assert_in_unit_interval(clone(estimator).fit(pairs).score(pairs))


def _check_inputs_are_not_modified(estimator: Retriever, data: Data) -> None:
    """Require that `fit`, `score` and `similarity` leave the views and the labels as they are."""
    pairs, Y = data
    before = joblib.hash(data)
    fitted = clone(estimator).fit(pairs, Y)
    fitted.score(pairs, Y)
    fitted.similarity(pairs)
    assert joblib.hash(data) == before, "the views or the labels are no longer what they were"


def _check_refit_and_copies_agree(estimator: Retriever, data: Data) -> None:
    """Require that pickles, copies, refits and second fits with the same random_state give the same answers."""
    pairs, Y = data
    fitted = clone(estimator).fit(pairs, Y)
    expected = answers(fitted, pairs)
    assert_close(answers(pickle.loads(pickle.dumps(fitted)), pairs), expected, message="its pickle differs from it")
    assert_close(answers(copy.deepcopy(fitted), pairs), expected, message="its copy differs from it")
    assert_close(answers(clone(fitted).fit(pairs, Y), pairs), expected, message=TWO_FITS)
    half = len(pairs) // 2
    refitted = clone(fitted).fit(pairs[:half], Y[:half]).fit(pairs, Y)
    assert_close(answers(refitted, pairs), expected, message="a second fit of the same object remembers the first")


def _check_wrong_input_is_named(estimator: Retriever, data: Data) -> None:
    """Require an error that names the argument which is wrong."""
    pairs, Y = one_to_one(data)
    image = pairs.image
    text = pairs.text
    fitted = clone(estimator).fit(pairs, Y)
    cases: WrongCalls = [
        (lambda: fitted.score(pairs, Y[1:]), ValueError, "labels has"),
        (lambda: fitted.similarity(image), ValueError, "text"),
        (lambda: clone(estimator).fit(image, text[1:], Y), ValueError, "text has"),
        (lambda: clone(estimator).fit(image), ValueError, "text is missing"),
        (lambda: clone(estimator).fit((image, text), Y), TypeError, "wrap the views"),
        (lambda: clone(estimator).fit(pairs, Y, labels=Y), TypeError, "labels came twice"),
        (lambda: clone(estimator).fit(pairs[:1], Y[:1]), ValueError, "at least 2"),
    ]
    for case in cases:
        assert_raises(*case)


def answers(fitted: Retriever, pairs: Pairs) -> list[AnyArray]:
    """Return what a retriever makes of pairs: both embeddings, or else the similarities."""
    if hasattr(fitted, "transform"):
        embedded = fitted.transform(pairs)
        return [embedded.image, embedded.text]
    return [fitted.similarity(pairs)]


def one_to_one(data: Data) -> Data:
    """Return the first row of every image."""
    pairs, Y = data
    images, index = pairs.distinct_images()
    first = np.unique(index, return_index=True)[1]
    return Pairs(images, pairs.text[first]), Y[first]


def assert_close(found: list[AnyArray], expected: list[AnyArray], atol: float = 0.0, message: str = "") -> None:
    """Require equal arrays, up to an absolute difference."""
    for array, other in zip(found, expected, strict=True):
        assert_allclose(array, other, rtol=0, atol=atol, err_msg=message)


def assert_in_unit_interval(score: float) -> None:
    """Require a score from 0 to 1."""
    assert 0 <= score <= 1, f"score returned {score}, which is not from 0 to 1"


def assert_raises(call: Callable[[], object], error: type[Exception], message: str) -> None:
    """Require an error of a type whose message contains a text."""
    try:
        call()
    except error as raised:
        assert message in str(raised), f"expected {message!r} in the message, got: {raised}"
    else:
        raise AssertionError(f"no {error.__name__} mentioning {message!r} was raised")


def assert_effects(estimator: Retriever, pairs: Pairs, Y: AnyArray) -> None:
    """Require that `standardize`, `dropout` and `input_dropout` change the answers, where they are parameters."""
    parameters = estimator.get_params(deep=False)
    changes = {"standardize": (False, True), "dropout": (0.0, 0.5), "input_dropout": (0.0, 0.5)}
    if parameters.get("hidden", 1) is None:
        del changes["dropout"]
    off = {name: values[0] for name, values in changes.items() if name in parameters}
    if not off:
        return
    expected = answers(clone(estimator).set_params(**off).fit(pairs, Y), pairs)
    for name in off:
        changed = clone(estimator).set_params(**off | {name: changes[name][1]})
        found = answers(changed.fit(pairs, Y), pairs)
        same = all(np.array_equal(array, other) for array, other in zip(found, expected, strict=True))
        assert not same, f"{name}={changes[name][0]} and {name}={changes[name][1]} give the same answers"
