"""The index as a whole: exact hits, ties, changes, queries of both modalities, and what it refuses."""

import pickle
import tracemalloc

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skxmr import CCA, DSCMR, MLCCA, SCAN, AlignedEmbeddings, Pairs, PerModality, RetrievalIndex, similarity
from skxmr.datasets import make_multilabel_pairs
from tests.search.conftest import sorted_by_hand


def same(a, b):
    assert np.array_equal(a.scores, b.scores)
    assert a.ids.tolist() == b.ids.tolist()


@pytest.mark.parametrize("n", [1, 9, 30_000])
@pytest.mark.parametrize("k", [1, 7])
def test_hits_are_those_of_a_full_sort(empty, vectors, n, k):
    items, queries = vectors(n), vectors(5, seed=1)
    index = empty()
    index.add(image=items)
    hits = index.search(text=queries, k=k)
    scores, ids = sorted_by_hand(queries, items, np.arange(n), min(k, n))
    assert np.array_equal(hits.ids[:, : min(k, n)], ids)
    assert np.array_equal(hits.scores[:, : min(k, n)], scores)
    assert (hits.ids[:, n:] == -1).all() and (hits.scores[:, n:] == -np.inf).all()


def test_two_thousand_duplicates_come_in_the_order_of_their_ids(empty, vectors, tmp_path):
    """A query alone, in a batch, after removing and after reloading has the same hits."""
    rng = np.random.default_rng(0)
    items = vectors(6000)
    items[rng.choice(6000, 2000, replace=False)] = items[0]
    ids = rng.permutation(100_000)[:6000]
    queries = np.concatenate([items[:1] * 3, vectors(20, seed=2)])
    index = empty()
    index.add(image=items, ids=ids)
    batch = index.search(image=queries, k=50)
    scores, expected = sorted_by_hand(queries, items, ids, 50)
    assert np.array_equal(batch.ids, expected) and np.array_equal(batch.scores, scores)
    for i in range(len(queries)):
        same(index.search(image=queries[i : i + 1], k=50), batch[i])
    gone = np.setdiff1d(ids, batch.ids)[::2]
    index.remove(gone)
    same(index.search(image=queries, k=50), batch)
    index.compact()
    same(index.search(image=queries, k=50), batch)
    index.save(tmp_path / "index")
    same(RetrievalIndex.load(tmp_path / "index").search(image=queries, k=50), batch)


def test_rows_of_equal_directions_and_of_zeros(empty):
    index = empty()
    width = 24
    rows = np.zeros((4, width))
    rows[0, 0], rows[1, 0], rows[2, 1] = 1, 5, -2
    index.add(text=rows, ids=[7, 3, 1, 0])
    hits = index.search(image=rows[:1], k=4)
    assert hits.ids.tolist() == [[3, 7, 0, 1]] and hits.scores.tolist() == [[1, 1, 0, 0]]
    assert index.search(image=np.zeros((1, width)), k=2).ids.tolist() == [[0, 1]]


@pytest.mark.parametrize("method", [CCA(6), DSCMR(8, max_epochs=1, random_state=0)])
def test_a_query_alone_has_the_hits_that_it_has_among_others(method):
    """The last bits of a product depend on its shape, and so would those of the embeddings of a query."""
    pairs, labels = make_multilabel_pairs(150, n_image_features=128, random_state=0)
    index = RetrievalIndex(method.fit(pairs, labels))
    index.add(image=pairs.image)
    whole = index.search(text=pairs.text, k=20)
    for i in (0, 1, 128, 149):
        same(index.search(text=pairs.text[i : i + 1], k=20), whole[i])


@pytest.mark.parametrize("search", [False, True])
def test_pipelines_and_searches_are_models(search):
    pairs, labels = make_multilabel_pairs(150, random_state=0)
    model = make_pipeline(PerModality(image=StandardScaler(), text=StandardScaler()), MLCCA(3))
    if search:
        model = GridSearchCV(model, {"mlcca__n_components": [2, 4]}, cv=2)
    index = RetrievalIndex(model.fit(pairs, labels))
    index.add(text=pairs.text)
    wanted = np.argsort(-similarity(model, pairs)[:20], axis=1, kind="stable")[:, :5]
    assert np.array_equal(index.search(image=pairs.image[:20], k=5).ids, wanted)


def test_many_queries_of_zeros_hold_no_memory(empty, vectors):
    """Every item is as near as any other one, so that all would be candidates of every query."""
    index = empty()
    index.add(image=vectors(20_000), ids=np.arange(20_000)[::-1], metadata={"odd": np.arange(20_000) % 2})
    queries = np.zeros((3000, 24))
    queries[7] = 1
    tracemalloc.start()
    hits = index.search(text=queries, k=3)
    assert tracemalloc.get_traced_memory()[1] < 100e6
    tracemalloc.stop()
    assert (np.delete(hits.ids, 7, axis=0) == [0, 1, 2]).all() and hits.scores[6].tolist() == [0, 0, 0]
    same(hits[7], index.search(text=queries[7:8], k=3))
    assert index.search(text=queries[:1], k=2, where={"odd": 0}).ids.tolist() == [[1, 3]]


def test_changes_give_what_a_new_index_gives(empty, vectors):
    items, more, queries = vectors(500), vectors(300, seed=1), vectors(8, seed=2)
    index = empty()
    for start in range(0, 500, 7):
        index.add(image=items[start : start + 7], ids=np.arange(start, min(start + 7, 500)))
    index.add(text=more[:100], ids=range(1000, 1100))
    index.remove(range(0, 500, 3))
    index.update(range(1000, 1100), text=more[100:200])
    index.add(image=more[200:], ids=range(0, 300, 3))
    kept = np.setdiff1d(np.arange(500), np.arange(0, 500, 3))
    fresh = empty()
    fresh.add(image=more[200:], ids=range(0, 300, 3))
    fresh.add(image=items[kept], ids=kept)
    fresh.add(text=more[100:200], ids=range(1000, 1100))
    same(index.search(image=queries, k=40), fresh.search(image=queries, k=40))
    assert len(index) == len(fresh) == len(kept) + 200 and set(index) == set(fresh)
    assert 1 in index and 499 in index and 498 not in index and "a" not in index
    index.compact()
    same(index.search(image=queries, k=40), fresh.search(image=queries, k=40))
    assert len(index._items.state.backend.vectors.added) == len(fresh)


def test_a_filter_is_a_search_in_the_subset(empty, vectors):
    items, queries = vectors(3000), vectors(6, seed=1)
    index = empty()
    index.add(image=items, metadata={"part": np.arange(3000) % 10})
    for chosen, where in ((np.arange(0, 3000, 10), 0), (np.flatnonzero(np.arange(3000) % 10 > 1), (2, None))):
        subset = empty()
        subset.add(image=items[chosen], ids=chosen)
        wanted = subset.search(text=queries, k=5)
        same(index.search(text=queries, k=5, where={"part": where}), wanted)
        same(index.search(text=queries, k=5, among=chosen), wanted)
    both = index.search(text=queries, k=5, where={"part": 4}, among=range(100))
    assert (both.ids % 10 == 4).all() and (both.ids < 100).all()


def test_rows_are_padded_where_too_few_items_remain(empty, vectors):
    index = empty()
    index.add(image=vectors(5), ids=list("abcde"), metadata={"year": range(5)})
    hits = index.search(text=vectors(2, seed=1), k=4, where={"year": [1, 3]})
    assert hits.ids[:, 2:].tolist() == [[None, None]] * 2 and (hits.scores[:, 2:] == -np.inf).all()
    frame = hits.to_frame()
    assert len(frame) == 4 and set(frame["id"]) == {"b", "d"} and frame["rank"].tolist() == [1, 2, 1, 2]
    nothing = index.search(text=vectors(2, seed=1), k=3, where={"year": 77})
    assert nothing.ids.tolist() == [[None] * 3] * 2 and len(nothing.to_frame()) == 0
    assert index.search(text=vectors(1), k=3, among=[]).ids.tolist() == [[None] * 3]


def test_a_query_of_both_is_the_weighted_mean(empty, vectors):
    items, image, text = vectors(200), vectors(3, seed=1), vectors(3, seed=2)
    index = empty()
    index.add(image=items)
    unit_image, unit_text = (X / np.linalg.norm(X, axis=1, keepdims=True) for X in (image, text))
    for weight in (0.5, 0.8):
        mean = weight * unit_image + (1 - weight) * unit_text
        assert np.array_equal(
            index.search(image=image, text=text, weight=weight).ids, index.search(image=mean.astype(np.float64)).ids
        )
    same(index.search(image=image, text=text, weight=1), index.search(image=image))
    with pytest.raises(ValueError, match="image has 3 rows but text has 2; with both, row i of the two is one query"):
        index.search(image=image, text=text[:2])
    with pytest.raises(ValueError, match=r"weight is the share of the image .* from 0 to 1; got 1\.5"):
        index.search(image=image, text=text, weight=1.5)


def test_captions_are_found_by_a_word(vectors):
    captions = ["a red bird", "a blue bird", "the sea", "a red boat", "sand", "snow"] * 5
    model = make_pipeline(PerModality(text=TfidfVectorizer()), CCA(2))
    model.fit(Pairs(vectors(30), captions))
    index = RetrievalIndex(model)
    index.add(text=captions[:6], ids=[f"t{i}" for i in range(6)])
    hits = index.search(text="the sea", k=2)
    assert hits.shape == (1, 2) and hits.ids[0, 0] == "t2"
    assert hits.to_frame()["item"][0] == "the sea" and hits.to_frame()["modality"][0] == "text"
    assert "the sea" in hits._repr_html_() and repr(hits) == "Hits(1 query, k=2, 2 hits)"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda index, X: index.add(image=X, ids=[5, 6]),
            ValueError,
            "ids holds 5, 6, which the index has already; .* upd",
        ),
        (lambda index, X: index.add(image=X, ids=[8, 8]), ValueError, "ids holds 8 twice, in the rows 0 and 1"),
        (lambda index, X: index.add(image=X, ids=[8]), ValueError, "ids has 1 entries but image has 2 rows"),
        (lambda index, X: index.add(image=X, ids=[8, "a"]), TypeError, "ids holds integers and strings"),
        (
            lambda index, X: index.add(image=X, ids=["a", "b"]),
            TypeError,
            "the ids of the index are integers, but strin",
        ),
        (lambda index, X: index.add(image=X, ids=[-1, 1]), TypeError, "ids holds -1, a int, in row 0; ids are strings"),
        (lambda index, X: index.add(image=X, ids=[1.5, 1]), TypeError, r"ids holds 1\.5, a float, in row 0"),
        (lambda index, X: index.add(image=X, ids="ab"), TypeError, "ids is a str; pass a list, a single one as"),
        (lambda index, X: index.add(image=X, text=X), ValueError, "give either image= or text="),
        (lambda index, X: index.add(), ValueError, "give either image= or text="),
        (lambda index, X: index.add(image=X[:, :5]), ValueError, "image has 5 features but 24 were seen in fit"),
        (lambda index, X: index.add(image=X * np.nan), ValueError, "image contains 48 NaN or infinite values"),
        (lambda index, X: index.add(image=X[:0]), ValueError, "image has no rows; at least one is needed"),
        (
            lambda index, X: index.add(image=X, metadata={"id": [1, 2]}),
            ValueError,
            "a column 'id', which hits have alre",
        ),
        (
            lambda index, X: index.add(image=X, metadata={"a": [1]}),
            ValueError,
            r"metadata\['a'\] has 1 values, but ther",
        ),
        (
            lambda index, X: index.add(image=X, metadata={"a": [1, "b"]}),
            TypeError,
            "several types, int in row 0 and str",
        ),
        (
            lambda index, X: index.add(image=X, metadata={"a": [[1], [2]]}),
            TypeError,
            "holds a list in row 0; a value is",
        ),
        (
            lambda index, X: index.add(image=X, metadata={"year": ["x", "y"]}),
            TypeError,
            "holds str values, but those of",
        ),
        (lambda index, X: index.add(image=X, metadata=[1, 2]), TypeError, "metadata is a list; pass a data frame"),
        (lambda index, X: index.update([1, 99], image=X), ValueError, "ids holds 99, which the index does not have"),
        (lambda index, X: index.remove([99, 98, 97, 96, 1]), ValueError, "ids holds 99, 98, 97 and 1 more, which the"),
        (
            lambda index, X: index.search(image=X, among=[77]),
            ValueError,
            "among holds 77, which the index does not have",
        ),
        (lambda index, X: index.search(image=X, k=0), ValueError, "k must be a positive integer; got 0"),
        (lambda index, X: index.search(image=X * np.inf), ValueError, "NaN or infinite"),
        (lambda index, X: index.search(), ValueError, "give either image= or text="),
    ],
)
def test_what_is_wrong_is_named_and_changes_nothing(empty, vectors, change, error, message):
    index = empty()
    index.add(image=vectors(10), metadata={"year": range(10)})
    before = index.search(image=vectors(10))
    with pytest.raises(error, match=message):
        change(index, vectors(2, seed=3).astype(np.float64))
    same(index.search(image=vectors(10)), before)
    assert len(index) == 10 and index.ids.tolist() == list(range(10))


def test_an_empty_index_says_so(empty, vectors):
    index = empty()
    with pytest.raises(ValueError, match="the index is empty; add items first"):
        index.search(image=vectors(1))
    index.add(image=vectors(2))
    index.remove([0, 1])
    with pytest.raises(ValueError, match="the index is empty"):
        index.search(image=vectors(1))
    index.compact()
    assert index.add(image=vectors(1)).tolist() == [0]


def test_models_that_cannot_be_indexed(vectors):
    with pytest.raises(TypeError, match=r"SCAN compares images and texts pair by pair .* TwoStage\(first=index"):
        RetrievalIndex(SCAN())
    with pytest.raises(ValueError, match="not fitted"):
        RetrievalIndex(CCA())
    with pytest.raises(TypeError, match="model must be a retriever"):
        RetrievalIndex(TfidfVectorizer())
    model = AlignedEmbeddings().fit(vectors(2), vectors(2))
    with pytest.raises(ValueError, match="backend must be one of"):
        RetrievalIndex(model, "annoy")
    with pytest.raises(ValueError, match=r"holds 'speed', which backend='exact' does not have; it has \['dtype'\]"):
        RetrievalIndex(model, options={"speed": 9})


def test_another_model_of_another_width(empty, vectors):
    index = empty()
    index.add(image=vectors(3))
    index.model = AlignedEmbeddings().fit(vectors(2, 8), vectors(2, 8))
    for call in (index.add, index.search):
        with pytest.raises(
            ValueError, match="makes vectors of 8 dimensions, but those of the index have 24: it was bui"
        ):
            call(image=vectors(2, 8))


def test_copies(empty, vectors):
    """scikit-learn's clone keeps an index, and a pickled one can be changed."""
    index = empty()
    index.add(image=vectors(20))
    assert clone(index) is index
    copy = pickle.loads(pickle.dumps(index))
    copy.remove([0])
    copy.add(image=vectors(1, seed=4), ids=[33])
    assert 33 in copy and 33 not in index and 0 in index
    assert repr(index).endswith("backend='exact') with 20 items")
