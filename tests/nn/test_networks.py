import copy
import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch.autograd import gradcheck

from skxmr import label_graph
from skxmr.nn import networks
from skxmr.nn.adversaries import Discriminator, reverse_gradient
from skxmr.nn.graph_layers import GraphAttention, GraphConvolution, TwoBranchLayer, symmetric
from skxmr.nn.label_networks import AdaptiveClassifiers, FreeClassifiers, IterativeClassifiers, MultiHopGNN
from skxmr.nn.networks import Dropout
from tests import reference

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


@pytest.mark.parametrize("kind", [GraphConvolution, GraphAttention, TwoBranchLayer])
def test_node_i_receives_from_j_where_j_implies_i(kind):
    """Changing the vector of label j moves label i only along an edge A_ij."""
    A, layer = graph(), kind(4, 5).double()
    H = random(3, 4)
    moved = H.clone()
    moved[1] += 1
    change = (layer(moved, A) - layer(H, A)).abs().sum(dim=1) > 0
    assert_array_equal(change, A[:, 1] > 0)


@pytest.mark.parametrize("kind", [GraphConvolution, GraphAttention, TwoBranchLayer])
def test_identity_graph_is_no_propagation(kind):
    layer, H = kind(4, 5).double(), random(3, 4)
    together = layer(H, torch.eye(3, dtype=torch.float64))
    alone = torch.cat([layer(row[None], torch.ones(1, 1, dtype=torch.float64)) for row in H])
    assert_allclose(together.detach(), alone.detach(), atol=1e-12)


@pytest.mark.parametrize("kind", ["gcn", "gat"])
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


@pytest.mark.parametrize("kind", ["gcn", "gat"])
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
    module = FreeClassifiers(4, 3)
    assert torch.equal(module(random(4, 7), torch.eye(4)), module(random(4, 2, seed=1), torch.ones(4, 4)))
    assert module(random(4, 7), torch.eye(4)).shape == (4, 3)


@pytest.mark.parametrize("kind", ["edges", "none"])
def test_the_two_branch_layer_is_equations_5_to_10(kind):
    H, layer = random(3, 4), TwoBranchLayer(4, 2).double()
    A = graph() if kind == "edges" else torch.diag(torch.tensor([1.0, 0.5, 2.0], dtype=torch.float64))
    X = (H @ layer.features.weight.T + layer.features.bias).detach().numpy()
    for i in range(3):
        neighbours = [j for j in range(3) if j != i and A[i, j] > 0]
        mean = sum((A[i, j].item() * X[j] for j in neighbours), np.zeros(2)) / max(len(neighbours), 1)
        own = layer.own.weight.detach().numpy() @ (A[i, i].item() * X[i]) + layer.own.bias.detach().numpy()
        other = layer.neighbours.weight.detach().numpy() @ mean + layer.neighbours.bias.detach().numpy()
        assert_allclose(layer(H, A)[i].detach(), own + other, atol=1e-12)
    assert gradcheck(lambda h: layer(h, A), (H.requires_grad_(),))
    assert_allclose(layer(H, A.to_sparse()).detach(), layer(H, A).detach())


def test_the_last_layer_alone_is_the_classifiers():
    net = MultiHopGNN("l2gcn", 4, 6, 3, 5, "last").double()
    Q, A = random(3, 4), graph()
    H = Q
    for number, layer in enumerate(net.layers):
        H = layer(H if number == 0 else torch.nn.functional.leaky_relu(H, 0.2), A)
    assert_allclose(net(Q, A).detach(), H.detach())
    assert net(Q, A).shape == (3, 5) and sum(p.numel() for p in net.output.parameters()) == 0


def test_symmetric_normalisation_is_the_graphs_own():
    A = graph()
    assert_allclose(symmetric(A), graph("symmetric"), atol=1e-12)
    assert_allclose(symmetric(A.to_sparse()), symmetric(A))
    A[1] = 0
    assert torch.isfinite(symmetric(A)).all()


def adaptive(gamma=0.5):
    torch.manual_seed(0)
    return AdaptiveClassifiers(MultiHopGNN("gcn", 4, 6, 3, 5), 3, gamma).double()


def test_the_adaptive_matrix_is_its_formula():
    """D^-1/2 ReLU(A + gamma B) D^-1/2, the degree being that of the sum; B starts uniform in [0, .02]."""
    net, A = adaptive(), graph()
    assert 0 <= net.B.min() and net.B.max() <= 0.02
    net.B.data = random(3, 3)
    M = [[max(0.0, (A[i, j] + 0.5 * net.B[i, j]).item()) for j in range(3)] for i in range(3)]
    loop = [[M[i][j] / math.sqrt(sum(M[i]) * sum(M[j])) for j in range(3)] for i in range(3)]
    assert_allclose(net.adapted(A).detach(), loop, rtol=1e-12)
    assert_allclose(net(random(3, 4), A).detach(), net.gnn(random(3, 4), net.adapted(A)).detach())
    assert_allclose(adaptive(0.0).adapted(A).detach(), graph("symmetric"), atol=1e-12)


def test_the_regulariser_of_the_adaptive_matrix_is_its_formula():
    net, A = adaptive(), graph()
    net.noise.generator = torch.Generator().manual_seed(5)
    found = net.departure(A)
    net.noise.generator.manual_seed(5)
    loop = 0.0
    for _ in range(3):  # one draw a layer
        grown = net.noise(torch.ones(3, 3, dtype=torch.float64)) > 0
        for i in range(3):
            for j in range(3):
                loop += (net.adapted(A)[i, j].item() - min(0.5, A[i, j].item() + grown[i, j].item())) ** 2 / 9
    assert_allclose(found.item(), loop, rtol=1e-12)
    shares = [(net.noise(torch.ones(100, 100)) > 0).double().mean() for _ in range(5)]
    assert abs(sum(shares) / 5 - 0.2) < 0.01


def test_the_iterated_graph_is_its_formula():
    torch.manual_seed(0)
    Q, A = random(3, 4), graph()
    net = IterativeClassifiers(MultiHopGNN("gcn", 4, 6, 2, 5), Q, 2, 0.1, 0.5).double()
    loop = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            weighted = [[(w * q).tolist() for q in (net.vectors[i], net.vectors[j])] for w in net.heads]
            S = sum(reference.cosine(*pair) for pair in weighted) / 2
            loop[i, j] = 0.5 * A[i, j].item() + 0.5 * (S if S >= 0.1 else 0.0)
    assert_allclose(net.adapted(A).detach(), loop, rtol=1e-12)
    assert_allclose(net(None, A).detach(), net.gnn(net.vectors, symmetric(net.adapted(A))).detach())
    start = net.vectors.detach().clone().requires_grad_()
    adapted = torch.func.functional_call
    assert gradcheck(lambda q: adapted(Adapted(net), {"net.vectors": q}, (A,)), (start,))


class Adapted(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, A):
        return self.net.adapted(A)


@pytest.mark.parametrize("kind", ["adaptive", "iterated"])
def test_permuting_the_labels_permutes_learned_graphs_and_classifiers(kind):
    torch.manual_seed(0)
    Q, A, order = random(3, 4), graph(), torch.tensor([2, 0, 1])
    gnn = MultiHopGNN("gcn", 4, 6, 2, 5).double()
    if kind == "adaptive":
        net = AdaptiveClassifiers(gnn, 3, 0.5).double()
        other = copy.deepcopy(net)
        other.B.data = net.B[order][:, order]
    else:
        net = IterativeClassifiers(gnn, Q, 2, 0.1, 0.5).double()
        other = copy.deepcopy(net)
        other.vectors.data = net.vectors[order]
    permuted = A[order][:, order]
    assert_allclose(other.adapted(permuted).detach(), net.adapted(A)[order][:, order].detach(), atol=1e-12)
    assert_allclose(other(Q[order], permuted).detach(), net(Q, A)[order].detach(), atol=1e-12)


@pytest.mark.parametrize(("ramp", "progress", "expected"), [(False, 0.0, 0.7), (True, 0.0, 0.0), (True, 0.3, None)])
def test_the_strength_of_the_reversal_may_grow(ramp, progress, expected):
    torch.manual_seed(0)
    x = random(4, 3).requires_grad_()
    gradients = []
    for strength in (0.7, -1.0):
        torch.manual_seed(0)
        head = Discriminator(3, strength, hidden=(5,), ramp=ramp and strength > 0).double()
        head.advance(progress)
        gradients.append(torch.autograd.grad((head(x)[0] ** 2).sum(), x)[0])
    factor = 0.7 * (2 / (1 + math.exp(-10 * progress)) - 1) if expected is None else expected
    assert_allclose(gradients[0], -factor * gradients[1], atol=1e-14)
    widths = [layer.out_features for layer in head.layers if isinstance(layer, torch.nn.Linear)]
    assert widths == [5, 2]  # no batch normalisation: hidden units are given
