"""Errors of measures speak of the arguments of the function that was called."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal

from skxmr import MLCCA, Pairs
from skxmr._data.labels import encode_labels
from skxmr.datasets import make_multilabel_pairs
from skxmr.metrics import (
    SharedLabels,
    Similarity,
    average_precision,
    cross_modal_map,
    mean_average_precision,
    ndcg_at_k,
    precision_at_k,
    retrieval_recalls,
)

X = np.random.default_rng(0).normal(size=(12, 4))
Y = (np.random.default_rng(1).uniform(size=(12, 3)) < 0.6).astype(int)
PAIRS = Pairs(X, X)
FRAME = pd.DataFrame(X, columns=list("abcd"))


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda: cross_modal_map(X, X[:5], Y), ValueError, "^text has 5 rows but image has 12; row i of both"),
        (lambda: cross_modal_map(X[:5], X), ValueError, "^text has 12 rows but image has 5; row i of both"),
        (lambda: cross_modal_map(X, X[:, :3], Y), ValueError, "^image has 4 dimensions but text has 3; both"),
        (lambda: cross_modal_map(X, X, Y[:5]), ValueError, "^labels has 5 rows but image and text have 12;"),
        (lambda: cross_modal_map(X, np.full((12, 4), np.nan), Y), ValueError, "^text contains 48 NaN"),
        (lambda: cross_modal_map(X, "text", Y), ValueError, "^text must be 2-D"),
        (lambda: cross_modal_map(PAIRS, PAIRS, Y), TypeError, r"^image is a Pairs; pass one modality, pairs\.image\.$"),
        (lambda: cross_modal_map(X, PAIRS, Y), TypeError, r"^text is a Pairs; pass one modality, pairs\.text\.$"),
        (lambda: cross_modal_map(X, X, ["", "a"] * 6), ValueError, "^labels holds the empty string"),
        (
            lambda: cross_modal_map(FRAME, FRAME[["b", "a", "c", "d"]], Y),
            ValueError,
            "^the columns of image, .* of text",
        ),
        (lambda: Similarity(PAIRS, PAIRS), TypeError, r"^query is a Pairs; .* pairs\.image or pairs\.text\.$"),
        (lambda: Similarity(X, PAIRS), TypeError, r"^gallery is a Pairs; .* pairs\.image or pairs\.text\.$"),
        (lambda: Similarity(X, X[:, :3]), ValueError, "^query has 4 dimensions but gallery has 3;"),
        (lambda: SharedLabels(Y, ["", "a"]), ValueError, "^gallery_labels holds the empty string"),
        (lambda: SharedLabels({"a": 1}, Y), TypeError, "^query_labels is a dict"),
        (lambda: SharedLabels(2 * Y), ValueError, "^query_labels "),
        (lambda: SharedLabels([["a"], [""]]), ValueError, "^row 1 of query_labels holds the empty string"),
    ],
)
def test_arguments_are_called_as_the_caller_called_them(ask, error, message):
    with pytest.raises(error, match=message):
        ask()


MEASURES = [
    average_precision,
    mean_average_precision,
    lambda scores, relevance: precision_at_k(scores, relevance, k=1),
    lambda scores, relevance: ndcg_at_k(scores, relevance, k=1),
    lambda scores, relevance: retrieval_recalls(scores, relevance, [1]),
]


@pytest.mark.parametrize("measure", MEASURES)
def test_rows_of_different_lengths_are_named(measure):
    ragged, whole = [[1, 0], [1]], [[1, 0], [0, 1]]
    with pytest.raises(
        ValueError, match=r"^scores must be a matrix \(queries, gallery\), but its rows differ in length"
    ):
        measure(ragged, whole)
    with pytest.raises(
        ValueError, match=r"^relevance must be a matrix \(queries, gallery\), but its rows differ in length"
    ):
        measure(whole, ragged)


@pytest.mark.parametrize("measure", MEASURES)
def test_lists_of_tensors_are_scores(measure):
    scores = torch.tensor([[0.5, 0.25, 0.0], [1.0, 2.0, 0.5]], dtype=torch.bfloat16, requires_grad=True)
    relevance = torch.tensor([[1, 0, 0], [1, 0, 1]])
    wanted = measure(scores.detach().float().numpy(), relevance.numpy())
    for given in (scores, list(scores)):
        for relevant in (relevance, list(relevance)):
            found = measure(given, relevant)
            assert found == wanted if isinstance(wanted, dict) else np.array_equal(found, wanted)


TENSORS = {
    "integers": torch.tensor(Y),
    "bfloat16": torch.tensor(Y, dtype=torch.bfloat16),
    "with a gradient": torch.tensor(Y, dtype=torch.float32, requires_grad=True),
    "booleans": torch.tensor(Y) > 0,
}


@pytest.mark.parametrize("kind", TENSORS)
def test_tensors_are_labels(kind):
    assert_array_equal(encode_labels(TENSORS[kind]).matrix.toarray(), Y)
    pairs, labels = make_multilabel_pairs(60, random_state=0)
    wanted = MLCCA(2).fit(pairs, labels).encode_text(pairs.text)
    assert_array_equal(MLCCA(2).fit(pairs, torch.tensor(labels)).encode_text(pairs.text), wanted)


def test_lists_of_tensors_are_labels():
    ids = [3, 1, 3, 2]
    assert_array_equal(encode_labels(list(torch.tensor(ids))).matrix.toarray(), encode_labels(ids).matrix.toarray())
    tags = [torch.tensor([0, 5]), torch.tensor([5])]
    assert encode_labels(tags).names.tolist() == [0, 5]
    with pytest.raises(ValueError, match="equally long lists of 0 and 1"):
        encode_labels(list(torch.tensor(Y)))
