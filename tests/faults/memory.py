"""Searches whose workers find no memory, each in a process of its own, which says as JSON what came of it.

    python -m tests.faults.memory {grid,auto} {greedy,ended,tight} FOLDER

One of the candidates wants more memory than there is (greedy), or the system ends the worker that fits it, as it does
where the memory is full (ended, as long as there is a file of this name in the folder), or workers get no more memory
once they have their task, as under `ulimit -v` (tight).
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from sklearn.model_selection import GridSearchCV

from skxmr import CCA, AutoRetriever, Pairs
from skxmr._data.estimator import Constraints

GRID = {"n_components": [2, 4], "ridge": [0.1, 1.0]}


class Hungry(CCA):
    """CCA that with four components wants too much memory; every fit is noted in a file."""

    folder: str = ""
    how: str = ""
    _parameter_constraints: ClassVar[Constraints] = {**CCA._parameter_constraints, "folder": [str], "how": [str]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if self.how == "tight":
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            most = pages * resource.getpagesize() + 16 * 2**20
            resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
            # A worker that asks for memory for ever is ended, so that it does not outlive a test that fails.
            resource.setrlimit(resource.RLIMIT_CPU, (60, resource.RLIM_INFINITY))

    def _fit(self, pairs: Pairs, labels: Any = None) -> None:
        with (Path(self.folder) / "fits").open("a") as file:
            file.write(f"{self.n_components} {self.ridge}\n")
        if self.n_components == 4 and self.how == "greedy":
            np.ones(2**45)
        if self.n_components == 4 and (Path(self.folder) / "ended").exists():
            # Others are finished by then.
            time.sleep(2)
            os.kill(os.getpid(), signal.SIGKILL)
        super()._fit(pairs, labels)


def searched(kind: str, how: str, folder: Path) -> Any:
    """Return a search that is fitted."""
    pairs = Pairs(*np.random.default_rng(0).normal(size=(2, 2000, 40)))
    model = Hungry(folder=str(folder), how=how)
    if kind == "grid":
        return GridSearchCV(model, GRID, cv=2, n_jobs=2, error_score=np.nan).fit(pairs)
    given: dict[str, Any] = {"budget_s": None, "n_jobs": 2, "random_state": 0, "min_rows": 2000}
    return AutoRetriever([("CCA", model, GRID)], **given, cache=folder / "cache").fit(pairs)


def main() -> None:
    """Run one search and print what came of it."""
    kind, how, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    found: dict[str, Any] = {"error": None, "status": [], "scores": []}
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            search = searched(kind, how, folder)
            found["scores"] = np.asarray(search.cv_results_["mean_test_score"]).tolist()
            found["status"] = np.asarray(search.cv_results_.get("status", [])).tolist()
        except Exception as error:
            found["error"] = [*(each.__name__ for each in type(error).__mro__[:-2]), str(error)]
    found["warnings"] = [str(warning.message) for warning in warned if warning.category is not ResourceWarning]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
