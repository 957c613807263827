"""Rows that lack an image or a text: what a Pairs keeps of them, and who takes them."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal

from skxmr import CCA, DSCMR, MLCCA, Pairs, RetrieverEnsemble, SemanticMatching
from skxmr._data.partial import PartialRows
from skxmr.datasets import make_multilabel_pairs
from skxmr.inspection import RecallAtKDisplay

RNG = np.random.default_rng(0)
NUMBERS = np.arange(12.0).reshape(6, 2)
GONE = np.array([False, True, False, False, True, False])
KINDS = {
    "array": NUMBERS,
    "csr": sp.csr_array(NUMBERS),
    "frame": pd.DataFrame(NUMBERS, columns=["a", "b"]),
    "list": [row.tolist() for row in NUMBERS],
    "captions": [f"caption {i}" for i in range(6)],
}


def plain(view):
    if sp.issparse(view):
        return view.toarray().tolist()
    return (view.to_numpy() if hasattr(view, "iloc") else view).tolist()


def values(view):
    """The rows of a view, with None where one is missing."""
    if not isinstance(view, PartialRows):
        return plain(view)
    rows = iter(plain(view.present))
    return [None if gone else next(rows) for gone in view.missing]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "key", [slice(1, 5, 2), np.array([4, 0, 1, 1]), GONE, ~GONE, [5, 1], -2, []], ids=lambda key: str(key)[:20]
)
def test_slices_keep_which_rows_are_missing(kind, key):
    pairs = Pairs(KINDS[kind], NUMBERS, image_missing=GONE)
    everything = [None if gone else row for gone, row in zip(GONE, plain(Pairs(KINDS[kind]).image), strict=True)]
    picked = np.atleast_1d(np.arange(6)[key if not isinstance(key, list) or key else slice(0)])
    for part in (pairs[key], pairs[key, ...]):
        assert values(part.image) == [everything[i] for i in picked]
        assert_array_equal(part.image_missing, GONE[picked])
        assert_array_equal(part.text, NUMBERS[picked])
        # Where nothing is missing, nothing reminds of it.
        assert isinstance(part.image, PartialRows) == GONE[picked].any()


@pytest.mark.parametrize("copy", [pickle.dumps, None])
def test_copies_keep_them(copy, tmp_path):
    pairs = Pairs(NUMBERS, NUMBERS, image_missing=GONE)
    if copy:
        again = pickle.loads(copy(pairs))
    else:
        joblib.dump(pairs, tmp_path / "pairs")
        again = joblib.load(tmp_path / "pairs")
    assert values(again.image) == values(pairs.image) and not again.text_missing.any()


def test_what_stands_in_their_place_is_never_read():
    nan = NUMBERS.copy()
    nan[GONE] = np.nan
    with_none = [None if gone else row.tolist() for gone, row in zip(GONE, NUMBERS, strict=True)]
    other = Pairs(NUMBERS, NUMBERS, image_missing=GONE)
    for image in (nan, with_none):
        pairs = Pairs(image, NUMBERS, image_missing=GONE)
        assert_array_equal(pairs.image.present, other.image.present)
    assert Pairs(NUMBERS, image_missing=np.zeros(6, bool)).image is NUMBERS


def test_the_repr_counts_the_rows():
    pairs = Pairs(NUMBERS, list("abcdef"), image_missing=GONE)
    assert repr(pairs) == "Pairs(image=(4, 2) float64 for 4 of 6 rows, text=(6,) object)"
    assert "<td>missing</td>" in pairs._repr_html_()


def test_parts_are_stacked_with_their_missing_rows():
    a, b = Pairs(NUMBERS, NUMBERS + 1, image_missing=GONE), Pairs(NUMBERS[:2], NUMBERS[:2])
    whole = Pairs.concatenate([a, b])
    assert values(whole.image) == values(a.image) + values(b.image)
    assert_array_equal(whole.image_missing, np.r_[GONE, False, False])


@pytest.mark.parametrize("kind", KINDS)
def test_parts_of_one_view_are_stacked_if_that_is_wanted(kind):
    parts = [Pairs(KINDS[kind], NUMBERS), Pairs(KINDS[kind]), Pairs(text=NUMBERS[:2])]
    with pytest.raises(ValueError, match=r"image is missing in some of the parts.*mark_missing=True"):
        Pairs.concatenate(parts)
    whole = Pairs.concatenate(parts, mark_missing=True)
    assert len(whole) == 14
    assert_array_equal(whole.image_missing, np.arange(14) >= 12)
    assert_array_equal(whole.text_missing, (np.arange(14) >= 6) & (np.arange(14) < 12))
    assert values(whole.image)[:12] == 2 * plain(parts[1].image)
    assert len(whole.complete()) == 6


def test_texts_without_an_image_share_none():
    index = np.array([0, -1, 2, 2, -1, 0])
    pairs = Pairs(NUMBERS[:3], list("abcdef"), image_index=index, image_missing=index < 0)
    assert len(np.unique(pairs.groups)) == 4
    assert (pairs.groups[[0, 2]] == pairs.groups[[5, 3]]).all()
    whole = Pairs.concatenate([pairs[:3], pairs[3:]])
    assert values(Pairs(whole.image.present.expanded()).image) == NUMBERS[[0, 2, 2, 0]].tolist()
    assert (whole.groups[:, None] == whole.groups).sum() == (pairs.groups[:, None] == pairs.groups).sum()
    images, shown = pairs.complete().distinct_images()
    assert images.tolist() == NUMBERS[[0, 2]].tolist() and shown.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_missing": [True, False]}, "image_missing has 2 rows but image has 6"),
        (
            {"image_missing": [0, 1, 0, 0, 1, 0]},
            "one True or False for each of 6 rows; got int",
        ),
        ({"image_missing": GONE, "text_missing": GONE}, "2 rows have neither image nor text, such as row 1"),
        ({"text": None, "text_missing": GONE}, "text_missing is given, but text is missing as a whole"),
        ({"image": Pairs(NUMBERS, image_missing=GONE).image, "image_missing": GONE}, "image has missing rows already"),
        ({"image": pd.DataFrame(NUMBERS), "image_missing": pd.Series(GONE, index=range(1, 7))}, "the indexes of image"),
    ],
    ids=range(6),
)
def test_wrong_masks_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Pairs(**{"image": NUMBERS, "text": NUMBERS} | options)


@pytest.fixture(scope="module")
def partial():
    pairs, labels = make_multilabel_pairs(120, random_state=0)
    number = np.arange(120)
    return Pairs(pairs.image, pairs.text, image_missing=number % 4 == 1, text_missing=number % 4 == 2), labels


def fitted(pairs, Y):
    return SemanticMatching().fit(pairs, Y)


REFUSING = [
    ("CCA", lambda pairs, Y: CCA(2).fit(pairs)),
    ("CCA", lambda pairs, Y: CCA(2).partial_fit(pairs)),
    ("MLCCA", lambda pairs, Y: MLCCA(2).fit(pairs, Y)),
    ("DSCMR", lambda pairs, Y: DSCMR(2, max_epochs=1).fit(pairs, Y)),
    ("RetrieverEnsemble", lambda pairs, Y: RetrieverEnsemble([("a", CCA(2)), ("b", CCA(3))]).fit(pairs, Y)),
    ("similarity", lambda pairs, Y: fitted(pairs, Y).similarity(pairs)),
    ("what was asked for", lambda pairs, Y: fitted(pairs, Y).encode_image(pairs)),
    ("which images are distinct", lambda pairs, Y: pairs.distinct_images()),
    ("an array", lambda pairs, Y: np.asarray(pairs.image)),
    ("single rankings", lambda pairs, Y: RecallAtKDisplay.from_estimator(fitted(pairs, Y), pairs, Y)),
]


@pytest.mark.parametrize(("who", "ask"), REFUSING)
def test_what_needs_both_views_says_so(who, ask, partial):
    with pytest.raises(ValueError, match=rf"is missing in 30 of 120 rows, and .*{who} needs it.*pairs.complete\(\)"):
        ask(*partial)


def test_every_other_method_takes_the_complete_rows(partial):
    pairs, labels = partial
    kept = ~(pairs.image_missing | pairs.text_missing)
    assert len(pairs.complete()) == kept.sum() == 60
    CCA(2).fit(pairs.complete())
    MLCCA(2).fit(pairs.complete(), labels[kept])
