"""Ids without an object each: lookups are those of a dict, whatever the order of the ids and whatever changed."""

import numpy as np
import pytest

from skxmr import RetrievalIndex
from skxmr.search import collection
from skxmr.search.growing import Chunks
from skxmr.search.known import KnownIds


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["ascending", "shuffled", "strings", "none"])
def test_lookups_are_those_of_a_dict(kind, seed):
    rng = np.random.default_rng(seed)
    ids = np.sort(rng.choice(200, 60, replace=False)).astype(np.int64)
    if kind == "shuffled":
        rng.shuffle(ids)
    if kind == "strings":
        ids = np.array([f"n{i}" for i in ids], object)
    rows = np.flatnonzero(rng.random(60) < 0.7) if kind != "none" else np.zeros(0, np.intp)
    known = KnownIds(ids, rows)
    expected = dict(zip(ids[rows].tolist(), rows.tolist(), strict=True))
    asked = [f"n{i}" for i in range(250)] if kind == "strings" else list(range(250))
    for step in range(40):
        value = asked[rng.integers(len(asked))]
        if value in expected and step % 2:
            known.changed(value, None)
            del expected[value]
        else:
            known.changed(value, 1000 + step)
            expected[value] = 1000 + step
        assert len(known) == len(expected) and dict(known.items()) == expected
    assert known.rows_of(asked).tolist() == [expected.get(value, -1) for value in asked]
    assert [value in known for value in asked] == [value in expected for value in asked]
    assert known.rows_of([]).tolist() == []
    for odd in (None, 2**70, -1, 1.5, "x", (1, 2)):
        assert odd not in known
    with pytest.raises(KeyError):
        known[10**9]


@pytest.mark.parametrize("strings", [False, True])
def test_many_changes_are_looked_up_in_new_arrays(strings, empty, vectors, monkeypatch):
    monkeypatch.setattr(collection, "MOST_CHANGES", 7)
    index = empty()
    rows = vectors(60)
    names = [f"n{i}" if strings else i for i in np.random.default_rng(0).permutation(60).tolist()]
    for start in range(0, 60, 5):
        index.add(image=rows[start : start + 5], ids=names[start : start + 5])
        assert names[start] in index and len(index._items.known()) == len(index) == start + 5
    index.remove(names[:20])
    index.update(names[20:22], image=rows[:2])
    assert names[0] not in index and names[20] in index and set(index) == set(names[20:])
    with pytest.raises(ValueError, match="which the index has already"):
        index.add(image=rows[:1], ids=names[30:31])
    assert index.search(image=rows[:1], k=1).ids.tolist() == [[names[20]]]
    # What the changes left beside the arrays is no more than was allowed.
    assert strings or index._items.known().n_changed <= 7


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_an_index_in_several_arrays_finds_what_it_finds_in_one(dtype, empty, vectors, tmp_path, monkeypatch):
    rows = vectors(500)
    queries = vectors(6, seed=1)
    part = {"part": np.arange(500) % 7}
    whole = empty(dtype=dtype)
    whole.add(image=rows, metadata=part)
    monkeypatch.setattr(Chunks, "SIZE", 64)
    index = empty(dtype=dtype)
    for start in range(0, 500, 30):
        some = slice(start, start + 30)
        index.add(image=rows[some], metadata={"part": part["part"][some]})
    index.save(tmp_path / "index")
    loaded = RetrievalIndex.load(tmp_path / "index")
    loaded.add(image=rows[:200], metadata={"part": [9] * 200})
    loaded.remove(range(500, 700))
    for asked in ({}, {"where": {"part": 3}}, {"where": {"part": (1, 5)}}, {"among": [3, 70, 499]}):
        wanted = whole.search(text=queries, k=9, **asked)
        for found in (index.search(text=queries, k=9, **asked), loaded.search(text=queries, k=9, **asked)):
            assert np.array_equal(found.scores, wanted.scores) and np.array_equal(found.ids, wanted.ids)


def test_vectors_of_float16_take_half_the_space_and_have_the_scores_of_what_is_kept(empty, vectors, tmp_path):
    rows = vectors(300)
    queries = vectors(5, seed=1)
    index = empty(dtype="float16")
    index.add(image=rows)
    index.save(tmp_path / "index")
    kept = np.load(tmp_path / "index" / "vectors.npy", mmap_mode="r")
    assert kept.dtype == np.float16 and kept.shape == (300, 24)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(kept, unit, atol=2.0**-11)
    asked = queries.astype(np.float64) / np.linalg.norm(queries.astype(np.float64), axis=1, keepdims=True)
    scores = asked.astype(np.float32).astype(np.float64) @ kept.astype(np.float64).T
    for found in (index, RetrievalIndex.load(tmp_path / "index")):
        hits = found.search(text=queries, k=10)
        np.testing.assert_array_equal(hits.ids, np.argsort(-scores, axis=1)[:, :10])
        np.testing.assert_allclose(hits.scores, -np.sort(-scores, axis=1)[:, :10], rtol=1e-6)
    with pytest.raises(ValueError, match="dtype must be one of"):
        empty(dtype="float8")
