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
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux")]


def searched(kind, how, folder):
    """Return what came of a search; one that hangs fails."""
    command = [sys.executable, "-m", "tests.faults.memory", kind, how, str(folder)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=240)
    assert done.returncode == 0
    return json.loads(done.stdout)


def fits(folder):
    return (folder / "fits").read_text().splitlines()


def test_a_candidate_that_wants_too_much_is_left_out_with_a_warning(tmp_path):
    found = searched("grid", "greedy", tmp_path)
    assert found["error"] is None and np.isnan(found["scores"]).tolist() == [False, False, True, True]
    assert any("4 fits failed" in said and "MemoryError" in said for said in found["warnings"])
    found = searched("auto", "greedy", tmp_path)
    assert found["error"] is None and sorted(found["status"]) == ["done", "done", "failed", "failed"]
    assert any("2 of 4 candidates failed and were left out: CCA:" in said for said in found["warnings"])


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
