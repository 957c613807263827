"""Clusters: dask's workers score and learn what one process does, and may die."""

import itertools
import os
from pathlib import Path

import dask
import dask.array as da
import joblib
import pytest
import torch
from dask.distributed import Client, LocalCluster
from distributed.client import FutureCancelledError
from distributed.scheduler import KilledWorker
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold

from skxmr import CCA, DAGNN, MLCCA, PLS, Pairs, SemanticMatching
from skxmr.datasets import make_multilabel_pairs
from tests.problems import assert_equal_models, chunked

# A cluster takes seconds to start.
pytestmark = pytest.mark.slow
CV = KFold(2, shuffle=True, random_state=0)
SMALL = {"n_components": 8, "hidden": 16, "width": 8, "max_epochs": 1, "random_state": 0}
SEARCHES = {
    "closed form": (CCA(n_components=4), {"ridge": [0.03, 0.1, 0.3, 1.0]}),
    "deep": (DAGNN(**SMALL), {"tau": [0.2, 0.4], "p": [0.25, 0.5]}),
}


BY_CHUNKS = [CCA(), PLS(n_components=4), SemanticMatching(), MLCCA(), MLCCA(weights="exponential", n_neighbors=20)]


class CountedPairs(Pairs):
    """Counts how often it leaves its process."""

    sent = 0

    def __reduce_ex__(self, protocol):
        type(self).sent += 1
        return super().__reduce_ex__(protocol)


class Fatal(CCA):
    """Kills the process that fits it, as often as its folder holds files."""

    def __init__(self, folder=None, n_components=4):
        super().__init__(n_components)
        self.folder = folder

    def fit(self, X, y=None, labels=None):
        for reason in sorted(Path(self.folder).iterdir()):
            try:
                reason.unlink()
            except FileNotFoundError:  # the other worker took it
                continue
            os._exit(1)
        return super().fit(X, y, labels)


@pytest.fixture(scope="module")
def client(copied_processes):
    options = {"n_workers": 2, "threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    method = dask.config.set({"distributed.worker.multiprocessing-method": copied_processes.get_start_method()})
    with method, LocalCluster(**options) as cluster, Client(cluster) as client:
        yield client


@pytest.fixture(scope="module")
def data():
    return make_multilabel_pairs(300, n_image_features=40, random_state=0)


def scores(search):
    return [search.cv_results_[f"split{fold}_test_score"] for fold in range(2)]


def search(kind, pairs, labels):
    return GridSearchCV(*SEARCHES[kind], cv=CV, error_score="raise").fit(pairs, labels)


@pytest.mark.parametrize("kind", ["closed form", "deep"])
def test_two_workers_score_what_one_process_scores(client, data, kind):
    serial = search(kind, *data)
    pairs, labels = CountedPairs(data[0].image, data[0].text), data[1]
    CountedPairs.sent = 0
    with joblib.parallel_config(backend="dask", scatter=[pairs, labels]):
        spread = search(kind, pairs, labels)
    assert_array_equal(scores(spread), scores(serial))
    assert spread.best_params_ == serial.best_params_
    assert CountedPairs.sent < 8, "the rows travel once (hashed, measured, sent), not with each of 8 fits"


@pytest.mark.parametrize("kind", SEARCHES)
def test_threads_score_what_one_process_scores(data, kind):
    serial = search(kind, *data)
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    with joblib.parallel_config(backend="threading", n_jobs=3):
        threaded = search(kind, *data)
    assert_array_equal(scores(threaded), scores(serial))
    assert torch.equal(torch.random.get_rng_state(), before), "torch's global generator is not touched"


def fatal_search(client, folder, deaths, data):
    """Search on workers that die so often; rows and folds are scattered, so that every worker holds them."""
    client.wait_for_workers(2, timeout=60)  # on a single worker joblib would fit in this very process
    folder.mkdir()
    for i in range(deaths):
        (folder / str(i)).touch()
    folds = list(CV.split(data[0]))
    with joblib.parallel_config(backend="dask", scatter=[*data, *itertools.chain(*folds)]):
        return GridSearchCV(Fatal(str(folder)), {"n_components": [2, 4]}, cv=folds, error_score="raise").fit(*data)


def test_a_worker_that_dies_once_costs_time_only(client, data, tmp_path):
    serial = GridSearchCV(CCA(), {"n_components": [2, 4]}, cv=CV).fit(*data)
    survived = fatal_search(client, tmp_path / "once", 1, data)
    assert_array_equal(scores(survived), scores(serial))
    assert not list((tmp_path / "once").iterdir()), "a worker did die"


def test_a_fit_that_kills_every_worker_ends_the_search(client, data, tmp_path):
    """By one of two errors, as docs/scaling.md says: a task was tried four times, or no worker has the rows."""
    with pytest.raises((KilledWorker, FutureCancelledError), match=r"Attempted to run task|cancelled for reason"):
        fatal_search(client, tmp_path / "always", 100, data)


@pytest.mark.parametrize("method", BY_CHUNKS)
def test_a_cluster_finds_what_one_machine_finds(client, data, method):
    pairs, labels = data
    wanted = clone(method).fit(pairs, labels)
    found = type(wanted)(**wanted.get_params()).fit(chunked(pairs), labels)
    assert_equal_models(found, wanted, pairs)
    assert found.n_features_ == wanted.n_features_ and (found.classes_ == wanted.classes_).all()


def fatal_once(rows, reason):
    """Return rows, or end the process if nobody has done so before."""
    if reason.exists():
        reason.unlink()
        os._exit(1)
    return rows


def test_a_worker_that_dies_costs_time_only(client, data, tmp_path):
    pairs, _ = data
    reason = tmp_path / "reason"
    reason.touch()
    views = chunked(pairs, (100, 100))
    parts = [views.text[:200], da.from_delayed(dask.delayed(fatal_once)(pairs.text[200:], reason), (100, 30), float)]
    found = CCA().fit(views.image, da.concatenate(parts))
    assert not reason.exists(), "a worker did die"
    assert_equal_models(found, CCA().fit(pairs), pairs)
