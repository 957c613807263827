"""The checks of :mod:`skxmr.testing` for retrievers that embed, on vectors."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skxmr._data.pairs import Pairs
from skxmr.base import CrossModalRetriever, Retriever
from skxmr.datasets import make_multilabel_pairs
from skxmr.metrics import RetrievalScores
from skxmr.testing.common import Data, WrongCalls, answers, assert_close, assert_in_unit_interval, assert_raises


def vectors(estimator: Retriever) -> Data:
    """Return 120 pairs of vectors and their labels; of 20 features, and of texts 30 where the widths may differ."""
    width = 20 if getattr(estimator, "_equal_widths", False) else 30
    return make_multilabel_pairs(120, n_text_features=width, sparse_text=False, random_state=0)


def _check_transform_answers_in_kind(estimator: CrossModalRetriever, data: Data) -> None:
    """Require that `transform` returns a Pairs for a Pairs, arrays for arrays, and the same as `encode_text`."""
    pairs, Y = data
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
    pairs, Y = data
    S = estimator.fit(pairs, Y).similarity(pairs.image[:7], pairs.text[:5])
    assert S.shape == (7, 5), f"similarity of 7 images and 5 texts has the shape {S.shape}"
    assert np.isfinite(S).all(), "similarity is not finite; embeddings must be finite"
    assert np.abs(S).max() <= 1 + 1e-6, f"similarity reaches {np.abs(S).max()}, but cosines are in [-1, 1]"
    assert_allclose(estimator.similarity(pairs[:5])[:5], S[:5], atol=1e-6)
    assert_allclose(estimator.similarity(pairs.image[:1], pairs.text[:5]), S[:1], atol=1e-6)


def _check_score_is_the_mean_of_both_directions(estimator: CrossModalRetriever, data: Data) -> None:
    """Require that `score` is the mean mAP of both directions, in any order of the rows."""
    pairs, Y = data
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
    shifted = Pairs(4 * pairs.image + 3, 4 * pairs.text + 3)
    parameters = estimator.get_params(deep=False)
    changes = {"standardize": (False, True), "dropout": (0.0, 0.5), "input_dropout": (0.0, 0.5)}
    if parameters.get("hidden", 1) is None:
        del changes["dropout"]
    off = {name: values[0] for name, values in changes.items() if name in parameters}
    if not off:
        return
    expected = answers(clone(estimator).set_params(**off).fit(shifted, Y), shifted)
    for name in off:
        changed = clone(estimator).set_params(**off | {name: changes[name][1]})
        found = answers(changed.fit(shifted, Y), shifted)
        same = all(np.array_equal(array, other) for array, other in zip(found, expected, strict=True))
        assert not same, f"{name}={changes[name][0]} and {name}={changes[name][1]} give the same embeddings"
