"""The contract of retrievers as checks; useful to authors of new methods.

They complement ``sklearn.utils.estimator_checks``, which does not know estimators with two views.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial

from sklearn.base import clone
from sklearn.utils import get_tags

from skxmr.base import HashingRetriever, Retriever
from skxmr.metrics._asking import need_retriever
from skxmr.testing import codes, common, embedding, pairwise, sets, vectors


def check_retriever(estimator: Retriever) -> None:
    """Run every check of :func:`retriever_checks`.

    Parameters
    ----------
    estimator : Retriever
        An unfitted retriever, small enough to be fitted some thirty times on 120 rows. It is not modified. One without
        `transform`, which compares pair by pair, and one whose tags say that it takes arrays of three axes, which are
        regions, is given 20 scenes with three sentences each. Where its `random_state`
        is None, or that of an estimator in it, the checks use 0.

    Raises
    ------
    AssertionError
        If a check fails. The message names the check, says what it requires and what was found.
    TypeError
        If the estimator is no retriever.

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
    need_retriever(estimator, "estimator")
    if not hasattr(estimator, "similarity"):
        raise TypeError(
            f"estimator must be a retriever itself, such as CCA(), not a step or what holds one; got {estimator!r}."
        )
    of_kind = embedding if hasattr(estimator, "transform") else pairwise
    of_data = sets if _takes_sets(estimator) else vectors
    checks = vars(common) | vars(of_kind) | vars(of_data)
    if isinstance(estimator, HashingRetriever):
        # Codes have a check of their own in place of that of float32.
        checks |= vars(codes)
    for name in sorted(checks):
        if name.startswith("_check_"):
            data = data_for(estimator)
            yield name.removeprefix("_check_"), partial(_run, checks[name], _repeatable(estimator), data)


def data_for(estimator: Retriever) -> common.Data:
    """Return pairs that a retriever takes, and their labels: vectors, or scenes of regions and words."""
    return sets.scenes() if _takes_sets(estimator) else vectors.vectors(estimator)


def _takes_sets(estimator: Retriever) -> bool:
    """Tell whether images are given as regions: by its tag, or because it compares pairs."""
    return not hasattr(estimator, "transform") or get_tags(estimator).input_tags.three_d_array


def _repeatable(estimator: Retriever) -> Retriever:
    """Return an unfitted copy whose fits are equal: every `random_state` that is None becomes 0."""
    seeds = {}
    for name, value in estimator.get_params().items():
        if value is None and name.rpartition("__")[2] == "random_state":
            seeds[name] = 0
    return clone(estimator).set_params(**seeds)


def _run(check: Callable[[Retriever, common.Data], None], estimator: Retriever, data: common.Data) -> None:
    """Run a check; where it fails, say which one it was and what it requires."""
    try:
        check(estimator, data)
    except AssertionError as error:
        name = check.__name__.removeprefix("_check_")
        method = type(estimator).__name__
        message = f"{method} does not pass the check {name!r}. {inspect.getdoc(check)}\nFound: {error}"
        raise AssertionError(message) from error
