import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from skxmr.model_selection import _near_duplicates, near_duplicate_groups


def slow_groups(X, threshold):
    """The same by definition: rows that are linked over others, each pair at least as alike as the threshold."""
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    near = unit @ unit.T >= threshold
    groups = np.full(len(X), -1)
    for i in range(len(X)):
        reached = {i}
        while True:
            more = {int(j) for k in reached for j in np.flatnonzero(near[k])} | reached
            if more == reached:
                break
            reached = more
        if groups[i] < 0:
            groups[list(reached)] = groups.max() + 1
    return groups


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array, pd.DataFrame])
@pytest.mark.parametrize("scores", [2**23, 100])
def test_groups_are_rows_that_are_linked(form, scores, monkeypatch):
    monkeypatch.setattr(_near_duplicates, "_SCORES", scores)
    X = np.random.default_rng(0).normal(size=(60, 3))
    found = near_duplicate_groups(form(X), threshold=0.97)
    assert found.tolist() == slow_groups(X, 0.97).tolist() and 5 < found.max() < 59


def test_a_chain_is_one_group():
    angles = np.array([0.0, 0.1, 0.2, 0.3, 2.0])
    X = np.column_stack([np.cos(angles), np.sin(angles)])
    assert near_duplicate_groups(X, threshold=np.cos(0.11)).tolist() == [0, 0, 0, 0, 1]


def test_views_are_joined_and_nothing_is_like_nothing():
    X = np.array([[1.0, 0], [0, 1], [0, 0], [0, 0], [1, 0.001]])
    texts = ["", "a", "b", "a", " "]
    assert near_duplicate_groups(X).tolist() == [0, 1, 2, 3, 0]
    assert near_duplicate_groups(texts).tolist() == [0, 1, 2, 1, 3]
    assert near_duplicate_groups(X, texts).tolist() == [0, 1, 2, 1, 0]
    assert near_duplicate_groups([None, None, "a"]).tolist() == [0, 1, 2]
    assert near_duplicate_groups(X, X[:, ::-1], threshold=[1.0, 0.9]).tolist() == [0, 1, 2, 3, 0]


@pytest.mark.parametrize(
    ("views", "threshold", "message"),
    [
        ((), 0.9, "no view was passed"),
        ((np.eye(2),), 0, r"threshold must be a cosine in \(0, 1\]"),
        ((np.eye(2),), [0.9, 0.9], "1 of them, one per view"),
        ((np.eye(2), ["a"]), 0.9, "view 1 has 1 rows but view 0 has 2"),
    ],
)
def test_what_is_wrong_is_named(views, threshold, message):
    with pytest.raises(ValueError, match=message):
        near_duplicate_groups(*views, threshold=threshold)
