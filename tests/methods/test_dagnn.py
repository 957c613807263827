"""The network and the objective of DAGNN against its equations."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from skxmr import label_graph
from skxmr.nn import losses
from skxmr.nn.adversaries import Discriminator, DualGAN, EmbeddingCritic
from skxmr.nn.label_networks import LabelGraphNetwork, MultiHopGNN
from skxmr.nn.networks import TEXT_WIDTH, PretrainedText, Standardize
from skxmr.nn.objective import Batch, LabelObjective
from tests import reference

WEIGHTS = {"classification": 1.0, "invariance": 0.2, "adversary": 0.2}
N, D_IMAGE, D_TEXT, D, C = 12, 9, 7, 6, 3


def build(critic="dual", layer="gcn", strength=1.0):
    torch.manual_seed(0)
    Y = (np.random.default_rng(0).uniform(size=(N, C)) < 0.6).astype(int)
    critics = {
        "dual": DualGAN(D, D_IMAGE, D_TEXT, strength=strength),
        "embedding": EmbeddingCritic(D, strength),
        "none": None,
    }
    network = LabelGraphNetwork(
        [Standardize(torch.zeros(D_IMAGE), torch.ones(D_IMAGE)), nn.Identity()],
        [nn.Linear(D_IMAGE, D), nn.Linear(D_TEXT, D)],
        MultiHopGNN(layer, 5, 8, 2, D),
        torch.randn(C, 5),
        torch.from_numpy(label_graph(Y, 0.3, 0.5)).float(),
        critics[critic],
    ).double()
    return network, torch.randn(N, D_IMAGE).double() + 1, torch.randn(N, D_TEXT).double(), torch.from_numpy(Y).double()


@pytest.mark.parametrize(("critic", "options"), [("dual", {}), ("embedding", {"temperature": 0.2, "count": False})])
def test_objective_is_equations_9_to_12(critic, options):
    network, image, text, Y = build(critic)
    out = network(image, text)
    terms = LabelObjective(WEIGHTS, **options).terms(out, Batch(None, None, Y))
    v, t, Z = (out[name].tolist() for name in ("image", "text", "classifiers"))
    shared = ((Y @ Y.T).clamp(max=1) if options else Y @ Y.T).tolist()

    cla = sum(
        math.sqrt(sum((reference.cosine(row, z) - y) ** 2 for z, y in zip(Z, labels, strict=True))) / N
        for rows in (v, t)
        for row, labels in zip(rows, Y.tolist(), strict=True)
    )
    mdi = 0.0
    for a, b in ((v, t), (v, v), (t, t)):
        for i in range(N):
            for j in range(N):
                theta = reference.cosine(a[i], b[j]) / options.get("temperature", 2)
                mdi += (math.log(1 + math.exp(theta)) - shared[i][j] * theta) / N**2
    adv = 0.0
    for name, column in (("from_image", 0), ("from_text", 1)):
        for row in out[name].tolist():
            adv -= math.log(math.exp(row[column]) / sum(map(math.exp, row))) / N
    assert_allclose([terms[name].item() for name in WEIGHTS], [cla, mdi, adv], rtol=1e-12)
    assert_allclose(LabelObjective(WEIGHTS, **options).total(terms).item(), cla + 0.2 * mdi + 0.2 * adv, rtol=1e-12)


def test_what_comes_from_where_is_equation_3():
    """D_v judges images and images made of texts, D_t texts and texts made of images; origin is what counts."""
    network, image, text, _ = build()
    gan, out = network.critic, network(image, text)
    v, t = out["image"], out["text"]
    judged_image = gan.of_image.layers(torch.cat([image, gan.to_image(t)]))
    judged_text = gan.of_text.layers(torch.cat([text, gan.to_text(v)]))
    assert_allclose(out["from_image"].detach(), torch.cat([judged_image[:N], judged_text[N:]]).detach())
    assert_allclose(out["from_text"].detach(), torch.cat([judged_image[N:], judged_text[:N]]).detach())


@pytest.mark.parametrize("critic", ["dual", "embedding"])
def test_the_adversary_reaches_both_generators_and_not_the_classifiers(critic):
    network, image, text, Y = build(critic)
    LabelObjective({"adversary": 1.0}).terms(network(image, text), Batch(None, None, Y))["adversary"].backward()
    for generator in (network.image_encoder, network.text_encoder):
        assert generator.weight.grad.abs().max() > 1e-8
    assert all(p.grad is None or p.grad.abs().max() == 0 for p in network.classifiers.parameters())


@pytest.mark.parametrize("critic", ["dual", "embedding"])
@pytest.mark.parametrize("strength", [1.0, 0.3])
def test_generators_climb_what_discriminators_descend(critic, strength):
    """With the reversal the generators' gradient is -strength times the plain one; the heads' is the plain one."""
    gradients = []
    for reversal in (strength, -1.0):  # strength -1 is no reversal at all
        network, image, text, Y = build(critic, strength=reversal)
        LabelObjective({"adversary": 1.0}).terms(network(image, text), Batch(None, None, Y))["adversary"].backward()
        heads = [m for m in network.critic.modules() if isinstance(m, Discriminator)]
        gradients.append((network.image_encoder.weight.grad, [p.grad for head in heads for p in head.parameters()]))
    (reversed_, with_), (plain, without) = gradients
    assert_allclose(reversed_, -strength * plain, atol=1e-14)
    for a, b in zip(with_, without, strict=True):
        assert_allclose(a, b, atol=1e-14)


@pytest.mark.parametrize("critic", ["dual", "embedding"])
def test_a_step_on_the_heads_alone_lowers_the_adversarial_loss(critic):
    """The minimised scalar adds the adversarial term: with a minus sign the critics would learn to be wrong."""
    network, image, text, Y = build(critic)
    objective = LabelObjective(WEIGHTS)
    heads = [p for m in network.critic.modules() if isinstance(m, Discriminator) for p in m.parameters()]
    before = objective.terms(network(image, text), Batch(None, None, Y))
    gradients = torch.autograd.grad(objective.total(before), heads)
    with torch.no_grad():
        for p, g in zip(heads, gradients, strict=True):
            p -= 0.05 * g
    assert objective.terms(network(image, text), Batch(None, None, Y))["adversary"] < before["adversary"]


@pytest.mark.parametrize("layer", ["gcn", "gat"])
def test_permuting_the_labels_changes_nothing_but_their_order(layer):
    """One step in float64 from a permuted start: classifiers are permuted, embeddings are the same."""
    order = torch.tensor([2, 0, 1])
    results = []
    for permuted in (False, True):
        network, image, text, Y = build(layer=layer)
        if permuted:
            network.Q, network.A, Y = network.Q[order], network.A[order][:, order], Y[:, order]
        objective = LabelObjective(WEIGHTS)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        objective.total(objective.terms(network(image, text), Batch(None, None, Y))).backward()
        optimizer.step()
        results.append(network(image, text))
    assert_allclose(results[1]["classifiers"].detach(), results[0]["classifiers"][order].detach(), atol=1e-10)
    for name in ("image", "text"):
        assert_allclose(results[1][name].detach(), results[0][name].detach(), atol=1e-10)


def test_terms_without_a_weight_are_not_computed():
    network, image, text, Y = build("none")
    terms = LabelObjective({"classification": 1.0}).terms(network(image, text), Batch(None, None, Y))
    assert set(terms) == {"classification"}


def test_decoders_of_views_that_are_never_negative_end_in_a_rectifier():
    rows = torch.randn(50, D)
    gan = DualGAN(D, D_IMAGE, D_TEXT, positive=(True, True))
    assert gan.to_image(rows).min() == 0 and gan.to_text(rows).min() == 0
    gan = DualGAN(D, D_IMAGE, D_TEXT)
    assert gan.to_image(rows).min() < 0 and gan.to_text(rows).min() < 0


def test_the_text_decoder_ends_in_a_leaky_rectifier_and_the_image_decoder_in_a_linear_layer():
    """The paper activates both layers of the text generator by LeakyReLU with a slope of .2."""
    gan = DualGAN(D, D_IMAGE, D_TEXT, positive=(False, False))
    rows = torch.randn(50, D)
    hidden = torch.nn.functional.leaky_relu(gan.to_text[0](rows), 0.2)
    assert_allclose(gan.to_text(rows).detach(), leaky(gan.to_text[2](hidden)).detach())
    hidden = torch.relu(gan.to_image[0](rows))
    assert_allclose(gan.to_image(rows).detach(), gan.to_image[2](hidden).detach())


def leaky(x):
    return torch.where(x < 0, 0.2 * x, x)


def test_a_critic_cannot_tell_perfect_reconstructions_from_pretrained_texts():
    """Where the decoder's last linear layer is as good as that of the text network, the critic can only guess."""
    torch.manual_seed(0)
    text = PretrainedText(nn.Identity(), 12, 4, dropout=0.0, input_dropout=0.0)
    text.freeze()
    gan = DualGAN(D, D_IMAGE, TEXT_WIDTH)
    optimizer = torch.optim.Adam(gan.of_text.parameters(), lr=1e-3)
    found = []
    for _ in range(60):
        real, like_real = (text.layers[:-1](torch.randn(64, 12)) for _ in range(2))
        of_real, of_fake = gan.of_text(text.layers[-1](real), gan.to_text[3:](like_real))
        loss = losses.origins(of_fake, of_real, 64)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    assert np.mean(found[-10:]) > 0.9 * 2 * math.log(2)
