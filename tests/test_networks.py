import copy
import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch.autograd import gradcheck

from skxmr import label_graph, networks
from skxmr.adversaries import reverse_gradient
from skxmr.graph_layers import GraphAttention, GraphConvolution
from skxmr.label_networks import MultiHopGNN
from skxmr.networks import Dropout

ASYMMETRIC = np.array([[1, 1, 0], [0, 1, 0], [0, 1, 1], [1, 0, 0]])  # P(1|2) = 1 and P(1|0) = 1/2: label 1 receives


def random(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def leaky(x):
    return x if x > 0 else 0.2 * x


def graph(normalize="none"):
    return torch.from_numpy(label_graph(ASYMMETRIC, 0.4, 0.5, normalize=normalize))


def test_graph_convolution_is_the_loop():
    H, A, layer = random(3, 4), graph("symmetric"), GraphConvolution(4, 2).double()
    W = layer.weight.detach().numpy()
    loop = np.zeros((3, 2))
    for i in range(3):
        for k in range(2):
            loop[i, k] = leaky(sum(A[i, j].item() * H[j, a].item() * W[a, k] for j in range(3) for a in range(4)))
    assert_allclose(layer(H, A).detach(), loop, atol=1e-12)
    assert gradcheck(lambda h: layer(h, A), (H.requires_grad_(),))


def test_graph_convolution_starts_uniform():
    weight = GraphConvolution(300, 64).weight
    assert weight.abs().max() <= 1 / 8 and weight.abs().max() > 0.12
    assert abs(weight.std().item() - 1 / 8 / math.sqrt(3)) < 0.002


def test_graph_attention_is_the_loop():
    H, A, layer = random(3, 4), graph(), GraphAttention(4, 2).double()
    WH = (H @ layer.weight).detach().numpy()
    a = layer.attention.detach().numpy().ravel()
    loop = np.zeros((3, 2))
    for i in range(3):
        neighbours = [j for j in range(3) if A[i, j] > 0]
        e = [leaky(a @ np.concatenate([WH[i], WH[j]])) for j in neighbours]
        alpha = np.exp(e) / np.exp(e).sum()
        total = sum(w * WH[j] for w, j in zip(alpha, neighbours, strict=True))
        loop[i] = [x if x > 0 else math.exp(x) - 1 for x in total]
    assert_allclose(layer(H, A).detach(), loop, atol=1e-12)
    assert gradcheck(lambda h: layer(h, A), (H.requires_grad_(),))


def test_attention_heeds_only_which_edges_there_are():
    """Any p > 0 gives the same attention."""
    H, layer = random(3, 4), GraphAttention(4, 2).double()
    masks = [torch.from_numpy(label_graph(ASYMMETRIC, 0.4, p)) for p in (0.1, 0.9)]
    assert_array_equal(layer(H, masks[0]).detach(), layer(H, masks[1]).detach())


@pytest.mark.parametrize("kind", [GraphConvolution, GraphAttention])
def test_node_i_receives_from_j_where_j_implies_i(kind):
    """Changing the vector of label j moves label i only along an edge A_ij."""
    A, layer = graph(), kind(4, 5).double()
    H = random(3, 4)
    moved = H.clone()
    moved[1] += 1
    change = (layer(moved, A) - layer(H, A)).abs().sum(dim=1) > 0
    assert_array_equal(change, A[:, 1] > 0)


@pytest.mark.parametrize("kind", [GraphConvolution, GraphAttention])
def test_identity_graph_is_no_propagation(kind):
    layer, H = kind(4, 5).double(), random(3, 4)
    together = layer(H, torch.eye(3, dtype=torch.float64))
    alone = torch.cat([layer(row[None], torch.ones(1, 1, dtype=torch.float64)) for row in H])
    assert_allclose(together.detach(), alone.detach(), atol=1e-12)


@pytest.mark.parametrize("kind", [GraphConvolution, GraphAttention])
@pytest.mark.parametrize("aggregate", ["concat", "linear"])
def test_layer_aggregation_is_equation_4(kind, aggregate):
    net = MultiHopGNN(kind, 4, 6, 3, 5, aggregate).double()
    Q, A = random(3, 4), graph("symmetric")
    hops, H = [], Q
    for layer in net.layers:
        H = layer(H, A)
        hops.append(H)
    joined = torch.cat(hops, dim=1) if aggregate == "concat" else H
    for i in range(3):
        expected = net.output.weight @ joined[i] + net.output.bias
        assert_allclose(net(Q, A)[i].detach(), expected.detach(), atol=1e-12)


@pytest.mark.parametrize("kind", [GraphConvolution, GraphAttention])
def test_permuting_the_labels_permutes_the_classifiers(kind):
    net, Q, A = MultiHopGNN(kind, 4, 6, 3, 5).double(), random(3, 4), graph("symmetric")
    order = torch.tensor([2, 0, 1])
    permuted = net(Q[order], A[order][:, order])
    assert_allclose(permuted.detach(), net(Q, A)[order].detach(), atol=1e-12)


@pytest.mark.parametrize("strength", [1.0, 0.3, 0.0])
def test_reversed_gradient_is_minus_strength_times_plain(strength):
    x = random(4, 3).requires_grad_()
    plain, reversed_ = (
        torch.autograd.grad((net(x) ** 3).sum(), x)[0] for net in (lambda x: x, lambda x: reverse_gradient(x, strength))
    )
    assert_allclose(reversed_, -strength * plain)
    assert_array_equal(reverse_gradient(x, strength).detach(), x.detach())


def test_dropout_draws_from_its_own_generator():
    layer, x = Dropout(0.4), torch.ones(200, 50)
    layer.generator = torch.Generator().manual_seed(3)
    state = torch.get_rng_state()
    first = layer(x)
    assert torch.equal(torch.get_rng_state(), state)
    layer.generator.manual_seed(3)
    assert torch.equal(layer(x), first)
    assert not torch.equal(layer(x), first)
    assert abs((first == 0).float().mean() - 0.4) < 0.02
    assert_allclose(first[first != 0], 1 / 0.6, rtol=1e-6)
    layer.eval()
    assert layer(x) is x


def test_dropout_of_nothing_is_the_identity():
    x = torch.ones(3)
    assert Dropout(0.0)(x) is x
    assert copy.deepcopy(Dropout(0.5)).p == 0.5
    assert networks.SLOPE == 0.2


@pytest.mark.parametrize("hidden", [None, 4])
def test_encoders_are_their_formulas(hidden):
    """Without a hidden layer relu(W x + b), the paper's; with one W2 gelu(W1 x + b1) + b2; dropout in training only."""
    module = networks.encoder(3, 2, hidden, dropout=0.5, input_dropout=0.5).double().eval()
    layers = [layer for layer in module if isinstance(layer, torch.nn.Linear)]
    x = random(5, 3)
    for row, out in zip(x.tolist(), module(x).tolist(), strict=True):
        for number, layer in enumerate(layers):
            W, b = layer.weight.tolist(), layer.bias.tolist()
            row = [sum(w * v for w, v in zip(line, row, strict=True)) + shift for line, shift in zip(W, b, strict=True)]
            if hidden is None:
                row = [max(v, 0.0) for v in row]
            elif number == 0:
                row = [v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in row]
        assert_allclose(out, row, rtol=1e-12)
    assert not torch.equal(module.train()(x), module.eval()(x))


def test_free_classifiers_look_at_neither_vectors_nor_graph():
    module = networks.FreeClassifiers(4, 3)
    assert torch.equal(module(random(4, 7), torch.eye(4)), module(random(4, 2, seed=1), torch.ones(4, 4)))
    assert module(random(4, 7), torch.eye(4)).shape == (4, 3)
