"""Losses over the pairs of a batch: published equations as float64 loops, gradients, limits."""

import pytest
import torch
from numpy.testing import assert_allclose
from torch.autograd import gradcheck

from skxmr.nn import contrastive, losses
from tests import reference

SIZES = [(2, 3, 4), (7, 5, 3), (6, 2, 1)]


def batch(n, d, c, seed=0):
    generator = torch.Generator().manual_seed(seed)
    u, v = torch.randn(2, n, d, dtype=torch.float64, generator=generator)
    Y = (torch.rand(n, c, dtype=torch.float64, generator=generator) < 0.4).double()
    return u, v, Y


def soft_contrastive(u, v, Y, *options):
    cosines = [losses.cosine(u, v), losses.cosine(u, u), losses.cosine(v, v)]
    return contrastive.soft_contrastive(cosines, Y, *options)


@pytest.mark.parametrize(("n", "d", "c"), SIZES)
def test_triplets_are_equation_4(n, d, c):
    u, v, Y = batch(n, d, c)
    found = contrastive.triplets(u, v, Y, 0.3, 2.5)
    assert_allclose(found, reference.triplets(u, v, Y, 0.3, 2.5), rtol=1e-12)
    assert gradcheck(lambda a, b: contrastive.triplets(a, b, Y, 0.3, 2.5), (u.requires_grad_(), v.requires_grad_()))


@pytest.mark.parametrize(("n", "d", "c"), [*SIZES, (9, 4, 2)])
def test_circle_is_equation_15(n, d, c):
    u, _, Y = batch(n, d, c)
    S = losses.cosine(u, u)
    assert_allclose(contrastive.circle(S, Y, 0.25, 16.0), reference.circle(S, Y, 0.25, 16.0), rtol=1e-12)
    assert_allclose(contrastive.circle(S, Y, 0.1, 3.0), reference.circle(S, Y, 0.1, 3.0), rtol=1e-12)


def test_the_weights_of_the_circle_are_held_constant():
    """With a_p and a_n as inputs the gradient is that of the formula; they do not add to it."""
    u, _, Y = batch(6, 3, 2)
    S = losses.cosine(u, u).requires_grad_()
    gradient = torch.autograd.grad(contrastive.circle(S, Y), S)[0]
    a_p, a_n = (1.25 - S).clamp(min=0).detach(), (S + 0.25).clamp(min=0).detach()

    def formula(S):
        upper = torch.ones(6, 6, dtype=torch.bool).triu(1)
        alike = Y @ Y.T > 0
        p, n = (-16 * a_p * (S - 0.75))[upper & alike], (16 * a_n * (S - 0.25))[upper & ~alike]
        return torch.nn.functional.softplus(torch.logsumexp(n, 0) + torch.logsumexp(p, 0))

    assert gradcheck(formula, (S,))
    assert_allclose(gradient, torch.autograd.grad(formula(S), S)[0], rtol=1e-12)


@pytest.mark.parametrize(("n", "d", "c"), SIZES)
def test_soft_contrastive_is_equations_18_to_22(n, d, c):
    u, v, Y = batch(n, d, c)
    found = soft_contrastive(u, v, Y, 0.22, 0.14)
    assert_allclose(found, reference.soft_contrastive(u, v, Y, 0.22, 0.14), rtol=1e-12)
    assert gradcheck(lambda a, b: soft_contrastive(a, b, Y), (u.requires_grad_(), v.requires_grad_()))


LIMITS = {
    "one label a row": torch.eye(6, dtype=torch.float64)[[0, 1, 2, 0, 1, 2]],
    "one label in all: no negatives": torch.ones(6, 1, dtype=torch.float64),
    "every row distinct: no positives": torch.eye(6, dtype=torch.float64),
    "no labels at all": torch.zeros(6, 2, dtype=torch.float64),
}


@pytest.mark.parametrize("Y", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("rows", ["distinct", "duplicated", "two", "zero"])
def test_limits_are_finite_with_finite_gradients(Y, rows):
    u, v, _ = batch(6, 4, 2)
    if rows == "duplicated":
        u, v = u[[0, 0, 0, 1, 1, 1]], u[[0, 0, 0, 1, 1, 1]]
    elif rows == "two":
        u, v, Y = u[:2], v[:2], Y[:2]
    elif rows == "zero":
        u, v = torch.zeros_like(u), torch.zeros_like(v)
    u, v = u.clone().requires_grad_(), v.clone().requires_grad_()
    found = {
        "triplets": contrastive.triplets(u, v, Y, 0.05, 1.0),
        "circle": contrastive.circle(losses.cosine(u, u), Y),
        "soft": soft_contrastive(u, v, Y),
    }
    for name, loss in found.items():
        gradients = torch.autograd.grad(loss, (u, v), allow_unused=True, retain_graph=True)
        assert torch.isfinite(loss), name
        assert all(g is None or torch.isfinite(g).all() for g in gradients), name


def test_without_negatives_or_positives_there_is_no_loss_to_count():
    u, v, _ = batch(6, 4, 2)
    all_alike, none_alike = LIMITS["one label in all: no negatives"], LIMITS["every row distinct: no positives"]
    assert contrastive.triplets(u, v, all_alike, 0.05, 1.0) == 0
    for Y in (all_alike, none_alike):
        assert contrastive.circle(losses.cosine(u, u), Y) == 0


def test_soft_contrastive_prefers_what_shares_labels():
    """At its minimum over one similarity the related pair scores higher than the unrelated one."""
    Y = torch.tensor([[1.0, 0], [1, 0], [0, 1]], dtype=torch.float64)
    u = torch.randn(3, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    v = torch.randn(3, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2)).requires_grad_()
    optimizer = torch.optim.Adam([u, v], lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        soft_contrastive(u, v, Y).backward()
        optimizer.step()
    S = losses.cosine(u, v)
    assert S[0, 1] > S[0, 2] + 0.3 and S[2, 2] > S[2, 0] + 0.3
