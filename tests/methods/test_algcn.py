"""ALGCN: its objective and the matrix it learns."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skxmr import ALGCN
from skxmr.methods.algcn import ALGCNObjective
from skxmr.nn.objective import Batch

TINY = {"n_components": 8, "hidden": 16, "width": 8, "max_epochs": 3, "batch_size": 32, "pretrain_text": False}
TINY |= {"random_state": 0}


def start(model):
    """The learned matrix before the first step: the same seed, a rate of almost nothing."""
    return model.set_params(lr=1e-12, max_epochs=1)


def test_the_matrix_moves_and_is_readable(small):
    pairs, labels = small
    frame = pd.DataFrame(labels, columns=[f"tag{j}" for j in range(8)])
    options = TINY | {"validation_fraction": 0, "max_epochs": 10}
    fitted = ALGCN(**options).fit(pairs, frame)
    first = start(ALGCN(**options)).fit(pairs, frame)
    moved = (fitted.network_.classifiers.B - first.network_.classifiers.B).abs()
    assert moved.max() > 0.05
    matrix = fitted.adaptive_matrix_
    assert list(matrix.index) == list(matrix.columns) == list(frame.columns)
    network = fitted.network_
    M = np.maximum(network.A.numpy() + 0.5 * network.classifiers.B.numpy(), 0)
    assert_allclose(matrix, M / np.sqrt(np.outer(M.sum(1), M.sum(1))), rtol=1e-5)


def test_its_rate_is_a_hundred_times_that_of_the_rest(small):
    """Adam's first steps are as long as the rate."""
    pairs, labels = small
    options = TINY | {"max_epochs": 1, "batch_size": 120, "validation_fraction": 0, "schedule": "constant"}
    first, later = (ALGCN(**options | {"lr": lr}, rate_factor=100.0).fit(pairs, labels) for lr in (1e-12, 1e-4))
    changes = {}
    for (name, a), (_, b) in zip(first.network_.named_parameters(), later.network_.named_parameters(), strict=True):
        changes[name] = (a - b).abs().max().item()
    matrix = changes.pop("classifiers.B")
    assert_allclose(matrix, 1e-2, rtol=0.05)
    assert_allclose(max(changes.values()), 1e-4, rtol=0.1)


def test_without_weight_the_given_graph_is_used(small):
    fitted = ALGCN(**TINY, gamma=0.0, graph="identity").fit(*small)
    assert_array_equal(fitted.adaptive_matrix_, np.eye(8, dtype=np.float32))


def test_the_regulariser_is_a_term_of_its_own(small):
    assert "departure" not in ALGCN(**TINY).fit(*small).history_
    history = ALGCN(**TINY, alpha=0.2, w_reg=0.5).fit(*small).history_
    expected = history["classification"] + 0.2 * history["invariance"] + 0.5 * history["departure"]
    assert_allclose(history["loss"], expected, rtol=1e-5)


def test_the_objective_adds_what_the_network_says():
    objective = ALGCNObjective({"departure": 0.5})
    terms = objective.terms({"departure": torch.tensor(3.0)}, Batch(None, None, torch.ones(2, 1)))
    assert objective.total(terms) == 1.5


@pytest.mark.parametrize(
    ("dataset", "batch", "epochs"), [("mirflickr", 100, 30), ("nuswide", 1024, 40), ("coco", 512, 50)]
)
def test_constants_of_the_paper(dataset, batch, epochs):
    found = ALGCN.paper(dataset).get_params()
    expected = {
        "n_components": 1024, "width": 1024, "n_layers": 3, "tau": 0.4, "p": 0.5, "gamma": 0.5, "rate_factor": 100.0,
        "alpha": 0.2, "w_reg": 0.0, "lr": 5e-5, "batch_size": batch, "max_epochs": epochs, "hidden": None,
    }  # fmt: skip
    assert expected.items() <= found.items() and found["optimizer"].keywords["betas"] == (0.5, 0.999)
