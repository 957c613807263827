"""DSPE against its objective of four sums."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.autograd import gradcheck

from skxmr import DSPE, Pairs
from skxmr.methods.dspe import DSPEObjective
from skxmr.nn import contrastive
from skxmr.nn.objective import Batch
from tests import reference

N, D, C = 12, 4, 3
WEIGHTS = {"image_to_text": 1.0, "text_to_image": 2.0, "image_structure": 0.5, "text_structure": 0.25}


def build(seed=0):
    rng = np.random.default_rng(seed)
    u, v = (torch.from_numpy(rng.standard_normal((N, D))) for _ in range(2))
    u, v = (rows / rows.norm(dim=1, keepdim=True) for rows in (u, v))
    return u, v, torch.from_numpy((rng.uniform(size=(N, C)) < 0.4).astype(float))


def shares(Y):
    return (Y @ Y.T > 0).numpy()


@pytest.mark.parametrize("k", [1, 3, 50, None])
@pytest.mark.parametrize("own", [True, False])
def test_nearest_triplets_are_a_loop(k, own):
    u, v, Y = build()
    others = v if own else u
    expected = reference.nearest_triplets(u.tolist(), others.tolist(), shares(Y), 0.7, k, own)
    assert expected > 0
    found = contrastive.nearest_triplets(u, others, torch.from_numpy(shares(Y)), 0.7, k, own)
    assert_allclose(found.item(), expected, rtol=1e-12)
    free = u.clone().requires_grad_()
    assert gradcheck(lambda a: contrastive.nearest_triplets(a, v, torch.from_numpy(shares(Y)), 0.7, k, own), free)


def test_the_objective_is_four_weighted_sums():
    u, v, Y = build()
    objective = DSPEObjective(WEIGHTS, 0.4, 3, by_image=False)
    terms = objective.terms({"image": u, "text": v}, Batch(None, None, Y))
    views = {"image": u.tolist(), "text": v.tolist()}
    alike = shares(Y)
    expected = []
    for first, second in (("image", "text"), ("text", "image"), ("image", "image"), ("text", "text")):
        own = first != second
        expected.append(reference.nearest_triplets(views[first], views[second], alike, 0.4, 3, own))
    assert list(terms) == list(WEIGHTS)
    assert_allclose([term.item() for term in terms.values()], expected, rtol=1e-12)
    total = sum(weight * value for weight, value in zip(WEIGHTS.values(), expected, strict=True))
    assert_allclose(objective.total(terms).item(), total, rtol=1e-12)


def test_with_own_pairs_and_all_negatives_it_is_the_sum_of_hinges_of_vsepp():
    u, v, _ = build()
    alone = torch.zeros(N, N, dtype=torch.bool)
    both = sum(contrastive.nearest_triplets(a, b, alone, 0.6, N) for a, b in ((u, v), (v, u)))
    assert_allclose((N * both).item(), contrastive.summed_triplets(-torch.cdist(u, v), alone, 0.6).item(), rtol=1e-10)


def test_a_batch_without_neighbours_has_no_structure_and_a_finite_gradient():
    u, _, _ = build()
    u = u.requires_grad_()
    alone = torch.eye(N, dtype=torch.bool)
    loss = contrastive.nearest_triplets(u, u, alone, own=False)
    loss.backward()
    assert loss.item() == 0
    assert_allclose(u.grad, 0.0)
    everything = torch.ones(N, N, dtype=torch.bool)
    assert contrastive.nearest_triplets(u, u, everything, own=False).item() == 0


def test_the_order_of_the_rows_changes_nothing():
    u, v, Y = build()
    order = torch.randperm(N, generator=torch.Generator().manual_seed(1))
    objective = DSPEObjective(WEIGHTS, 0.4, 3, by_image=False)
    found = [
        objective.total(objective.terms({"image": u[rows], "text": v[rows]}, Batch(None, None, Y[rows]))).item()
        for rows in (torch.arange(N), order)
    ]
    assert_allclose(found[0], found[1], rtol=1e-12)


def test_without_labels_the_rows_of_an_image_belong_together():
    images = torch.tensor([0.0, 0.0, 1.0, 2.0, 2.0])[:, None]
    alike = DSPEObjective(WEIGHTS, 0.1, 3, by_image=True)._alike(Batch(None, None, images))
    assert alike.int().tolist() == [
        [1, 1, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 0, 1, 1],
        [0, 0, 0, 1, 1],
    ]


def several_sentences(n=60, seed=0):
    """Return images with three sentences each, which share a part with their image and have noise of their own."""
    rng = np.random.default_rng(seed)
    items = rng.standard_normal((n, 5))
    image = items @ rng.standard_normal((5, 12))
    index = np.repeat(np.arange(n), 3)
    text = items[index] @ rng.standard_normal((5, 10)) + rng.standard_normal((3 * n, 10))
    return Pairs(image, text, image_index=index), index


@pytest.mark.parametrize("shared", [True, False])
def test_images_are_labels_where_there_are_none(shared):
    pairs, index = several_sentences(20)
    if not shared:
        pairs = Pairs(pairs.text, pairs.text)
        index = np.arange(len(index))
    options = {"hidden": 16, "batch_size": 20, "max_epochs": 3, "w_text_structure": 1.0, "random_state": 0}
    without = DSPE(4, **options, validation_fraction=0).fit(pairs)
    with_labels = DSPE(4, **options, validation_fraction=0).fit(pairs, index)
    assert_allclose(without.encode_text(pairs), with_labels.encode_text(pairs), atol=1e-6)
    assert (without.history_["text_structure"] > 0).any() == shared


def test_structure_brings_the_sentences_of_an_image_together():
    pairs, index = several_sentences()
    same = np.equal.outer(index, index)
    ratios = []
    for weight in (0.0, 5.0):
        model = DSPE(
            8, hidden=32, batch_size=60, max_epochs=15, w_text_structure=weight, margin=0.3, random_state=0
        ).fit(pairs)
        texts = model.encode_text(pairs).astype(float)
        assert_allclose(np.linalg.norm(texts, axis=1), 1, rtol=1e-5)
        distances = np.sqrt(np.maximum(2 - 2 * texts @ texts.T, 0))
        ratios.append(distances[same].sum() / (len(same) * 2) / distances[~same].mean())
    assert ratios[1] < 0.95 * ratios[0]
    assert np.isfinite(model.history_["text_structure"]).all()


def test_it_learns_from_labels_and_from_pairs_alone(small):
    pairs, labels = small
    chance = (labels @ labels.T > 0).mean()
    options = {"max_epochs": 30, "hidden": 32, "dropout": 0.0, "random_state": 0}
    with_labels = DSPE(8, **options).fit(pairs, labels).score(pairs, labels)
    assert with_labels > chance + 0.2
    # A random ranking of one text among 120 has .045.
    assert DSPE(8, **options).fit(pairs).score(pairs) > 0.1


@pytest.mark.parametrize(("name", "value"), [("margin", -1.0), ("n_violations", 0), ("w_text", -0.1)])
def test_wrong_parameters_are_refused(small, name, value):
    with pytest.raises(ValueError, match=name):
        DSPE(**{name: value}).fit(*small)
