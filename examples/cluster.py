"""
Search on a cluster
===================

Claim: a search on a cluster gives exactly the scores of a search in one process that uses as many threads, to the last
bit; only the time differs. Here the cluster is two workers on this machine. With ``Client("tcp://scheduler:8786")`` in
place of the local cluster it is a real one, and the rest stays as it is. The example needs
``pip install 'skxmr[distributed]'`` and writes its picture to ``output/cluster.png``.

.. image:: /cluster.png
   :alt: The mAP of every fold and candidate on two workers against that of one process: all points lie on the diagonal
   :width: 60%
"""

# sphinx_gallery_thumbnail_path = 'cluster.png'

from __future__ import annotations

import os
import sys
import time
from itertools import chain
from pathlib import Path
from typing import Any

import joblib
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
from dask.distributed import Client, LocalCluster
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skxmr import DAGNN, Pairs, PerModality
from skxmr.datasets import load_captioned_digits

# Pictures go to files, also on a machine without a screen.
matplotlib.use("Agg")
# As many threads as a worker has, because sums over more threads are rounded differently.
torch.set_num_threads(1)
threadpool_limits(1)
OUTPUT = Path(os.environ.get("SKXMR_OUTPUT", "output"))
GRID = {"tau": [0.2, 0.5], "p": [0.25, 1.0]}


def say(text: str) -> None:
    """Print at once, so that progress is visible."""
    print(text, flush=True)


def timed_search(title: str, pairs: Pairs, labels: Any, folds: list[Any]) -> GridSearchCV:
    """Search, and print what was found and how long it took."""
    model = DAGNN(32, hidden=64, width=32, max_epochs=5, dropout=0.2, input_dropout=0.1, random_state=0)
    start = time.perf_counter()
    search = GridSearchCV(model, GRID, cv=folds, error_score="raise").fit(pairs, labels)
    seconds = time.perf_counter() - start
    say(f"{title:<12} mAP {search.best_score_:.6f} with {search.best_params_}, {seconds:.1f} s")
    return search


def fold_scores(search: GridSearchCV) -> NDArray[np.float64]:
    """Return the scores of all candidates (rows) and folds (columns)."""
    return np.column_stack([search.cv_results_[f"split{fold}_test_score"] for fold in range(2)])


def picture(one: NDArray[np.float64], two: NDArray[np.float64], path: Path) -> None:
    """Draw the scores of both searches against one another."""
    figure, ax = plt.subplots(figsize=(5, 5), layout="constrained")
    ax.axline((one.min(), one.min()), slope=1, color="lightgrey")
    ax.plot(one.ravel(), two.ravel(), "o")
    ax.set(xlabel="mAP of a fold, one process", ylabel="mAP of a fold, two workers")
    ax.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, bbox_inches="tight")
    plt.close(figure)
    say(f"picture: {path}")


def main() -> int:
    """Search twice and compare."""
    raw, labels = load_captioned_digits("train", return_X_y=True)
    pairs = PerModality(image=StandardScaler(), text=TfidfVectorizer()).fit_transform(raw)
    folds = list(KFold(2, shuffle=True, random_state=0).split(pairs))
    one = timed_search("one process", pairs, labels, folds)
    options = {"n_workers": 2, "threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(**options) as cluster, Client(cluster):
        # Rows and folds are sent to every worker once. Arrays that are not named here would be sent with every fit.
        with joblib.parallel_config(backend="dask", scatter=[pairs, labels, *chain(*folds)]):
            two = timed_search("two workers", pairs, labels, folds)
    if not (fold_scores(one) == fold_scores(two)).all():
        say("the scores differ")
        return 1
    say("all scores are equal, bit for bit")
    picture(fold_scores(one), fold_scores(two), OUTPUT / "cluster.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
