import os
import warnings
from importlib import import_module

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skxmr import CCA, DCCA, LabelGraph, Pairs
from skxmr._data.warn import warn


def data(n=40):
    rng = np.random.default_rng(0)
    labels = np.eye(4, dtype=int)[np.arange(n) % 4]  # no two labels ever meet, so the graph has no edge
    return Pairs(rng.normal(size=(n, 6)), rng.normal(size=(n, 5))), labels


def files_named(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [os.path.basename(entry.filename) for entry in caught]


def test_a_direct_call_names_the_caller_and_its_line():
    with pytest.warns(RuntimeWarning, match="beware") as caught:
        warn("beware", RuntimeWarning)
    assert caught[0].filename == __file__
    assert caught[0].lineno == test_a_direct_call_names_the_caller_and_its_line.__code__.co_firstlineno + 2


def test_a_step_names_the_users_file_alone_in_a_pipeline_and_in_a_search():
    pairs, labels = data()
    assert files_named(lambda: LabelGraph().fit(pairs, labels)) == ["test_warn.py"]
    pipe = make_pipeline(LabelGraph(), CCA(2))
    assert files_named(lambda: pipe.fit(pairs, labels)) == ["test_warn.py"]
    search = GridSearchCV(pipe, {"cca__n_components": [1, 2]}, cv=2)
    # Two values times two folds, and one fit of the best value on all rows.
    assert files_named(lambda: search.fit(pairs, labels)) == ["test_warn.py"] * 5


def test_a_deep_method_names_the_users_file():
    pairs, _ = data()
    model = DCCA(2, batch_size=100, max_epochs=1, validation_fraction=0)
    assert "test_warn.py" in files_named(lambda: model.fit(pairs))
    assert set(files_named(lambda: make_pipeline(model).fit(pairs))) == {"test_warn.py"}


def test_an_old_import_path_names_the_users_file():
    assert files_named(lambda: import_module("skxmr.networks").encoder) == ["test_warn.py"]


def test_a_worker_thread_has_no_line_of_the_user_and_still_warns():
    pairs, labels = data()
    search = GridSearchCV(LabelGraph(), {"tau": [0.3, 0.4]}, cv=2, n_jobs=2, scoring=lambda *_: 0.0)
    with parallel_config("threading"):
        named = files_named(lambda: search.fit(pairs, labels))
    assert named and not any(name == "label_graph.py" for name in named)


def test_one_line_warns_once_under_the_default_filter():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            warn("said once")
    assert len(caught) == 1
