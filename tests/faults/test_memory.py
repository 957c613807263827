"""Searches with n_jobs whose workers find no memory: they end with what is clear, and nothing finished is lost."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
# A fit, or a search with two workers, in a process that gets so many MB more memory and no others.
TIGHT = """
import re, resource, sys
import joblib
import numpy as np
from skxmr import CCA, AutoRetriever, Pairs
import skxmr.choosing.halving
pairs = Pairs(*np.random.default_rng(0).normal(size=(2, 200, 10)))
search = AutoRetriever([("CCA", CCA(2), {})], budget_s=None, n_jobs=2, random_state=0)
what, margin, limit = sys.argv[1:]
if what == "threads":
    CCA(2).fit(pairs)
field = {"RLIMIT_AS": "VmSize", "RLIMIT_DATA": "VmData"}[limit]
taken = int(re.search(field + r":\\s+(\\d+) kB", open("/proc/self/status").read())[1])
most = taken * 2**10 + int(margin) * 2**20
resource.setrlimit(getattr(resource, limit), (most, most))
try:
    with joblib.parallel_config("threading" if what == "threads" else "loky"):
        (CCA(2) if what == "fit" else search).fit(pairs)
    print("fitted")
except MemoryError as error:
    print(str(error).partition(" needs")[0])
"""
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux")]


def searched(kind, how, folder):
    """Return what came of a search; one that hangs fails."""
    command = [sys.executable, "-m", "tests.faults.memory", kind, how, str(folder)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=240)
    assert done.returncode == 0
    return json.loads(done.stdout)


def tight(what, margin, limit="RLIMIT_AS"):
    """Return what is said where so many MB are left; what hangs fails."""
    command = [sys.executable, "-c", TIGHT, what, str(margin), limit]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 0
    return done.stdout


def fits(folder):
    return (folder / "fits").read_text().splitlines()


def test_a_candidate_that_wants_too_much_is_left_out_with_a_warning(tmp_path):
    found = searched("grid", "greedy", tmp_path)
    assert found["error"] is None and np.isnan(found["scores"]).tolist() == [False, False, True, True]
    assert any("4 fits failed" in said and "MemoryError" in said for said in found["warnings"])
    found = searched("auto", "greedy", tmp_path)
    assert found["error"] is None and sorted(found["status"]) == ["done", "done", "failed", "failed"]
    assert any("2 of 4 candidates failed and were left out: CCA:" in said for said in found["warnings"])


@pytest.mark.parametrize("kind", ["grid", "auto"])
def test_a_search_whose_workers_get_no_memory_ends_and_says_so(tmp_path, kind):
    found = searched(kind, "tight", tmp_path)
    assert found["error"][0] == "ValueError"
    assert "MemoryError: the workspace of linear algebra needs" in found["error"][-1]
    assert not (tmp_path / "fits").exists()


@pytest.mark.parametrize("limit", ["RLIMIT_AS", "RLIMIT_DATA"])
@pytest.mark.parametrize("margin", [8, 24, 40, 60, 76])
def test_a_fit_that_gets_no_memory_raises(margin, limit):
    """The limits are those at which OpenBLAS gets no workspace, or one for numpy or for scipy only."""
    assert tight("fit", margin, limit) == "the workspace of linear algebra\n"


def test_a_search_in_threads_needs_no_room_for_those_of_joblib():
    assert tight("threads", 100) == "fitted\n"


@pytest.mark.parametrize("margin", [20, 24, 128, 192])
def test_a_search_that_cannot_serve_its_workers_raises(margin):
    """At the first two limits joblib can start one thread only, and would wait for it for ever.

    What threads reserve differs from run to run, so that either of the two may be what there is no room for.
    """
    assert tight("search", margin) in ("the workspace of linear algebra\n", "a search with 2 processes\n")


def test_a_grid_search_whose_worker_is_ended_raises(tmp_path):
    (tmp_path / "ended").touch()
    found = searched("grid", "ended", tmp_path)
    assert "BrokenProcessPool" in found["error"] and "excessive memory usage" in found["error"][-1]


def test_a_search_whose_worker_is_ended_goes_on_from_its_cache(tmp_path):
    (tmp_path / "ended").touch()
    found = searched("auto", "ended", tmp_path)
    assert found["error"][0] == "RuntimeError" and "n_jobs=1, or candidates that need less" in found["error"][-1]
    assert "finished ones are kept" in found["error"][-1]
    with closing(sqlite3.connect(tmp_path / "cache" / "candidates.sqlite")) as records:
        assert records.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        kept = records.execute("SELECT count(*) FROM evaluations").fetchone()[0]
    assert kept == 2 and sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["candidates.sqlite"]
    (tmp_path / "ended").unlink()
    before = fits(tmp_path)
    again = searched("auto", "ended", tmp_path)
    assert again["error"] is None and again["status"] == ["done"] * 4
    # The answer is fitted once more; of the candidates only those are that were not finished.
    assert sorted(fits(tmp_path)[len(before) : len(before) + 2]) == ["4 0.1", "4 1.0"]
    other = tmp_path / "other"
    other.mkdir()
    assert searched("auto", "ended", other)["scores"] == again["scores"]
