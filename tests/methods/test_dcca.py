"""DCCA against canonical correlation analysis."""

import re
import weakref

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch.autograd import gradcheck

from skxmr import CCA, DCCA
from skxmr.datasets import make_multilabel_pairs
from skxmr.methods.dcca import correlation
from skxmr.nn import Batch

TINY = {"n_components": 4, "hidden": 16, "max_epochs": 5, "batch_size": 50, "random_state": 0}


def outputs(n=60, d=5, seed=0):
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, d))
    return [torch.from_numpy(shared @ rng.normal(size=(d, d)) + rng.normal(size=(n, d))) for _ in range(2)]


def test_the_correlation_is_that_of_cca():
    """Its sum of singular values is the sum of the canonical correlations, found by another solver."""
    u, v = outputs()
    found = CCA(ridge=0.0).fit(u.numpy(), v.numpy()).correlations_.sum()
    assert_allclose(correlation(u, v, 1e-12).item(), found, rtol=1e-9)


def test_the_correlation_is_its_definition():
    """S_uu^-1/2 S_uv S_vv^-1/2 by eigendecompositions, ridges included."""
    u, v = outputs()
    U, V = u.numpy() - u.numpy().mean(0), v.numpy() - v.numpy().mean(0)

    def inverse_root(S):
        values, vectors = np.linalg.eigh(S)
        return vectors @ np.diag(values**-0.5) @ vectors.T

    S_uu, S_vv = (rows.T @ rows / 59 + 0.3 * np.eye(5) for rows in (U, V))
    T = inverse_root(S_uu) @ (U.T @ V / 59) @ inverse_root(S_vv)
    expected = np.sqrt(np.linalg.eigvalsh(T.T @ T)).sum()
    assert_allclose(correlation(u, v, 0.3).item(), expected, rtol=1e-10)
    assert gradcheck(lambda a, b: correlation(a, b, 0.3), (u.requires_grad_(), v.requires_grad_()))


def test_linear_maps_do_not_change_the_correlation():
    u, v = outputs()
    moved = u @ torch.randn(5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 3
    assert_allclose(correlation(moved, v, 1e-10).item(), correlation(u, v, 1e-10).item(), rtol=1e-6)
    assert_allclose(correlation(u, u, 1e-12).item(), 5, rtol=1e-9)


@pytest.mark.parametrize("what", ["constant column", "duplicated rows", "equal columns", "large offset"])
def test_float32_outputs_that_are_hard_stay_finite(what):
    u, v = (rows.float() for rows in outputs())
    if what == "constant column":
        u[:, 0] = 1
    elif what == "duplicated rows":
        u, v = u[:1].repeat(60, 1), v[:1].repeat(60, 1)
    elif what == "equal columns":
        u[:, 1] = u[:, 0]
    else:
        u = u + 1e3
    u.requires_grad_()
    loss = correlation(u, v, 1e-4)
    loss.backward()
    assert loss.dtype == torch.float64 and torch.isfinite(loss) and torch.isfinite(u.grad).all()
    assert -1e-6 <= loss.item() <= 5 + 1e-6


def test_the_embeddings_are_a_linear_cca_of_the_outputs(small):
    pairs, _ = small
    fitted = DCCA(**TINY, cca_ridge=0.2, correlation_power=0.5, validation_fraction=0).fit(pairs)
    network = fitted.network_
    with torch.inference_mode():
        views = [torch.from_numpy(np.asarray(view, np.float32)) for view in (pairs.image, pairs.text)]
        out = network(*views)
    cca = CCA(ridge=0.2, correlation_power=0.5).fit(out["image"].numpy(), out["text"].numpy())
    expected = cca.transform(out["image"].numpy(), out["text"].numpy())
    for found, view in zip(fitted.transform(pairs.image, pairs.text), expected, strict=True):
        assert_allclose(found, view, atol=1e-4)


def test_the_linear_cca_holds_one_batch_of_rows_at_a_time(small):
    """Rows that are streamed, such as those of memory maps, have no room on the device together."""
    pairs, _ = small
    network = DCCA(**TINY).fit(pairs).network_
    image, text = (torch.from_numpy(np.asarray(view, np.float32)) for view in (pairs.image, pairs.text))
    handed_out = []

    class Rows:
        def __len__(self):
            return len(image)

        def rows(self, index, device_index=None):
            assert sum(batch() is not None for batch in handed_out) <= 1
            batch = Batch(image[index], text[index], torch.zeros(len(index), 0))
            handed_out.append(weakref.ref(batch.image))
            return batch

    network.settle(Rows(), block=30)
    assert len(handed_out) == 4


def test_it_finds_what_linear_cca_cannot():
    """The text is the square of what the image shows."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(1200, 3))
    image = np.c_[hidden, rng.normal(size=(1200, 5))]
    text = np.c_[hidden**2, rng.normal(size=(1200, 5))]
    parts = [(view[:900], view[900:]) for view in (image, text)]
    (a, a_test), (b, b_test) = parts
    linear = CCA(3, ridge=0.01).fit(a, b).score(a_test, b_test)
    deep = DCCA(
        3, hidden=64, dropout=0.0, input_dropout=0.0, max_epochs=30, lr=3e-3, batch_size=200, random_state=0
    ).fit(a, b)
    assert linear < 0.05 < 0.12 < deep.score(a_test, b_test)
    assert -deep.history_["correlation"].iloc[-1] > 2


def test_labels_choose_the_epoch_and_nothing_else(small):
    pairs, labels = small
    a, b = (DCCA(**TINY | {"max_epochs": 1}).fit(pairs, y) for y in (labels, None))
    assert b.history_["correlation"].iloc[0] < 0
    assert a.fitted_with_labels_ and not b.fitted_with_labels_


def test_small_batches_are_refused_and_small_remainders_joined(small):
    pairs, _ = small
    with pytest.raises(ValueError, match=r"a batch has 8 rows \(batch_size=8, 96 rows to fit\) but n_components=8"):
        DCCA(n_components=8, batch_size=8, validation_fraction=0.2).fit(pairs)
    with pytest.raises(ValueError, match=r"a batch has 120 rows \(batch_size='auto', 120 rows to fit\)"):
        DCCA(n_components=200).fit(pairs)
    fitted = DCCA(**TINY | {"batch_size": 58}).fit(pairs)  # 120 = 58 + 58 + 4: the four join
    assert (fitted.history_["correlation"] > -3.99).all()


def test_constants_of_the_paper_warn_that_they_go():
    """Pre-training and optimiser are not offered, and what would be left of the paper is not its method."""
    message = r"DCCA\.paper will be removed in 0\.3, because .* are not offered; write (DCCA\(.*\))\.$"
    with pytest.warns(FutureWarning, match=message) as caught:
        found = DCCA.paper(lr=0.5)
    assert caught[0].filename == __file__
    (written,) = re.search(message, str(caught[0].message)).groups()
    assert found.get_params() == eval(written).set_params(lr=0.5).get_params()
    assert found.n_components == 50 and found.cca_ridge == found.correlation_power == found.dropout == 0
    with pytest.raises(ValueError, match="dataset must be one of"):
        DCCA.paper("imagenet")


class TestWidth:
    @pytest.fixture
    def pairs(self):
        return make_multilabel_pairs(400, random_state=0)[0]

    @pytest.mark.parametrize(("n", "width"), [(60, 30), (61, 30), (100, 50), (127, 63), (128, 64), (400, 64)])
    def test_auto_is_half_a_batch_at_most_64(self, pairs, n, width):
        model = DCCA(hidden=16, max_epochs=2, validation_fraction=0, random_state=0).fit(pairs[:n])
        assert model.encode_image(pairs).shape == (400, width) == model.encode_text(pairs).shape
        assert np.isfinite(model.transform(pairs).image).all()
        assert (model.history_["correlation"] > -width + 1e-3).all()

    def test_sixty_rows_are_enough_for_the_defaults(self, pairs):
        assert np.isfinite(DCCA(max_epochs=1, random_state=0).fit(pairs[:60]).transform(pairs).image).all()

    @pytest.mark.parametrize(("batch", "width"), [(40, 20), (5, 2), (2, 1), (3, 1), (400, 64)])
    def test_the_batch_is_the_one_that_is_asked_for(self, pairs, batch, width):
        options = {"hidden": 16, "max_epochs": 1, "validation_fraction": 0, "random_state": 0}
        model = DCCA("auto", batch_size=batch, **options).fit(pairs)
        assert model.encode_image(pairs).shape == (400, width)

    def test_a_number_stays_an_error(self, pairs):
        with pytest.raises(ValueError, match=r"a batch has 60 rows .* but n_components=64.* or set it to 'auto'"):
            DCCA(64, validation_fraction=0).fit(pairs[:60])
        with pytest.raises(ValueError, match="'n_components' parameter of DCCA must be"):
            DCCA("wide").fit(pairs[:60])

    def test_enough_rows_give_what_64_gives(self, pairs):
        found, wanted = (DCCA(*k, hidden=16, max_epochs=2, random_state=0).fit(pairs[:300]) for k in ((), (64,)))
        assert_array_equal(found.encode_text(pairs), wanted.encode_text(pairs))

    def test_two_rows_are_enough(self, pairs):
        model = DCCA(hidden=16, max_epochs=1, validation_fraction=0, random_state=0).fit(pairs[:2])
        assert model.encode_text(pairs).shape == (400, 1)
