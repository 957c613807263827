"""A full disk, wherever something is written: an error that says where, or one warning, and nothing half written."""

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from skxmr import AlignedEmbeddings, RetrievalIndex
from tests.faults.writers import FAILING, GOING_ON, WIDE, CommandError

ROOT = Path(__file__).parents[2]

# What is said of a disk that is full, or of a file that may not become larger: by the system, SQLite and torch.
FULL = r"No space left on device|File too large|full|disk I/O error|unable to open database file|enforce fail"
PAGE = 4096
# Parts of the room that is needed, beside none at all.
SHARES = (0, 0.3, 0.8)


def contents(folder):
    """Return all files of a folder with what they hold, and the folders in it."""
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*") if "filler" not in path.name}


@contextmanager
def mounted(home, option):
    """Mount a disk in memory."""
    command = ["mount", "-t", "tmpfs", "-o", option, "tmpfs", str(home)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a disk cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(home)], check=True)


@contextmanager
def small_disk(home):
    """Mount a disk that can be filled up to some room."""

    @contextmanager
    def filled(sizes, share):
        filler = home / "filler"
        room = int(share * sum(sizes)) // PAGE * PAGE
        with filler.open("wb") as file:
            free = os.statvfs(home).f_bavail * PAGE - room
            os.posix_fallocate(file.fileno(), 0, max(free, 1))
        yield
        filler.unlink()

    with mounted(home, "size=16m"):
        yield filled


@contextmanager
def few_files(home):
    """Mount a disk that can hold so many files and no more."""

    @contextmanager
    def filled(sizes, share):
        free = os.statvfs(home).f_ffree - int(share * len(sizes))
        fillers = [home / f"filler {i}" for i in range(free)]
        for filler in fillers:
            filler.touch()
        yield
        for filler in fillers:
            filler.unlink()

    with mounted(home, "nr_inodes=1000"):
        yield filled


@contextmanager
def largest_file(home):
    """Let no file become larger than a share of the largest one that is written."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    @contextmanager
    def limited(sizes, share):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(share * max(sizes)), before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    yield limited


@pytest.fixture(params=[small_disk, few_files, largest_file])
def disk(request, tmp_path, monkeypatch):
    """The folder of a disk, and what makes it full; temporary files lie on it too, where it has a folder for them."""
    home = tmp_path / "disk"
    home.mkdir()
    with request.param(home) as full:
        monkeypatch.setattr(tempfile, "tempdir", None)
        yield home, full


def written_with_room(writer, folder):
    """Return the sizes of all files that are written where there is room, and what the write returns."""
    folder.mkdir()
    found = writer(folder)()
    return [path.stat().st_size for path in folder.rglob("*") if path.is_file()], found


@pytest.mark.slow
@pytest.mark.parametrize("name", FAILING)
def test_what_fails_says_where_and_leaves_everything_as_it_was(name, disk, tmp_path):
    home, full = disk
    sizes, _ = written_with_room(FAILING[name], tmp_path / "roomy")
    write = FAILING[name](home)
    before = contents(home)
    for share in SHARES:
        with full(sizes, share), pytest.raises((OSError, CommandError)) as caught:
            write()
        said = " ".join(str(caught.value).split())
        wanted = rf"written' could not be written \(({FULL})\); what was there is unchanged"
        assert re.search(wanted, said), f"{share}: {said}"
        assert contents(home) == before, share
    # With room again it is written.
    write()
    assert contents(home) != before


@pytest.mark.slow
@pytest.mark.parametrize("name", GOING_ON)
def test_what_can_go_on_warns_once_and_returns_the_same(name, disk, tmp_path):
    home, full = disk
    sizes, wanted = written_with_room(GOING_ON[name], tmp_path / "roomy")
    for share in SHARES:
        place = home / str(share)
        place.mkdir()
        write = GOING_ON[name](place)
        with full(sizes or [40_000], share), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            found = write()
        said = [str(warning.message) for warning in warned]
        # A search with networks tells it of its own cache, and every fit of its checkpoint.
        assert len(said) == 1 or ("search" in name and said), f"{share}: {said}"
        assert all(str(place / "written") in one and re.search(FULL, one) for one in said), f"{share}: {said}"
        np.testing.assert_array_equal(found, wanted)
        assert not [path for path in home.rglob("*") if path.name.startswith(".") or "journal" in path.name]
        # With room again it goes on from what was kept.
        np.testing.assert_array_equal(write(), wanted)


@pytest.mark.slow
def test_an_index_without_room_for_new_items_keeps_the_old_ones(disk, monkeypatch):
    """The engine keeps its table in a folder for temporary files while the index is open."""
    home, full = disk
    (home / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(home / "tmp"))
    index = RetrievalIndex(AlignedEmbeddings().fit(*WIDE), "lancedb")
    index.add(image=WIDE[0][:20], ids=np.arange(20), metadata={"place": ["north"] * 20})
    wanted = index.search(image=WIDE[0][:20], k=5)
    more = {"image": np.tile(WIDE[0], (5, 1))[::-1], "ids": np.arange(1000)}
    columns = {"place": ["south"] * 1000, "year": np.arange(1000)}
    for share in SHARES:
        with full([4 * more["image"].size], share):
            with pytest.raises(OSError, match=rf"({FULL}): '{home}"):
                index.add(**more, metadata=columns, replace=True)
            found = index.search(image=WIDE[0][:20], k=5, where={"place": "north"})
        np.testing.assert_array_equal(found.ids, wanted.ids)
    index.add(**more, metadata=columns, replace=True)
    assert len(index) == 1000 and index.search(image=WIDE[0][:1], k=3, where={"year": (0, 99)}).ids.max() < 100


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
@pytest.mark.parametrize("words", [["info"], ["--help"]])
def test_output_that_finds_no_room_is_told_in_one_sentence(words):
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "skxmr.cli", *words]
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    wanted = "Error: the output could not be written (No space left on device); free some space, or send it elsewhere."
    assert done.stderr.strip() == wanted
