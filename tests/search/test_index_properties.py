"""Whatever is done to an index, it answers as a plain dict of vectors does, also after what was refused."""

import pickle
import tempfile
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from skxmr import RetrievalIndex
from tests.drawn import drawn
from tests.search.plain import (
    COLUMNS,
    IDS,
    MODEL,
    TEXTS,
    VALUES,
    VECTORS,
    WIDTH,
    Plain,
    cosine,
    cosine_of_signs,
    unit,
    vector_of,
    view_of,
)


class IndexMachine(RuleBasedStateMachine):
    """The same is done to an index and to a dict."""

    backend = "exact"
    scored = staticmethod(cosine)

    @initialize(kind=st.sampled_from(["int", "str"]))
    def begin(self, kind):
        self.index = RetrievalIndex(MODEL, self.backend)
        self.plain = Plain(self.scored)
        self.kind = kind

    def ids(self, data, n):
        """Draw n ids: those that are there, others, and seldom some of the other type."""
        kind = self.kind if data.draw(st.integers(0, 9)) else data.draw(st.sampled_from(["int", "str"]))
        there = st.sampled_from(list(self.plain.items)) if self.plain.items else IDS[kind]
        return data.draw(st.lists(st.one_of(IDS[kind], there), min_size=n, max_size=n))

    def rows(self, data):
        modality = data.draw(st.sampled_from(["image", "text"]))
        return modality, data.draw(st.lists(VECTORS if modality == "image" else TEXTS, min_size=1, max_size=4))

    def metadata(self, data, n):
        """Draw columns of n values, in which some are missing."""
        found = {}
        for name in data.draw(st.lists(st.sampled_from(list(COLUMNS)), unique=True, max_size=3)):
            kind = COLUMNS[name] if data.draw(st.integers(0, 4)) else data.draw(st.sampled_from(list(VALUES)))
            found[name] = data.draw(st.lists(st.one_of(VALUES[kind], st.none()), min_size=n, max_size=n))
        return found

    def same(self, call, plain):
        """Return what both give; both refuse what is wrong."""
        try:
            wanted = plain()
        except (TypeError, ValueError):
            with pytest.raises((TypeError, ValueError)):
                call()
            return None, None
        return call(), wanted

    @rule(data=st.data(), replace=st.booleans(), counted=st.booleans())
    def add(self, data, replace, counted):
        modality, rows = self.rows(data)
        ids = None if counted else self.ids(data, len(rows))
        columns = self.metadata(data, len(rows))
        found, wanted = self.same(
            lambda: self.index.add(**{modality: view_of(rows)}, ids=ids, metadata=columns or None, replace=replace),
            lambda: self.plain.add(modality, rows, ids, columns, replace),
        )
        assert wanted is None or found.tolist() == wanted

    @rule(data=st.data())
    def update(self, data):
        modality, rows = self.rows(data)
        ids = self.ids(data, len(rows))
        columns = self.metadata(data, len(rows))
        self.same(
            lambda: self.index.update(ids, **{modality: view_of(rows)}, metadata=columns),
            lambda: self.plain.update(ids, modality, rows, columns),
        )

    @precondition(lambda self: self.plain.items)
    @rule(data=st.data())
    def remove(self, data):
        ids = data.draw(st.lists(st.sampled_from(list(self.plain.items)), unique=True, max_size=3))
        self.index.remove(np.array(ids, object) if data.draw(st.booleans()) else ids)
        for value in ids:
            del self.plain.items[value]

    @rule(way=st.sampled_from(["compact", "save", "pickle"]))
    def rewrite(self, way):
        if way == "pickle":
            if self.backend in ("exact", "binary"):
                self.index = pickle.loads(pickle.dumps(self.index))
            return
        self.plain.rewrite()
        if way == "compact":
            self.index.compact()
            return
        # Saving a model takes a hundred times as long as all the rest, and is tested elsewhere.
        with tempfile.TemporaryDirectory() as folder, patch("skxmr.search.files.save"):
            self.index.save(Path(folder) / "index")
            self.index = RetrievalIndex.load(Path(folder) / "index", model=MODEL)
            # The folder is removed while the vectors are mapped, which the system allows.
            self.searches([[1, 0, 2, -1]], ["a"], 3, {}, None, 0.5)

    def where(self, data):
        """Draw conditions of the right types."""
        found = {}
        for name in data.draw(st.lists(st.sampled_from(sorted(self.plain.kinds)), unique=True, max_size=2)):
            kind = self.plain.kinds[name]
            there = [about.get(name) for _, about in self.plain.items.values()]
            value = st.one_of(st.none(), VALUES[kind], st.sampled_from(there))
            if kind in ("int", "float"):
                value = st.one_of(value, VALUES["int"], VALUES["float"])
            shapes = [value, st.lists(value, max_size=7), st.tuples(value, value)]
            found[name] = data.draw(st.one_of(shapes[: 2 if kind == "bool" else 3]))
        return found

    @precondition(lambda self: self.plain.items)
    @rule(data=st.data(), k=st.integers(1, 12), weight=st.sampled_from([0, 0.25, 0.5, 1]))
    def search(self, data, k, weight):
        n = data.draw(st.integers(1, 3))
        images = data.draw(st.none() | st.lists(VECTORS, min_size=n, max_size=n))
        texts = data.draw(st.lists(TEXTS, min_size=n, max_size=n) if images is None else st.none())
        among = data.draw(st.none() | st.lists(st.sampled_from(list(self.plain.items)), unique=True))
        self.searches(images, texts, k, self.where(data), among, weight)

    def searches(self, images, texts, k, where, among, weight):
        if not self.plain.items:
            with pytest.raises(ValueError, match="the index is empty"):
                self.index.search(image=np.ones((1, WIDTH)))
            return
        views = {"image": None if images is None else np.array(images, float), "text": texts}
        hits = self.index.search(**views, k=k, where=where, among=among, weight=weight)
        assert hits.shape == (len(images or texts), k)
        for i in range(len(hits)):
            own = [unit(vector_of(rows[i])) for rows in (images, texts) if rows is not None]
            query = own[0]
            if len(own) == 2:
                query = [weight * a + (1 - weight) * b for a, b in zip(*own, strict=True)]
            scores, ids = self.plain.search(query, k, where, among)
            assert hits.ids[i].tolist() == ids
            assert hits.scores[i].tolist() == scores
            for value, place in zip(ids, range(i * k, i * k + k), strict=True):
                about = self.plain.items.get(value, (None, {}))[1]
                for name in hits.metadata:
                    found = hits.metadata[name][place]
                    assert found == about.get(name) and type(found) is type(about.get(name))

    @invariant()
    def is_the_same(self):
        if not hasattr(self, "index"):
            return
        assert len(self.index) == len(self.plain.items)
        assert self.index.ids.tolist() == list(self.plain.items)
        assert all(value in self.index for value in self.plain.items)
        self.searches([[2, 1, 0, -1]], None, 12, {}, None, 0.5)


class BinaryMachine(IndexMachine):
    """The same with signs."""

    backend = "binary"
    scored = staticmethod(cosine_of_signs)


TestIndex = IndexMachine.TestCase
TestIndex.settings = drawn(30, stateful_step_count=12)
TestBinaryIndex = BinaryMachine.TestCase
TestBinaryIndex.settings = drawn(10, stateful_step_count=12)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["faiss", "qdrant", "lancedb"])
def test_an_index_in_an_engine(backend):
    pytest.importorskip({"qdrant": "qdrant_client"}.get(backend, backend))
    machine = type("EngineMachine", (IndexMachine,), {"backend": backend})
    run_state_machine_as_test(machine, settings=drawn(30, stateful_step_count=12))
