"""Saved indexes: the same answers in a new process, and damage, other formats, full disks and rivals are named."""

import hashlib
import json
import os
import resource
import subprocess
import sys

import numpy as np
import pytest

from skxmr import AlignedEmbeddings, RetrievalIndex
from skxmr.persistence._config import digest
from skxmr.search import vectors as vectors_module


@pytest.fixture
def saved(empty, vectors, tmp_path):
    index = empty()
    index.add(image=vectors(300), metadata={"year": range(300), "tag": ["sea", None, "sky"] * 100})
    index.remove([7, 8])
    index.save(tmp_path / "index")
    return tmp_path / "index"


@pytest.mark.slow
def test_a_new_process_gives_the_same_hits(empty, vectors, tmp_path):
    index = empty()
    index.add(text=vectors(500), ids=[f"ü{i}" for i in range(500)], metadata={"n": range(500), "s": ["a", "ö"] * 250})
    index.save(tmp_path / "index")
    np.save(tmp_path / "queries.npy", vectors(5, seed=1))
    code = (
        "import numpy as np, skxmr, sys\n"
        f"index = skxmr.RetrievalIndex.load({str(tmp_path / 'index')!r})\n"
        f"hits = index.search(image=np.load({str(tmp_path / 'queries.npy')!r}), k=4, where={{'s': 'ö'}})\n"
        f"np.save({str(tmp_path / 'scores.npy')!r}, hits.scores)\n"
        "sys.stdout.buffer.write('\\n'.join(hits.ids.ravel()).encode())"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout.decode().split("\n")
    wanted = index.search(image=vectors(5, seed=1), k=4, where={"s": "ö"})
    assert found == wanted.ids.ravel().tolist()
    assert np.array_equal(np.load(tmp_path / "scores.npy"), wanted.scores)


def test_a_loaded_index_is_mapped_and_grows(saved, empty, vectors, monkeypatch):
    index = RetrievalIndex.load(saved)
    rows = index._items.state.backend.vectors
    assert len(index) == 298 and isinstance(rows.mapped.rows, np.memmap)
    fresh = empty()
    kept = np.setdiff1d(np.arange(300), [7, 8])
    fresh.add(
        image=vectors(300)[kept], ids=kept, metadata={"year": kept, "tag": [["sea", None, "sky"][i % 3] for i in kept]}
    )
    for changed in (index, fresh):
        changed.add(image=vectors(50, seed=5), ids=range(400, 450))
        changed.remove([0, 410])
        changed.update([1, 411], image=vectors(2, seed=6))
    queries = vectors(6, seed=1)
    for where in (None, {"tag": "sea"}, {"year": (100, 110)}, {"year": None}):
        a, b = (found.search(text=queries, where=where) for found in (index, fresh))
        assert np.array_equal(a.ids, b.ids) and np.array_equal(a.scores, b.scores)
    # Into the folder that is mapped.
    index.save(saved)
    again = RetrievalIndex.load(saved).search(text=queries)
    assert np.array_equal(again.scores, index.search(text=queries).scores)


def test_blocks_are_checked_when_they_are_read(empty, vectors, tmp_path, monkeypatch):
    monkeypatch.setattr(vectors_module, "CHECKED_ROWS", 64)
    monkeypatch.setattr("skxmr.search.vector_files.CHECKED_ROWS", 64)
    index = empty()
    index.add(image=vectors(300), metadata={"part": np.arange(300) // 64})
    index.save(tmp_path / "index")
    file = tmp_path / "index" / "vectors.npy"
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    loaded = RetrievalIndex.load(tmp_path / "index")
    assert np.array_equal(
        loaded.search(text=vectors(2), where={"part": 0}).ids, index.search(text=vectors(2), where={"part": 0}).ids
    )
    for where in ({"part": 4}, None):
        with pytest.raises(ValueError, match=r"vectors\.npy is damaged: its rows from 256 on are not those that were"):
            loaded.search(text=vectors(2), where=where)


def damaged(name, change):
    def damage(folder):
        file = folder / name
        file.write_bytes(change(file.read_bytes()))

    return damage


def entry(**changed):
    def damage(folder):
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changed))

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damaged("vectors.npy", lambda b: b[:-10]), r"vectors\.npy holds float32 .* it was cut off or exchanged"),
        (damaged("vectors.npy", lambda b: b[:30]), r"vectors\.npy is missing or damaged"),
        (damaged("vectors.npy", lambda b: b"x" * len(b)), r"vectors\.npy is missing or damaged"),
        (lambda folder: (folder / "vectors.npy").unlink(), r"vectors\.npy is missing or damaged"),
        (
            damaged("table.json", lambda b: b.replace(b"sea", b"sky")),
            r"table\.json' is damaged: its SHA-256 is not the",
        ),
        (damaged("table.npz", lambda b: b[:-1]), r"table\.npz' is damaged: its SHA-256"),
        (lambda folder: (folder / "table.npz").unlink(), r"is incomplete: table\.npz is missing"),
        (damaged("config.json", lambda b: b[:-50]), r"config\.json' is damaged"),
        (lambda folder: (folder / "config.json").unlink(), r"is no skxmr index: it holds no config\.json"),
        (entry(format="skxmr model"), "is no skxmr index: the format that its config.json names is 'skxmr model'"),
        (entry(format_version=99), r"has format 99, and skxmr .* reads formats up to 1; install"),
        (entry(backend="magic"), "there is no backend 'magic'"),
        (entry(vectors={"shape": "x"}), "is damaged"),
        (entry(vectors=[]), "is damaged"),
        (damaged("model/model.skops", lambda b: b[:-7]), r"model\.skops' is damaged"),
    ],
)
def test_damage_is_named(saved, damage, message):
    damage(saved)
    with pytest.raises(ValueError, match=message):
        RetrievalIndex.load(saved)


def signed(change_numbers=None, change_strings=None, **about):
    """A change on purpose, with digests that fit."""

    def damage(folder):
        if change_numbers is not None:
            with np.load(folder / "table.npz") as numbers:
                np.savez(folder / "table.npz", **change_numbers(dict(numbers)))
        if change_strings is not None:
            strings = change_strings(json.loads((folder / "table.json").read_text()))
            (folder / "table.json").write_text(json.dumps(strings))
        config = json.loads((folder / "config.json").read_text())
        for name in ("table.npz", "table.json"):
            config["sha256"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        config["vectors"] |= about
        (folder / "config.json").write_text(json.dumps(config))

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (signed(lambda numbers: {}), "the table in .* cannot be read"),
        (signed(lambda numbers: {name: values[:-1] for name, values in numbers.items()}), "298 vectors of 297 items"),
        (signed(lambda numbers: numbers | {"column_1": numbers["column_1"][:-1]}), "and there are 298 items"),
        (signed(lambda numbers: numbers | {"column_1": numbers["column_1"] * 1.5}), "'year' holds float64 of shape"),
        (signed(lambda numbers: numbers | {"column_2": numbers["column_2"] + 9}), "'tag' has strings that are not"),
        (signed(lambda numbers: numbers | {"ids": numbers["ids"] - 9}), "ids are strings, or integers from 0"),
        (signed(change_strings=lambda strings: []), "the table in .* cannot be read"),
        (signed(change_strings=lambda strings: strings | {"ids": ["a"] + [1] * 297}), "ids are strings, or integers"),
        (signed(change_strings=lambda strings: strings | {"columns": [{"name": "x", "kind": "y"}]}), "cannot be read"),
        (signed(shape=[297, 24]), "holds 297 vectors of 298 items"),
        (signed(shape=5), "does not describe its vectors"),
    ],
)
def test_a_table_that_is_changed_on_purpose_is_refused(saved, damage, message):
    damage(saved)
    with pytest.raises(ValueError, match=message):
        RetrievalIndex.load(saved)


def test_what_is_no_index(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        RetrievalIndex.load(tmp_path / "nothing")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ValueError, match="is a file; pass the folder that was written"):
        RetrievalIndex.load(tmp_path / "file")


def test_a_folder_of_others_and_another_index_are_not_replaced(saved, empty, vectors, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "thesis.txt").write_text("do not lose me")
    index = empty()
    index.add(image=vectors(3))
    with pytest.raises(FileExistsError, match="is a folder of other files, which would be lost"):
        index.save(tmp_path / "own", overwrite=True)
    with pytest.raises(FileExistsError, match="holds another index; save to another path"):
        index.save(saved)
    assert len(RetrievalIndex.load(saved)) == 298
    index.save(saved, overwrite=True)
    assert len(RetrievalIndex.load(saved)) == 3


def test_two_that_open_the_same_index_lose_nothing(saved, vectors):
    first, second = RetrievalIndex.load(saved), RetrievalIndex.load(saved)
    first.add(image=vectors(2, seed=8))
    first.save(saved)
    first.save(saved)
    second.add(image=vectors(1, seed=9))
    with pytest.raises(FileExistsError, match="was saved by somebody else since it was opened here"):
        second.save(saved)
    assert len(RetrievalIndex.load(saved)) == 300 and len(second) == 299
    assert not [path for path in saved.parent.iterdir() if path.name.startswith(".")]


def test_a_full_disk_leaves_the_old_index(saved, vectors):
    index = RetrievalIndex.load(saved)
    index.add(image=vectors(3000, seed=1))
    before = {file: file.read_bytes() for file in saved.rglob("*") if file.is_file()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # With the lower limit it is the model, in a folder within, that finds no room.
    for limit in (500, 100_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(OSError, match=r"^'.*index' could not be written \(File too large\); what was there"):
                index.save(saved)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {file: file.read_bytes() for file in saved.rglob("*") if file.is_file()} == before
    assert os.listdir(saved.parent) == ["index"]
    index.save(saved)
    assert len(RetrievalIndex.load(saved)) == 3298


def test_an_index_without_items_and_one_with_another_model(empty, vectors, tmp_path):
    index = empty()
    index.save(tmp_path / "index")
    loaded = RetrievalIndex.load(tmp_path / "index")
    assert len(loaded) == 0
    loaded.add(image=vectors(3))
    loaded.remove([0, 1, 2])
    loaded.save(tmp_path / "index")
    other = AlignedEmbeddings().fit(vectors(2, 8), vectors(2, 8))
    again = RetrievalIndex.load(tmp_path / "index", model=other)
    with pytest.raises(ValueError, match="makes vectors of 8 dimensions, but those of the index have 24"):
        again.add(image=vectors(2, 8))


def test_digests_are_those_of_the_files(saved):
    config = json.loads((saved / "config.json").read_text())
    for name, wanted in config["sha256"].items():
        with (saved / name).open("rb") as handle:
            assert digest(handle) == wanted
    assert set(config["sha256"]) == {"table.json", "table.npz"} and len(config["vectors"]["checksums"]) == 1
