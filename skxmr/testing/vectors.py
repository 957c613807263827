"""The checks of :mod:`skxmr.testing` for retrievers that take one vector per image and per text."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skxmr._data.pairs import Pairs
from skxmr.base import CrossModalRetriever, Retriever
from skxmr.datasets import make_multilabel_pairs
from skxmr.testing.common import Data, WrongCalls, answers, assert_close, assert_effects, assert_raises


def vectors(estimator: Retriever) -> Data:
    """Return 120 pairs of vectors and their labels; of 20 features, and of texts 30 where the widths may differ."""
    width = 20 if getattr(estimator, "_equal_widths", False) else 30
    return make_multilabel_pairs(120, n_text_features=width, sparse_text=False, random_state=0)


def _check_sparse_equals_dense(estimator: CrossModalRetriever, data: Data) -> None:
    """Require equal embeddings from a dense text view and from the same in CSR."""
    pairs, Y = data
    sparse = pairs.replace(text=sp.csr_array(pairs.text))
    found = answers(clone(estimator).fit(sparse, Y), sparse)
    assert_close(found, answers(clone(estimator).fit(pairs, Y), pairs), atol=1e-6)


def _check_dataframes_equal_arrays(estimator: CrossModalRetriever, data: Data) -> None:
    """Require equal embeddings from DataFrames, and an error where the columns have another order."""
    pairs, Y = data
    import pandas as pd

    columns = [f"f{j}" for j in range(pairs.image.shape[1])]
    frame = pairs.replace(image=pd.DataFrame(pairs.image, columns=columns))
    fitted = clone(estimator).fit(frame, Y)
    assert_close(answers(fitted, frame), answers(clone(estimator).fit(pairs, Y), pairs))
    assert_raises(lambda: fitted.encode_image(frame.image[columns[::-1]]), ValueError, "columns of image")


def _check_float32_is_kept(estimator: CrossModalRetriever, data: Data) -> None:
    """Require float32 embeddings of float32 views."""
    pairs, Y = data
    single = Pairs(pairs.image.astype(np.float32), pairs.text.astype(np.float32))
    encoded = clone(estimator).fit(single, Y).transform(single)
    dtypes = encoded.image.dtype, encoded.text.dtype
    assert dtypes == (np.float32, np.float32), f"embeddings of float32 views have the dtypes {dtypes}"


def _check_read_only_views_are_taken(estimator: CrossModalRetriever, data: Data) -> None:
    """Require that `fit` takes views that are read only."""
    pairs, Y = data
    read_only = pairs.image.copy()
    read_only.flags.writeable = False
    clone(estimator).fit(pairs.replace(image=read_only), Y)


def _check_wrong_views_are_named(estimator: CrossModalRetriever, data: Data) -> None:
    """Require an error that names the view which is wrong."""
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
    """Require NotFittedError before a successful fit."""
    pairs, Y = data
    assert_raises(lambda: clone(estimator).encode_text(pairs.text), NotFittedError, "not fitted")
    unfitted = clone(estimator)
    assert_raises(lambda: unfitted.fit(pairs.replace(image=pairs.image * np.inf), Y), ValueError, "image")
    assert_raises(lambda: unfitted.transform(pairs), NotFittedError, "not fitted")


def _check_parameters_of_training_have_an_effect(estimator: CrossModalRetriever, data: Data) -> None:
    """Require that `standardize`, `dropout` and `input_dropout` change the embeddings, where they are parameters.

    `_build` must make use of them, for example by skxmr.deep.make_inputs and skxmr.nn.encoder. A method that has no use
    for one of them takes it out of its signature: ``dropout: float = field(default=0.0, init=False)``. Where `hidden`
    is None there are no hidden units, so that `dropout` need not have an effect.
    """
    pairs, Y = data
    # Large means and scales, so that standardising cannot be without effect.
    assert_effects(estimator, Pairs(4 * pairs.image + 3, 4 * pairs.text + 3), Y)
