"""Checks that every retriever must pass; useful to authors of new methods.

They complement ``sklearn.utils.estimator_checks``, which does not know estimators with two views.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags

from skxmr._data.kinds import AnyArray
from skxmr._data.pairs import Pairs
from skxmr.base import CrossModalRetriever, Retriever
from skxmr.datasets import make_multilabel_pairs
from skxmr.metrics import RetrievalScores
from skxmr.testing.pairwise import CHECKS, assert_raises, scenes

# Pairs of vectors, and the labels of the rows.
Data: TypeAlias = tuple[Pairs, AnyArray]


def check_retriever(estimator: Retriever) -> None:
    """Run every check of :func:`retriever_checks`.

    Parameters
    ----------
    estimator : Retriever
        An unfitted retriever, small enough to be fitted some thirty times on 120 rows. It is not modified. One without
        `transform`, which compares pair by pair, is given 20 scenes with five sentences each.

    Raises
    ------
    AssertionError
        If a check fails.

    Examples
    --------
    >>> from skxmr import CCA
    >>> from skxmr.testing import check_retriever
    >>> check_retriever(CCA(n_components=3))
    """
    for _, check in retriever_checks(estimator):
        check()


def retriever_checks(estimator: Retriever) -> Iterator[tuple[str, Callable[[], None]]]:
    """Generate the checks of a retriever one by one, for a parametrised test.

    Parameters
    ----------
    estimator : Retriever
        An unfitted retriever.

    Yields
    ------
    name : str
        What is checked.
    check : callable
        Takes no argument; raises AssertionError if the retriever breaks the contract.

    Examples
    --------
    >>> from skxmr import CCA
    >>> from skxmr.testing import retriever_checks
    >>> sorted(name for name, _ in retriever_checks(CCA()))[:2]
    ['both_spellings_agree', 'dataframes_equal_arrays']
    """
    if not hasattr(estimator, "transform"):
        for pair_check in CHECKS:
            yield pair_check.__name__.removeprefix("check_"), partial(pair_check, clone(estimator), scenes())
        return
    for check in _CHECKS:
        data = make_multilabel_pairs(120, sparse_text=False, random_state=0)
        yield check.__name__.removeprefix("_check_"), partial(check, clone(estimator), data)


def _check_both_spellings_agree(estimator: CrossModalRetriever, data: Data) -> None:
    pairs, Y = data
    by_pairs = clone(estimator).fit(pairs, Y)
    by_arrays = clone(estimator).fit(pairs.image, pairs.text, Y)
    by_keyword = clone(estimator).fit(pairs, labels=Y)
    assert by_pairs.score(pairs, Y) == by_arrays.score(pairs.image, pairs.text, Y) == by_keyword.score(pairs, labels=Y)
    _assert_same(by_pairs.transform(pairs), by_arrays.transform(pairs))


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


def _check_score_wants_the_labels_fit_had(estimator: CrossModalRetriever, data: Data) -> None:
    pairs, Y = data
    assert_raises(lambda: estimator.fit(pairs, Y).score(pairs), ValueError, "fitted with labels")
    if get_tags(estimator).target_tags.required:
        assert_raises(lambda: clone(estimator).fit(pairs), ValueError, "labels")
    else:
        assert 0 <= clone(estimator).fit(pairs).score(pairs) <= 1


def _check_labels_in_every_form(estimator: CrossModalRetriever, data: Data) -> None:
    pairs, Y = data
    import pandas as pd

    names = [f"tag{j}" for j in range(Y.shape[1])]
    tags = [[names[j] for j in np.flatnonzero(row)] for row in Y]
    reference = clone(estimator).fit(pairs, Y)
    for labels in (sp.csr_array(Y), pd.DataFrame(Y, columns=names), tags, Y.astype(bool)):
        fitted = clone(estimator).fit(pairs, labels)
        _assert_same(fitted.transform(pairs), reference.transform(pairs), atol=1e-9)
        assert_allclose(fitted.score(pairs, labels), reference.score(pairs, Y), rtol=1e-12)
    assert list(clone(estimator).fit(pairs, tags).classes_) == names
    assert 0 <= clone(estimator).fit(pairs, Y.argmax(axis=1)).score(pairs, Y.argmax(axis=1)) <= 1


def _check_sparse_equals_dense(estimator: CrossModalRetriever, data: Data) -> None:
    pairs, Y = data
    sparse = pairs.replace(text=sp.csr_array(pairs.text))
    _assert_same(
        clone(estimator).fit(sparse, Y).transform(sparse), clone(estimator).fit(pairs, Y).transform(pairs), atol=1e-6
    )


def _check_dataframes_equal_arrays(estimator: CrossModalRetriever, data: Data) -> None:
    pairs, Y = data
    import pandas as pd

    columns = [f"f{j}" for j in range(pairs.image.shape[1])]
    frame = pairs.replace(image=pd.DataFrame(pairs.image, columns=columns))
    fitted = clone(estimator).fit(frame, Y)
    _assert_same(fitted.transform(frame), clone(estimator).fit(pairs, Y).transform(pairs))
    assert_raises(lambda: fitted.encode_image(frame.image[columns[::-1]]), ValueError, "columns of image")


def _check_float32_is_kept(estimator: CrossModalRetriever, data: Data) -> None:
    pairs, Y = data
    single = Pairs(pairs.image.astype(np.float32), pairs.text.astype(np.float32))
    encoded = clone(estimator).fit(single, Y).transform(single)
    assert encoded.image.dtype == encoded.text.dtype == np.float32


def _check_inputs_are_not_modified(estimator: CrossModalRetriever, data: Data) -> None:
    pairs, Y = data
    before = copy.deepcopy((pairs.image, pairs.text, Y))
    estimator.fit(pairs, Y).score(pairs, Y)
    for value, old in zip((pairs.image, pairs.text, Y), before, strict=True):
        assert_array_equal(value, old)
    read_only = pairs.image.copy()
    read_only.flags.writeable = False
    clone(estimator).fit(pairs.replace(image=read_only), Y)


def _check_refit_and_copies_agree(estimator: CrossModalRetriever, data: Data) -> None:
    pairs, Y = data
    fitted = clone(estimator).fit(pairs, Y)
    expected = fitted.transform(pairs)
    _assert_same(pickle.loads(pickle.dumps(fitted)).transform(pairs), expected)
    _assert_same(copy.deepcopy(fitted).transform(pairs), expected)
    _assert_same(clone(fitted).fit(pairs[:60], Y[:60]).fit(pairs, Y).transform(pairs), expected)


def _check_wrong_input_is_named(estimator: CrossModalRetriever, data: Data) -> None:
    pairs, Y = data
    image = pairs.image
    text = pairs.text
    fitted = clone(estimator).fit(pairs, Y)
    broken = image.copy()
    broken[3, 2] = np.nan
    cases: list[tuple[Callable[[], object], type[Exception], str]] = [
        (lambda: fitted.encode_text(text[:, 1:]), ValueError, "text has"),
        (lambda: fitted.encode_image(broken), ValueError, "image contains"),
        (lambda: fitted.encode_image(image[0]), ValueError, "image must be 2-D"),
        (lambda: fitted.transform((image, text)), TypeError, "tuple"),
        (lambda: fitted.score(pairs, Y[1:]), ValueError, "labels has"),
        (lambda: clone(estimator).fit(image, text[1:], Y), ValueError, "text has"),
        (lambda: clone(estimator).fit(image), ValueError, "text is missing"),
        (lambda: clone(estimator).fit((image, text), Y), TypeError, "wrap the views"),
        (lambda: clone(estimator).fit(pairs, Y, labels=Y), TypeError, "labels came twice"),
        (lambda: clone(estimator).fit(pairs[:1], Y[:1]), ValueError, "at least 2"),
    ]
    for call, error, message in cases:
        assert_raises(call, error, message)


def _check_failed_fit_leaves_unfitted(estimator: CrossModalRetriever, data: Data) -> None:
    pairs, Y = data
    assert_raises(lambda: clone(estimator).encode_text(pairs.text), NotFittedError, "not fitted")
    unfitted = clone(estimator)
    assert_raises(lambda: unfitted.fit(pairs.replace(image=pairs.image * np.inf), Y), ValueError, "image")
    assert_raises(lambda: unfitted.transform(pairs), NotFittedError, "not fitted")


def _assert_same(a: Pairs, b: Pairs, atol: float = 0.0) -> None:
    assert_allclose(a.image, b.image, rtol=0, atol=atol)
    assert_allclose(a.text, b.text, rtol=0, atol=atol)


_CHECKS: tuple[Callable[[CrossModalRetriever, Data], None], ...] = tuple(
    value for name, value in sorted(globals().items()) if name.startswith("_check_")
)
