"""An index of codes: exact by Hamming distance, equal scores by id, and all that other indexes can do."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skxmr import CCA, RetrievalIndex
from tests.base.toy import RandomCodes


@pytest.fixture
def model(small):
    return RandomCodes().fit(*small)


def sorted_by_hand(model, images, texts, ids, k):
    """Return scores and ids of the best k texts of every image by sorting all: by distance, then by id."""
    scores = model.similarity(images, texts)
    ids = np.asarray(ids)
    order = np.lexsort((np.broadcast_to(ids, scores.shape), -scores))[:, :k]
    return np.take_along_axis(scores, order, 1), ids[order]


def equal(hits, expected):
    assert_array_equal(hits.scores, expected[0])
    assert_array_equal(hits.ids, expected[1])


@pytest.mark.parametrize("backend", ["exact", "binary"])
def test_hits_are_the_nearest_codes_and_ties_are_ordered_by_id(model, small, backend, tmp_path):
    pairs, _ = small
    n = len(pairs)
    ids = np.random.default_rng(0).permutation(n)
    index = RetrievalIndex(model, backend)
    index.add(text=pairs.text[:50], ids=ids[:50])
    index.add(text=pairs.text[50:], ids=ids[50:])
    queries = pairs.image[:20]
    expected = sorted_by_hand(model, queries, pairs.text, ids, 15)
    # Otherwise nothing would be said about ties.
    assert any(len(set(row)) < 15 for row in expected[0].tolist())
    equal(index.search(image=queries, k=15), expected)
    equal(index.search(image=queries[:1], k=15), (expected[0][:1], expected[1][:1]))
    index.save(tmp_path / "index")
    loaded = RetrievalIndex.load(tmp_path / "index", trusted=[RandomCodes])
    equal(loaded.search(image=queries, k=15), expected)
    loaded.add(text=pairs.text[:1], ids=[n])
    assert loaded.search(text=pairs.text[:1], k=n + 1).scores[0, 1] == 1
    equal(pickle.loads(pickle.dumps(index)).search(image=queries, k=15), expected)


def test_filters_removal_and_compaction(model, small):
    pairs, _ = small
    n = len(pairs)
    ids = np.arange(n)
    index = RetrievalIndex(model)
    index.add(text=pairs.text, metadata={"part": ids % 3})
    queries = pairs.image[:9]
    some = ids[ids % 3 == 1]
    equal(
        index.search(image=queries, k=7, where={"part": 1}), sorted_by_hand(model, queries, pairs.text[some], some, 7)
    )
    few = [5, 8, 90]
    equal(index.search(image=queries, k=3, among=few), sorted_by_hand(model, queries, pairs.text[few], few, 3))
    index.remove(range(0, n, 2))
    odd = ids[1::2]
    expected = sorted_by_hand(model, queries, pairs.text[odd], odd, 6)
    equal(index.search(image=queries, k=6), expected)
    index.compact()
    equal(index.search(image=queries, k=6), expected)
    index.update([1], text=pairs.text[2:3])
    assert 1 in index.search(text=pairs.text[2:3], k=20).ids


@pytest.mark.parametrize("backend", ["faiss", "lancedb", "qdrant"])
def test_backends_of_real_numbers_are_refused(model, backend):
    with pytest.raises(ValueError, match=f"backend='{backend}' holds vectors.*take backend='exact'"):
        RetrievalIndex(model, backend)
    with pytest.raises(ValueError, match="backend must be one of"):
        RetrievalIndex(model, "exakt")


def test_a_query_of_both_modalities_is_refused(model, small):
    pairs, _ = small
    index = RetrievalIndex(model)
    index.add(text=pairs.text)
    with pytest.raises(ValueError, match="mean of two codes is no code"):
        index.search(image=pairs.image[:1], text=pairs.text[:1])


def test_an_index_of_vectors_is_not_opened_with_a_model_of_codes(model, small, tmp_path):
    pairs, _ = small
    index = RetrievalIndex(CCA(13).fit(pairs))
    index.add(text=pairs.text)
    index.save(tmp_path / "index")
    with pytest.raises(ValueError, match="holds vectors, but the model makes codes"):
        RetrievalIndex.load(tmp_path / "index", model=model)


def test_options_of_the_exact_backend_are_refused_by_its_name(model):
    """Nobody asked for the backend of bits, by whose name they would not be found."""
    message = r"options holds 'dtype', but this model makes codes, which take no options of backend='exact'"
    with pytest.raises(ValueError, match=message):
        RetrievalIndex(model, options={"dtype": "float16"})
    with pytest.raises(ValueError, match="options holds 'dtype', which backend='binary' does not have"):
        RetrievalIndex(model, "binary", options={"dtype": "float16"})
