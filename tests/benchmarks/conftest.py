"""The benchmarks as modules that tests can import."""

import importlib
import os
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="package")
def module():
    """Import modules of the benchmarks by name, and forget them when the tests of this folder are done."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            patch.setenv(variable, os.environ.get(variable, "1"))
        patch.syspath_prepend(FOLDER)
        yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(FOLDER)):
            del sys.modules[name]
