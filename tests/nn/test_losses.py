"""Every loss term is its published equation, written as a float64 loop, and has the gradient autograd says."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.autograd import gradcheck

from skxmr.nn import losses
from tests import reference

SIZES = [(2, 3, 4), (7, 5, 3), (5, 2, 1)]


def batch(n, d, c, seed=0):
    generator = torch.Generator().manual_seed(seed)
    u, v = torch.randn(2, n, d, dtype=torch.float64, generator=generator)
    Z = torch.randn(c, d, dtype=torch.float64, generator=generator)
    Y = (torch.rand(n, c, dtype=torch.float64, generator=generator) < 0.5).double()
    return u, v, Z, Y


@pytest.mark.parametrize(("n", "d", "c"), SIZES)
def test_cosine_is_the_loop(n, d, c):
    u, v, _, _ = batch(n, d, c)
    u[0] = 0
    loop = [[reference.cosine(a, b) for b in v.tolist()] for a in u.tolist()]
    assert_allclose(losses.cosine(u, v), loop, atol=1e-12)
    assert gradcheck(losses.cosine, (u[1:].requires_grad_(), v.requires_grad_()))


@pytest.mark.parametrize(("n", "d", "c"), SIZES)
def test_classification_is_equation_9(n, d, c):
    u, _, Z, Y = batch(n, d, c)
    loop = 0.0
    for i in range(n):
        errors = [reference.cosine(u[i].tolist(), z) - y for z, y in zip(Z.tolist(), Y[i].tolist(), strict=True)]
        loop += math.sqrt(sum(e * e for e in errors)) / n
    scores = losses.cosine(u, Z)
    assert_allclose(losses.classification(scores, Y), loop, rtol=1e-12)
    assert gradcheck(losses.classification, (scores.requires_grad_(), Y))


def test_an_exact_prediction_has_no_gradient():
    scores = torch.tensor([[1.0, 0.0], [0.0, 0.5]], dtype=torch.float64, requires_grad=True)
    losses.classification(scores, torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)).backward()
    assert_allclose(scores.grad, [[0, 0], [0, -0.5]])


@pytest.mark.parametrize(("temperature", "count"), [(2.0, True), (0.2, False)])
@pytest.mark.parametrize(("n", "d", "c"), SIZES)
def test_pairwise_likelihood_is_a_term_of_equation_10(n, d, c, temperature, count):
    u, v, _, Y = batch(n, d, c)
    loop = 0.0
    for i in range(n):
        for j in range(n):
            theta = reference.cosine(u[i].tolist(), v[j].tolist()) / temperature
            shared = sum(a * b for a, b in zip(Y[i].tolist(), Y[j].tolist(), strict=True))
            shared = shared if count else min(shared, 1)  # how many, or whether any
            loop += (math.log(1 + math.exp(theta)) - shared * theta) / n**2
    S = losses.cosine(u, v)
    assert_allclose(losses.pairwise_likelihood([S], Y, temperature, count), loop, rtol=1e-12)
    assert gradcheck(lambda S: losses.pairwise_likelihood([S], Y, temperature, count), (S.requires_grad_(),))


@pytest.mark.parametrize(("n", "d", "c"), SIZES)
def test_the_losses_of_autoencoders_are_their_loops(n, d, c):
    u, v, _, _ = batch(n, d, c)
    loop = reference.mean_squared_distance(u.tolist(), v.tolist())
    assert_allclose(losses.correspondence(u, v), loop, rtol=1e-12)
    assert_allclose(losses.reconstruction(u, v), loop / d, rtol=1e-12)
    assert gradcheck(losses.correspondence, (u.requires_grad_(), v.requires_grad_()))
    assert gradcheck(losses.reconstruction, (u, v))


@pytest.mark.parametrize("of_text", [False, True])
def test_origin_is_a_term_of_equation_11(of_text):
    logits = torch.randn(6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    loop = 0.0
    for row in logits.tolist():
        chances = np.exp(row) / np.exp(row).sum()
        loop -= math.log(chances[int(of_text)]) / 6
    assert_allclose(losses.origin(logits, of_text), loop, rtol=1e-12)
    assert gradcheck(lambda x: losses.origin(x, of_text), (logits.requires_grad_(),))


def test_duplicated_rows_do_not_change_means():
    u, v, Z, Y = batch(4, 3, 2)
    twice = [torch.cat([x, x]) for x in (u, v, Y)]
    assert_allclose(
        losses.classification(losses.cosine(twice[0], Z), twice[2]), losses.classification(losses.cosine(u, Z), Y)
    )
    assert_allclose(
        losses.pairwise_likelihood([losses.cosine(twice[0], twice[1])], twice[2]),
        losses.pairwise_likelihood([losses.cosine(u, v)], Y),
    )


@pytest.mark.parametrize(("n", "d", "c"), SIZES)
def test_label_prediction_is_half_of_acmr_equation_2(n, d, c):
    logits, _, _, Y = batch(n, c, c)
    Y[0] = 0  # a row without labels adds nothing
    loop = 0.0
    for row, labels in zip(logits.tolist(), Y.tolist(), strict=True):
        chances = np.exp(row) / np.exp(row).sum()
        loop -= sum(y / max(sum(labels), 1) * math.log(p) for y, p in zip(labels, chances, strict=True)) / n
    assert_allclose(losses.label_prediction(logits, Y), loop, rtol=1e-12, atol=1e-15)
    assert gradcheck(losses.label_prediction, (logits.requires_grad_(), Y))
