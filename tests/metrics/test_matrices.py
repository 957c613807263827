"""Lazy matrices are read like arrays, and data frames that contradict one another are refused."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from skxmr import label_graph
from skxmr.datasets import load_captioned_digits, make_captioned_scenes, make_multilabel_pairs
from skxmr.metrics import (
    Reranked,
    SameGroup,
    SameRow,
    SharedLabels,
    Similarity,
    average_precision,
    cross_modal_map,
    map_per_class,
    mean_average_precision,
    precision_at_k,
    retrieval_recalls,
)

RNG = np.random.default_rng(0)
VIEWS = RNG.normal(size=(7, 4)), RNG.normal(size=(5, 4))
TAGS = [["a"], ["b"], ["a", "b"], [], ["c"], ["c"], ["a"]]
MATRICES = {
    "similarity": Similarity(*VIEWS),
    "labels": SharedLabels(TAGS, TAGS[:5]),
    "groups": SameGroup([0, 1, 2, 3, 4, 0, 1], [0, 1, 2, 3, 4]),
    "rows": SameRow(7),
    "reranked": Reranked(Similarity(*VIEWS), k=2),
}


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
@pytest.mark.parametrize(
    "key",
    [
        0,
        -1,
        np.int64(2),
        slice(1, 6, 2),
        slice(None, None, -1),
        [3, 0, 3],
        np.array([], int),
        np.array([True, False, True, False, False, False, True]),
        (2, 3),
        (slice(1, 4), [0, 2]),
        ([1, 2], [3, 0]),
        (..., 1),
        ([5, 1], ...),
        (),
        True,
    ],
    ids=str,
)
def test_entries_are_picked_as_those_of_an_array(matrix, key):
    whole = np.asarray(matrix)
    assert whole.shape == matrix.shape and len(matrix) == len(whole)
    assert_allclose(matrix[key], whole[key], atol=1e-12)


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
def test_rows_out_of_range_are_index_errors(matrix):
    for key in (7, -8, [0, 7]):
        with pytest.raises(IndexError):
            matrix[key]
    assert len(list(matrix)) == 7


NAMES = list("pqrstuv")
FRAME = pd.DataFrame(VIEWS[0], index=NAMES, columns=list("abcd"))
LABELS = pd.DataFrame(np.eye(7, 2, dtype=int) | 1, index=NAMES, columns=["x", "y"])


@pytest.mark.parametrize(
    "ask",
    [
        lambda: cross_modal_map(FRAME, FRAME[::-1], LABELS),
        lambda: cross_modal_map(FRAME, FRAME, LABELS[::-1]),
        lambda: map_per_class(FRAME, FRAME > 0, LABELS[::-1]),
        lambda: average_precision(FRAME, FRAME[::-1] > 0),
        lambda: mean_average_precision(FRAME, (FRAME > 0)[::-1]),
    ],
)
def test_row_names_in_another_order_are_refused(ask):
    with pytest.raises(ValueError, match=r"the indexes of \w+ and \w+ differ"):
        ask()


@pytest.mark.parametrize(
    "ask",
    [
        lambda: Similarity(FRAME, FRAME[["b", "a", "c", "d"]]),
        lambda: cross_modal_map(FRAME, FRAME[["b", "a", "c", "d"]]),
        lambda: average_precision(FRAME, (FRAME > 0)[["b", "a", "c", "d"]]),
    ],
)
def test_columns_in_another_order_are_refused(ask):
    with pytest.raises(ValueError, match="the columns of"):
        ask()


def test_frames_that_agree_are_read():
    assert cross_modal_map(FRAME, FRAME, LABELS)["map"] == 1.0


def test_masked_scores_are_refused():
    masked = np.ma.masked_greater(VIEWS[0], 1)
    with pytest.raises(ValueError, match="scores is an array with masked values"):
        average_precision(masked, VIEWS[0] > 0)
    with pytest.raises(ValueError, match="relevance is an array with masked values"):
        average_precision(VIEWS[0], masked > 0)
    with pytest.raises(ValueError, match="query is an array with masked values"):
        Similarity(masked, VIEWS[0])


SCORES = VIEWS[0] @ VIEWS[1].T
RELEVANT = SCORES > 0


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: precision_at_k(SCORES, RELEVANT, 2, average="macro"), "average must be True or False; got 'macro'"),
        (lambda: average_precision(SCORES, RELEVANT, n_jobs=1.5), "n_jobs must be an integer other than 0, or None"),
        (lambda: average_precision(SCORES, RELEVANT, n_jobs=0), "n_jobs must be an integer other than 0"),
        (lambda: average_precision(SCORES, RELEVANT, n_jobs=True), "n_jobs must be an integer other than 0"),
        (lambda: average_precision(SCORES, RELEVANT, exclude_self="no"), "exclude_self must be True or False"),
        (lambda: cross_modal_map(*VIEWS, n_jobs="2"), "n_jobs must be"),
        (lambda: SharedLabels(TAGS, TAGS, "yes"), "graded must be True or False; got 'yes'"),
        (lambda: SharedLabels(TAGS, graded=1), "graded must be True or False; got 1"),
        (lambda: retrieval_recalls(SCORES, RELEVANT, n_jobs=2.0), "n_jobs must be"),
        (lambda: make_multilabel_pairs(sparse_text="no"), "sparse_text must be True or False"),
        (lambda: make_captioned_scenes(4, twins="no"), "twins must be True or False"),
        (lambda: load_captioned_digits(return_X_y="no"), "return_X_y must be True or False"),
        (lambda: label_graph(TAGS, transpose="no"), "transpose must be True or False"),
    ],
)
def test_flags_and_counts_are_checked(ask, message):
    with pytest.raises(ValueError, match=message):
        ask()


def test_labels_that_cannot_be_equal_are_refused():
    with pytest.raises(ValueError, match=r"query_labels are named like .*'a'.* and gallery_labels like .*1"):
        SharedLabels(["a"], [1])
    assert not SharedLabels(["a"], ["b"])[:].any()
