"""AutoRetriever: what it tries, in which time, what it answers, and what it keeps."""

import math
import signal
import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skxmr
from skxmr import (
    CCA,
    DSCMR,
    MLCCA,
    PLS,
    RACG,
    SCAN,
    AutoRetriever,
    Pairs,
    PerModality,
    RetrievalIndex,
    RetrieverEnsemble,
)
from skxmr.base import interrupts
from skxmr.choosing import clock
from skxmr.datasets import make_captioned_scenes, make_multilabel_pairs
from skxmr.inspection import explain
from tests.choosing.problems import CLOCK, FITS, Failing, Interrupted, Noisy, Timed


@pytest.fixture(autouse=True)
def ctrl_c():
    """Let Ctrl-C interrupt, which a background job starts without."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def fake_clock(monkeypatch):
    monkeypatch.setattr(clock, "now", CLOCK.now)
    CLOCK.seconds = 0.0
    FITS.clear()
    interrupts._last_interrupt.set(-math.inf)


@pytest.fixture(scope="module")
def data():
    return make_multilabel_pairs(300, n_text_features=30, random_state=0)


def auto(candidates, **params):
    return AutoRetriever(candidates, **{"budget_s": None, "min_rows": 20, "random_state": 0} | params)


NOISES = {"noise": [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]}


def test_every_round_has_more_rows_and_fewer_candidates(data):
    fitted = auto([("noisy", Noisy(), NOISES)]).fit(*data)
    results = pd.DataFrame(fitted.cv_results_)
    assert results.groupby("iter").size().tolist() == [9, 3, 1]
    rows = results.groupby("iter")["n_resources"].unique().explode().tolist()
    assert rows[0] * 2 < rows[1] < rows[0] * 4 and rows[1] * 2 < rows[2] < rows[1] * 4 and rows[2] < 300
    # One candidate is left, so it is the answer, fitted on all rows.
    assert isinstance(fitted.best_estimator_, Noisy) and FITS[-1] == ("timed", 300)
    assert fitted.best_params_ == {"noise": 0.0} and fitted.n_candidates_ == 9 and not fitted.interrupted_


def test_the_table_is_like_that_of_scikit_learns_searches(data):
    fitted = auto([("MLCCA", MLCCA(), {"ridge": [0.1, 1.0]}), ("CCA", CCA(), {})], min_rows=200).fit(*data)
    results = fitted.cv_results_
    assert results["method"].tolist() == ["MLCCA", "CCA", "MLCCA"]  # the first of every method comes first
    assert results["params"] == [{"ridge": 0.1}, {}, {"ridge": 1.0}]
    assert results["param_ridge"].mask.tolist() == [False, True, False]
    scores = results["mean_test_score"]
    assert_allclose(scores, (results["mean_test_i2t_map"] + results["mean_test_t2i_map"]) / 2)
    assert_array_equal(results["rank_test_score"], 1 + np.argsort(np.argsort(-scores)))
    assert scores[fitted.best_index_] == scores.max()
    assert fitted.best_params_ == results["params"][fitted.best_index_]
    assert {len(column) for column in results.values()} == {3} and set(results["status"]) == {"done"}


def test_networks_come_after_all_that_is_quick(data):
    network = DSCMR(8, hidden=8, max_epochs=1)
    candidates = [("network", network, {"lr": [1e-3, 1e-2]}), ("CCA", CCA(), {"ridge": [0.1, 1.0]}), ("PLS", PLS(), {})]
    results = auto(candidates, min_rows=300).fit(*data).cv_results_
    assert results["method"].tolist() == ["CCA", "PLS", "CCA", "network", "network"]


def test_scores_are_those_of_rows_that_were_not_fitted(data, monkeypatch):
    pairs, labels = data
    seen = []

    class Watched(CCA):
        def _fit(self, pairs, labels):
            seen.append({row.tobytes() for row in pairs.image})
            super()._fit(pairs, labels)

        def _encode_image(self, X):
            seen.append({row.tobytes() for row in X})
            return super()._encode_image(X)

    auto([("one", Watched(), {})]).fit(pairs, labels)
    fitted_rows, validation_rows, all_rows = seen[:3]
    assert not fitted_rows & validation_rows
    assert fitted_rows | validation_rows == all_rows and 50 <= len(validation_rows) <= 70


def test_rows_of_one_image_and_of_one_group_stay_together(data):
    pairs, labels = data
    index = np.repeat(np.arange(100), 3)
    from skxmr.choosing.halving import divided

    shared = Pairs(pairs.image[:100], pairs.text, image_index=index)
    for given in (shared, pairs.replace(groups=index)):
        validation, rounds = divided(given, labels, 0.2, 3, 3, seed=0)
        for rows in (validation, *rounds):
            assert (np.bincount(index[rows], minlength=100) % 3 == 0).all()
        assert not set(validation) & set(rounds[-1]) and len(validation) + len(rounds[-1]) == 300
        assert set(rounds[0]) < set(rounds[1]) < set(rounds[2])


def test_every_label_has_its_share_in_all_parts(data):
    from skxmr.choosing.halving import divided

    pairs, labels = data
    validation, rounds = divided(pairs, labels, 0.2, 2, 3, seed=0)
    for rows in (validation, *rounds):
        assert np.abs(labels[rows].mean(axis=0) - labels.mean(axis=0)).max() < 0.05


def test_no_more_than_1000_rows_validate():
    from skxmr.choosing.halving import divided

    pairs = Pairs(np.zeros((9000, 1)), np.zeros((9000, 1)))
    assert len(divided(pairs, None, 0.5, 1, 3, seed=0)[0]) == 1000


def test_the_best_of_a_method_comes_before_the_second_best_of_others(data):
    candidates = [
        ("good", Noisy(), {"noise": [0.0, 0.1, 0.2]}),
        ("bad", Noisy(name="bad"), {"noise": [8.0, 16.0, 32.0]}),
    ]
    results = pd.DataFrame(auto(candidates).fit(*data).cv_results_)
    assert results.query("iter == 1")["method"].tolist() == ["good", "bad"]


def test_the_answer_is_an_ensemble_where_that_is_better_on_validation_rows(data):
    pairs, labels = data
    fitted = auto([("MLCCA", MLCCA(ridge=1.0), {}), ("PLS", PLS(), {})], min_rows=200).fit(pairs, labels)
    alone = fitted.cv_results_["mean_test_score"].max()
    if len(fitted.weights_) > 1:
        assert isinstance(fitted.best_estimator_, RetrieverEnsemble) and fitted.best_score_ > alone
        assert [name for name, _ in fitted.best_estimator_.estimators] == list(fitted.weights_)
        assert_allclose(fitted.best_estimator_.weights_, list(fitted.weights_.values()))
    one = auto([("MLCCA", MLCCA(ridge=1.0), {}), ("PLS", PLS(), {})], min_rows=200, n_best=1).fit(pairs, labels)
    assert one.best_score_ == alone and list(one.weights_.values()) == [1.0]
    assert fitted.best_score_ >= one.best_score_


def test_two_halves_of_the_truth_make_an_ensemble():
    """Each of the two methods sees one of two independent columns, so that together they are better."""

    class OfColumns(CCA):
        column: int = 0

        def _fit(self, pairs, labels):
            own = slice(self.column, self.column + 1)
            super()._fit(pairs.replace(image=pairs.image[:, own], text=pairs.text[:, own]), labels)

        def _encode_image(self, X):
            return np.hstack([super()._encode_image(X[:, [self.column]]), np.ones((len(X), 1))])

        def _encode_text(self, X):
            return np.hstack([super()._encode_text(X[:, [self.column]]), np.ones((len(X), 1))])

    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    Y = X + 0.1 * rng.normal(size=(200, 2))
    candidates = [("first", OfColumns(column=0), {}), ("second", OfColumns(column=1), {})]
    fitted = auto(candidates, min_rows=150).fit(X, Y)
    assert set(fitted.weights_) == {"first", "second"} and isinstance(fitted.best_estimator_, RetrieverEnsemble)
    assert fitted.best_score_ > fitted.cv_results_["mean_test_score"].max() + 0.05
    assert fitted.score(X, Y) > fitted.best_estimator_.estimators_[0].score(X, Y) + 0.05


def test_without_a_limit_equal_seeds_give_equal_fits(data):
    pairs, labels = data
    candidates = [("MLCCA", MLCCA(), {"ridge": [0.1, 1.0, 4.0]}), ("PLS", PLS(), {})]
    first = auto(candidates).fit(pairs, labels)
    second = clone(first).fit(pairs, labels)
    assert_array_equal(first.similarity(pairs), second.similarity(pairs))
    assert first.cv_results_["mean_test_score"].tolist() == second.cv_results_["mean_test_score"].tolist()
    other = auto(candidates, random_state=1).fit(pairs, labels)
    assert first.cv_results_["mean_test_score"].tolist() != other.cv_results_["mean_test_score"].tolist()


def test_several_jobs_give_the_same(data):
    pairs, labels = data
    candidates = [("MLCCA", MLCCA(), {"ridge": [0.1, 1.0, 4.0]}), ("PLS", PLS(), {})]
    one = auto(candidates).fit(pairs, labels)
    with parallel_config(backend="threading"):
        two = auto(candidates, n_jobs=2).fit(pairs, labels)
    assert_array_equal(one.similarity(pairs), two.similarity(pairs))
    assert one.cv_results_["params"] == two.cv_results_["params"]


def test_seeds_of_candidates_follow_from_that_of_the_search(data):
    small = DSCMR(8, hidden=8, max_epochs=1)
    first = auto([("DSCMR", small, {})], min_rows=300).fit(*data)
    second = auto([("DSCMR", small, {})], min_rows=300).fit(*data)
    assert first.best_estimator_.random_state is not None and small.random_state is None
    assert_array_equal(first.similarity(data[0]), second.similarity(data[0]))


# Budgets


def test_a_fit_that_would_not_end_in_time_is_not_begun(data):
    # Rounds of 80 and 240 rows; slow takes 80 s for the first, so it would take 240 s for the second.
    candidates = [
        ("slow", Noisy(name="slow", seconds_per_row=1.0), {}),
        ("quick", Noisy(name="quick", noise=1.0), {"n_components": [3, 4, 5, 6]}),
    ]
    fitted = auto(candidates, budget_s=300.0, min_rows=60).fit(*data)
    assert [name for name, _ in FITS].count("slow") in (1, 2)
    results = pd.DataFrame(fitted.cv_results_)
    second = results.query("iter == 1 and method == 'slow'")
    assert second["status"].tolist() == ["no time"] and np.isnan(second["mean_test_score"]).all()
    # It is the best all the same, by its score on few rows, and the best one is fitted in any case.
    assert results["method"][fitted.best_index_] == "slow" and FITS[-1] == ("slow", 300)
    assert list(fitted.weights_) == ["slow"]


def test_an_ensemble_has_only_members_that_can_be_fitted_in_time(data):
    pairs, labels = data
    fits = {"seconds_per_row": 1.0}
    candidates = [(f"{i}", Noisy(name=f"{i}", **fits), {"n_components": [2 + i]}) for i in range(4)]
    # One round of about 240 rows and 240 s each: half of 2400 s are for it. The answer has what is left.
    generous = auto(candidates, budget_s=2400.0, min_rows=300).fit(pairs, labels)
    assert set(generous.cv_results_["status"]) == {"done"}
    n_before = len(FITS)
    FITS.clear()
    tight = auto(candidates, budget_s=1990.0, min_rows=300).fit(pairs, labels)
    assert len([1 for _, n in FITS if n < 300]) == 4 and n_before >= 5
    assert len([1 for _, n in FITS if n == 300]) <= 3 and len(tight.weights_) <= 3


def test_candidates_that_are_not_reached_are_listed(data):
    candidates = [(f"{i}", Timed(name=f"{i}", seconds_per_row=1.0), {}) for i in range(4)]
    fitted = auto(candidates, budget_s=300.0, min_rows=300).fit(*data)
    assert fitted.cv_results_["status"].tolist() == ["done", "no time", "no time", "no time"]


def test_a_budget_that_is_over_at_once_is_an_error(data, monkeypatch):
    def now():
        CLOCK.seconds += 10.0
        return CLOCK.seconds

    monkeypatch.setattr(clock, "now", now)
    with pytest.raises(ValueError, match=r"budget_s=1.0 was over before any candidate could be fitted"):
        auto([("one", Timed(), {})], budget_s=1.0).fit(*data)


@pytest.mark.parametrize(
    ("times", "n", "expected"),
    [
        ([], 100, 0.0),
        ([(10, 2.0)], 30, 6.0),
        ([(10, 2.0), (30, 18.0)], 90, 162.0),  # quadratic
        ([(10, 2.0), (30, 1.0)], 90, 3.0),  # never less than linear
        ([(10, 1.0), (20, 1000.0)], 40, 8000.0),  # never more than cubic
        ([(10, 0.0), (20, 1.0)], 40, 2.0),
    ],
)
def test_seconds_are_predicted_by_a_power_of_the_rows(times, n, expected):
    assert clock.predicted(times, n) == pytest.approx(expected)


def test_a_round_gets_an_equal_part_and_what_was_left_before():
    budget = clock.Budget(100.0, n_rounds=3)
    assert budget.left_of_round(0) == 25.0 and budget.left() == 100.0
    CLOCK.seconds = 20.0
    assert budget.left_of_round(0) == 5.0 and budget.left_of_round(1) == 30.0 and budget.left() == 80.0
    assert clock.Budget(None, 3).left_of_round(0) == math.inf


# Failures and interrupts


def test_a_candidate_that_fails_is_recorded_and_the_others_go_on(data):
    with pytest.warns(UserWarning, match="1 of 3 candidates failed and were left out: bad: ValueError: this one never"):
        fitted = auto([("bad", Failing(), {}), ("good", CCA(), {"ridge": [0.1, 1.0]})], min_rows=300).fit(*data)
    results = fitted.cv_results_
    assert results["status"].tolist() == ["failed", "done", "done"]
    assert results["error"][0] == "ValueError: this one never works" and np.isnan(results["mean_test_score"][0])
    assert results["rank_test_score"][0] == 3


def test_where_nothing_is_left_the_error_says_why(data):
    with pytest.raises(ValueError, match="none of the candidates could be fitted: bad: ValueError: this one"):
        auto([("bad", Failing(), {})]).fit(*data)
    unfitted = auto([("bad", Failing(), {})])
    with pytest.raises(ValueError, match="none of the candidates"):
        unfitted.fit(*data)
    assert not hasattr(unfitted, "cv_results_")


def test_the_first_interrupt_leaves_the_best_so_far(data):
    candidates = [("good", Timed(name="good"), {}), ("stopped", Interrupted(name="stopped"), {}), ("never", CCA(), {})]
    fitted = auto(candidates, min_rows=300).fit(*data)
    assert fitted.interrupted_ and fitted.cv_results_["status"].tolist() == ["done", "interrupted"]
    assert list(fitted.weights_) == ["good"] and FITS[-1] == ("good", 300)


def test_an_interrupt_before_anything_is_finished_raises(data):
    with pytest.raises(KeyboardInterrupt):
        auto([("stopped", Interrupted(name="stopped"), {})]).fit(*data)


def test_a_second_interrupt_soon_after_raises(data, monkeypatch):
    candidates = [("good", Timed(), {}), ("stopped", Interrupted(name="stopped", times=2), {})]
    auto(candidates, min_rows=300).fit(*data)
    with pytest.raises(KeyboardInterrupt):
        auto(candidates, min_rows=300).fit(*data)


def test_an_interrupt_that_a_network_ends_quietly_for_stops_the_search(data):
    from skorch.callbacks import Callback

    class Stop(Callback):
        def on_epoch_end(self, net, **kwargs):
            interrupts._last_interrupt.set(1.0)

    network = DSCMR(8, hidden=8, max_epochs=1, callbacks=[Stop()])
    never = DSCMR(8, hidden=8, max_epochs=1)
    fitted = auto([("good", CCA(), {}), ("network", network, {}), ("never", never, {})], min_rows=300).fit(*data)
    assert fitted.interrupted_ and fitted.cv_results_["status"].tolist() == ["done", "interrupted"]


# What is kept


def test_a_second_fit_goes_on_where_the_first_was_stopped(data, tmp_path):
    candidates = [("good", Timed(name="good"), {}), ("stopped", Interrupted(name="stopped"), {}), ("last", CCA(), {})]
    auto(candidates, cache=tmp_path, min_rows=300).fit(*data)
    interrupts._last_interrupt.set(-math.inf)
    before = len(FITS)
    again = auto(candidates, cache=tmp_path, min_rows=300).fit(*data)
    searched = [name for name, n in FITS[before:] if n < 300]
    assert searched == ["stopped"] and not again.interrupted_
    FITS.clear()
    third = auto(candidates, cache=tmp_path, min_rows=300).fit(*data)
    assert not [name for name, n in FITS if n < 300]
    assert_array_equal(third.similarity(data[0]), again.similarity(data[0]))
    whole = auto(candidates, min_rows=300).fit(*data)
    assert_array_equal(whole.similarity(data[0]), again.similarity(data[0]))


@pytest.mark.parametrize("change", ["rows", "labels", "seed", "params", "sparse values"])
def test_what_was_kept_counts_only_for_equal_rows_and_parameters(data, tmp_path, change):
    pairs, labels = data
    text = sp.csr_array(pairs.text)
    pairs = pairs.replace(text=text)
    model = auto([("one", Timed(), {})], cache=tmp_path)
    model.fit(pairs, labels)
    FITS.clear()
    model.fit(pairs, labels)
    assert FITS == [("timed", 300)]
    if change == "rows":
        pairs = pairs[::-1]
        labels = labels[::-1]
    if change == "labels":
        labels = labels.copy()
        labels[0] = 1 - labels[0]
    if change == "seed":
        model.set_params(random_state=1)
    if change == "params":
        model.set_params(candidates=[("one", Timed(ridge=0.5), {})])
    if change == "sparse values":
        pairs = pairs.replace(text=sp.csr_array(2 * text))
    FITS.clear()
    model.fit(pairs, labels)
    assert len(FITS) > 1


def test_failures_are_tried_again(data, tmp_path):
    with pytest.warns(UserWarning, match="1 of 2"):
        auto([("bad", Failing(name="bad"), {}), ("good", CCA(), {})], cache=tmp_path, min_rows=300).fit(*data)
    FITS.clear()
    with pytest.warns(UserWarning, match="1 of 2"):
        auto([("bad", Failing(name="bad"), {}), ("good", CCA(), {})], cache=tmp_path, min_rows=300).fit(*data)
    assert [name for name, _ in FITS] == ["bad"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE evaluations SET numbers = replace(numbers, '0.', '1.')",
        "UPDATE evaluations SET scores = zeroblob(length(scores))",
        "UPDATE evaluations SET scores = (SELECT max(scores) FROM evaluations)",
        "UPDATE evaluations SET scores = NULL",
    ],
)
def test_other_evaluations_than_were_kept_are_never_used(data, tmp_path, change):
    model = auto([("one", CCA(), {}), ("two", MLCCA(), {})], cache=tmp_path).fit(*data)
    with closing(sqlite3.connect(tmp_path / "candidates.sqlite")) as connection, connection:
        connection.execute(change)
    with pytest.raises(ValueError, match=r"candidates.sqlite is damaged.*delete it"):
        model.fit(*data)


def test_a_table_that_cannot_be_written_costs_the_records_and_not_the_search(data, tmp_path):
    model = auto([("one", CCA(), {})], cache=tmp_path)
    with closing(sqlite3.connect(tmp_path / "candidates.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE evaluations (key TEXT PRIMARY KEY, numbers TEXT)")
    with pytest.raises(OSError, match=r"candidates.sqlite cannot be read .*pass another folder"):
        model.fit(*data)
    (tmp_path / "candidates.sqlite").unlink()
    with closing(sqlite3.connect(tmp_path / "candidates.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE evaluations (key TEXT PRIMARY KEY, numbers TEXT, scores BLOB, more TEXT)")
    with pytest.warns(
        UserWarning, match=r"finished candidates are not kept .* \(table evaluations has 4 .*safe. If that does"
    ):
        model.fit(*data)


def test_a_damaged_or_impossible_cache_is_named(data, tmp_path):
    model = auto([("one", CCA(), {})], cache=tmp_path)
    (tmp_path / "candidates.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(ValueError, match=r"candidates.sqlite is damaged.*delete it"):
        model.fit(*data)
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(OSError, match="is no folder to write in"):
        model.set_params(cache=file).fit(*data)


# Parameters and use


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"candidates": []}, "candidates is empty"),
        ({"candidates": [("one", CCA())]}, r"list of \(name, retriever, parameters to try\)"),
        ({"candidates": [("one", StandardScaler(), {})]}, "'one' of candidates must be a retriever"),
        ({"cache": "folder", "random_state": None}, "random_state is None; pass a number"),
        ({"budget_s": 0}, "budget_s"),
        ({"validation_fraction": 0.7}, "validation_fraction"),
        ({"factor": 1}, "factor"),
    ],
)
def test_wrong_parameters_are_named(data, params, message):
    model = AutoRetriever(**{"candidates": [("one", CCA(), {})], "random_state": 0} | params)
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(*data)


def test_rows_that_cannot_be_divided_are_an_error(data):
    with pytest.raises(ValueError, match="n_samples=4 rows of one image or group cannot be divided"):
        auto([("one", CCA(), {})]).fit(data[0][:4].replace(groups=np.zeros(4, int)), data[1][:4])


def test_it_works_in_a_pipeline_and_is_saved(data, tmp_path):
    pairs, labels = data
    model = make_pipeline(PerModality(image=StandardScaler()), auto([("CCA", CCA(), {"ridge": [0.1, 1.0]})]))
    model.fit(pairs[:200], labels[:200])
    assert 0 < model.score(pairs[200:], labels[200:]) < 1
    skxmr.save(model, tmp_path / "model")
    again = skxmr.load(tmp_path / "model")
    assert_array_equal(again.transform(pairs).image, model.transform(pairs).image)
    assert again[-1].cv_results_["params"] == model[-1].cv_results_["params"]


def test_it_is_explained_by_what_it_found_and_makes_an_index(data):
    pairs, labels = data
    fitted = auto([("MLCCA", MLCCA(), {}), ("PLS", PLS(), {})], min_rows=200).fit(pairs, labels)
    query = pairs[:1].replace(image=None)
    found = explain(fitted, query, pairs.image[1])
    inner = explain(fitted.best_estimator_, query, pairs.image[1])
    assert found.method == f"AutoRetriever by {inner.method}" and found.similarity == inner.similarity
    index = RetrievalIndex(fitted)
    index.add(image=pairs.image)
    best = fitted.similarity(pairs.image, pairs.text[:2]).argmax(axis=0)
    assert_array_equal(index.search(text=pairs.text[:2], k=1).ids.ravel(), best)


@pytest.mark.slow
def test_captions_are_read_by_parts_of_words(data):
    pairs, labels = data
    words = np.array([f"word{i}" for i in range(30)])
    captions = [" ".join(words[row > 0]) or "nothing" for row in pairs.text]
    from skxmr.choosing.facts import facts_of
    from skxmr.choosing.table import entries

    table = [entry for entry in entries(facts_of(Pairs(pairs.image, captions), labels)) if entry[0] == "MLCCA"]
    fitted = auto(table, min_rows=200).fit(Pairs(pairs.image, captions), labels)
    assert set(fitted.cv_results_["status"]) == {"done"} and fitted.best_score_ > 0.4


def test_image_files_are_refused_with_a_way_out(data):
    with pytest.raises(TypeError, match=r"raw items.*put ImageFeatures\(cache=...\) in front"):
        AutoRetriever().fit(["a.png", "b.png"], data[0].text[:2], data[1][:2])


@pytest.mark.slow
def test_regions_and_words_are_compared():
    scenes = make_captioned_scenes(20, random_state=0)
    pairs = Pairs(skxmr.Regions(scenes.regions, mask=scenes.mask), scenes.sentences, image_index=scenes.image_index)
    small = {"n_components": 8, "word_width": 8, "batch_size": 20, "max_epochs": 1}
    candidates = [("SCAN", SCAN(**small), {}), ("RACG", RACG(n_heads=4, **small), {})]
    model = auto(candidates, min_rows=100)
    assert not hasattr(model, "transform")
    fitted = model.fit(pairs)
    assert fitted.similarity(pairs).shape == (20, 100)
    where = sp.csr_array(np.eye(20, 100) > 0)
    assert_allclose(fitted.similarity(pairs, where=where).data, np.diag(fitted.similarity(pairs)), atol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_candidates_of_vectors_with_labels_can_all_be_fitted(data):
    from skxmr.choosing.facts import facts_of
    from skxmr.choosing.table import entries

    for name, estimator, grid in entries(facts_of(*data)):
        if "max_epochs" in estimator.get_params():
            estimator.set_params(max_epochs=1)
        first = {key: values[:1] for key, values in grid.items()}
        fitted = auto([(name, estimator, first)], min_rows=300).fit(*data)
        assert fitted.best_score_ > 0.3, name


def test_progress_is_shown_if_asked_for(data, capsys):
    auto([("one", CCA(), {})], verbose=1).fit(*data)
    assert "round 1 of" in capsys.readouterr().err
    auto([("one", CCA(), {})]).fit(*data)
    assert capsys.readouterr().err == ""
