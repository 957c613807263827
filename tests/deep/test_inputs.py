import math

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from numpy.testing import assert_allclose
from torch import nn

from skxmr import Pairs
from skxmr._data.labels import encode_labels
from skxmr.deep.batches import PairsDataset
from skxmr.deep.inputs import PretrainedText, pretrain_text, standardizer, wants_pretraining
from skxmr.deep.options import Options
from skxmr.deep.split import split_rows
from tests.deep.toy import forget_interrupts

OPTIONS = Options(0.1, 40, 500, "sgd", 0.5, "cosine", "float32", 1, ["not a callback"], 1)  # none of it counts here


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_standardisation_is_by_the_rows_given(form):
    X = np.random.default_rng(0).poisson(0.7, size=(40, 6)) * 2.0
    X[:, 2] = 3.0  # constant: only its mean is taken out
    standardised = standardizer(form(X), True)(torch.as_tensor(X, dtype=torch.float32)).numpy()
    for j in range(6):
        mean = sum(X[:, j]) / 40
        deviation = math.sqrt(sum((x - mean) ** 2 for x in X[:, j]) / 40) or 1.0
        assert_allclose(standardised[:, j], (X[:, j] - mean) / deviation, atol=1e-5)
    assert isinstance(standardizer(form(X), False), nn.Identity)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_a_view_may_be_divided_by_one_number(form):
    X = np.random.default_rng(0).poisson(0.7, size=(40, 6)) * np.array([1, 2, 3, 4, 5, 0.0])
    found = standardizer(form(X), "view")(torch.as_tensor(X, dtype=torch.float32)).numpy()
    means = X.sum(axis=0) / 40
    variance = sum((X[i, j] - means[j]) ** 2 for i in range(40) for j in range(6)) / 240
    assert_allclose(found, (X - means) / math.sqrt(variance), atol=1e-5)
    constant = standardizer(form(np.ones((4, 3))), "view")(torch.ones(4, 3))
    assert_allclose(constant, 0.0)


@pytest.mark.parametrize(
    ("choice", "text", "expected"),
    [
        ("auto", sp.csr_array((5, 301)), True),
        ("auto", sp.csr_array((5, 300)), False),
        ("auto", np.zeros((5, 900)), False),
        (True, np.zeros((5, 2)), True),
        (False, sp.csr_array((5, 900)), False),
    ],
)
def test_when_text_is_pretrained(choice, text, expected):
    assert wants_pretraining(choice, text) is expected


def pretrained(fraction=0.2, seed=5, held_out=None):
    rng = np.random.default_rng(0)
    Y = (rng.uniform(size=(200, 4)) < 0.4).astype(int)
    text = np.c_[Y @ rng.normal(size=(4, 6)), rng.normal(size=(200, 6))]
    split = split_rows(Pairs(text[:, :1], text), encode_labels(Y), fraction, seed=3)
    if held_out is not None:
        text[split.validation.rows] = held_out
    dataset = PairsDataset(
        split.pairs.image, split.pairs.text, split.labels.matrix, torch.device("cpu"), split.fitting.rows
    )
    torch.manual_seed(0)
    module = PretrainedText(nn.Identity(), 12, 4, 0.2, 0.1)
    before = cross_entropy(module.eval(), text, Y)
    pretrain_text(module, split, dataset, OPTIONS, seed)
    return module, before, cross_entropy(module, text, Y), cross_entropy_of_frequencies(Y)


def cross_entropy(module, text, Y):
    logits = module.to_labels(module(torch.as_tensor(text, dtype=torch.float32)))
    return nn.functional.binary_cross_entropy_with_logits(logits, torch.as_tensor(Y, dtype=torch.float32)).item()


def cross_entropy_of_frequencies(Y):
    p = Y.mean(axis=0)
    return float(-(p * np.log(p) + (1 - p) * np.log(1 - p)).mean())


@pytest.mark.slow
@pytest.mark.parametrize("fraction", [0.0, 0.2])
def test_pretraining_predicts_the_labels_and_freezes(fraction):
    module, before, after, frequencies = pretrained(fraction)
    assert after < 0.5 * frequencies < before
    assert not any(p.requires_grad for p in module.parameters())
    rows = torch.randn(7, 12)
    assert_allclose(module.train()(rows), module.eval()(rows))  # nothing is dropped any more
    assert module(rows).shape == (7, 300)


@pytest.mark.slow
def test_pretraining_is_repeatable():
    (a, *_), (b, *_), (c, *_) = pretrained(), pretrained(), pretrained(seed=6)
    rows = torch.randn(7, 12)
    assert torch.equal(a(rows), b(rows)) and not torch.equal(a(rows), c(rows))


def test_validation_rows_that_cannot_be_read_are_named():
    with pytest.raises(ValueError, match=r"^text holds 1\.0e\+39, which is infinite in float32"):
        pretrained(held_out=1e39)


def test_an_interrupt_while_pretraining_raises(monkeypatch):
    from skxmr.deep import inputs

    forget_interrupts()
    calls = []

    def interrupted(self, outputs, batch, original=inputs._CrossEntropy.terms):
        calls.append(1)
        if len(calls) == 12:
            raise KeyboardInterrupt
        return original(self, outputs, batch)

    monkeypatch.setattr(inputs._CrossEntropy, "terms", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pretrained()
