"""CorrAE against its equations."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from skxmr import CorrAE
from skxmr.methods._autoencoders import Decoders
from skxmr.methods.corr_ae import _VIEWS, CorrAENetwork, CorrAEObjective
from skxmr.nn import Batch, encoder
from tests import reference

N, D = 10, 4
WIDTHS = (9, 7)
TINY = {"n_components": 4, "hidden": 16, "max_epochs": 3, "batch_size": 40, "random_state": 0}
# The view that is made, and the view whose code it is made of.
DECODED = {
    "own": [("image", "image"), ("text", "text")],
    "other": [("text", "image"), ("image", "text")],
    "both": [("image", "image"), ("text", "image"), ("image", "text"), ("text", "text")],
}


def build(reconstruct):
    torch.manual_seed(0)
    encoders = [encoder(width, D, hidden=5) for width in WIDTHS]
    decoders = [Decoders(views, D, 6, WIDTHS, "relu") for views in _VIEWS[reconstruct]]
    network = CorrAENetwork([nn.Identity(), nn.Identity()], encoders, decoders).double()
    views = [torch.randn(N, width, dtype=torch.float64) for width in WIDTHS]
    return network, Batch(*views, torch.zeros(N, 0))


@pytest.mark.parametrize("reconstruct", DECODED)
def test_the_objective_is_its_equation(reconstruct):
    """(1 - alpha) (L_I + L_T) + alpha L_C; the errors are divided by the number of features."""
    network, batch = build(reconstruct)
    views = {"image": batch.image, "text": batch.text}
    codes = {"image": network.encode_image(batch.image), "text": network.encode_text(batch.text)}
    decoders = {"image": network.of_image, "text": network.of_text}
    errors = 0.0
    for made, name in DECODED[reconstruct]:
        found = decoders[name][made](codes[name]).tolist()
        errors += reference.mean_squared_distance(found, views[made].tolist()) / views[made].shape[1]
    apart = reference.mean_squared_distance(codes["image"].tolist(), codes["text"].tolist())
    objective = CorrAEObjective({"reconstruction": 0.7, "correspondence": 0.3}, _VIEWS[reconstruct])
    terms = objective.terms(network(batch.image, batch.text), batch)
    assert_allclose([terms["reconstruction"].item(), terms["correspondence"].item()], [errors, apart], rtol=1e-12)
    assert_allclose(objective.total(terms).item(), 0.7 * errors + 0.3 * apart, rtol=1e-12)


@pytest.mark.parametrize(("reconstruct", "reads_texts"), [("own", False), ("other", True), ("both", True)])
def test_codes_of_images_learn_from_texts_only_where_they_reconstruct_them(reconstruct, reads_texts):
    network, batch = build(reconstruct)
    objective = CorrAEObjective({"reconstruction": 1.0}, _VIEWS[reconstruct])
    gradients = []
    for text in (batch.text, batch.text + 1):
        network.zero_grad()
        objective.reconstruction(network(batch.image, text), batch).backward()
        gradients.append(network.image_encoder[1].weight.grad.clone())
    assert (torch.abs(gradients[0] - gradients[1]).max() > 1e-6) == reads_texts


@pytest.mark.parametrize("reconstruct", DECODED)
def test_the_decoders_are_those_of_the_variant(small, reconstruct):
    fitted = CorrAE(**TINY | {"max_epochs": 1}, reconstruct=reconstruct).fit(small[0])
    network = fitted.network_
    found = [(made, "image") for made in network.of_image] + [(made, "text") for made in network.of_text]
    assert found == DECODED[reconstruct]


def test_alpha_weighs_the_two_terms(small):
    fitted = CorrAE(**TINY, alpha=0.2).fit(small[0]).history_
    assert_allclose(fitted["loss"], 0.8 * fitted["reconstruction"] + 0.2 * fitted["correspondence"], rtol=1e-5)


def test_a_large_alpha_brings_the_codes_of_pairs_closer(small):
    pairs, _ = small
    ratios = []
    for alpha in (0.01, 0.9):
        found = CorrAE(**TINY | {"max_epochs": 12, "lr": 1e-2}, alpha=alpha, dropout=0.0).fit(pairs).transform(pairs)
        apart = np.square(found.image - found.text).sum()
        ratios.append(apart / np.square(found.image - found.image.mean(axis=0)).sum())
    assert ratios[1] < 0.7 * ratios[0]


def test_it_reconstructs_texts_from_images():
    """The text is a function of the image, so that less is lost than the whole variance, which is 1 after scaling."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(300, 3))
    image = hidden @ rng.normal(size=(3, 12))
    text = np.tanh(hidden @ rng.normal(size=(3, 8)))
    options = {"n_components": 4, "hidden": 32, "max_epochs": 20, "batch_size": 100, "lr": 1e-2, "random_state": 0}
    model = CorrAE(**options, reconstruct="other", alpha=0.05, dropout=0.0, input_dropout=0.0).fit(image, text)
    assert model.history_["reconstruction"].iloc[0] > 1.5
    assert model.history_["reconstruction"].iloc[-1] < 0.2


def test_labels_choose_the_epoch_and_nothing_else(small):
    pairs, labels = small
    with_labels, without = (CorrAE(**TINY, validation_fraction=0).fit(pairs, y) for y in (labels, None))
    assert_array_equal(with_labels.encode_image(pairs), without.encode_image(pairs))
    assert_array_equal(with_labels.encode_text(pairs), without.encode_text(pairs))
    chosen = CorrAE(**TINY, validation_fraction=0.2).fit(pairs)
    assert chosen.best_epoch_ == 1 + chosen.history_["validation_map"].argmax()


def test_the_order_of_the_rows_does_not_matter(small):
    """All rows are one batch."""
    pairs, _ = small
    options = {"batch_size": 120, "dropout": 0.0, "input_dropout": 0.0, "optimizer": "sgd", "validation_fraction": 0}
    order = np.random.default_rng(0).permutation(120)
    a, b = (CorrAE(**TINY | options, standardize=False).fit(rows) for rows in (pairs, pairs[order]))
    assert_allclose(a.encode_text(pairs), b.encode_text(pairs), atol=1e-5)


@pytest.mark.parametrize(("name", "value"), [("alpha", 0.0), ("alpha", 1.0), ("reconstruct", "none"), ("hidden", 0)])
def test_wrong_parameters_are_refused(small, name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter of CorrAE must be"):
        CorrAE(**{name: value}).fit(small[0])


def test_another_variant_is_another_network(small):
    model = CorrAE(**TINY | {"max_epochs": 1}, warm_start=True).fit(small[0])
    model.set_params(alpha=0.6).fit(small[0])
    with pytest.raises(ValueError, match="warm_start=True, but widths, labels or the architecture differ"):
        model.set_params(reconstruct="own").fit(small[0])
