"""DRCL against its equations, and on rows that have one view only."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV
from torch.autograd import gradcheck

from skxmr import DRCL, Pairs
from skxmr.datasets import load_wikipedia, make_multilabel_pairs
from skxmr.methods.drcl import DRCLObjective
from skxmr.metrics import RetrievalScores
from skxmr.nn import losses
from skxmr.nn.objective import Batch
from tests import reference

N, D, C = 7, 5, 3
SMALL = {"n_components": 6, "hidden": 16, "max_epochs": 3, "prior_epochs": 3, "random_state": 0}
NUMBER = np.arange(160)


def drawn():
    rng = np.random.default_rng(0)
    image, text = rng.normal(size=(2, N, D))
    labels = (rng.uniform(size=(N, 2 * C)) < 0.5).astype(float)
    W = rng.normal(size=(D, C))
    return image, text, labels, W


def probabilities(row, W):
    logits = [sum(row[k] * W[k][j] for k in range(D)) for j in range(C)]
    total = sum(math.exp(value) for value in logits)
    return [math.exp(value) / total for value in logits]


def terms_of_view(rows, Y, W, L, q):
    """J_L, J_D and J_MSE, number by number."""
    recast = [[sum(y[j] * L[j][k] for j in range(C)) for k in range(D)] for y in Y]
    first = 0.0
    for row, y in zip(rows, Y, strict=True):
        found = sum(a * b for a, b in zip(y, probabilities(row, W), strict=True))
        first += (1 - found**q) / q / N
    second = third = 0.0
    for i in range(N):
        for j in range(N):
            within = 2 * reference.cosine(recast[i], recast[j]) - 2 * reference.cosine(rows[i], rows[j])
            across = 2 * reference.cosine(recast[i], rows[j]) - 2 * reference.cosine(recast[j], rows[i])
            second += (within**2 + across**2) / N**2
        third += sum((a - b) ** 2 for a, b in zip(recast[i], rows[i], strict=True)) / (N * D)
    return first, second, third


def found_terms(objective, image, text, labels, W, q):
    outputs = {"image": torch.tensor(image), "text": torch.tensor(text), "prior": torch.tensor(W.T)}
    outputs |= {"recast": torch.linalg.pinv(torch.tensor(W)), "exponent": torch.tensor(q, dtype=torch.float64)}
    return objective.terms(outputs, Batch(None, None, torch.tensor(labels)))


WEIGHTS = {"classification": 1.0, "discrimination": 0.1, "regression": 0.1}


@pytest.mark.parametrize("q", [0.3, 1.0])
def test_objective_is_its_equations(q):
    image, text, labels, W = drawn()
    # No row is without labels, for which J_L takes the limit.
    labels[:, [0, C]] = 1
    L = np.linalg.solve(W.T @ W, W.T).tolist()
    expected = np.zeros(3)
    for rows, Y in ((image, labels[:, :C]), (text, labels[:, C:])):
        expected += terms_of_view(rows.tolist(), Y.tolist(), W.tolist(), L, q)
    found = found_terms(DRCLObjective(WEIGHTS, 1.0), image, text, labels, W, q)
    assert_allclose([found[name].item() for name in WEIGHTS], expected, rtol=1e-10)


def test_mixtures_are_rows_with_a_share_of_another_row():
    image, text, labels, W = drawn()
    labels[:, [0, C]] = 1
    objective = DRCLObjective(WEIGHTS, 0.8)
    objective.generator = torch.Generator().manual_seed(0)
    found = found_terms(objective, image, text, labels, W, 0.3)
    generator = torch.Generator().manual_seed(0)
    orders = [torch.randperm(N, generator=generator).numpy() for _ in range(2)]
    mixed = []
    for rows, Y, order in ((image, labels[:, :C], orders[0]), (text, labels[:, C:], orders[1])):
        mixed.append((0.8 * rows + 0.2 * rows[order], 0.8 * Y + 0.2 * Y[order]))
    Y = np.hstack([mixed[0][1], mixed[1][1]])
    expected = found_terms(DRCLObjective(WEIGHTS, 1.0), mixed[0][0], mixed[1][0], Y, W, 0.3)
    for name in WEIGHTS:
        assert_allclose(found[name].item(), expected[name].item(), rtol=1e-12)


@pytest.mark.parametrize("q", [0.2, 1.0])
def test_the_gradients_of_its_terms_are_right(q):
    image, text, labels, W = drawn()
    logits = torch.tensor(image @ W, requires_grad=True)
    assert gradcheck(lambda x: losses.generalized_cross_entropy(x, torch.tensor(labels[:, :C]), q), (logits,))
    rows = torch.tensor(image, requires_grad=True)
    assert gradcheck(losses.similarity_consistency, (torch.tensor(text), rows))


def test_a_small_q_is_the_cross_entropy():
    image, _, _, W = drawn()
    logits = torch.tensor(image @ W)
    Y = torch.eye(C, dtype=torch.float64)[torch.arange(N) % C]
    expected = losses.label_prediction(logits, Y)
    assert_allclose(losses.generalized_cross_entropy(logits, Y, 1e-9).item(), expected.item(), rtol=1e-6)


def test_a_row_without_labels_has_no_gradient():
    logits = torch.randn(2, C, dtype=torch.float64, requires_grad=True)
    losses.generalized_cross_entropy(logits, torch.tensor([[1.0, 0, 0], [0, 0, 0]]).double(), 0.1).backward()
    assert torch.isfinite(logits.grad).all() and (logits.grad[1] == 0).all() and (logits.grad[0] != 0).all()


@pytest.fixture(scope="module")
def made():
    return make_multilabel_pairs(160, random_state=0)


def test_the_prior_is_that_of_the_better_modality_and_recasts_labels(made):
    pairs, labels = made
    noise = np.random.default_rng(0).normal(size=pairs.image.shape)
    for image, better in ((noise, "text"), (pairs.image, "image")):
        text = pairs.text if better == "text" else np.random.default_rng(1).normal(size=pairs.text.shape)
        model = DRCL(**SMALL | {"n_components": 12, "prior_epochs": 30}).fit(Pairs(image, text), labels)
        assert model.prior_quality_[better] == max(model.prior_quality_.values())
        recast = model.network_.recast.numpy()
        # The labels come back, which makes the consistency reversible.
        assert_allclose(recast @ model.prior_, np.eye(8), atol=1e-4)
        assert_allclose(recast, np.linalg.pinv(model.prior_), atol=1e-5)


def test_no_term_compares_an_image_with_its_text(made):
    """Images that are dealt to other texts of the same labels make no other model of the texts."""
    pairs, labels = made
    order = np.arange(160)
    for row in np.unique(labels, axis=0):
        same = np.flatnonzero((labels == row).all(axis=1))
        order[same] = np.roll(same, 1)
    assert (order != np.arange(160)).any()
    # The prior is of one modality, here that of the texts.
    noise = np.random.default_rng(0).normal(size=pairs.image.shape)
    quick = SMALL | {"validation_fraction": 0.0, "prior_epochs": 20}
    models = [DRCL(**quick).fit(Pairs(image, pairs.text), labels) for image in (noise, noise[order])]
    assert all(model.prior_quality_["text"] > model.prior_quality_["image"] for model in models)
    assert_allclose(models[0].encode_text(pairs), models[1].encode_text(pairs), atol=1e-6)
    assert not np.allclose(models[0].encode_image(noise), models[1].encode_image(noise), atol=1e-3)


def test_rows_of_one_view_are_learned_from(made):
    pairs, labels = made
    partial = Pairs(pairs.image, pairs.text, image_missing=NUMBER % 4 == 1, text_missing=NUMBER % 8 == 2)
    model = DRCL(**SMALL, validation_fraction=0.2).fit(partial, labels)
    assert model.n_samples_per_view_ == {"image": 120, "text": 140}
    assert np.isfinite(model.score(partial, labels)) and set(model.tag_thresholds_) == {"image", "text"}
    assert_array_equal(model.transform(partial).text_missing, partial.text_missing)
    search = GridSearchCV(DRCL(**SMALL), {"beta": [0.1, 1.0]}, cv=2).fit(partial, labels)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_complete_rows_are_the_special_case(made):
    """A mask that marks nothing changes no bit, and neither does what stands in the place of missing rows."""
    pairs, labels = made
    gone = NUMBER % 4 == 1
    whole = DRCL(**SMALL).fit(pairs, labels)
    masked = DRCL(**SMALL).fit(Pairs(pairs.image, pairs.text, image_missing=np.zeros(160, bool)), labels)
    assert_array_equal(whole.encode_image(pairs), masked.encode_image(pairs))
    found = []
    for image in (pairs.image, np.where(gone[:, None], np.nan, pairs.image)):
        found.append(DRCL(**SMALL).fit(Pairs(image, pairs.text, image_missing=gone), labels).encode_image(pairs))
    assert_array_equal(*found)


def test_images_and_texts_that_share_no_row_are_enough(made):
    pairs, labels = made
    apart = Pairs.concatenate([Pairs(pairs.image[:80]), Pairs(text=pairs.text[80:])], mark_missing=True)
    options = SMALL | {"n_components": 12, "max_epochs": 30, "prior_epochs": 15, "dropout": 0.0}
    model = DRCL(**options).fit(apart, labels)
    chance = (labels @ labels.T > 0).mean()
    assert model.score(pairs, labels) > chance + 0.15


def test_all_weights_0_and_views_without_fitting_rows_are_refused(made):
    pairs, labels = made
    with pytest.raises(ValueError, match="nothing to minimise"):
        DRCL(w_cla=0.0, alpha=0.0, beta=0.0).fit(pairs, labels)


def test_the_constants_of_the_paper():
    model = DRCL.paper(max_epochs=2)
    assert (model.n_components, model.mixing, model.text_lr, model.lr, model.max_epochs) == (2048, 0.9, 5e-3, 6e-6, 2)
    with pytest.raises(ValueError, match="dataset"):
        DRCL.paper("nuswide")


@pytest.mark.slow
def test_rows_of_one_view_help_where_pairs_are_few(data_home):
    """A tenth of the pairs of wikipedia, and the other rows as images and texts alone."""
    pairs, labels = load_wikipedia("train", data_home=data_home, return_X_y=True)
    test, test_labels = load_wikipedia("test", data_home=data_home, return_X_y=True)
    found = []
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(pairs))
        few = order[: len(pairs) // 10]
        gone = np.zeros((2, len(pairs)), bool)
        gone[0, order[len(few) :: 2]] = True
        gone[1, order[len(few) + 1 :: 2]] = True
        partial = Pairs(pairs.image, pairs.text, image_missing=gone[0], text_missing=gone[1])
        model = DRCL(64, hidden=256, max_epochs=20, prior_epochs=10, random_state=seed)
        alone = RetrievalScores()(model.fit(pairs[few], labels[few]), test, test_labels)["map"]
        found.append((alone, RetrievalScores()(model.fit(partial, labels), test, test_labels)["map"]))
    alone, more = np.array(found).T
    assert (more > alone).all() and (more - alone).mean() > 0.02
