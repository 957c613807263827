"""What a method may ask of the training loop: rates of single parameters, a critic that waits, larger batches."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from skxmr.deep.batches import Batches, PairsDataset
from skxmr.deep.loop import Learner, LoopOptions, Prepared
from skxmr.deep.options import OPTIMIZERS, Options
from skxmr.deep.training import train
from skxmr.deep.validation import Validation
from skxmr.nn import contrastive, losses
from skxmr.nn.adversaries import Discriminator
from skxmr.nn.objective import Batch, LabelObjective, Objective, Outputs
from skxmr.nn.retrieval_network import RetrievalNetwork

OPTIONS = Options(0.01, 10, 1, "adamw", 0.0, "constant", "float32", None, None, 0)
NOTHING = LoopOptions()


class Network(RetrievalNetwork):
    """One linear map a modality, a free parameter, and a discriminator."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.image, self.text = nn.Linear(3, 2), nn.Linear(4, 2)
        self.offset = nn.Parameter(torch.zeros(2))
        self.critic = Discriminator(2, hidden=(3,), ramp=True)

    def encode_image(self, x):
        return self.image(x) + self.offset

    def encode_text(self, x):
        return self.text(x)

    def forward(self, image, text):
        u, v = self.encode_image(image), self.encode_text(text)
        from_image, from_text = self.critic(u, v)
        return {"image": u, "text": v, "from_image": from_image, "from_text": from_text}


class Distance(Objective):
    """Distance of the views, and the critic's cross-entropy."""

    def distance(self, outputs, batch):
        return ((outputs["image"] - outputs["text"]) ** 2).mean()

    def adversary(self, outputs, batch):
        return (outputs["from_image"] ** 2 + outputs["from_text"] ** 2).mean()


WEIGHTS = {"distance": 1.0, "adversary": 1.0}


def dataset(n=40):
    rng = np.random.default_rng(0)
    views = rng.normal(size=(n, 3)), rng.normal(size=(n, 4))
    return PairsDataset(*views, np.zeros((n, 1)), torch.device("cpu"))


def run(objective, n=40, network=None, validation=None, loop=NOTHING, **options):
    network = Network() if network is None else network
    generator = torch.Generator().manual_seed(0)
    prepared = Prepared(dataset(n), validation)
    train(Learner(network, objective, loop), prepared, generator, OPTIONS._replace(**options))
    return network


def state(module):
    return torch.cat([p.detach().ravel() for p in module.parameters()])


@pytest.mark.parametrize(("k", "moves"), [(1, True), (4, True), (5, False)])
def test_the_critic_learns_with_every_kth_batch_only(k, moves):
    """Four batches: with k = 5 its turn never comes, and the projectors learn all the same."""
    network = run(Distance(WEIGHTS), loop=LoopOptions(critic_every=k))
    fresh = Network()
    assert (not torch.equal(state(network.critic), state(fresh.critic))) == moves
    assert not torch.equal(state(network.image), state(fresh.image))


def test_a_resting_critic_still_passes_the_reversed_gradient_on():
    """The projectors move as they would with a critic that never changes."""
    network = run(Distance({"adversary": 1.0}), loop=LoopOptions(critic_every=1000))
    expected = Network()
    generator = torch.Generator().manual_seed(0)
    learnt = [p for name, p in expected.named_parameters() if "critic" not in name]
    optimizer = torch.optim.AdamW(learnt, lr=0.01, weight_decay=0.0)
    for step, batch in enumerate(Batches(dataset(), 10, shuffle=True, generator=generator)):
        expected.critic.advance(step / 4)
        optimizer.zero_grad()
        Distance({"adversary": 1.0}).adversary(expected(batch.image, batch.text), batch).backward()
        optimizer.step()
    assert_allclose(state(network), state(expected), atol=1e-6)
    assert not torch.equal(state(network.image), state(Network().image))


def test_the_share_of_the_training_that_is_done_reaches_the_critic():
    seen = []
    network = Network()

    class Watched(Distance):
        def adversary(self, outputs, batch):
            seen.append(network.critic.reach.item())
            return super().adversary(outputs, batch)

    run(Watched(WEIGHTS), network=network, max_epochs=2)
    assert_allclose(seen, 2 / (1 + np.exp(-10 * np.arange(8) / 8)) - 1, atol=1e-6)


@pytest.mark.parametrize("schedule", ["constant", "onecycle", "cosine"])
def test_a_parameter_may_have_its_own_rate(schedule):
    """Adam's first step is as long as the rate; the factor holds under every schedule, and there is no decay."""
    moved = []
    for factors in ({}, {"offset": 50.0}):
        loop = LoopOptions(rate_factors=factors)
        network = run(Distance({"distance": 1.0}), loop=loop, batch_size=40, schedule=schedule, weight_decay=0.5)
        moved.append(network.offset.detach().abs())
    assert_allclose(moved[1], 50 * moved[0], rtol=1e-2)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_rates_work_with_every_named_optimiser(optimizer):
    """At a small rate a parameter moves as far as its factor says, and the others move as without it."""
    networks = []
    for factors in ({}, {"offset": 3.0}):
        options = {"optimizer": optimizer, "schedule": "onecycle", "lr": 1e-5}
        networks.append(run(Distance({"distance": 1.0}), loop=LoopOptions(rate_factors=factors), **options))
    plain, faster = networks
    assert plain.offset.abs().min() > 0
    assert_allclose(faster.offset.detach(), 3 * plain.offset.detach(), rtol=1e-2)
    start = state(Network().image)
    assert_allclose(state(faster.image) - start, state(plain.image) - start, atol=1e-6)


@pytest.mark.parametrize(("smallest", "sizes"), [(2, [10, 10, 10, 4]), (5, [10, 10, 14])])
def test_a_small_remainder_joins_the_batch_before(smallest, sizes):
    found = [len(batch.labels) for batch in Batches(dataset(34), 10, smallest=smallest)]
    assert found == sizes
    seen = []

    class Watched(Distance):
        def distance(self, outputs, batch):
            seen.append(len(batch.labels))
            return super().distance(outputs, batch)

    run(Watched({"distance": 1.0}), loop=LoopOptions(smallest_batch=smallest), n=34, schedule="onecycle")
    assert seen == sizes


def test_what_is_learned_without_gradients_is_brought_up_to_date_before_every_score():
    calls = []

    def score():
        calls.append("score")
        return {"validation_map": float(len(calls))}

    network = Network()
    network.settle = lambda given: calls.append(len(given))
    run(Distance(WEIGHTS), network=network, validation=Validation(score, "validation_map"), max_epochs=2)
    assert calls == [40, "score", 40, "score"]


def test_terms_are_methods_by_name():
    objective = Distance({"distance": 2.0, "adversary": 0.0})
    outputs = {"image": torch.ones(2, 2), "text": torch.zeros(2, 2)}
    terms = objective.terms(outputs, Batch(None, None, torch.zeros(2, 1)))
    assert set(terms) == {"distance"}
    assert_array_equal(objective.total(terms), 2.0)


def test_terms_share_unit_rows_and_cosines():
    """Computed once, and the same as each term would compute for itself; gradients, too."""
    torch.manual_seed(0)
    u, v = (torch.randn(6, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    Y = (torch.rand(6, 3) < 0.5).double()
    outputs = Outputs({"image": u, "text": v, "classifiers": torch.randn(3, 4, dtype=torch.float64)})
    assert outputs.cosine("image", "text") is outputs.cosine("image", "text")
    assert outputs.unit("image") is outputs.unit("image")
    objective = LabelObjective({"classification": 1.0, "invariance": 0.5, "soft": 2.0}, 0.3)
    cosines = [losses.cosine(u, v), losses.cosine(u, u), losses.cosine(v, v)]
    alone = [
        sum(losses.classification(losses.cosine(rows, outputs["classifiers"]), Y) for rows in (u, v)),
        losses.pairwise_likelihood(cosines, Y, 0.3),
        contrastive.soft_contrastive(cosines, Y, 0.3),
    ]
    terms = objective.terms(outputs, Batch(None, None, Y))
    assert_allclose([term.item() for term in terms.values()], [term.item() for term in alone], rtol=1e-12)
    expected = torch.autograd.grad(alone[0] + 0.5 * alone[1] + 2 * alone[2], (u, v))
    found = torch.autograd.grad(objective.total(terms), (u, v))
    for one, other in zip(found, expected, strict=True):
        assert_allclose(one, other, rtol=1e-10, atol=1e-14)
