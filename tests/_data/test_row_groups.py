"""Groups of rows that a split must not divide travel with the pairs."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.model_selection import GroupKFold, KFold, cross_val_score
from sklearn.pipeline import make_pipeline

from skxmr import CCA, DSCMR, Pairs, PerModality, RetrieverEnsemble, SemanticMatching
from skxmr._data.labels import encode_labels
from skxmr._data.repeated import divides
from skxmr.datasets import make_multilabel_pairs
from skxmr.deep.split import split_rows
from skxmr.methods._chosen_weights import held_out_rows
from skxmr.methods._label_models import folds_of
from skxmr.metrics import RetrievalScorer
from skxmr.model_selection import MultilabelStratifiedKFold

N = 120
PLAIN, LABELS = make_multilabel_pairs(N, random_state=0)
GROUPS = np.random.default_rng(0).integers(90, size=N)
PAIRS = PLAIN.replace(groups=GROUPS)


def same(groups):
    """Return which rows belong together."""
    return np.equal.outer(groups, groups)


@pytest.mark.parametrize("kind", [np.asarray, list, pd.Series, torch.tensor, lambda g: [f"artist {i}" for i in g]])
def test_groups_are_numbered_and_travel_with_the_rows(kind):
    pairs = Pairs(PLAIN.image, PLAIN.text, groups=kind(GROUPS))
    rows = np.random.default_rng(1).permutation(N)[:70]
    assert_array_equal(same(pairs.groups), same(GROUPS))
    assert_array_equal(same(pairs[rows].groups), same(GROUPS[rows]))
    assert_array_equal(same(pairs[5:25].replace(image=np.zeros((20, 1))).groups), same(GROUPS[5:25]))
    assert_array_equal(same(pairs.replace(text=None).groups), same(GROUPS))
    assert pairs.groups.dtype.kind == "i" and len(pairs[3]) == 1
    assert_array_equal(pairs.replace(groups=None).groups, np.arange(N))


def test_rows_of_one_image_or_of_one_group_belong_together():
    pairs = Pairs(np.eye(4), list("abcdefg"), image_index=[0, 0, 1, 1, 2, 2, 3], groups=list("xyyzwwv"))
    assert_array_equal(same(pairs.groups), same([0, 0, 0, 0, 1, 1, 2]))
    assert pairs.distinct_images()[1].tolist() == [0, 0, 1, 1, 2, 2, 3]
    expanded = pairs.replace(image=np.asarray(pairs.image))
    assert_array_equal(same(expanded[1:].groups), same([0, 0, 0, 1, 1, 2]))
    without = pairs.replace(groups=None)
    assert without.groups.tolist() == [0, 0, 1, 1, 2, 2, 3]


def test_groups_of_several_parts():
    joined = Pairs.concatenate([PAIRS[:50], PAIRS[50:]])
    assert_array_equal(same(joined.groups), same(GROUPS))
    partly = Pairs.concatenate([PLAIN[:10], PAIRS[:50], PLAIN[:10]])
    expected = [*range(100, 110), *GROUPS[:50], *range(110, 120)]
    assert_array_equal(same(partly.groups), same(expected))
    named = PLAIN[:10].replace(groups=list("aabbccddee"))
    with pytest.raises(ValueError, match="groups are integers in some parts and strings in others"):
        Pairs.concatenate([named, PAIRS])


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([1, 2], "groups has 2 rows but image has 120"),
        (np.zeros((N, 2), int), r"groups has shape \(120, 2\)"),
        (np.full(N, np.nan), "groups holds float64 values; groups are integers or strings"),
        ([None] * N, "groups holds object values"),
        (np.ma.array(GROUPS, mask=GROUPS == 3), "masked values"),
    ],
)
def test_wrong_groups_are_refused(groups, message):
    with pytest.raises(ValueError, match=message):
        Pairs(PLAIN.image, PLAIN.text, groups=groups)


def test_groups_of_another_index_are_refused():
    frames = [pd.DataFrame(np.ones((3, 2)), index=list("abc")), pd.Series([0, 0, 1], index=list("bca"))]
    with pytest.raises(ValueError, match="indexes of image and groups differ"):
        Pairs(frames[0], frames[0], groups=frames[1])


def test_a_split_that_divides_groups_is_warned_of():
    folds = GroupKFold(3).split(PAIRS, groups=PAIRS.groups)
    assert not any(divides(PAIRS.groups, rows) for rows, _ in folds)
    cross_val_score(CCA(2), PAIRS, LABELS, cv=GroupKFold(3), groups=PAIRS.groups, scoring=RetrievalScorer("map"))
    with pytest.warns(UserWarning, match=r"rows of one group on both sides.*groups=pairs\.groups"):
        cross_val_score(CCA(2), PAIRS.replace(), LABELS, cv=KFold(3), scoring=RetrievalScorer("map"))


@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_networks_hold_out_whole_groups(labelled, seed):
    split = split_rows(PAIRS, encode_labels(LABELS) if labelled else None, 0.2, seed)
    assert 12 <= len(split.validation.rows) <= 24
    assert not divides(PAIRS.groups, split.validation.rows)
    # Rows of a group show different images.
    assert split.shared_images(split.validation) is None


def test_no_row_is_held_out_apart_from_its_group():
    assert not divides(PAIRS.groups, held_out_rows(PAIRS, 0.2, 0)[1])
    assert not any(divides(PAIRS.groups, rows) for rows in folds_of(PAIRS, 5))
    for _, rows in MultilabelStratifiedKFold(5).split(PAIRS, LABELS):
        assert not divides(PAIRS.groups, rows)


class Watched(DSCMR):
    """Keeps its split."""

    def _split(self, pairs, labels, seed):
        self.split_ = super()._split(pairs, labels, seed)
        return self.split_


SMALL = {"n_components": 4, "hidden": 8, "max_epochs": 1, "random_state": 0}


def test_groups_reach_a_network_in_a_pipeline():
    model = make_pipeline(PerModality(), Watched(**SMALL, validation_fraction=0.4)).fit(PAIRS, LABELS)
    assert not divides(PAIRS.groups, model[-1].split_.validation.rows)
    without = Watched(**SMALL, validation_fraction=0.4).fit(PLAIN, LABELS)
    assert divides(PAIRS.groups, without.split_.validation.rows)


def test_an_ensemble_chooses_its_weights_on_whole_groups():
    two = [("cca", CCA(4)), ("matching", SemanticMatching())]
    model = RetrieverEnsemble(two, weights="validation", random_state=0).fit(PAIRS, LABELS)
    assert model.weights_.shape == (2,) and model.weights_.sum() == pytest.approx(1)
