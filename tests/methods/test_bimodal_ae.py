"""BimodalAE against its definition."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from skxmr import BimodalAE
from skxmr.methods._autoencoders import Decoders
from skxmr.methods.bimodal_ae import _THIRDS, BimodalAENetwork, BimodalAEObjective
from skxmr.nn import Batch, encoder
from tests import reference

N, D = 10, 4
WIDTHS = (9, 7)
TINY = {"n_components": 4, "hidden": 16, "max_epochs": 3, "batch_size": 40, "random_state": 0}


def build():
    torch.manual_seed(0)
    encoders = [encoder(width, D, hidden=5) for width in WIDTHS]
    decoders = Decoders(("image", "text"), D, 6, WIDTHS, "relu")
    network = BimodalAENetwork([nn.Identity(), nn.Identity()], encoders, decoders, WIDTHS).double()
    views = [torch.randn(N, width, dtype=torch.float64) for width in WIDTHS]
    return network, Batch(*views, torch.zeros(N, 0))


def shared_code(network, image, text):
    """The code as it is defined: one linear layer on the hidden units of both views, side by side."""
    hidden = torch.cat([network.image_encoder[:4](image), network.text_encoder[:4](text)], dim=1)
    weight = torch.cat([network.image_encoder[4].weight, network.text_encoder[4].weight], dim=1)
    return hidden @ weight.T + network.image_encoder[4].bias + network.text_encoder[4].bias


def test_the_code_is_one_layer_on_both_views():
    network, (image, text, _) = build()
    out = network(image, text)
    zeros = torch.zeros_like(image), torch.zeros_like(text)
    assert_allclose(out["both"].detach(), shared_code(network, image, text).detach(), rtol=1e-12)
    alone = shared_code(network, image, zeros[1]).detach(), shared_code(network, zeros[0], text).detach()
    for name, wanted in zip(("image", "text"), alone, strict=True):
        assert_allclose(out[name].detach(), wanted, rtol=1e-12)
    assert_allclose(network.encode_image(image).detach(), alone[0], rtol=1e-12)
    assert_allclose(network.encode_text(text).detach(), alone[1], rtol=1e-12)


def test_the_objective_is_the_mean_loss_of_rows_of_three_kinds():
    """Both views are reconstructed from both, from the image and from the text; errors are divided by the features."""
    network, batch = build()
    image, text, _ = batch
    zeros = torch.zeros_like(image), torch.zeros_like(text)
    wanted = []
    for seen in ((image, text), (image, zeros[1]), (zeros[0], text)):
        code = shared_code(network, *seen)
        loss = 0.0
        for name, rows in (("image", image), ("text", text)):
            decoded = network.decoders[name](code).tolist()
            loss += reference.mean_squared_distance(decoded, rows.tolist()) / rows.shape[1]
        wanted.append(loss)
    objective = BimodalAEObjective(_THIRDS)
    terms = objective.terms(network(image, text), batch)
    assert list(terms) == ["both", "image_only", "text_only"]
    assert_allclose([term.item() for term in terms.values()], wanted, rtol=1e-12)
    assert_allclose(objective.total(terms).item(), np.mean(wanted), rtol=1e-12)


def test_a_missing_view_is_its_mean(small):
    """Zeros are put in after scaling, so that the code of an image is that of the image with an average text."""
    pairs, _ = small
    image = torch.from_numpy(np.asarray(pairs.image, np.float32))
    network = BimodalAE(**TINY, validation_fraction=0).fit(pairs).network_
    average = torch.from_numpy(np.tile(pairs.text.mean(axis=0), (120, 1)).astype(np.float32))
    with torch.inference_mode():
        assert_allclose(network(image, average)["both"], network.encode_image(image), atol=1e-5)


def test_it_fills_in_the_view_that_is_missing():
    """Both views show the same three numbers. Losing one view whole would cost its variance, which is 1."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(300, 3))
    image = hidden @ rng.normal(size=(3, 12))
    text = np.tanh(hidden @ rng.normal(size=(3, 8)))
    options = {"n_components": 4, "hidden": 32, "max_epochs": 20, "batch_size": 100, "lr": 1e-2, "random_state": 0}
    history = BimodalAE(**options, dropout=0.0, input_dropout=0.0).fit(image, text).history_
    for name in ("both", "image_only", "text_only"):
        assert history[name].iloc[0] > 1.2
        assert history[name].iloc[-1] < 0.4


def test_labels_choose_the_epoch_and_nothing_else(small):
    pairs, labels = small
    with_labels, without = (BimodalAE(**TINY, validation_fraction=0).fit(pairs, y) for y in (labels, None))
    assert_array_equal(with_labels.encode_image(pairs), without.encode_image(pairs))
    assert_array_equal(with_labels.encode_text(pairs), without.encode_text(pairs))
    chosen = BimodalAE(**TINY, validation_fraction=0.2).fit(pairs)
    assert chosen.best_epoch_ == 1 + chosen.history_["validation_map"].argmax()


def test_exchanging_the_views_exchanges_the_codes():
    network, (image, text, _) = build()
    decoders = Decoders(("image", "text"), D, 6, WIDTHS[::-1], "relu")
    encoders = [network.text_encoder, network.image_encoder]
    exchanged = BimodalAENetwork([nn.Identity(), nn.Identity()], encoders, decoders, WIDTHS[::-1]).double()
    assert_allclose(exchanged.encode_image(text).detach(), network.encode_text(text).detach(), rtol=1e-12)
    assert_allclose(exchanged(text, image)["both"].detach(), network(image, text)["both"].detach(), rtol=1e-12)


@pytest.mark.parametrize(("name", "value"), [("hidden", 0), ("activation", "tanh"), ("n_components", 0)])
def test_wrong_parameters_are_refused(small, name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter of BimodalAE must be"):
        BimodalAE(**{name: value}).fit(small[0])
