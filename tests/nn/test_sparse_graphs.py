"""Layers over sparse graphs are those over dense ones, and make no matrix of labels by labels."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.autograd import gradcheck

from skxmr import DAGNN, L2GCN
from skxmr.datasets import make_multilabel_pairs
from skxmr.nn.graph_layers import LAYERS, attend


def graph(c=9, dtype=torch.float64):
    torch.manual_seed(0)
    A = torch.rand(c, c, dtype=dtype) * (torch.rand(c, c) < 0.3)
    A[2], A[:, 2] = 0, 0  # a label that only meets itself
    return A.fill_diagonal_(1.0)


def outputs_and_gradients(layer, H, A):
    layer.zero_grad()
    H = H.clone().requires_grad_(True)
    out = layer(H, A)
    (out * torch.arange(out.numel()).reshape(out.shape)).sum().backward()
    return [out.detach(), H.grad, *(p.grad.clone() for p in layer.parameters())]


@pytest.mark.parametrize("c", [9, 200])
@pytest.mark.parametrize("kind", LAYERS)
def test_sparse_layers_are_the_dense_ones(kind, c):
    """Gradients are computed by the 8,192 edges; the second graph has more."""
    A = graph(c)
    assert (A.count_nonzero() > 8192) == (c == 200)
    layer, H = LAYERS[kind](4, 5).double(), torch.randn(c, 4, dtype=torch.float64)
    dense, sparse = (outputs_and_gradients(layer, H, given) for given in (A, A.to_sparse()))
    for expected, found in zip(dense, sparse, strict=True):
        assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_attention_over_edges_has_its_gradient():
    A = graph(5).to_sparse()
    r, s, X = torch.randn(5).double(), torch.randn(5).double(), torch.randn(5, 3).double()
    assert gradcheck(lambda *given: attend(A, *given), [t.requires_grad_(True) for t in (r, s, X)])


def test_large_attention_scores_stay_finite():
    A = graph(5, torch.float32).to_sparse()
    found = attend(A, torch.full((5,), 500.0), torch.full((5,), 500.0), torch.ones(5, 2))
    assert_allclose(found, 1.0, rtol=1e-6)


@pytest.mark.parametrize("kind", LAYERS)
def test_sparse_layers_work_under_autocast(kind):
    A = graph(dtype=torch.float32)
    layer, H = LAYERS[kind](4, 5), torch.randn(9, 4)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(H, A.to_sparse())
    assert_allclose(found.detach().float(), layer(H, A).detach(), atol=0.1)


@pytest.mark.parametrize(
    "model",
    [DAGNN(8, gnn="gcn", hidden=8, width=8), DAGNN(8, gnn="gat", hidden=8, width=8), L2GCN(8, hidden=8, width=8)],
    ids=["gcn", "gat", "l2gcn"],
)
def test_many_labels_train_without_a_matrix_of_them(model, monkeypatch):
    """600 labels; a dense graph of 10,000 would be 400 MB a layer."""
    pairs, _ = make_multilabel_pairs(120, random_state=0)
    rng = np.random.default_rng(0)
    Y = np.zeros((120, 600), int)
    Y[np.repeat(np.arange(120), 3), rng.integers(0, 40, size=360)] = 1  # often together
    Y[np.arange(60), 40 + np.arange(60)] = 1  # once each; the others never
    monkeypatch.setattr(torch.Tensor, "to_dense", None)
    fitted = model.set_params(max_epochs=2, random_state=0).fit(pairs, Y)
    assert fitted.network_.A.is_sparse and fitted.classifiers_.shape == (600, 8)
    assert np.isfinite(fitted.history_["loss"]).all()
