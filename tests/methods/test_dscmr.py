"""DSCMR against its equations."""

import math

import numpy as np
import torch
from numpy.testing import assert_allclose
from torch import nn

from skxmr import DSCMR
from skxmr.methods.dscmr import DSCMRNetwork, DSCMRObjective
from skxmr.nn.objective import Batch
from tests import reference

N, D, C = 10, 6, 3


def build():
    torch.manual_seed(0)
    branches = [nn.Sequential(nn.Linear(d, 5), nn.ReLU()) for d in (9, 7)]
    network = DSCMRNetwork([nn.Identity(), nn.Identity()], branches, 5, D, C).double()
    Y = torch.from_numpy((np.random.default_rng(0).uniform(size=(N, C)) < 0.5).astype(float))
    return network, torch.randn(N, 9).double(), torch.randn(N, 7).double(), Y


def test_objective_is_its_equations():
    network, image, text, Y = build()
    out = network(image, text)
    v, t = out["image"].tolist(), out["text"].tolist()
    W, b = network.to_labels.weight.tolist(), network.to_labels.bias.tolist()
    first = 0.0
    for rows in (v, t):
        for row, y in zip(rows, Y.tolist(), strict=True):
            scores = [
                sum(w * x for w, x in zip(line, row, strict=True)) + shift for line, shift in zip(W, b, strict=True)
            ]
            first += math.dist(scores, y) / N
    second = 0.0
    for a, c in ((v, t), (v, v), (t, t)):
        for i in range(N):
            for j in range(N):
                theta = reference.cosine(a[i], c[j]) / 0.7
                shared = min(1, sum(p * q for p, q in zip(Y[i].tolist(), Y[j].tolist(), strict=True)))
                second += (math.log(1 + math.exp(theta)) - shared * theta) / N**2
    third = sum(math.dist(a, c) for a, c in zip(v, t, strict=True)) / N
    objective = DSCMRObjective({"classification": 1.0, "discrimination": 1e-3, "alignment": 0.1}, 0.7)
    terms = objective.terms(out, Batch(None, None, Y))
    assert_allclose([value.item() for value in terms.values()], [first, second, third], rtol=1e-12)
    assert_allclose(objective.total(terms).item(), first + 1e-3 * second + 0.1 * third, rtol=1e-12)


def test_both_branches_end_in_one_layer():
    network, image, *_ = build()
    assert network.image_encoder[-1] is network.text_encoder[-1]
    hidden = network.image_encoder[0](image)
    assert_allclose(network.encode_image(image).detach(), network.text_encoder[-1](hidden).detach())
    assert network.encode_image(image).min() < 0  # no activation behind the embedding


def test_pairs_that_coincide_have_a_finite_gradient():
    objective = DSCMRObjective({"alignment": 1.0})
    u = torch.randn(4, 3, dtype=torch.float64).requires_grad_()
    loss = objective.alignment({"image": u, "text": u.detach().clone()}, torch.ones(4, 1))
    loss.backward()
    assert_allclose(u.grad, 0.0)


def test_constants_of_the_paper(small):
    found = DSCMR.paper().get_params()
    expected = {
        "n_components": 1024,
        "hidden": 2048,
        "alpha": 1e-3,
        "temperature": 2.0,
        "beta": 0.1,
        "lr": 1e-4,
        "batch_size": 100,
    }
    assert expected.items() <= found.items() and found["optimizer"].keywords["betas"] == (0.5, 0.999)
    fitted = DSCMR.paper(max_epochs=1, random_state=0).fit(*small)
    d_image, d_text = (view.shape[1] for view in (small[0].image, small[0].text))
    expected = (d_image + 1) * 2048 + (d_text + 1) * 2048 + 2049 * 1024 + 1025 * 8
    assert sum(p.numel() for p in fitted.network_.parameters()) == expected
