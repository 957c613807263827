import numpy as np
import pytest
import scipy.sparse as sp

from skxmr import Pairs
from skxmr._data.labels import encode_labels
from skxmr.datasets import make_multilabel_pairs
from skxmr.deep.split import split_rows, unsplit


def rows(n):
    return Pairs(np.arange(n)[:, None] * 1.0, sp.csr_array(np.arange(n)[:, None] * 2.0))


def test_rows_are_dealt_out_once_and_stay_aligned():
    labels = encode_labels(np.arange(50) % 3)
    split = split_rows(rows(50), labels, 0.2, seed=4)
    fitting, held = split.fitting, split.validation
    assert len(held.rows) == 10 and len(fitting.rows) == 40
    assert sorted([*held.rows, *fitting.rows]) == list(range(50))
    for part in (fitting, held):
        assert (part.labels.matrix.toarray() == labels.matrix.toarray()[part.rows]).all()


def test_a_split_holds_row_numbers_and_copies_nothing():
    pairs = rows(50)
    split = split_rows(pairs, None, 0.2, seed=4)
    assert split.pairs is pairs and split.shared_images(split.fitting) is None
    assert split.fitting.rows.dtype == np.intp and (np.diff(split.validation.rows) > 0).all()


@pytest.mark.parametrize("seed", range(8))
def test_a_row_that_alone_has_some_label_is_fitted(seed):
    tags = [["common"]] * 30 + [["rare", "common"], ["rarer"], ["rarer"], ["rarest", "rare"]]
    split = split_rows(rows(34), encode_labels(tags), 0.5, seed)
    assert (split.labels.matrix.sum(axis=0) > 0).all()
    assert len(split.validation.rows) == 17


def test_no_fraction_holds_nothing_out():
    pairs = rows(5)
    split = split_rows(pairs, None, 0, seed=0)
    assert split.fitting.rows.tolist() == [0, 1, 2, 3, 4] and split.labels is None and split.validation is None


@pytest.mark.parametrize(
    ("n", "labels", "fraction", "message"),
    [
        (20, ["sky"] * 20, 0.05, "can hold out 1 rows .* leaves 19 to fit"),
        (20, ["sky"] * 20, 0.95, "can hold out 19 rows .* leaves 1 to fit"),
        (20, np.arange(20), 0.5, "can hold out 0 rows .* 5 and 2 are needed"),
        (20, [["sky"]] + [[]] * 19, 0.5, "none of the 10 validation rows has a label"),
    ],
)
def test_what_cannot_be_split_is_named(n, labels, fraction, message):
    with pytest.raises(ValueError, match=message):
        split_rows(rows(n), encode_labels(labels), fraction, seed=1)


def test_what_is_measured_on_fitting_rows_does_not_depend_on_validation_rows():
    pairs, Y = make_multilabel_pairs(100, random_state=0)
    split = split_rows(pairs, encode_labels(Y), 0.2, seed=0)
    assert len(split.validation.rows) == 20
    for name in ("image", "text"):
        expected = getattr(pairs, name)[split.fitting.rows]
        blocks = list(split.fitting_blocks(name))
        for found in (getattr(split.fitting_pairs, name), np.vstack([dense(block) for block in blocks])):
            np.testing.assert_array_equal(dense(found), dense(expected))
    assert unsplit(pairs, None).fitting_pairs is pairs


def dense(X):
    return X.toarray() if hasattr(X, "toarray") else X


def grouped(sizes):
    """Return pairs of which so many rows after the other are of one group, and the groups."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    return Pairs(np.zeros((len(groups), 1)), np.zeros((len(groups), 1)), groups=groups), groups


@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_groups_that_are_too_large_are_fitted(seed, labelled):
    """Whichever group is drawn first, those that fit are held out as a whole."""
    pairs, groups = grouped([250, 120, *[3] * 200])
    labels = encode_labels(np.arange(len(groups)) % 2) if labelled else None
    held = split_rows(pairs, labels, 100 / len(groups), seed).validation.rows
    assert 50 <= len(held) <= 100
    sizes = np.bincount(groups)
    assert (np.bincount(groups[held], minlength=len(sizes))[groups[held]] == sizes[groups[held]]).all()
    assert groups[held].min() >= 2


def test_groups_that_fit_are_held_out_as_they_were_drawn():
    """One that is divided at the end is left out, and no other takes its place."""
    pairs, groups = grouped([7] * 40)
    order = np.random.default_rng(3).permutation(len(groups))
    drawn = groups[order[np.sort(np.unique(groups[order], return_index=True)[1])]]
    held = split_rows(pairs, None, 0.25, seed=3).validation.rows
    assert sorted(set(groups[held].tolist())) == sorted(drawn[:10].tolist()) and len(held) == 70
    held = split_rows(pairs, None, 0.26, seed=3).validation.rows
    assert sorted(set(groups[held].tolist())) == sorted(drawn[:10].tolist()) and len(held) == 70


def test_groups_none_of_which_fits_are_named():
    pairs, _ = grouped([60, 60])
    with pytest.raises(ValueError, match=r"validation_fraction=0\.1 of 120 rows can hold out 0 rows \(the rows of one"):
        split_rows(pairs, None, 0.1, seed=0)
    with pytest.raises(ValueError, match=r"validation_fraction=0\.1 \(from \"auto\"\) of 120 rows can hold out 0 rows"):
        split_rows(pairs, None, 0.1, seed=0, is_auto=True)


def test_mapped_rows_of_half_precision_are_measured_as_float32(tmp_path):
    """Whether they are measured together or block by block."""
    half = np.random.default_rng(0).normal(100, 1, size=(50, 3)).astype(np.float16)
    np.save(tmp_path / "image.npy", half)
    mapped = np.load(tmp_path / "image.npy", mmap_mode="r")
    for validation in (0.2, 0):
        pairs = Pairs(mapped, np.ones((50, 2)))
        split = split_rows(pairs, None, validation, seed=4)
        image = split.fitting_pairs.image
        assert image.dtype == np.float32
        np.testing.assert_array_equal(image, half[split.fitting.rows].astype(np.float32))
        assert split.fitting_pairs.text is pairs.text or validation
