import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline

from skxmr import MLCCA, Pairs
from skxmr.datasets import make_multilabel_pairs
from skxmr.model_selection import MultilabelStratifiedKFold


def labels_of(n, c=20, seed=0):
    """Labels of which each has its own frequency, one or more per row."""
    rng = np.random.default_rng(seed)
    frequency = 1 / np.arange(1, c + 1)
    Y = (rng.random((n, c)) < 0.3 * frequency).astype(np.int64)
    Y[np.arange(n), rng.choice(c, n, p=frequency / frequency.sum())] = 1
    return Y


def folds_of(splitter, *args):
    return [test for _, test in splitter.split(*args)]


def deviation(Y, folds):
    """The largest difference between a label's share in a fold and one over the number of folds."""
    shares = np.array([Y[test].sum(axis=0) / Y.sum(axis=0) for test in folds])
    return np.abs(shares - 1 / len(folds)).max()


@pytest.mark.parametrize("shuffle", [False, True])
def test_every_row_is_tested_once_and_every_label_has_its_share(shuffle):
    Y = labels_of(1000)
    splitter = MultilabelStratifiedKFold(4, shuffle=shuffle, random_state=0 if shuffle else None)
    for train, test in splitter.split(Y, Y):
        assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(1000))
    folds = folds_of(splitter, Y, Y)
    assert_array_equal(np.sort(np.concatenate(folds)), np.arange(1000))
    counts = np.array([Y[test].sum(axis=0) for test in folds])
    assert np.ptp(counts, axis=0).max() <= 3 and max(map(len, folds)) - min(map(len, folds)) <= 30
    random = np.array_split(np.random.default_rng(0).permutation(1000), 4)
    assert deviation(Y, folds) < 0.5 * deviation(Y, random)


def test_the_shares_are_those_of_iterative_stratification():
    other = pytest.importorskip("iterstrat.ml_stratifiers").MultilabelStratifiedKFold
    for seed in range(3):
        Y = labels_of(600, seed=seed)
        ours = folds_of(MultilabelStratifiedKFold(5, shuffle=True, random_state=seed), Y, Y)
        theirs = folds_of(other(5, shuffle=True, random_state=seed), Y, Y)
        # Both are optimal but for one row of a label.
        assert deviation(Y, ours) <= deviation(Y, theirs) + 1 / Y.sum(axis=0).min()
        mean = [np.mean([np.abs(Y[t].sum(axis=0) / Y.sum(axis=0) - 0.2) for t in folds]) for folds in (ours, theirs)]
        assert mean[0] <= mean[1] + 0.002


def test_each_row_goes_where_its_label_is_missing_most():
    """Algorithm 1 by hand. Each fold wants two rows of label 0, one of label 1, and three rows."""
    Y = np.array([[1, 0], [0, 1], [1, 0], [1, 1], [1, 0], [0, 0]])
    # Label 1 is rarer: row 1 goes to fold 0, row 3 to fold 1, which then wants one row of label 0 less. So row 0 goes
    # to fold 0. Then both want one more, but fold 1 has more room, so row 2 goes there, and row 4 goes to fold 0.
    folds = folds_of(MultilabelStratifiedKFold(2), Y, Y)
    assert [fold.tolist() for fold in folds] == [[0, 1, 4], [2, 3, 5]]


def test_all_forms_of_labels_give_the_same_folds():
    Y = labels_of(200, 6)
    names = [f"tag{j}" for j in range(6)]
    tags = [[names[j] for j in np.flatnonzero(row)] for row in Y]
    objects = np.empty(len(tags), dtype=object)
    objects[:] = tags
    splitter = MultilabelStratifiedKFold(3, shuffle=True, random_state=1)
    wanted = folds_of(splitter, Y, Y)
    for form in (sp.csr_matrix(Y), sp.csr_array(Y), pd.DataFrame(Y, columns=names), tags, objects, Y.astype(bool)):
        for found, fold in zip(folds_of(splitter, Y, form), wanted, strict=True):
            assert_array_equal(found, fold)


def test_class_ids_are_stratified_as_well():
    ids = np.repeat(["a", "b", "c"], [40, 20, 8])
    for fold in folds_of(MultilabelStratifiedKFold(4, shuffle=True, random_state=0), ids, ids):
        assert np.unique(ids[fold], return_counts=True)[1].tolist() == [10, 5, 2]


def test_rows_without_labels_are_dealt_out_evenly():
    Y = np.zeros((30, 2), dtype=int)
    Y[:6, 0] = 1
    for fold in folds_of(MultilabelStratifiedKFold(3), Y, Y):
        assert len(fold) == 10 and Y[fold, 0].sum() == 2


def test_groups_stay_together_and_labels_keep_their_shares():
    Y = labels_of(900)
    groups = np.random.default_rng(0).integers(0, 300, 900).astype(str)
    folds = folds_of(MultilabelStratifiedKFold(3, shuffle=True, random_state=0), Y, Y, groups)
    for i, fold in enumerate(folds):
        others = np.concatenate([other for j, other in enumerate(folds) if j != i])
        assert not set(groups[fold]) & set(groups[others])
    assert deviation(Y, folds) < 0.12 and max(map(len, folds)) - min(map(len, folds)) < 40


def test_texts_of_one_image_stay_together_unasked():
    index = np.repeat(np.arange(40), 3)
    pairs = Pairs(np.eye(40), np.arange(120.0)[:, None], image_index=index)
    Y = np.repeat(labels_of(40, 5), 3, axis=0)
    for fold in folds_of(MultilabelStratifiedKFold(4, shuffle=True, random_state=0), pairs, Y):
        # No warning comes from the slice either.
        assert len(pairs[fold]) == len(fold) and np.bincount(index[fold]).max(initial=0) == 3
        assert set(np.bincount(index[fold], minlength=40)) <= {0, 3}


def test_the_seed_decides():
    Y = labels_of(100)
    one, same, other = (
        folds_of(MultilabelStratifiedKFold(2, shuffle=True, random_state=seed), Y, Y) for seed in (0, 0, 1)
    )
    assert_array_equal(one[0], same[0])
    assert one[0].tolist() != other[0].tolist()


@pytest.mark.parametrize("form", ["dense", "sparse", "lists"])
def test_searches_take_it(form):
    pairs, Y = make_multilabel_pairs(90, random_state=0)
    labels = {"dense": Y, "sparse": sp.csr_matrix(Y), "lists": [np.flatnonzero(row).tolist() for row in Y]}[form]
    folds = MultilabelStratifiedKFold(2, shuffle=True, random_state=0)
    search = GridSearchCV(Pipeline([("model", MLCCA(2))]), {"model__ridge": [0.1]}, cv=folds, error_score="raise")
    groups = np.arange(90) // 2
    assert search.fit(pairs, labels, groups=groups).n_splits_ == 2 and 0 < search.best_score_ <= 1
    by_hand = [MLCCA(2, ridge=0.1).fit(pairs[a], Y[a]).score(pairs[b], Y[b]) for a, b in folds.split(pairs, Y, groups)]
    assert search.best_score_ == pytest.approx(np.mean(by_hand))


def test_it_is_shown_and_copied_like_other_splitters():
    splitter = MultilabelStratifiedKFold(3, shuffle=True, random_state=2)
    assert repr(splitter) == "MultilabelStratifiedKFold(n_splits=3, random_state=2, shuffle=True)"
    assert splitter.get_n_splits() == clone(splitter, safe=False).n_splits == 3
    pairs, Y = make_multilabel_pairs(60, random_state=0)
    assert cross_val_score(MLCCA(2), pairs, Y, cv=splitter).shape == (3,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda Y: MultilabelStratifiedKFold(1), "n_splits must be an integer of 2 or more; got 1"),
        (lambda Y: MultilabelStratifiedKFold(2.0), r"n_splits must be .*; got 2\.0"),
        (lambda Y: MultilabelStratifiedKFold(2, shuffle=1), "shuffle must be True or False"),
        (lambda Y: MultilabelStratifiedKFold(2, random_state=0), "random_state=0 has no effect without shuffle=True"),
        (lambda Y: folds_of(MultilabelStratifiedKFold(2), Y), "y is None, .*pass them"),
        (lambda Y: folds_of(MultilabelStratifiedKFold(2), Y, Y[:5]), "y has 5 rows but X has 9"),
        (lambda Y: folds_of(MultilabelStratifiedKFold(2), Y, Y, [1, 2]), "groups has 2 rows but X has 9"),
        (lambda Y: folds_of(MultilabelStratifiedKFold(10), Y, Y), "n_splits=10, but there are 9 rows"),
        (lambda Y: folds_of(MultilabelStratifiedKFold(4), Y, Y, [0, 1, 2] * 3), "there are 3 groups in 9 rows"),
    ],
)
def test_what_is_wrong_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(labels_of(9, 3))


@pytest.mark.slow
def test_a_hundred_thousand_rows_have_their_shares():
    Y = labels_of(100_000, 80)
    folds = folds_of(MultilabelStratifiedKFold(5, shuffle=True, random_state=0), Y, Y)
    counts = np.array([Y[test].sum(axis=0) for test in folds])
    assert np.ptp(counts, axis=0).max() <= 3
    assert max(map(len, folds)) - min(map(len, folds)) <= 200
