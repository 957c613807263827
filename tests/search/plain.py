"""An index as a dict and loops, for what is done to both, and strategies for its ids, values and vectors."""

import math

import numpy as np
from hypothesis import strategies as st
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.pipeline import make_pipeline

from skxmr import AlignedEmbeddings, Pairs, PerModality

WIDTH = 4
VECTORIZER = HashingVectorizer(analyzer="char", n_features=WIDTH, norm=None, alternate_sign=False, lowercase=False)
MODEL = make_pipeline(PerModality(text=VECTORIZER), AlignedEmbeddings()).fit(Pairs(np.eye(2, WIDTH), ["ab", "cd"]))
LARGEST = 2**63 - 1
KINDS = {bool: "bool", int: "int", float: "float", str: "str"}

# Few different numbers and letters, so that scores are often equal and vectors often zero.
VECTORS = st.lists(st.integers(-2, 2), min_size=WIDTH, max_size=WIDTH)
TEXTS = st.text("abc ", max_size=4)
IDS = {
    "int": st.one_of(st.integers(0, 9), st.sampled_from([2**53, 2**53 + 1, LARGEST - 1, LARGEST])),
    "str": st.sampled_from([*"abcAB", "", " ", "é", "a\0", "\U0001f40e", "10", "9"]),
}
VALUES = {
    "bool": st.booleans(),
    "int": st.one_of(st.integers(-3, 3), st.sampled_from([2**53 + 1, 2**53, -LARGEST, LARGEST])),
    "float": st.one_of(st.sampled_from([0.0, -0.0, 0.5, 2.0, 1e300, 2.0**53, math.inf, -math.inf])),
    "str": st.sampled_from(["", "a", "b", "B", "é", "\ud800", "1"]),
}
# Each name mostly has its own type, and sometimes another one.
COLUMNS = {"flag": "bool", "n": "int", "x": "float", "tag": "str", "": "int"}


def kind_of(values):
    """Return the type of a column, None if nothing is in it; refuse several types."""
    kinds = {KINDS[type(value)] for value in values if value is not None}
    if kinds == {"int", "float"}:
        return "float"
    if len(kinds) > 1:
        raise TypeError("several types")
    return next(iter(kinds), None)


def joint(old, new):
    """Return the type of a column that has one type and gets values of another."""
    if old is None or new is None or old == new:
        return old or new
    if {old, new} == {"int", "float"}:
        return "float"
    raise TypeError("another type")


def check_ids(ids):
    if len(set(ids)) < len(ids) or len({type(value) for value in ids}) > 1:
        raise ValueError("repeated, or of two types")


def unit(vector):
    norm = math.sqrt(math.fsum(value * value for value in vector))
    return [float(np.float32(value / norm)) if norm else 0.0 for value in vector]


def holds(value, wanted):
    """Tell whether a value fulfils a condition."""
    if isinstance(wanted, tuple):
        low, high = wanted
        return value is not None and (low is None or value >= low) and (high is None or value <= high)
    return value in wanted if isinstance(wanted, list) else value == wanted


class Plain:
    """An index as a dict: id to vector and columns, in the order in which items came."""

    def __init__(self, scored):
        self.items = {}
        self.kinds = {}
        # Removed items count until an index is rewritten.
        self.rows = []
        self.scored = scored

    def add(self, modality, views, ids, metadata, replace):
        """Return the ids that were added; raise what is wrong before anything has changed."""
        if ids is None:
            if self.rows and isinstance(self.rows[0], str):
                raise ValueError("strings")
            first = max(self.rows, default=-1) + 1
            ids = list(range(first, first + len(views)))
            if ids[-1] > LARGEST:
                raise ValueError("too large")
        check_ids(ids)
        if self.rows and type(self.rows[0]) is not type(ids[0]):
            raise TypeError("strings among integers")
        if not replace and any(value in self.items for value in ids):
            raise ValueError("there already")
        given = self._described(modality, views, metadata)
        kept = [i for i, value in enumerate(ids) if not self._is_unchanged(value, {k: v[i] for k, v in given.items()})]
        return self._write(views, [ids[i] for i in kept], kept, given)

    def update(self, ids, modality, views, metadata):
        check_ids(ids)
        if not all(value in self.items for value in ids):
            raise ValueError("not there")
        self._write(views, ids, range(len(ids)), self._described(modality, views, metadata))

    def rewrite(self):
        self.rows = list(self.items)

    def search(self, vector, k, where, among):
        """Return scores and ids of the best k."""
        found = [
            (-self.scored(unit(vector), unit(own)), value)
            for value, (own, about) in self.items.items()
            if (among is None or value in among)
            and all(holds(about.get(name), wanted) for name, wanted in where.items())
        ]
        found = [(-score, value) for score, value in sorted(found)[:k]]
        nothing = None if self.rows and isinstance(self.rows[0], str) else -1
        found += [(-math.inf, nothing)] * (k - len(found))
        return [score for score, _ in found], [value for _, value in found]

    @staticmethod
    def _described(modality, views, metadata):
        own = {"modality": [modality] * len(views)}
        return own | ({"item": views} if modality == "text" else {}) | metadata

    def _is_unchanged(self, value, given):
        if value not in self.items or "item" not in given or "item" not in self.kinds:
            return False
        old = self.items[value][1]
        return all(old.get(name) == content for name, content in given.items())

    def _write(self, views, ids, kept, given):
        if not ids:
            return []
        kinds = {name: joint(self.kinds.get(name), kind_of(values)) for name, values in given.items()}
        self.kinds |= {name: kind for name, kind in kinds.items() if kind is not None}
        for value, i in zip(ids, kept, strict=True):
            old = self.items.pop(value, (None, {}))[1]
            about = {name: content for name, content in old.items() if name != "item"}
            about |= {name: values[i] for name, values in given.items()}
            self.items[value] = (vector_of(views[i]), about)
            self.rows.append(value)
        for _, about in self.items.values():
            for name, kind in self.kinds.items():
                if kind == "float" and about.get(name) is not None:
                    about[name] = float(about[name])
        return ids


def vector_of(row):
    return VECTORIZER.transform([row]).toarray()[0].tolist() if isinstance(row, str) else row


def view_of(rows):
    return rows if isinstance(rows[0], str) else np.array(rows, float)


def cosine(u, v):
    return float(np.float32(math.fsum(a * b for a, b in zip(u, v, strict=True))))


def cosine_of_signs(u, v):
    return 1 - 2 * sum((a > 0) != (b > 0) for a, b in zip(u, v, strict=True)) / WIDTH
