"""ACMR against its equations."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from skxmr import ACMR
from skxmr.datasets import make_multilabel_pairs
from skxmr.methods.acmr import ACMRNetwork, ACMRObjective
from skxmr.nn.adversaries import EmbeddingCritic
from skxmr.nn.networks import UnitLength, encoder
from skxmr.nn.objective import Batch
from tests import reference

WEIGHTS = {"invariance": 0.7, "classification": 0.3, "norm": 0.01, "adversary": 1.0}
N, D, C = 12, 6, 3


def build(strength=1.0):
    torch.manual_seed(0)
    encoders = [encoder(9, D, 5, activation="tanh"), encoder(7, D, 4, activation="tanh")]
    critic = EmbeddingCritic(D, strength, hidden=(3,))
    network = ACMRNetwork([nn.Identity(), nn.Identity()], encoders, D, C, critic).double()
    Y = torch.from_numpy((np.random.default_rng(0).uniform(size=(N, C)) < 0.5).astype(float))
    return network, torch.randn(N, 9).double(), torch.randn(N, 7).double(), Y


def objective(weights=WEIGHTS):
    return ACMRObjective(weights, hinge=0.2, margin=1.5)


def test_objective_is_equations_1_to_8():
    network, image, text, Y = build()
    out = network(image, text)
    terms = objective().terms(out, Batch(None, None, Y))
    v, t = out["image"], out["text"]
    imi = reference.triplets(v, t, Y, 0.2, 1.5) + reference.triplets(t, v, Y, 0.2, 1.5)
    imd = adv = 0.0
    for rows in (v, t):
        for row, y in zip(rows, Y, strict=True):
            logits = (network.to_labels.weight @ row + network.to_labels.bias).tolist()
            total = sum(map(math.exp, logits))
            for score, label in zip(logits, y.tolist(), strict=True):
                imd -= label / max(y.sum().item(), 1) * math.log(math.exp(score) / total) / N
    for rows, column in ((v, 0), (t, 1)):
        for row in network.critic.of_embedding.layers(rows).tolist():
            adv -= math.log(math.exp(row[column]) / sum(map(math.exp, row))) / N
    norm = 0.0
    for branch in (network.image_encoder, network.text_encoder):
        for layer in branch:
            if isinstance(layer, nn.Linear):
                norm += math.sqrt(sum(w * w for line in layer.weight.tolist() for w in line))
    assert_allclose([terms[name].item() for name in WEIGHTS], [imi, imd, norm, adv], rtol=1e-12)
    assert_allclose(objective().total(terms).item(), 0.7 * imi + 0.3 * imd + 0.01 * norm + adv, rtol=1e-12)


def test_the_projectors_are_the_papers():
    """Two layers with tanh behind both."""
    network, image, *_ = build()
    first, second = (layer for layer in network.image_encoder if isinstance(layer, nn.Linear))
    expected = torch.tanh(second(torch.tanh(first(image))))
    assert_allclose(network.encode_image(image).detach(), expected.detach())


def test_a_zero_embedding_stays_zero_at_unit_length():
    rows = torch.tensor([[3.0, 4.0], [0.0, 0.0]], requires_grad=True)
    found = UnitLength()(rows)
    found.sum().backward()
    assert_allclose(found.detach(), [[0.6, 0.8], [0.0, 0.0]], rtol=1e-6)
    assert torch.isfinite(rows.grad).all()


@pytest.mark.parametrize("normalize", [True, False])
def test_every_term_sees_unit_lengths_unless_asked_otherwise(small, normalize):
    pairs, labels = small
    model = ACMR(4, hidden=8, normalize=normalize, max_epochs=1, random_state=0).fit(pairs, labels)
    network = model.network_.eval()
    out = network(*(torch.from_numpy(np.asarray(view, dtype=np.float32)) for view in (pairs.image, pairs.text)))
    for name in ("image", "text"):
        assert (abs(out[name].norm(dim=1) - 1).max() < 1e-6) == normalize
        assert_allclose(out[f"{name}_scores"].detach(), network.to_labels(out[name]).detach(), rtol=1e-6)
    judged = network.critic.of_embedding(out["image"], out["text"])
    assert_allclose(out["from_text"].detach(), judged[1].detach(), rtol=1e-5)


@pytest.mark.parametrize("strength", [1.0, 0.3])
def test_projectors_climb_what_the_classifier_descends(strength):
    gradients = []
    for reversal in (strength, -1.0):
        network, image, text, Y = build(reversal)
        objective({"adversary": 1.0}).terms(network(image, text), Batch(None, None, Y))["adversary"].backward()
        projectors = [network.image_encoder[1].weight.grad, network.text_encoder[1].weight.grad]
        gradients.append((projectors, [p.grad for p in network.critic.parameters()]))
        assert network.to_labels.weight.grad is None  # other heads are untouched
    (reversed_, with_), (plain, without) = gradients
    for a, b in zip(reversed_, plain, strict=True):
        assert a.abs().max() > 1e-8
        assert_allclose(a, -strength * b, atol=1e-14)
    for a, b in zip(with_, without, strict=True):
        assert_allclose(a, b, atol=1e-14)


def test_a_step_on_the_modality_classifier_alone_lowers_its_loss():
    network, image, text, Y = build()
    before = objective().terms(network(image, text), Batch(None, None, Y))
    heads = list(network.critic.parameters())
    gradients = torch.autograd.grad(objective().total(before), heads)
    with torch.no_grad():
        for p, g in zip(heads, gradients, strict=True):
            p -= 0.05 * g
    assert objective().terms(network(image, text), Batch(None, None, Y))["adversary"] < before["adversary"]


def after_one_step(strength, seed):
    """Return ACMR after a step of plain gradient descent on all rows, with no other term that moves its projectors."""
    pairs, labels = make_multilabel_pairs(60, random_state=seed)
    model = ACMR(
        4, hidden=8, alpha=0.0, beta=1e-9, w_adv=1.0, k=1, strength=strength, ramp=False, pretrain_text=False,
        dropout=0.0, input_dropout=0.0, optimizer=torch.optim.SGD, lr=0.1, schedule="constant", weight_decay=0.0,
        max_epochs=1, batch_size=60, validation_fraction=0, random_state=seed,
    )  # fmt: skip
    return model.fit(pairs, labels)


def flat(module):
    return torch.cat([p.detach().flatten() for p in module.parameters()]).double()


def loss_of_the_critic(model, seed):
    """Return how badly the critic tells images from texts of the fitting rows."""
    pairs, _ = make_multilabel_pairs(60, random_state=seed)
    embedded = [torch.from_numpy(rows) for rows in model.transform(pairs.image, pairs.text)]
    judged = model.network_.critic.of_embedding(*embedded)
    return -sum(rows.log_softmax(dim=1)[:, i].mean().item() for i, rows in enumerate(judged))


@pytest.mark.parametrize("seed", range(5))
def test_a_fit_makes_the_modalities_harder_to_tell(seed):
    """A stronger reversal moves the projectors farther up the critic's loss; the critic's own step is the same."""
    none, half, whole = (after_one_step(strength, seed) for strength in (0.0, 0.5, 1.0))
    for name in ("image_encoder", "text_encoder"):
        start = flat(getattr(none.network_, name))
        moved = flat(getattr(half.network_, name)) - start
        assert moved.abs().max() > 1e-4
        assert_allclose(flat(getattr(whole.network_, name)) - start, 2 * moved, atol=1e-6)
    assert_allclose(flat(whole.network_.critic), flat(none.network_.critic), atol=1e-7)
    assert loss_of_the_critic(none, seed) < loss_of_the_critic(half, seed) < loss_of_the_critic(whole, seed)


def test_constants_of_the_paper(small):
    found = ACMR.paper(random_state=1).get_params()
    expected = {
        "n_components": 200, "hidden": (2000, 500), "activation": "tanh", "hinge": 0.05, "margin": 0.1, "k": 5,
        "w_reg": 1.0, "w_adv": 1.0, "alpha": 1.0, "beta": 100.0, "normalize": False,
        "batch_size": 64, "ramp": True, "max_epochs": 200, "random_state": 1,
    }  # fmt: skip
    assert expected.items() <= found.items()
    fitted = ACMR.paper(max_epochs=1, random_state=0).fit(*small)
    widths = [p.shape[0] for name, p in fitted.network_.named_parameters() if name.endswith("weight")]
    assert widths == [2000, 200, 500, 200, 8, 50, 2]


def test_the_weights_of_the_paper_do_not_shrink_to_nothing():
    """With alpha = beta = .1 the norms of eq. 7 outweighed the rest: after 200 epochs they were .005 together."""
    pairs, labels = make_multilabel_pairs(120, random_state=0)
    sizes = {"n_components": 8, "hidden": 16, "max_epochs": 20, "lr": 3e-3}
    norms = {}
    for weight in (0.1, 100.0):
        model = ACMR.paper(validation_fraction=0, random_state=0, beta=weight, **sizes).fit(pairs, labels)
        norms[weight] = model.history_["norm"].to_numpy()
    assert norms[0.1][-1] < 0.5 * norms[0.1][0]
    assert norms[100.0][-1] > norms[100.0][0]


@pytest.mark.parametrize("hidden", [(3, 4, 5), (3, 0), ("a", 2), 0])
def test_hidden_units_are_one_number_or_two(small, hidden):
    with pytest.raises(ValueError, match="hidden"):
        ACMR(4, hidden=hidden, max_epochs=1).fit(*small)


def test_one_softmax_layer_predicts_the_labels_of_both_modalities():
    """Said in the docstring, because the paper's words allow two."""
    network, image, text, _ = build()
    out = network(image, text)
    for name in ("image", "text"):
        expected = out[name] @ network.to_labels.weight.T + network.to_labels.bias
        assert_allclose(out[f"{name}_scores"].detach(), expected.detach(), rtol=1e-12)
    assert [name for name, _ in network.named_children() if "label" in name] == ["to_labels"]
    assert "One softmax layer predicts the labels of both modalities" in " ".join(ACMR.__doc__.split())
