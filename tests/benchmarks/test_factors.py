"""What factors.py compares: cells, the method that is put together from parts, and what the tables say."""

import itertools

import numpy as np
import pytest

from skxmr import Pairs
from tests.problems import labelled_views


def record(name, changes, seed, value, start="defaults"):
    return {"set": name, "start": start, "changes": changes, "seed": seed, "i2t": value, "t2i": value}


@pytest.mark.parametrize("name", ["wikipedia", "icons"])
def test_cells_differ_from_a_starting_point_in_one_factor(name, module):
    factors = module("factors")
    cells = list(factors.single_cells(name))
    assert len(cells) == len(set(cells))
    for cell in cells:
        start = factors.STARTS[cell.start]
        assert sum(cell.levels[factor] != start[factor] for factor in start) == len(cell.changes) <= 1
        for factor, level in cell.levels.items():
            assert level in factors.FACTORS[factor]
    # Only pictures have words that can be read in several ways.
    assert any("text" in dict(cell.changes) for cell in cells) == (name == "icons")


def test_all_cells_are_not_too_many(module):
    factors = module("factors")
    assert sum(len(list(factors.single_cells(name))) for name in factors.SETS) <= 150


def test_pairs_are_of_changes_of_two_factors_that_helped(module):
    factors = module("factors")
    records = [record("icons", [], 0, 0.4), record("wikipedia", [], 0, 0.2)]
    for factor, level, gain in (("encoder", "one layer", 0.1), ("text", "words", 0.02), ("adversary", "dual GAN", 0)):
        records.append(record("icons", [[factor, level]], 0, 0.4 + gain))
    records.append(record("wikipedia", [["encoder", "one layer"]], 0, 0.3))
    assert module("factors_report").moved(records, "defaults") == [("encoder", "one layer"), ("text", "words")]
    (pair,) = factors.pair_cells("icons", records)
    assert pair.changes == (("text", "words"), ("encoder", "one layer"))
    assert list(factors.pair_cells("wikipedia", records)) == []
    for factor, level in (("loss", "soft contrastive"), ("structure", "learned")):
        records.append(record("icons", [[factor, level]], 0, 0.45))
    # The first three of four, in the order of the factors.
    pairs = list(factors.pair_cells("icons", records))
    assert len(pairs) == 3
    order = list(factors.FACTORS)
    assert all(order.index(pair.changes[0][0]) < order.index(pair.changes[1][0]) for pair in pairs)


def test_the_best_level_of_a_factor_counts_by_its_mean_over_the_sets(module):
    records = [record(name, [], seed, 0.5) for name in ("icons", "clipart") for seed in (0, 1)]
    # Much on one set and harm on the other; little, but on both; and nothing worth telling.
    for level, icons, clipart in (("soft", 0.1, -0.09), ("triplets", 0.03, 0.03), ("circle", 0.004, 0.004)):
        for seed in (0, 1):
            records.append(record("icons", [["loss", level]], seed, 0.5 + icons))
            records.append(record("clipart", [["loss", level]], seed, 0.5 + clipart))
    assert module("factors_report").moved(records, "defaults") == [("loss", "triplets")]


def test_a_gain_is_that_over_the_start_of_the_same_seed(module):
    report = module("factors_report")
    records = [record("icons", [], 0, 0.4), record("icons", [], 1, 0.5)]
    records += [record("icons", [["loss", "soft"]], 0, 0.45), record("icons", [["loss", "soft"]], 1, 0.58)]
    # Another starting point, and a seed of which the start is missing, do not count.
    records += [record("icons", [], 0, 0.1, "papers"), record("icons", [["loss", "soft"]], 2, 0.9)]
    factors = {"text": ("words", "letters"), "loss": ("soft", "hard")}
    table = report.table(
        report.scores(records, "defaults"), factors, {"text": "letters", "loss": "hard"}, ["corel", "icons"]
    )
    assert "| starting point |  |  | 0.450 ± 0.071 |  |" in table
    assert "| loss | soft |  | +0.065 ± 0.021 | +0.065 |" in table
    assert "| text | words | no cell |  |  |" in table


def levels(factors):
    for factor, own in factors.FACTORS.items():
        if factor not in ("text", "ensemble", "encoder", "similarity"):
            yield from ((factor, level) for level in own)


def test_every_level_trains_a_network_of_its_own(module):
    """A level without effect would be compared with itself."""
    factors = module("factors")
    (image, text), (labels, _) = labelled_views(n=60, m=60)
    pairs = Pairs(image, text)
    small = {"n_components": 8, "hidden": 16, "width": 8, "max_epochs": 2, "validation_fraction": 0, "random_state": 0}
    embedded = {}
    for factor, level in levels(factors):
        vectors = np.eye(labels.shape[1], 5) if level == "word vectors" else None
        model = module("factored").Factored(**small, label_embedding=vectors, **{factor: level})
        embedded[factor, level] = model.fit(pairs, labels).encode_image(pairs)
    for (first, one), (second, other) in itertools.combinations(embedded.items(), 2):
        defaults = ("classification, soft contrastive", "none")
        same = first[1] in defaults and second[1] in defaults
        assert np.array_equal(one, other) == same, (first, second)


def test_members_of_an_ensemble_are_recorded_as_smaller_ones_too(module, monkeypatch):
    factors = module("factors")
    (image, text), (labels, _) = labelled_views(n=40, m=40)
    rows = module("factors_sets").Fold(Pairs(image, text), labels, Pairs(image, text), labels)
    members = [np.random.default_rng(i).normal(size=(2, 40, 4)) for i in range(5)]
    members = [part / np.linalg.norm(part, axis=2, keepdims=True) for part in members]
    monkeypatch.setattr(factors, "fold", lambda name, text, seed: rows)
    monkeypatch.setattr(factors, "_embedded", lambda cell, seed, member, rows: tuple(members[member]))
    found = list(factors.measure(factors.Cell("icons", "defaults", (("ensemble", "5"),)), 0))
    assert [record["changes"] for record in found] == [[], [["ensemble", "3"]], [["ensemble", "5"]]]
    cosines = np.mean([image @ text.T for image, text in members[:3]], axis=0)
    wanted = factors.mean_average_precision(cosines, factors.SharedLabels(labels))
    assert found[1]["i2t"] == pytest.approx(wanted)


def test_texts_are_read_by_the_fitting_rows_only(module):
    captions = ["red cat", "red cat dog", "red blue cat", "red zebra zebra"]
    parts = module("factors_sets").columns("words, letters", captions, [0, 1, 2], [3])
    alone = module("factors_sets").columns("words, letters", captions[:3], [0, 1, 2], [0])
    assert parts[0].shape == alone[0].shape
    assert (parts[0] != alone[0]).nnz == 0
    # The one word that it shares with at least two fitting rows, and its letters.
    assert parts[1].sum() > 0


def test_thinned_rows_leave_no_label_more_than_its_share(module):
    Y = (np.random.default_rng(0).uniform(size=(200, 6)) < 0.2).astype(int)
    rows = module("factors_graphs").thinned(Y, 5, seed=0)
    assert Y[rows].sum(axis=0).max() == 5
    assert Y[rows].any(axis=1).all()
    # No other row could be added.
    full = Y[rows].sum(axis=0) == 5
    others = np.setdiff1d(np.flatnonzero(Y.any(axis=1)), rows)
    assert Y[others][:, full].any(axis=1).all()


def test_a_combination_is_unseen_if_no_fitting_row_has_it(module):
    fitting = np.array([[1, 0, 0], [0, 1, 1]])
    Y = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1]])
    assert module("factors_graphs").unseen(Y, fitting).tolist() == [False, True, False, True]


def test_structures_are_compared_with_none_of_the_same_seed(module):
    graphs = module("factors_graphs")
    records = [record("icons", [], seed, 0) | {"most": 5, "all": 0.4 + seed, "unseen": 0.2} for seed in (0, 1)]
    records += [record("icons", [["structure", "learned"]], 1, 0) | {"most": 5, "all": 1.5, "unseen": 0.1}]
    table = graphs.table(records)
    assert "| icons | at most 5 | all | 0.900 ± 0.707 |  | +0.100 |  |" in table
    assert "| icons | at most 5 | unseen | 0.200 ± 0.000 |  | -0.100 |  |" in table


def test_votes_stand_beside_the_embeddings(module):
    factors = module("factors")
    (image, text), (labels, _) = labelled_views(n=40, m=40)
    rows = module("factors_sets").Fold(Pairs(image, text), labels, Pairs(image, text), labels)
    start, voting = (
        factors._embedded(factors.Cell("icons", "defaults", changes), 0, 0, rows)
        for changes in ((), (("similarity", "cosine and votes"),))
    )
    width = start[0].shape[1]
    # Half of the squared length is that of the votes.
    np.testing.assert_allclose(voting[0][:, -width:], start[0] / 2**0.5, atol=1e-6)
    assert voting[0].shape[1] == width + labels.shape[1] + 2
