"""Tensors of torch as views: of every type, with a gradient, and as lists of tensors."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from skxmr import CCA, DAGNN, Pairs, Regions, RetrieverEnsemble, Sentences
from skxmr.datasets import make_multilabel_pairs
from skxmr.metrics import cross_modal_map

RNG = np.random.default_rng(0)
# Numbers that bfloat16 holds exactly.
VALUES = RNG.integers(-8, 8, size=(30, 5)) / 4
TEXT = VALUES @ RNG.integers(-2, 3, size=(5, 4)) + RNG.integers(0, 2, size=(30, 4))
KINDS = {
    "float32": lambda X: torch.tensor(X, dtype=torch.float32),
    "float64": lambda X: torch.tensor(X, dtype=torch.float64),
    "float16": lambda X: torch.tensor(X, dtype=torch.float16),
    "bfloat16": lambda X: torch.tensor(X, dtype=torch.bfloat16),
    "with a gradient": lambda X: torch.tensor(X, dtype=torch.float32, requires_grad=True),
    "computed": lambda X: torch.tensor(X, dtype=torch.bfloat16, requires_grad=True) * 1.0,
    "a parameter": lambda X: torch.nn.Parameter(torch.tensor(X)),
    "transposed": lambda X: torch.tensor(X.T.copy()).permute(*range(X.ndim)[::-1]),
    "negated": lambda X: torch._neg_view(torch.tensor(-X)),
}
LISTS = {
    "a list": list,
    "a tuple": tuple,
    "a list of arrays and tensors": lambda rows: [
        row if i % 2 else row.detach().float().numpy() for i, row in enumerate(rows)
    ],
}


@pytest.mark.parametrize("kind", KINDS)
def test_tensors_are_views(kind):
    tensor = KINDS[kind](VALUES)
    assert_array_equal(Pairs(tensor, TEXT).image, VALUES)
    assert_array_equal(Pairs(TEXT, tensor)[3:5].text, VALUES[3:5])
    wanted = CCA(2).fit(VALUES, TEXT)
    found = CCA(2).fit(tensor, KINDS[kind](TEXT))
    np.testing.assert_allclose(found.correlations_, wanted.correlations_, rtol=1e-5)
    np.testing.assert_allclose(found.encode_image(tensor), found.encode_image(VALUES), rtol=1e-5)
    labels = np.arange(30) % 3
    assert cross_modal_map(tensor, KINDS[kind](VALUES), labels) == cross_modal_map(VALUES, VALUES, labels)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("listed", LISTS)
def test_lists_of_tensors_are_views(kind, listed):
    rows = LISTS[listed](list(KINDS[kind](VALUES)))
    assert_array_equal(Pairs(rows, TEXT).image, VALUES)
    found = CCA(2).fit(Pairs(rows, TEXT))
    np.testing.assert_allclose(found.encode_image(list(rows)), found.encode_image(VALUES), rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_tensors_are_regions_and_vectors_of_words(kind):
    cube = VALUES.reshape(10, 3, 5)
    tensor = KINDS[kind](cube) if kind != "transposed" else torch.tensor(cube)
    for given in (tensor, list(tensor)):
        assert_array_equal(Regions(given).features, cube)
        assert_array_equal(Sentences(vectors=given).packed()[0].vectors, VALUES)


def test_sparse_tensors_are_named():
    with pytest.raises(
        TypeError, match=r"image is a tensor of layout torch\.sparse_coo; pass \.to_dense\(\) or .*scipy\.sparse"
    ):
        Pairs(torch.eye(3).to_sparse(), np.eye(3))


@pytest.mark.parametrize("kind", KINDS)
def test_tensors_are_label_vectors_and_weights(kind):
    pairs, labels = make_multilabel_pairs(60, random_state=0)
    vectors = KINDS[kind](VALUES[:8])
    small = {"n_components": 4, "hidden": 8, "width": 8, "max_epochs": 1, "random_state": 0}
    wanted = DAGNN(label_embedding=VALUES[:8], **small).fit(pairs, labels).classifiers_
    for given in (vectors, list(vectors)):
        assert_array_equal(DAGNN(label_embedding=given, **small).fit(pairs, labels).classifiers_, wanted)
    both = [("a", CCA(2)), ("b", CCA(3))]
    weights = np.array([1.0, 3.0])
    wanted = RetrieverEnsemble(both, weights).fit(pairs).similarity(pairs)
    shares = KINDS[kind](weights)
    for given in (shares, list(shares)):
        assert_array_equal(RetrieverEnsemble(both, given).fit(pairs).similarity(pairs), wanted)


def test_tensors_on_the_cpu_are_not_copied():
    tensor = torch.tensor(VALUES, requires_grad=True)
    assert np.shares_memory(Pairs(tensor, TEXT).image, tensor.detach().numpy())


@pytest.mark.filterwarnings(
    "ignore:.*quantize:UserWarning", "ignore:.*nested:UserWarning", "ignore::DeprecationWarning"
)
@pytest.mark.parametrize("kind", ["meta", "quantised", "nested"])
def test_tensors_without_values_for_numpy_are_named(kind):
    if kind == "meta":
        tensor = torch.empty(30, 5, device="meta")
    elif kind == "quantised":
        tensor = torch.quantize_per_tensor(torch.ones(30, 5), 0.1, 0, torch.qint8)
    else:
        tensor = torch.nested.nested_tensor([torch.ones(5)] * 30)
    with pytest.raises(TypeError, match=r"^image is a tensor, but numpy cannot read its values \(.*\); pass an ord"):
        Pairs(tensor, TEXT)


@pytest.mark.parametrize("row", [list, tuple, np.array, torch.tensor], ids=lambda row: row.__name__)
def test_rows_of_different_lengths_are_named(row):
    ragged = [row([1.0, 2.0, 3.0])] * 4 + [row([1.0, 2.0])] + [row([1.0])] * 25
    with pytest.raises(ValueError, match="the rows of image differ in length: row 0 has 3 values, but row 4 has 2"):
        CCA(1).fit(ragged, TEXT)
    fitted = CCA(1).fit(VALUES, TEXT)
    with pytest.raises(ValueError, match="the rows of text differ in length: row 0 has 3 values, but row 4 has 2"):
        fitted.encode_text(ragged)
