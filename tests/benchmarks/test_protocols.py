"""The search for a published protocol: its average precisions, its splits and what it calls near."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skxmr.metrics import average_precision


def test_average_precisions_are_those_of_the_library_and_of_a_loop(module):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 5, 90)
    scores = rng.standard_normal((90, 90))
    relevance = np.equal.outer(y, y).astype(np.int32)
    for some in (scores, scores.T):
        found = module("protocols").precisions(some, relevance)
        assert_allclose(found["all"], average_precision(some, relevance), rtol=1e-6)
        assert_allclose(found["first 50"], average_precision(some, relevance, k=50), rtol=1e-6)
        for i, order in enumerate(np.argsort(-some, axis=1)):
            hits, total = 0, 0.0
            for rank, j in enumerate(order[:50], 1):
                if relevance[i, j]:
                    hits += 1
                    total += hits / rank
            assert_allclose(found["first 50, by hits"][i], total / hits, rtol=1e-6)


def test_every_protocol_has_both_maps_of_every_cell(module):
    protocols = module("protocols")
    y = np.repeat([0, 1, 2], [30, 30, 40])
    rows = np.eye(3)[y] + np.random.default_rng(0).normal(size=(100, 3)) / 10
    found = list(protocols.measured(rows, rows, y))
    assert len(found) == 2 * len(protocols.DISTANCES) * len(protocols.MAPS) * len(protocols.MEANS)
    assert min(found[:2]) > 0.9


def test_the_splits_have_the_sizes_of_their_names(module):
    drawn = module("protocols").drawn
    y = np.repeat(np.arange(10), [172, 360, 340, 333, 267, 236, 237, 185, 285, 451])
    for split in module("protocols").SPLITS:
        train, test = drawn(split, y)
        assert f"{len(train)}/{len(test)}" == split.split(",")[0]
        assert sorted([*train, *test]) == list(range(2866))
    assert set(np.bincount(y[drawn("1300/1566, 130 per class", y)[0]])) == {130}


@pytest.mark.parametrize(("pair", "off"), [((0.255, 0.185), 0.0), ((0.260, 0.181), 0.005), ((0.2, 0.2), 0.055)])
def test_a_cell_is_as_far_off_as_its_worse_direction(module, pair, off):
    report = module("protocols_report")
    assert report.Cell(None, "CCA", "", pair).off(report.TABLE_2["CCA"]) == off
