"""Near-duplicates across a split are named, whatever the views are."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose

from skxmr import Pairs, Regions
from skxmr.metrics import _duplicates, near_duplicates

RNG = np.random.default_rng(0)
TRAIN = RNG.normal(size=(40, 6))
TEST = RNG.normal(size=(30, 6))
TEST[3] = 2 * TRAIN[7]
TEST[9] = TRAIN[2] + 0.05 * RNG.normal(size=6)
TEST[11] = 0
TRAIN[11] = 0
NAMED = pd.DataFrame(TEST).add_prefix("x")


def rows(found, view):
    return found[found["view"] == view][["test_row", "train_row"]].to_numpy().tolist()


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array, lambda X: X.astype(np.float32)], ids=["f8", "csr", "f4"])
@pytest.mark.parametrize("block", [2**23, 100])
def test_what_a_loop_over_all_pairs_finds(kind, block, monkeypatch):
    monkeypatch.setattr(_duplicates, "_SCORES", block)
    found = near_duplicates(Pairs(kind(TRAIN), TRAIN), Pairs(kind(TEST), TEST), threshold=0.9)
    wanted = []
    for i, query in enumerate(TEST):
        cosines = [query @ row / max(np.linalg.norm(query) * np.linalg.norm(row), 1e-300) for row in TRAIN]
        if max(cosines) >= 0.9:
            wanted.append([i, int(np.argmax(cosines))])
    assert [3, 7] in wanted and [9, 2] in wanted
    assert rows(found, "image") == rows(found, "text") == wanted
    assert_allclose(found["cosine"][found["test_row"] == 3], 1, rtol=1e-6)


def test_raw_items_are_compared_as_a_whole():
    images = [np.zeros((2, 2)), np.ones((2, 2))]
    train, test = Pairs(images, ["a cat", "a dog"]), Pairs([images[1], np.ones((4,))], ["a dog", "A dog"])
    found = near_duplicates(train, test)
    assert rows(found, "image") == [[0, 1]] and rows(found, "text") == [[0, 1]]


def test_images_that_several_texts_share_are_rows():
    train = Pairs(TRAIN, image_index=[7, 7, 0], text=["a", "b", "c"])
    assert [3, 0] in rows(near_duplicates(train, Pairs(TEST)), "image")


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array], ids=["dense", "csr"])
def test_memory_does_not_grow_with_both_numbers_of_rows(kind, monkeypatch):
    monkeypatch.setattr(_duplicates, "_SCORES", 2**16)
    n = 2500
    rows_of_two = kind(np.random.default_rng(0).uniform(size=(n, 2)).astype(np.float32))
    tracemalloc.start()
    found = near_duplicates(Pairs(rows_of_two), Pairs(rows_of_two))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == n
    # All cosines would take 25 MB in float32; sparse products hold an index beside every value.
    assert peak < 5e6


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda: near_duplicates(TRAIN, Pairs(TEST)), TypeError, "near_duplicates got a ndarray"),
        (lambda: near_duplicates(Pairs(TRAIN), Pairs(text=TEST)), ValueError, "no view in common"),
        (lambda: near_duplicates(Pairs(TRAIN), Pairs(TEST), threshold=1.5), ValueError, "threshold must be a cosine"),
        (
            lambda: near_duplicates(Pairs(TRAIN), Pairs(TEST[:, 1:])),
            ValueError,
            "6 features in train, but 5 in test",
        ),
        (
            lambda: near_duplicates(Pairs(Regions(TRAIN[:, None])), Pairs(TEST)),
            TypeError,
            "Regions are no matrix",
        ),
        (
            lambda: near_duplicates(Pairs(NAMED), Pairs(NAMED.iloc[:, ::-1])),
            ValueError,
            "the columns of image of train, .*differ",
        ),
    ],
)
def test_wrong_calls_are_named(ask, error, message):
    with pytest.raises(error, match=message):
        ask()
