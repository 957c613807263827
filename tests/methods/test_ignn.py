"""I-GNN: its objective, the graph it learns, its size."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skxmr import IGNN
from tests import reference

TINY = {"n_components": 8, "hidden": 16, "width": 8, "n_layers": 2, "max_epochs": 3, "batch_size": 32}
TINY |= {"pretrain_text": False, "random_state": 0}


def test_loss_is_the_weighted_sum(small):
    history = IGNN(**TINY, w_cla=0.7, w_soft=1.5, w_adv=0.2).fit(*small).history_
    total = 0.7 * history["classification"] + 1.5 * history["soft"] + 0.2 * history["adversary"]
    assert_allclose(history["loss"], total, rtol=1e-5)


def test_the_graph_starts_from_the_cosines_of_the_label_vectors(small):
    pairs, labels = small
    vectors = np.random.default_rng(0).normal(size=(8, 3))
    vectors[5] = 0  # a label without a vector keeps itself
    fitted = IGNN(**TINY, label_embedding=vectors, threshold=0.3).fit(pairs, labels)
    expected = np.zeros((8, 8))
    for i in range(8):
        for j in range(8):
            s = reference.cosine(vectors[i].tolist(), vectors[j].tolist())
            expected[i, j] = 1.0 if i == j else (s if s >= 0.3 else 0.0)
    assert_allclose(fitted.network_.A, expected, rtol=1e-6)


def test_label_vectors_and_weightings_learn_and_the_graph_with_them(small):
    pairs, labels = small
    frame = pd.DataFrame(labels, columns=[f"tag{j}" for j in range(8)])
    first = IGNN(**TINY | {"max_epochs": 1, "lr": 1e-12}).fit(pairs, frame)
    last = IGNN(**TINY | {"max_epochs": 20, "lr": 1e-2}).fit(pairs, frame)
    for name in ("vectors", "heads"):
        a, b = (getattr(model.network_.classifiers, name) for model in (first, last))
        assert (a - b).abs().max() > 1e-3, name
    assert np.abs(first.learned_graph_ - last.learned_graph_).max(axis=None) > 1e-3
    assert list(last.learned_graph_.index) == list(last.learned_graph_.columns) == list(frame.columns)


def test_it_works_without_word_vectors(small):
    fitted = IGNN(**TINY).fit(*small)
    assert_array_equal(fitted.network_.Q.shape, (8, 8))
    assert_allclose(torch.linalg.vector_norm(fitted.network_.Q, dim=1), 1, rtol=1e-6)


def test_the_paper_has_as_many_parameters_as_published():
    """29.92 million for MIRFlickr (L2-GCN's Table 2): VGG19's fc7, 300 text features, 24 labels with 300-d vectors."""
    from skxmr import Pairs
    from skxmr._data.labels import encode_labels
    from skxmr.deep.split import unsplit

    rng = np.random.default_rng(0)
    pairs = Pairs(rng.uniform(size=(40, 4096)).astype(np.float32), rng.normal(size=(40, 300)).astype(np.float32))
    labels = encode_labels((rng.uniform(size=(40, 24)) < 0.3).astype(int))
    model = IGNN.paper(pretrain_text=False, label_embedding=rng.normal(size=(24, 300)))
    network = model._build(unsplit(pairs, labels)).network
    assert_allclose(sum(p.numel() for p in network.parameters()) / 1e6, 29.92, atol=0.005)


@pytest.mark.parametrize(
    ("dataset", "w_cla", "w_adv", "batch"),
    [("mirflickr", 0.5, 2.0, 100), ("nuswide", 0.8, 0.2, 2048), ("coco", 2.8, 0.2, 512)],
)
def test_constants_of_the_paper(dataset, w_cla, w_adv, batch):
    found = IGNN.paper(dataset).get_params()
    expected = {
        "n_components": 1024, "width": 1024, "n_layers": 5, "n_heads": 8, "threshold": 0.4, "w_cla": w_cla,
        "w_adv": w_adv, "w_soft": 1.0, "lr": 5e-5, "batch_size": batch, "max_epochs": 40, "hidden": None,
        "standardize": True,
    }  # fmt: skip
    assert expected.items() <= found.items() and found["optimizer"].keywords["betas"] == (0.5, 0.999)
    with pytest.warns(FutureWarning, match="beta=0.3 of IGNN is now written w_adv=0.3"):
        assert IGNN.paper(dataset, beta=0.3).w_adv == 0.3
