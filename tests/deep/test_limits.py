"""Numbers and networks that are too large or too small: messages name the parameter and do not blame another one."""

import numpy as np
import pytest
import torch

from skxmr import ACMR, ALGCN, DAGNN, DSCMR, L2GCN, SCAN, Pairs, Regions
from skxmr.datasets import make_captioned_scenes
from skxmr.deep.callbacks import DivergenceError
from tests.deep.toy import Toy, ToyObjective


@pytest.mark.parametrize(
    "model", [DSCMR(4, hidden=8, temperature=1e-300), DAGNN(4, hidden=8, width=8, temperature=1e-300), Toy()], ids=repr
)
def test_what_is_not_finite_before_the_first_step_is_not_blamed_on_lr(small, model, monkeypatch):
    terms = ToyObjective.terms
    monkeypatch.setattr(ToyObjective, "terms", lambda *args: terms(*args) | {"likelihood": torch.tensor(np.inf)})
    with pytest.raises(DivergenceError, match=r"before any weight had changed, so a lower lr does not help") as caught:
        model.set_params(max_epochs=2).fit(*small)
    assert "or lower lr" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (
            DSCMR(10**12, hidden=8),
            r"^DSCMR does not fit into memory with n_components=1000000000000; choose smaller sizes\. \(",
        ),
        (DSCMR(10**30, hidden=8), rf"memory with n_components={10**30}; choose smaller"),
        (DSCMR(10**11, hidden=10**13), f"memory with hidden={10**13}, n_components={10**11}; choose smaller"),
        (ACMR(4, hidden=(5, 10**12)), r"memory with hidden=\(5, 1000000000000\); choose smaller"),
        (
            SCAN(4, word_width=10**13),
            r"^SCAN does not fit into memory with word_width=10000000000000; choose smaller",
        ),
    ],
    ids=repr,
)
def test_networks_that_are_too_large_are_named_by_their_parameters(small, model, named):
    data = small
    if isinstance(model, SCAN):
        scenes = make_captioned_scenes(30, random_state=0)
        data = (Pairs(Regions(scenes.regions, mask=scenes.mask), scenes.sentences, image_index=scenes.image_index),)
    with pytest.raises(MemoryError, match=named) as caught:
        model.set_params(max_epochs=1, random_state=0).fit(*data)
    assert "frame #" not in str(caught.value)


@pytest.mark.parametrize(
    "model", [DAGNN(4, p=0), ALGCN(4, p=0), L2GCN(4, p=0), DAGNN(4, tau=2), L2GCN(4, tau=-1)], ids=repr
)
def test_a_method_is_not_told_to_set_parameters_that_it_lacks(small, model):
    with pytest.raises(
        ValueError, match=r"^(p must be > 0; got 0|tau is a threshold .* in \[0, 1\]; got (2|-1))"
    ) as caught:
        model.set_params(max_epochs=1).fit(*small)
    assert "kind" not in str(caught.value)


@pytest.mark.parametrize("hidden", [True, (8, True), (8, 0), (8,), (8, 2.5)])
def test_truth_values_are_no_widths(small, hidden):
    with pytest.raises(ValueError, match=r"hidden.* must be .*[Gg]ot"):
        ACMR(4, hidden=hidden, max_epochs=1).fit(*small)


@pytest.mark.parametrize("value", [True, False, np.True_])
@pytest.mark.parametrize(
    "name", ["n_components", "batch_size", "max_epochs", "lr", "weight_decay", "dropout", "hidden", "temperature"]
)
def test_truth_values_are_no_numbers(small, name, value):
    with pytest.raises(
        ValueError, match=rf"The '{name}' parameter of DSCMR must be .* in the range .*\. Got .*{value}"
    ):
        DSCMR(**{name: value}).fit(*small)


def test_truth_values_stay_where_they_are_meant(small):
    DSCMR(4, hidden=8, max_epochs=1, standardize=True, pretrain_text=False, random_state=0).fit(*small)
