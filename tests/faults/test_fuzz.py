"""Some damaged files of every format, in a process of their own; ``python -m tests.faults.fuzz`` reads more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_damaged_files_are_read_or_refused_by_name():
    command = [sys.executable, "-m", "tests.faults.fuzz", "--files", "1900", "--seed", "7"]
    found = subprocess.run(
        command,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.count("refused") >= 18
