"""Every backend is exact where it claims to be, says how much it finds elsewhere, and is saved and loaded."""

import math
import pickle
import threading

import numpy as np
import pytest

from skxmr import AlignedEmbeddings, RetrievalIndex
from skxmr.search import engines
from skxmr.search.known import KnownIds

BACKENDS = {
    "faiss": ("faiss", {}, "faiss"),
    "ivf": ("faiss", {"kind": "ivf", "n_lists": 20, "n_probes": 20}, "faiss"),
    "lancedb": ("lancedb", {}, "lancedb"),
    "qdrant": ("qdrant", {}, "qdrant_client"),
    "hnsw": ("faiss", {"kind": "hnsw", "ef": 400}, "faiss"),
}


# LanceDB writes every change to the disk.
@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.slow] * (name == "lancedb")) for name in BACKENDS])
def backend(request):
    name, options, module = BACKENDS[request.param]
    pytest.importorskip(module)
    return name, options


def fill(index, vectors, n):
    """Add rows of which some are equal, remove some, and replace some."""
    rows = vectors(n)
    rows[::30] = rows[0]
    index.add(image=rows, metadata={"part": np.arange(n) % 10, "name": [f"n{i % 7}" for i in range(n)]})
    even = [[True, False, None][i % 3] for i in range(30)]
    notes = ["it's", None, 'a "b"'] * 10
    parts = [0.5, None, 3] * 10
    index.add(text=vectors(30, seed=7), metadata={"note": notes, "even": even, "part": parts})
    index.remove(range(0, n, 20))
    index.update(range(1, n, 50), text=vectors(len(range(1, n, 50)), seed=1))
    return index


def equal(a, b):
    assert np.array_equal(a.scores, b.scores) and a.ids.tolist() == b.ids.tolist()


def test_hits_are_those_of_the_exact_backend(backend, empty, vectors, tmp_path):
    """Also ties at the k-th place, filters, more hits than items, and after saving."""
    name, options = backend
    # Inverted lists are made from 5,000 rows on.
    n = 5600 if options.get("kind") == "ivf" else 400
    index = fill(empty(name, **options), vectors, n)
    exact = fill(empty(), vectors, n)
    queries = np.concatenate([vectors(4, seed=2), vectors(1)])
    index.save(tmp_path / "index")
    loaded = RetrievalIndex.load(tmp_path / "index")
    assert len(loaded) == len(exact)
    for asked in (
        {"k": 10},
        {"k": 30, "where": {"part": 3}},
        {"k": 5, "where": {"part": (1, 8), "name": ["n1", "n2"]}},
        {"k": 9, "where": {"modality": "text", "note": None}},
        {"k": 9, "where": {"note": ["it's", 'a "b"']}},
        {"k": 9, "where": {"name": ("n2", "n4"), "even": True}},
        {"k": 9, "where": {"even": [None, False], "part": [3, 4, 5.0], "name": None}},
        {"k": 3, "where": {"name": "nothing"}},
        {"k": 3, "where": {"part": []}},
        {"k": 3, "where": {"part": (None, None)}},
        {"k": 4, "among": [1, 7, 8]},
    ):
        wanted = exact.search(text=queries, **asked)
        equal(index.search(text=queries, **asked), wanted)
        equal(loaded.search(text=queries, **asked), wanted)
    assert index.recall(text=queries) == loaded.recall(text=queries) == 1
    index.compact()
    equal(index.search(text=queries), exact.search(text=queries))


def test_searches_while_rows_are_added(backend, empty, vectors):
    name, options = backend
    index = empty(name, **options)
    index.add(image=vectors(300), metadata={"kind": ["old"] * 300})
    wanted = index.search(text=vectors(5, seed=3), where={"kind": "old"}).ids
    errors = []
    done = threading.Event()

    def search():
        try:
            while not done.is_set():
                assert np.array_equal(index.search(text=vectors(5, seed=3), where={"kind": "old"}).ids, wanted)
                index.search(text=vectors(5, seed=3))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    for turn in range(5):
        index.add(image=vectors(20, seed=10 + turn), metadata={"kind": ["new"] * 20})
    done.set()
    for thread in threads:
        thread.join()
    assert not errors, errors[0]


@pytest.mark.parametrize("options", [{"kind": "ivf", "n_lists": 60, "n_probes": 1}, {"kind": "hnsw", "ef": 1}])
def test_recall_says_how_much_is_lost(empty, vectors, options):
    pytest.importorskip("faiss")
    index = empty("faiss", **options)
    index.add(image=vectors(6000))
    queries = vectors(30, seed=1)
    exact = empty()
    exact.add(image=vectors(6000))
    found, wanted = index.search(text=queries).ids, exact.search(text=queries).ids
    share = np.mean([np.isin(a, b).mean() for a, b in zip(found, wanted, strict=True)])
    assert index.recall(text=queries) == pytest.approx(share) and share < 1


@pytest.mark.parametrize("width", [5, 64, 100])
def test_binary_codes_are_compared_by_hamming_distance(vectors, width, tmp_path):
    model = AlignedEmbeddings().fit(vectors(2, width), vectors(2, width))
    index = RetrievalIndex(model, "binary")
    items, queries = vectors(2000, width), vectors(6, width, seed=1)
    index.add(image=items)
    differ = ((queries > 0)[:, None] != (items > 0)[None]).sum(axis=2)
    order = np.lexsort((np.broadcast_to(np.arange(2000), differ.shape), differ))[:, :12]
    hits = index.search(text=queries, k=12)
    assert np.array_equal(hits.ids, order)
    assert np.allclose(hits.scores, 1 - 2 * np.take_along_axis(differ, order, 1) / width)
    with pytest.raises(ValueError, match="recall compares with a search in the vectors, and backend='binary' keeps on"):
        index.recall(text=queries)
    index.remove(order[0, :3])
    index.save(tmp_path / "index")
    assert (tmp_path / "index" / "vectors.npy").stat().st_size < 2000 * 16 + 200
    loaded = RetrievalIndex.load(tmp_path / "index")
    index.compact()
    for found in (index, loaded):
        assert np.array_equal(found.search(text=queries[:1], k=9).ids[0], order[0, 3:])


def test_a_missing_package_is_named_with_its_extra(empty, monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(engines, "import_module", missing)
    with pytest.raises(ImportError, match=r"backend='faiss' needs faiss, .*: pip install 'skxmr\[ann\]'"):
        empty("faiss")


def test_a_collection_in_a_server_stays_there(empty, vectors, tmp_path, monkeypatch):
    """A client in memory stands for the server, which both indexes reach by its address."""
    qdrant = pytest.importorskip("qdrant_client")
    server = qdrant.QdrantClient(":memory:")
    asked = []
    nearest = server.query_points

    def query_points(*args, search_params, **options):
        assert search_params.exact
        return nearest(*args, **options)

    monkeypatch.setattr(server, "query_points", query_points)
    monkeypatch.setenv("QDRANT_API_KEY", "secret")
    monkeypatch.setattr(qdrant, "QdrantClient", lambda **options: asked.append(options) or server)
    index = fill(empty("qdrant", url="http://localhost:6333", collection="pictures"), vectors, 400)
    exact = fill(empty(), vectors, 400)
    assert asked[0] == {"url": "http://localhost:6333", "api_key": "secret", "check_compatibility": False}
    assert server.count("pictures").count == len(exact)
    index.save(tmp_path / "index")
    loaded = RetrievalIndex.load(tmp_path / "index")
    assert not (tmp_path / "index" / "vectors.npy").exists()
    assert b"secret" not in b"".join(file.read_bytes() for file in (tmp_path / "index").glob("*.*"))
    for changed in (loaded, exact):
        changed.add(image=vectors(3, seed=8), ids=range(9000, 9003))
        changed.remove([1, 2])
    queries = vectors(4, seed=2)
    equal(loaded.search(text=queries, where={"part": (2, 8)}), exact.search(text=queries, where={"part": (2, 8)}))
    equal(loaded.search(text=queries, among=[5, 6, 9001]), exact.search(text=queries, among=[5, 6, 9001]))
    # Removed points are gone from the server, and compacting the index sends nothing.
    n_points = server.count("pictures").count
    assert n_points == len(exact)
    for changed in (loaded, exact):
        changed.compact()
        changed.add(image=vectors(2, seed=9), ids=range(9100, 9102))
    assert server.count("pictures").count == n_points + 2
    equal(loaded.search(text=queries, where={"part": (2, 8)}), exact.search(text=queries, where={"part": (2, 8)}))
    other = empty("qdrant", url="http://localhost:6333", collection="pictures")
    with pytest.raises(ValueError, match="has a collection 'pictures' already, whose points would be overwritten"):
        other.add(image=vectors(3))
    assert server.count("pictures").count == n_points + 2


def test_a_server_that_does_not_answer_is_named(empty):
    pytest.importorskip("qdrant_client")
    with pytest.raises(OSError, match=r"the qdrant server at http://127\.0\.0\.1:9 does not answer as it should"):
        empty("qdrant", url="http://127.0.0.1:9")


def test_an_index_of_an_engine_says_how_it_is_copied(empty, vectors):
    pytest.importorskip("faiss")
    index = empty("faiss")
    index.add(image=vectors(3))
    with pytest.raises(TypeError, match=r"backend='faiss' cannot be pickled, .* save it by save\(path\)"):
        pickle.dumps(index)


@pytest.mark.slow
def test_a_damaged_folder_of_an_engine_is_refused(empty, vectors, tmp_path):
    pytest.importorskip("lancedb")
    index = empty("lancedb")
    index.add(image=vectors(30))
    index.save(tmp_path / "index")
    data = next((tmp_path / "index" / "lancedb").rglob("*.lance/data/*"))
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"lancedb' is damaged: .* is not the file that was saved"):
        RetrievalIndex.load(tmp_path / "index")


@pytest.mark.parametrize(
    ("options", "message"),
    [({"kind": "tree"}, "kind must be one of"), ({"n_probes": 0}, "n_probes must be a positive integer; got 0")],
)
def test_options_are_checked_when_the_index_is_made(empty, options, message):
    pytest.importorskip("faiss")
    with pytest.raises(ValueError, match=message):
        empty("faiss", **options)
    with pytest.raises(ValueError, match=r"options holds 'probes', .* did you mean 'n_probes'"):
        empty("faiss", probes=3)


def test_odd_values_are_found_on_every_backend(backend, empty, vectors):
    """What an engine cannot hold is held as something near, and compared once more with what it stands for."""
    name, options = backend
    numbers = [2**53, 2**53 + 1, -(2**63 - 1), 7]
    shares = [math.inf, -math.inf, 1e300, 0.5]
    words = ["\ud800z", "\ud801a", "\ue000", "it's"]
    exact, index = empty(), empty(name, **options)
    for each in (exact, index):
        each.add(image=vectors(4), metadata={"number": numbers, "share": shares, "word": words})
    conditions = [{"number": value} for value in (*numbers, 2.0**53)]
    conditions += [{"number": (2**53 + 1, None)}, {"number": (None, 2.0**53)}, {"share": (None, math.inf)}]
    conditions += [{"share": [-math.inf, 1e300]}, {"share": (1e301, math.inf)}, {"word": ("\ud801", None)}]
    conditions += [{"word": value} for value in words] + [{"word": (None, "\ud801")}, {"word": ("it", "\ud800")}]
    for where in conditions:
        wanted = exact.search(text=vectors(2, seed=1), k=4, where=where)
        equal(index.search(text=vectors(2, seed=1), k=4, where=where), wanted)


def test_what_an_engine_refuses_to_add_replaces_nothing(backend, empty, vectors, monkeypatch):
    name, options = backend
    index = empty(name, **options)
    index.add(image=vectors(5))
    before = index.search(image=vectors(5), k=5)

    def refuse(*_):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(type(index._items.state.backend), "add", refuse)
    with pytest.raises(RuntimeError, match="disk is full"):
        index.update([1, 2], image=vectors(2, seed=3))
    equal(index.search(image=vectors(5), k=5), before)


def test_what_an_engine_fails_to_remove_is_not_found_any_more(backend, empty, vectors, monkeypatch):
    """The new rows are there by then, in the engine and in the table, and later ones get their right places."""
    name, options = backend
    index, exact = empty(name, **options), empty()
    for each in (index, exact):
        each.add(image=vectors(10))

    def fail(*_):
        raise ConnectionError("the server is gone")

    with monkeypatch.context() as patched:
        patched.setattr(type(index._items.state.backend), "remove", fail)
        with pytest.raises(OSError, match=r"everything was added, .* is not found .*server is gone"):
            index.update([0, 1], image=vectors(2, seed=3))
    exact.update([0, 1], image=vectors(2, seed=3))
    for each in (index, exact):
        each.add(image=vectors(2, seed=4), ids=[112, 113])
    assert index.search(image=vectors(2, seed=4), k=3).ids[:, 0].tolist() == [112, 113]
    queries = np.concatenate([vectors(10), vectors(2, seed=3), vectors(2, seed=4)])
    equal(index.search(image=queries, k=12), exact.search(image=queries, k=12))


@pytest.mark.parametrize("deleted", [False, True])
def test_an_engine_that_fails_to_remove_leaves_the_items_removed(backend, empty, vectors, monkeypatch, deleted):
    """Whether it had deleted them before it failed or not: they are in no part, also after a rewrite."""
    name, options = backend
    index, exact = empty(name, **options), empty()
    for each in (index, exact):
        each.add(image=vectors(10))
    kind = type(index._items.state.backend)
    remove = kind.remove

    def fail(self, rows):
        if deleted:
            remove(self, rows)
        raise ConnectionError("the server is gone")

    with monkeypatch.context() as patched:
        patched.setattr(kind, "remove", fail)
        with pytest.raises(
            OSError,
            match=r"the items are removed and not .*\(ConnectionError\(.the server is gone.\)\)",
        ):
            index.remove([1, 4])
    exact.remove([1, 4])
    assert index.ids.tolist() == exact.ids.tolist() and 4 not in index and len(index) == 8
    equal(index.search(image=vectors(10), k=8), exact.search(image=vectors(10), k=8))
    for each in (index, exact):
        each.compact()
        each.add(image=vectors(2, seed=4), ids=[112, 113])
    queries = np.concatenate([vectors(10), vectors(2, seed=4)])
    equal(index.search(image=queries, k=3), exact.search(image=queries, k=3))


def test_without_memory_for_what_is_known_of_ids_everything_is_done(backend, empty, vectors, monkeypatch):
    """An engine has changed by then, so the table has to follow; ids are put together again from it."""
    name, options = backend
    index, exact = empty(name, **options), empty()
    for each in (index, exact):
        each.add(image=vectors(10))
        assert 4 in each
    changed = KnownIds.changed

    def fail(self, value, row):
        if value == 4 or value == 11:
            raise MemoryError
        changed(self, value, row)

    with monkeypatch.context() as patched:
        patched.setattr(KnownIds, "changed", fail)
        for each in (index, exact):
            each.remove([1, 4])
            each.add(image=vectors(3, seed=7))
            each.update([3, 11], image=vectors(2, seed=8))
    for each in (index, exact):
        assert 4 not in each and 11 in each and len(each) == 11
        assert each.add(image=vectors(2, seed=9)).tolist() == [13, 14]
    queries = np.concatenate([vectors(10), *(vectors(3, seed=seed) for seed in (7, 8, 9))])
    equal(index.search(image=queries, k=13), exact.search(image=queries, k=13))


def test_points_that_only_a_server_knows_hide_no_others(empty, vectors, monkeypatch):
    """They are many, and nearer to the query than those that are left."""
    pytest.importorskip("qdrant_client")
    index = empty("qdrant")
    query = vectors(1)
    index.add(image=query + 0.01 * vectors(30, seed=3))
    index.add(image=vectors(2, seed=4))

    def fail(*_):
        raise ConnectionError("the server is gone")

    with monkeypatch.context() as patched:
        patched.setattr(type(index._items.state.backend), "remove", fail)
        with pytest.raises(OSError, match="the items are removed"):
            index.remove(range(30))
    assert sorted(index.search(image=query, k=2).ids[0].tolist()) == [30, 31]
    index.compact()
    assert sorted(index.search(image=query, k=2).ids[0].tolist()) == [30, 31]
    index.add(image=vectors(3, seed=5), ids=[100, 101, 102])
    assert sorted(index.search(image=query, k=9).ids[0].tolist()) == [-1] * 4 + [30, 31, 100, 101, 102]


def test_rows_without_room_in_faiss_are_in_none_of_its_parts(empty, vectors, monkeypatch):
    pytest.importorskip("faiss")
    index, exact = empty("faiss"), empty()
    for each in (index, exact):
        each.add(image=vectors(10))

    def fail(*_):
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(index._items.state.backend._engine, "add", fail)
        with pytest.raises(MemoryError):
            index.add(image=vectors(2, seed=3))
    for each in (index, exact):
        each.add(image=vectors(2, seed=4), ids=[112, 113])
    queries = np.concatenate([vectors(10), vectors(2, seed=3), vectors(2, seed=4)])
    equal(index.search(image=queries, k=12), exact.search(image=queries, k=12))
