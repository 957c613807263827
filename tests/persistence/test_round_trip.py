"""A model that is saved and loaded is the same, bit for bit."""

import functools
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import sklearn
import torch
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, ShuffleSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from skorch.callbacks import EpochScoring

import skxmr
from skxmr import (
    CCA,
    DAGNN,
    DSCMR,
    MLCCA,
    RACG,
    SCAN,
    VSEPP,
    LabelGraph,
    MeanRegions,
    Pairs,
    PerModality,
    RetrieverEnsemble,
)
from skxmr.datasets import load_captioned_digits, make_multilabel_pairs
from skxmr.features import ImageFeatures
from skxmr.metrics import RetrievalScores
from skxmr.model_selection import MultilabelStratifiedKFold
from skxmr.persistence._same import same_model
from skxmr.testing import all_retrievers, contract, sets
from skxmr.testing.common import answers

TINY = {"n_components": 4, "hidden": 8, "max_epochs": 1, "random_state": 0}
GRAPH = TINY | {"width": 8}
OPENED = []


def on_audit(event, arguments):
    if event == "pickle.find_class":
        OPENED.append(arguments)


# Such a hook cannot be removed again; outside the block below nobody reads the list.
sys.addaudithook(on_audit)


CASES = [
    pytest.param(cls, params, id=f"{cls.__name__}-{i}")
    for cls in all_retrievers()
    for i, params in enumerate(cls._get_test_params())
]


def data_for(estimator, n=60):
    pairs, labels = contract.data_for(estimator)
    return pairs[:n], labels[:n]


def reloaded(model, folder, trusted=()):
    skxmr.save(model, folder)
    OPENED.clear()
    again = skxmr.load(folder, trusted=trusted)
    assert not OPENED, "pickle was asked for a class"
    return again


def assert_equal_answers(found, wanted, pairs):
    for array, other in zip(answers(found, pairs), answers(wanted, pairs), strict=True):
        assert array.dtype == other.dtype
        assert_array_equal(array, other)


@pytest.mark.parametrize(("cls", "params"), CASES)
def test_every_retriever(cls, params, tmp_path):
    model = cls(**params)
    pairs, labels = data_for(model)
    model.fit(pairs, labels)
    again = reloaded(model, tmp_path / "model")
    assert_equal_answers(again, model, pairs)
    assert type(again) is cls and vars(again).keys() == vars(model).keys()
    if hasattr(model, "history_"):
        assert_frame_equal(again.history_, model.history_)
        assert not any(layer.training for layer in again.network_.modules())


@pytest.mark.slow
@pytest.mark.parametrize(("cls", "params"), CASES)
def test_every_retriever_in_a_pipeline_and_in_a_search(cls, params, tmp_path):
    model = Pipeline([("as it is", "passthrough"), ("model", cls(**params))])
    pairs, labels = data_for(model[-1])
    search = GridSearchCV(model, {}, cv=2).fit(pairs, labels)
    wanted = search.best_estimator_
    assert_equal_answers(reloaded(wanted, tmp_path / "pipeline")[-1], wanted[-1], pairs)
    again = reloaded(search, tmp_path / "search")
    assert_equal_answers(again.best_estimator_[-1], wanted[-1], pairs)
    assert again.best_score_ == search.best_score_


def digits(n=60):
    pairs, labels = load_captioned_digits(return_X_y=True)
    return pairs[:n], labels[:n]


VIEWS = PerModality(image=StandardScaler(), text=TfidfVectorizer(ngram_range=(1, 2)))
SEARCHES = {
    "grid": GridSearchCV(
        make_pipeline(VIEWS, MLCCA()), {"mlcca__ridge": [0.1, 0.3]}, scoring=RetrievalScores(), refit="map", cv=2
    ),
    "random": RandomizedSearchCV(
        make_pipeline(VIEWS, MLCCA()), {"mlcca__ridge": scipy.stats.loguniform(0.1, 1)}, n_iter=2, random_state=0,
        cv=ShuffleSplit(2, random_state=np.random.RandomState(0)),
    ),
    "own folds": GridSearchCV(
        make_pipeline(VIEWS, MLCCA()), {"mlcca__ridge": [0.1, 0.3]},
        cv=MultilabelStratifiedKFold(2, shuffle=True, random_state=0),
    ),
    "selection": make_pipeline(PerModality(image=make_pipeline(MinMaxScaler(), SelectKBest(chi2, k=20)),
                                           text=TfidfVectorizer()), CCA(3)),
    "columns": make_pipeline(
        PerModality(image=ColumnTransformer([("some", StandardScaler(), slice(20, 40))]), text=TfidfVectorizer()),
        MLCCA(),
    ),
    "ensemble": make_pipeline(VIEWS, RetrieverEnsemble([("a", MLCCA()), ("b", CCA(3))])),
}  # fmt: skip


@pytest.mark.parametrize("name", SEARCHES)
def test_searches_and_pipelines_on_texts(name, tmp_path):
    pairs, labels = digits()
    model = SEARCHES[name].fit(pairs, labels)
    again = reloaded(model, tmp_path / "model")
    assert_array_equal(skxmr.similarity(again, pairs), skxmr.similarity(model, pairs))
    if hasattr(model, "cv_results_"):
        assert str(again.cv_results_) == str(model.cv_results_)


@pytest.mark.skipif(
    hasattr(pd.DataFrame, "_data"), reason="masked arrays hold a private part of a DataFrame of pandas 2"
)
def test_searched_parameters_may_be_tables_and_graphs(small, tmp_path):
    vectors = pd.DataFrame(np.random.default_rng(0).normal(size=(8, 3)), index=range(8), columns=list("abc"))
    model = make_pipeline(LabelGraph(), DAGNN(**GRAPH))
    grid = {"dagnn__label_embedding": [vectors, None], "labelgraph__tau": [0.3]}
    search = GridSearchCV(model, grid, cv=2).fit(*small)
    again = reloaded(search, tmp_path / "model")
    assert_equal_answers(again, search, small[0])
    assert_frame_equal(again.param_grid["dagnn__label_embedding"][0], vectors)
    assert_frame_equal(again.cv_results_["param_dagnn__label_embedding"][0], vectors)


def test_optimizers_requests_and_numpy_generators(small, tmp_path):
    optimizer = functools.partial(torch.optim.Adam, betas=(0.5, 0.9))
    model = DSCMR(**TINY | {"random_state": np.random.RandomState(3)}, optimizer=optimizer)
    with sklearn.config_context(enable_metadata_routing=True):
        model.set_fit_request(labels=False).set_score_request(labels=False)
    again = reloaded(model, tmp_path / "model")
    assert again.optimizer.keywords == {"betas": (0.5, 0.9)} and again.optimizer.func is torch.optim.Adam
    assert again.random_state.random() == model.random_state.random()
    assert again._metadata_request.fit.requests == model._metadata_request.fit.requests
    assert_equal_answers(reloaded(model.fit(*small), tmp_path / "model"), model, small[0])


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("frame", {"graph": np.eye(8)}),
        ("path", {"gnn": "gat"}),
        pytest.param("array", {"pretrain_text": True}, marks=pytest.mark.slow),
    ],
    ids=["frame", "path", "array"],
)
def test_a_loaded_model_goes_on_learning_as_the_saved_one(kind, settings, small, tmp_path):
    pairs, labels = small
    names = [f"tag{i}" for i in range(8)]
    vectors = pd.DataFrame(np.random.default_rng(0).normal(size=(8, 3)), index=names)
    file = tmp_path / "vectors.txt"
    vectors.to_csv(file, sep=" ", header=False)
    given = {"frame": vectors, "path": file, "array": vectors.to_numpy()}[kind]
    model = DAGNN(**GRAPH, warm_start=True, label_embedding=given, **settings)
    table = pd.DataFrame(labels, columns=names)
    model.fit(pairs, table)
    again = reloaded(model, tmp_path / "model")
    assert_equal_answers(again, model, pairs)
    assert_equal_answers(again.fit(pairs, table), model.fit(pairs, table), pairs)
    assert again.best_epoch_ == model.best_epoch_ and len(again.history_) == 2
    with pytest.raises(ValueError, match=r"dropout=0\.1 would have no effect; it was 0\.5"):
        again.set_params(dropout=0.1).fit(pairs, table)


@pytest.mark.slow
@pytest.mark.parametrize("cls", [RACG, SCAN, VSEPP])
def test_networks_over_words_go_on_learning(cls, tmp_path):
    pairs, _ = sets.scenes()
    model = cls(**cls._get_test_params()[0], warm_start=True).fit(pairs)
    again = reloaded(model, tmp_path / "model")
    assert_array_equal(again.fit(pairs).similarity(pairs), model.fit(pairs).similarity(pairs))


def test_parts_of_rows_go_on(small, tmp_path):
    pairs, _ = small
    model = CCA(3).partial_fit(pairs[:60])
    again = reloaded(model, tmp_path / "model").partial_fit(pairs[60:])
    assert_equal_answers(again, model.partial_fit(pairs[60:]), pairs)
    assert again.n_samples_seen_ == 120


@pytest.mark.slow
@pytest.mark.parametrize("cls", [cls for cls in all_retrievers() if hasattr(cls, "paper")])
def test_models_with_the_constants_of_the_papers(cls, tmp_path):
    small = {"n_components": 4, "hidden": 8, "width": 8, "word_width": 8, "n_heads": 2, "max_epochs": 1}
    small |= {"validation_fraction": 0}
    names = cls._get_param_names()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = cls.paper(**{name: value for name, value in small.items() if name in names})
        if "pretrain_text" in names:
            model.set_params(pretrain_text=False)
        pairs, labels = data_for(model)
        model.fit(pairs, labels)
    assert_equal_answers(reloaded(model, tmp_path / "model"), model, pairs)


def test_steps(small, tmp_path):
    graph = LabelGraph(tau=0.2).fit(*small)
    assert_array_equal(reloaded(graph, tmp_path / "graph").matrix_, graph.matrix_)
    assert repr(reloaded(MeanRegions(), tmp_path / "regions")) == "MeanRegions()"
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    features = ImageFeatures("mobilenet_v3_small", "avgpool", weights=None, random_state=0)
    assert_array_equal(reloaded(features, tmp_path / "features").transform(images), features.transform(images))


def test_a_cache_is_kept_where_its_folder_is_there_and_made_nowhere_else(tmp_path):
    folder = tmp_path / "features"
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    features = ImageFeatures("mobilenet_v3_small", "avgpool", weights=None, random_state=0, cache=folder)
    model = Pipeline([("views", PerModality(image=features))])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        skxmr.save(model, tmp_path / "model")
        folder.mkdir()
        assert skxmr.load(tmp_path / "model")[0].image.cache == folder
    folder.rmdir()
    with pytest.warns(UserWarning, match=r"had a cache in '.*features', which is no folder here") as caught:
        again = skxmr.load(tmp_path / "model")
    assert caught[0].filename == __file__ and again[0].image.cache is None and features.cache == folder
    # It is the same model, wherever its features are kept.
    skxmr.save(again, tmp_path / "again")
    assert same_model(tmp_path / "model", tmp_path / "again")
    assert again.fit_transform(Pairs(image=images)).image.shape == (2, 576) and not folder.exists()


def test_callbacks_and_caches_are_left_out_with_a_warning(small, tmp_path):
    callback = EpochScoring(lambda net, X, y: 0.0, name="nothing")
    model = Pipeline([("model", DSCMR(**TINY, callbacks=[callback]))], memory=str(tmp_path / "cache")).fit(*small)
    with pytest.warns(UserWarning) as caught:
        skxmr.save(model, tmp_path / "model")
    assert sorted(str(warning.message).partition(" ")[0] for warning in caught) == ["a", "callbacks"]
    assert all(warning.filename == __file__ for warning in caught)
    again = skxmr.load(tmp_path / "model")
    assert again.memory is None and again[-1].callbacks is None and model[-1].callbacks == [callback]
    assert_equal_answers(again[-1], model[-1], small[0])


def test_tables_keep_their_types(tmp_path):
    table = pd.DataFrame(
        {"a": [1.5, np.nan], "b": pd.array([1, 2], dtype="int32"), "c": ["x", "y"], 4: [True, False]}, index=["p", "q"]
    )
    model = CCA()
    for value in (table, table["a"], table.index, table.set_index("c"), table[:0], table.reset_index(drop=True)):
        model.n_components = {"value": value}
        again = reloaded(model, tmp_path / "model").n_components["value"]
        assert type(again) is type(value) and again.equals(value)
        assert getattr(again, "index", again).equals(getattr(value, "index", value))
    for odd in (table.astype({"c": "category"}), table.set_index(["a", "b"])):
        model.n_components = odd
        with pytest.raises(TypeError, match=r"a table .*cannot be saved"):
            skxmr.save(model, tmp_path / "model")


def test_what_is_shared_stays_shared(tmp_path):
    vectors = np.ones((2, 2))
    layer = torch.nn.Linear(2, 2)
    model = CCA()
    model.n_components = [vectors, vectors, layer, torch.nn.Sequential(layer, torch.nn.GRU(2, 2))]
    first, second, alone, both = reloaded(model, tmp_path / "model").n_components
    assert first is second and alone is both[0]
    assert_array_equal(both[1](torch.ones(1, 2))[0], model.n_components[3][1](torch.ones(1, 2))[0].detach())
    assert sorted(both.state_dict()) == sorted(model.n_components[3].state_dict())


def test_sparse_and_small_tensors(tmp_path):
    sparse = torch.eye(3).to_sparse()
    model = CCA()
    model.n_components = [sparse, torch.ones(2, dtype=torch.bfloat16), Pairs]
    again = reloaded(model, tmp_path / "model", trusted=[Pairs]).n_components
    assert_array_equal(again[0].to_dense(), torch.eye(3))
    assert again[0].is_coalesced() and again[1].dtype == torch.bfloat16 and again[2] is Pairs


def test_every_row_is_counted(small):
    pairs, labels = make_multilabel_pairs(50, random_state=0)
    assert MLCCA().fit(pairs, labels).n_samples_seen_ == 50
    model = CCA(2).partial_fit(small[0][:70])
    assert model.partial_fit(small[0][70:]).n_samples_seen_ == 120 and model.n_samples_seen_ == 120
