"""Versions of an index: a process of its own changes and saves it without a pause, and notes what each version holds.

    python -m tests.faults.soak_versions INDEX COPIES    # until it is ended by SIGTERM

What a version holds is known without the index: item i has a text, a vector and a kind that follow from i alone, and
the note of a version says which items are there, in which order, and which tag each has.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.pipeline import make_pipeline

from skxmr import AlignedEmbeddings, Pairs, PerModality, RetrievalIndex

WIDTH = 64
TAGS = 30
_WORDS = 2_000
# Digits of a version that answers name.
_SHOWN = 12
_HASH = HashingVectorizer(n_features=WIDTH)


@cache
def text_of(item: int) -> str:
    """Return the words of an item; every tenth item has those of the one before, so that scores are equal."""
    rng = np.random.default_rng(item - (item % 10 == 9))
    return " ".join(f"word{i}" for i in rng.integers(_WORDS, size=4))


def kind_of(item: int) -> str:
    """Return whether an item is an image or a text."""
    return "text" if item % 4 == 1 else "image"


def vectors_of(texts: list[str]) -> Any:
    """Return the vectors of texts (n, WIDTH): what the model makes of them, computed here."""
    wide = _HASH.transform(texts).toarray()
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    return (wide / np.where(norms > 0, norms, 1)).astype(np.float32)


class Version(NamedTuple):
    """What one version of the index holds: the numbers of its items (n,) and their tags (n,), by position."""

    items: Any
    tags: Any
    saved: float

    def without(self, items: Any) -> Version:
        """Return this version without some items."""
        stays = ~np.isin(self.items, items)
        return self._replace(items=self.items[stays], tags=self.tags[stays])

    def extended(self, items: Any, tags: Any) -> Version:
        """Return this version with more items at its end."""
        return self._replace(items=np.append(self.items, items), tags=np.append(self.tags, tags))

    def note(self, index: Path, copies: Path) -> None:
        """Write down what this version holds, under the name that answers give it."""
        name = json.loads((index / "config.json").read_text())["token"][:_SHOWN]
        new = copies / f"{name}.new"
        with new.open("wb") as file:
            np.savez(file, items=self.items, tags=self.tags, saved=time.time())
        os.replace(new, copies / f"{name}.npz")


def read_versions(copies: Path) -> dict[str, Version]:
    """Return all versions that were noted, by their names and in the order in which they were saved."""
    found = {}
    for file in copies.glob("*.npz"):
        with np.load(file) as arrays:
            found[file.stem] = Version(arrays["items"], arrays["tags"], float(arrays["saved"]))
    return dict(sorted(found.items(), key=lambda entry: entry[1].saved))


def put(index: RetrievalIndex, items: Any, tags: Any, replace: bool) -> None:
    """Add items to an index, or put them in the place of those with their ids; images come before texts."""
    is_text = np.array([kind_of(item) == "text" for item in items])
    texts = np.array([text_of(item) for item in items])
    for name, which in (("image", ~is_text), ("text", is_text)):
        if which.any():
            view = texts[which].tolist()
            rows = vectors_of(view) if name == "image" else view
            ids = [f"item {item:07d}" for item in items[which]]
            columns = {"tags": [f"tag {tag}" for tag in tags[which]], "words": view}
            index.add(**{name: rows}, ids=ids, metadata=columns, replace=replace)


def ordered(items: Any) -> Any:
    """Return the numbers of items in the order in which `put` adds them: images before texts."""
    return np.array(sorted(items, key=kind_of), np.int64)


def first_version(index: Path, copies: Path, n: int) -> None:
    """Save an index of n items."""
    views = PerModality(text=HashingVectorizer(n_features=WIDTH))
    model = make_pipeline(views, AlignedEmbeddings()).fit(Pairs(vectors_of(["one", "two"]), ["one", "two"]))
    items = ordered(np.arange(n))
    tags = np.random.default_rng(0).integers(TAGS, size=n)
    made = RetrievalIndex(model)
    put(made, items, tags, replace=False)
    made.save(index)
    Version(items, tags, 0.0).note(index, copies)


def change(folder: Path, copies: Path, now: Version, rng: np.random.Generator) -> Version:
    """Open the index, add, replace and remove a hundredth of its items each, and save it."""
    index = RetrievalIndex.load(folder)
    some = max(1, len(now.items) // 100)
    chosen = rng.choice(now.items, 2 * some, replace=False)
    removed = chosen[:some]
    replaced = ordered(chosen[some:])
    added = ordered(now.items.max() + 1 + np.arange(some))
    # Other tags than before: a text about which nothing has changed would stay where it is.
    before = dict(zip(now.items.tolist(), now.tags.tolist(), strict=True))
    steps = rng.integers(1, TAGS, size=some)
    others = (np.array([before[item] for item in replaced.tolist()]) + steps) % TAGS
    tags = rng.integers(TAGS, size=some)
    index.remove([f"item {item:07d}" for item in removed])
    put(index, replaced, others, replace=True)
    put(index, added, tags, replace=False)
    index.save(folder)
    new = now.without(chosen).extended(replaced, others).extended(added, tags)
    new.note(folder, copies)
    return new


def main() -> None:
    """Change the index until somebody ends this process."""
    folder, copies = map(Path, sys.argv[1:])
    ended: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        ended.append(number)

    signal.signal(signal.SIGTERM, end)
    rng = np.random.default_rng(1)
    now = list(read_versions(copies).values())[-1]
    while not ended:
        now = change(folder, copies, now, rng)


if __name__ == "__main__":
    main()
