"""Numbers and networks that are too large or too small: messages name the parameter and do not blame another one."""

import numpy as np
import pytest
import torch

from skxmr import DAGNN, DSCMR, SCAN, Pairs, Regions
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
            r"DSCMR does not fit into memory; its largest parameters are n_components=1000000000000, ",
        ),
        (DSCMR(10**30, hidden=8), rf"its largest parameters are n_components={10**30}, "),
        (DSCMR(4, hidden=10**13), r"its largest parameters are hidden=10000000000000, .*Choose smaller ones"),
        (
            SCAN(4, word_width=10**13),
            r"SCAN does not fit into memory; its largest parameters are word_width=10000000000000, ",
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
