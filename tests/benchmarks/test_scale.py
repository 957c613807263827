"""The cases of scale.py on few rows: what they compare is equal, and what they search is found."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def measured(word, folder):
    """Run the cases whose name holds a word; return what they print."""
    command = [sys.executable, ROOT / "benchmarks" / "scale.py", word, "--small", "--data", folder]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_cases_on_few_rows(tmp_path):
    (equal,) = measured("equal to memory", tmp_path)
    assert equal["difference, maps of numpy"] == equal["difference, maps of Arrow"] == 0
    (fit,) = measured("training, 1,000,000", tmp_path)
    assert fit["rows"] == 2000 and fit["seconds"] > 0
    (parquet,) = measured("Parquet", tmp_path)
    assert parquet["equal"]
    (sums,) = measured("chunks, MLCCA", tmp_path)
    assert sums["difference"] < 1e-10
    built, asked = measured("index, 1,000,000", tmp_path)
    assert built["file MB"] > 0 and asked["found themselves"] == 1


def test_the_memory_that_a_call_takes_is_seen(module, tmp_path):
    import numpy as np

    memory = module("scale_memory")
    # Less than 32 MB may lie in memory that the process has used before.
    found = memory.measured(lambda: np.ones(80 * 2**20, np.uint8).sum())
    assert found.result == 80 * 2**20 and found.peak_mb > 70
    view = module("scale_data").view(tmp_path, "text", 100_000)
    # Pages of a mapped file do not count.
    assert memory.measured(lambda: float(view.sum(dtype=np.float64))).peak_mb < 10
