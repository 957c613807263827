"""A few kills of every kind; `python -m tests.faults.kills` has the long mode."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")
@pytest.mark.parametrize("kind", ["fit", "save", "index", "cache"])
def test_nothing_is_lost_when_processes_are_killed(kind):
    """In a process of its own, because a process with threads is not forked safely."""
    command = [sys.executable, "-m", "tests.faults.kills", kind, "--kills", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and f"{kind}: 3 kills" in done.stdout, done.stderr
