"""The progress bar and scikit-learn's own callbacks."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skxmr import DAGNN, PerModality
from skxmr.deep.callbacks import DivergenceError
from skxmr.metrics import RetrievalScores
from tests.deep.toy import Toy

CV = KFold(2, shuffle=True, random_state=0)


def test_the_progress_bar_shows_the_maps(small, capsys):
    Toy(verbose=1).fit(*small)
    shown = capsys.readouterr().err
    assert "4/4" in shown and "i2t=0." in shown and "t2i=0." in shown and "loss=" in shown
    Toy().fit(*small)
    assert capsys.readouterr().err == ""


class Recorder:
    """What scikit-learn 1.9 calls a callback."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.events, self.scores = [], []

    def setup(self, estimator, context):
        self.events.append("setup")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.events.append(f"end {context.task_name}")
        self.scores.append(fitted_estimator.score(X, y))
        return self.events.count("end epoch") == self.stop_after

    def teardown(self, estimator, context):
        self.events.append("teardown")


class Counter:
    """Counts tasks on every level of a search."""

    max_propagation_depth = None

    def __init__(self):
        self.begun = []

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        self.begun.append((type(estimator).__name__, context.task_name))

    def on_fit_task_end(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass


@pytest.mark.parametrize("wrong", ["bar", Recorder(), ("name", 3)])
def test_what_skorch_cannot_call_is_named(small, wrong):
    with pytest.raises(TypeError, match="no callback of skorch; those of scikit-learn"):
        Toy(callbacks=[wrong]).fit(*small)


class TestScikitLearn:
    @pytest.fixture(autouse=True)
    def _needs_callbacks(self):
        pytest.importorskip("sklearn.callback")

    def test_every_epoch_is_a_task_with_a_usable_model(self, small):
        pairs, labels = small
        recorder = Recorder()
        fitted = Toy().set_callbacks(recorder).fit(pairs, labels)
        epochs = ["begin epoch", "end epoch"] * 4
        assert recorder.events == ["setup", "begin fit", *epochs, "end fit", "teardown"]
        assert_allclose(recorder.scores[-1], fitted.score(pairs, labels))
        assert len(set(recorder.scores[:4])) == 4  # the network as it was then

    def test_a_callback_can_stop_the_training(self, small):
        fitted = Toy(max_epochs=50).set_callbacks(Recorder(stop_after=3)).fit(*small)
        assert len(fitted.history_) == 3

    def test_callbacks_change_nothing(self, small):
        pairs, labels = small
        watched = Toy().set_callbacks(Recorder()).fit(pairs, labels)
        assert np.array_equal(watched.encode_text(pairs), Toy().fit(pairs, labels).encode_text(pairs))

    def test_a_failing_fit_tears_down(self, small):
        recorder = Recorder()
        model = Toy(optimizer="sgd", lr=1e30, schedule="constant").set_callbacks(recorder)
        before = set(vars(model))
        with pytest.raises(DivergenceError):
            model.fit(*small)
        assert recorder.events == ["setup", "begin fit", "begin epoch", "teardown"]
        assert set(vars(model)) == before  # nothing holds the data

    def test_models_on_the_way_can_annotate(self, small):
        found = []

        class Annotate(Recorder):
            def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
                found.append((fitted_estimator.annotate(image=small[0].image[:1], k=1), fitted_estimator.best_epoch_))

        model = DAGNN(4, hidden=8, width=8, pretrain_text=False, max_epochs=3, random_state=0)
        model.set_callbacks(Annotate()).fit(*small)
        assert [epoch for _, epoch in found[:3]] == [1, 2, 3] and len(found) == 4

    def test_models_on_the_way_count_the_epochs_of_a_warm_start(self, small):
        found = []

        class Count(Recorder):
            def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
                found.append((fitted_estimator.best_epoch_, fitted_estimator.history_["epoch"].tolist()))

        model = Toy(warm_start=True, max_epochs=2).fit(*small)
        model.set_callbacks(Count()).fit(*small)
        assert found[:2] == [(3, [1, 2, 3]), (4, [1, 2, 3, 4])]

    @pytest.mark.filterwarnings("ignore:12 validation rows choose the epoch")
    @pytest.mark.filterwarnings("ignore:The estimator PerModality does not support callbacks")
    def test_searches_and_pipelines_pass_callbacks_down(self, small):
        counter = Counter()
        model = make_pipeline(PerModality(image=StandardScaler()), Toy(max_epochs=3))
        search = GridSearchCV(model, {"toy__lr": [0.01, 0.1]}, cv=CV, scoring=RetrievalScores(), refit="map")
        search.set_callbacks(counter).fit(*small)
        assert counter.begun.count(("Toy", "epoch")) == (2 * 2 + 1) * 3

    def test_the_scoring_monitor(self, small):
        from sklearn.callback import ScoringMonitor

        pairs, labels = small
        monitor = ScoringMonitor(scoring=RetrievalScores())
        fitted = Toy().set_callbacks(monitor).fit(pairs, labels)
        log = monitor.get_logs().data_as_pandas
        assert (log["task_name"] == "epoch").sum() == 4
        assert_allclose(log["map"].iloc[-1], fitted.score(pairs, labels))
