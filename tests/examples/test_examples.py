"""Every example runs and keeps its promise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = [pytest.param(script, id=script.stem) for script in sorted((ROOT / "examples").glob("*.py"))]


@pytest.mark.slow
@pytest.mark.parametrize("script", EXAMPLES)
def test_example_runs(script, tmp_path):
    environment = {**os.environ, "SKXMR_OUTPUT": str(tmp_path), "SKXMR_DATA": str(tmp_path / "nothing")}
    environment.pop("SKXMR_CLIPART", None)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("*.png")), "an example leaves a picture"
    if script.stem == "quickstart":
        assert "left out: " in done.stdout


@pytest.mark.slow
def test_a_benchmark_fails_without_the_data(tmp_path):
    environment = {**os.environ, "SKXMR_DATA": str(tmp_path)}
    script = ROOT / "benchmarks" / "dagnn.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 1 and "Where to get it" in done.stderr
