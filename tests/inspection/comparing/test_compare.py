"""Comparisons of methods: their p-values, intervals and tables are right, and what cannot be compared is refused."""

import re
from html.parser import HTMLParser
from itertools import product

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skxmr import CCA, MLCCA, Pairs, PerModality, RetrieverEnsemble, SemanticMatching, TwoStage
from skxmr.inspection import compare
from skxmr.inspection.comparing.randomisation import holm, randomisation_p
from skxmr.inspection.comparing.resampling import intervals, seed_effects
from skxmr.metrics import RetrievalScorer, SharedLabels, Similarity, average_precision

few = pytest.mark.filterwarnings("ignore:there are only")


def precisions(size, seed=0):
    """Skewed values between 0 and 1, as average precisions are."""
    return np.random.default_rng(seed).beta(0.6, 1.8, size=size)


def generator():
    return np.random.default_rng(0)


def by_all_signs(differences):
    """The p-value by its definition: a loop over all choices of signs."""
    observed = abs(sum(differences))
    sums = [abs(sum(sign * d for sign, d in zip(signs, differences, strict=True)))
            for signs in product([-1, 1], repeat=len(differences))]  # fmt: skip
    return np.mean([found >= observed - 1e-12 for found in sums])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n", [2, 3, 8])
def test_few_queries_have_the_exact_p_value(n, seed):
    a = precisions(n, seed)
    b = precisions(n, seed + 10)
    found = randomisation_p((a - b)[None, :], 2**n, generator())[0]
    assert found == by_all_signs(a - b)
    by_scipy = stats.permutation_test((a, b), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=2**n)
    assert found == pytest.approx(by_scipy.pvalue)


def test_ties_and_equal_queries_do_not_change_exactness():
    differences = np.array([0.5, 0.5, 0, -0.25, 0, 0.125, 0.125])
    # Only the queries that differ count: 32 choices, not 128.
    assert randomisation_p(differences[None, :], 32, generator())[0] == by_all_signs(differences)


def test_signs_are_drawn_where_there_are_more_than_resamples():
    differences = precisions(4) - precisions(4, 1)
    assert randomisation_p(differences[None, :], 16, generator())[0] * 16 % 1 == 0
    assert randomisation_p(differences[None, :], 15, generator())[0] * 16 % 1 == 0
    assert randomisation_p(np.full((1, 200), 0.1), 99, generator())[0] == 0.01


def test_drawn_p_values_are_near_exact_ones():
    rows = precisions((5, 12)) - precisions((5, 12), 1)
    exact = randomisation_p(rows, 2**12, generator())
    assert_allclose(randomisation_p(rows, 4000, generator()), exact, atol=0.03)


def test_p_values_are_uniform_where_methods_are_equally_good():
    rng = generator()
    found = []
    for _ in range(500):
        hard = rng.beta(0.6, 1.8, size=60)
        a = np.clip(hard + rng.normal(0, 0.1, size=60), 0, 1)
        b = np.clip(hard + rng.normal(0, 0.1, size=60), 0, 1)
        found.append(randomisation_p((a - b)[None, :], 500, rng)[0])
    assert stats.kstest(found, "uniform").pvalue > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 5])
def test_p_values_of_compare_are_uniform(seeds):
    rng = generator()
    found = []
    for draw in range(500):
        hard = rng.beta(0.6, 1.8, size=100)
        values = {name: np.clip(hard + rng.normal(0, 0.1, size=(seeds, 100)), 0, 1) for name in "ab"}
        found.append(compare(values, n_resamples=1000, random_state=draw).differences["p"][0])
    assert stats.kstest(found, "uniform").pvalue > 0.01


def test_holm_is_its_definition():
    p = np.array([0.01, 0.04, 0.03, 0.005, 0.04])
    order = np.argsort(p)
    wanted = {row: min(1, max((5 - i) * p[order[i]] for i in range(rank + 1))) for rank, row in enumerate(order)}
    assert_allclose(holm(p), [wanted[row] for row in range(5)])
    assert holm(np.array([0.4, 0.9])).max() <= 1 and holm(np.array([])).shape == (0,)


@pytest.mark.slow
def test_holm_equals_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    for size in range(1, 30):
        p = np.random.default_rng(size).uniform(size=size).round(2) ** 2
        assert_allclose(holm(p), multitest.multipletests(p, method="holm")[1], rtol=1e-12)


def test_intervals_are_those_of_scipy():
    rows = precisions((3, 80))
    found = intervals(rows, [[]] * 3, 0.9, 500, generator())
    for row, low, high in zip(rows, *found, strict=True):
        wanted = stats.bootstrap(
            (row,), np.mean, n_resamples=500, batch=50, confidence_level=0.9, random_state=generator()
        )
        assert_allclose([low, high], wanted.confidence_interval, rtol=1e-12)


def test_many_queries_have_percentiles_which_are_the_same(monkeypatch):
    rows = precisions((2, 400))
    bca = intervals(rows, [[]] * 2, 0.95, 2000, generator())
    monkeypatch.setattr("skxmr.inspection.comparing.resampling._MANY", 399)
    percentile = intervals(rows, [[]] * 2, 0.95, 2000, generator())
    assert not np.array_equal(bca, percentile)
    assert_allclose(percentile, bca, atol=0.003)


def coverage(n, seeds, effect, draws=100, together=20):
    """How often intervals hold the mean of skewed values, and how often those of a difference without effect hold 0."""
    rng = generator()
    held = np.zeros(2)
    for _ in range(draws):
        rows, apart, effects = [], [], []
        for _ in range(together):
            hard = rng.beta(0.6, 1.8, size=n)
            noise = rng.normal(0, 0.1, size=(2, seeds, n)) + rng.normal(0, 0.05, size=(2, 1, n))
            a, b = hard + noise + effect * rng.normal(size=(2, seeds, 1))
            rows.append(a.mean(axis=0))
            apart.append(a.mean(axis=0) - b.mean(axis=0))
            effects.append([seed_effects(runs, 1000, rng) for runs in (a, b)])
        of_rows = [first for first, _ in effects] + [first + second for first, second in effects]
        low, high = intervals(np.array(rows + apart), of_rows, 0.95, 1000, rng)
        truth = np.repeat([0.25, 0], together)
        held += ((low <= truth) & (truth <= high)).reshape(2, together).sum(axis=1)
    return held / (draws * together)


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "effect"), [(1, 0), (5, 0), (5, 0.01)])
def test_intervals_hold_the_truth_as_often_as_they_say(seeds, effect):
    held = coverage(300, seeds, effect)
    assert ((held >= 0.93) & (held <= 0.97)).all(), held


def test_one_seed_many_times_is_one_seed():
    values = {"a": precisions(60), "b": precisions(60, 1)}
    once = compare(values, n_resamples=200)
    often = compare({name: np.tile(of, (4, 1)) for name, of in values.items()}, n_resamples=200)
    columns = ["mean", "low", "high", "best", "not_worse"]
    pd.testing.assert_frame_equal(once.means[columns], often.means[columns])
    pd.testing.assert_frame_equal(once.differences, often.differences)


def test_rounding_is_no_effect_of_seeds():
    """The mean of equal means may differ from each of them in the last digit."""
    rng = generator()
    for n in range(60, 460):
        runs = np.tile(rng.random(n), (rng.integers(2, 8), 1))
        assert seed_effects(runs, 10, rng) == []
        runs[0, 0] *= 1 + 1e-15
        assert seed_effects(runs, 10, rng) == []


def test_seeds_that_differ_make_intervals_wider():
    rng = generator()
    hard = precisions(200)
    runs = {name: hard + 0.01 * rng.normal(size=(4, 200)) + better for name, better in (("a", 0), ("b", 0.01))}
    apart = {name: values + np.array([[-0.1], [0.1], [-0.1], [0.1]]) for name, values in runs.items()}
    narrow = compare(runs, n_resamples=500)
    wide = compare(apart, n_resamples=500)
    assert (wide.means["high"] - wide.means["low"] > 1.5 * (narrow.means["high"] - narrow.means["low"])).all()
    # The p-value is about these runs; other seeds might turn the difference round, so nothing is called worse.
    assert narrow.differences["p"][0] < 0.01 and wide.differences["p"][0] < 0.01
    assert narrow.means["not_worse"].tolist() == [False, True] and wide.means["not_worse"].all()


def test_equal_methods_are_equal():
    values = precisions((3, 100))
    # The mean over the seeds differs by rounding when they come in another order.
    found = compare({"a": values, "b": values[::-1], "c": values}, n_resamples=200)
    assert (found.differences["p"] == 1).all() and (found.differences["p_holm"] == 1).all()
    assert (found.differences["difference"] == 0).all()
    assert (found.differences["low"] <= 0).all() and (found.differences["high"] >= 0).all()
    assert found.means["best"].all() and found.means["not_worse"].all()


def test_equal_values_have_an_interval_without_width():
    found = compare({"all": np.ones(60), "none": np.zeros(60), "half": np.full(60, 0.5)}, n_resamples=200)
    assert_array_equal(found.means["low"], found.means["mean"])
    assert_array_equal(found.means["high"], found.means["mean"])
    assert found.means["not_worse"].tolist() == [True, False, False]
    assert found.differences["p"].max() == 1 / 201


def test_neither_order_nor_a_common_shift_nor_other_methods_matter():
    a, b, c = precisions((3, 80))
    both = compare({"a": a, "b": b}, n_resamples=300)
    turned = compare({"b": b, "a": a}, n_resamples=300)
    shifted = compare({"a": a + 3, "b": b + 3, "c": c}, n_resamples=300)
    assert_allclose(turned.differences["p"], both.differences["p"])
    assert_allclose(turned.differences["difference"], -both.differences["difference"])
    assert_allclose(shifted.differences["p"][0], both.differences["p"][0])
    assert_allclose(shifted.means["low"][:2], both.means["low"] + 3)


def test_a_direction_has_the_same_result_alone():
    values = {
        name: {"image_to_text": precisions(60, i), "text_to_image": precisions(70, i + 5)}
        for i, name in enumerate("ab")
    }
    whole = compare(values, n_resamples=200)
    alone = compare({name: {"text_to_image": of["text_to_image"]} for name, of in values.items()}, n_resamples=200)
    pd.testing.assert_frame_equal(whole.means.iloc[2:].reset_index(drop=True), alone.means)
    pd.testing.assert_frame_equal(whole.differences.iloc[1:].reset_index(drop=True), alone.differences)
    assert whole.means["queries"].tolist() == [60, 60, 70, 70]


def test_queries_without_a_relevant_item_are_left_out():
    a, b = precisions((2, 90))
    holes = np.where(np.arange(90) % 3 == 0, np.nan, [a, b])
    found = compare({"a": holes[0], "b": holes[1]}, n_resamples=200)
    wanted = compare({"a": holes[0][~np.isnan(holes[0])], "b": holes[1][~np.isnan(holes[1])]}, n_resamples=200)
    pd.testing.assert_frame_equal(found.means, wanted.means)
    assert found.means["queries"].tolist() == [60, 60]


def test_values_come_in_many_kinds():
    values = precisions(60)
    kinds = {
        "array": values,
        "list": values.tolist(),
        "tensor": torch.tensor(values, requires_grad=True),
        "series": pd.Series(values),
        "nullable": pd.Series(values, dtype="Float64"),
        "one row": values[None, :],
    }
    assert compare(kinds, n_resamples=300).means["best"].all()
    assert compare({"hits": values > 0.2, "counts": (values > 0.2).astype(int)}, n_resamples=50).means["best"].all()
    missing = pd.Series(values, dtype="Float64")
    missing[3] = pd.NA
    assert compare({"a": missing}, n_resamples=50).means["queries"][0] == 59


@pytest.fixture(scope="module")
def fitted():
    from skxmr.datasets import make_multilabel_pairs

    pairs, labels = make_multilabel_pairs(180, n_text_features=20, random_state=0)
    train = pairs[:120], labels[:120]
    models = {
        "pipeline": make_pipeline(PerModality(image=StandardScaler()), MLCCA()),
        "search": GridSearchCV(MLCCA(), {"ridge": [0.1, 1.0]}, cv=KFold(2)),
        "stages": TwoStage(CCA(2), SemanticMatching(), k=20),
        "ensemble": RetrieverEnsemble([("cca", CCA(2)), ("mlcca", MLCCA())]),
    }
    return {name: model.fit(*train) for name, model in models.items()}, pairs[120:], labels[120:]


def test_models_of_all_kinds_are_measured(fitted):
    models, pairs, labels = fitted
    found = compare(models, pairs, labels, n_resamples=200)
    for name, model in models.items():
        means = found.means["mean"][found.means["method"] == name]
        assert means.mean() == pytest.approx(RetrievalScorer()(model, pairs, labels))
    embedded = models["pipeline"].transform(pairs)
    own = average_precision(Similarity(embedded.text, embedded.image), SharedLabels(labels))
    given = compare({"given": {"text_to_image": own}}, n_resamples=200).means.iloc[0]
    of_model = found.means[(found.means["method"] == "pipeline") & (found.means["direction"] == "text_to_image")].iloc[
        0
    ]
    assert_allclose(of_model[["mean", "low", "high"]].tolist(), given[["mean", "low", "high"]].tolist())


@pytest.mark.parametrize(("measure", "k"), [("map", 10), ("precision", 5), ("recall", 5), ("hit", 1), ("ndcg", None)])
def test_every_measure_of_the_scorers_is_known(fitted, measure, k):
    models, pairs, labels = fitted
    found = compare({"a": models["pipeline"]}, pairs, labels, measure=measure, k=k, metric="inner", n_resamples=50)
    for direction, mean in zip(found.means["direction"], found.means["mean"], strict=True):
        scorer = RetrievalScorer(measure, direction, k, "inner")
        assert mean == pytest.approx(scorer(models["pipeline"], pairs, labels))
    assert len(found.differences) == 0


def test_a_list_of_models_has_one_run_for_each(fitted):
    models, pairs, labels = fitted
    found = compare(
        {"both": [models["search"], models["pipeline"]], "one": models["search"]}, pairs, labels, n_resamples=50
    )
    assert found.means["seeds"].tolist() == [2, 1, 2, 1]
    values = [RetrievalScorer("map", "image_to_text")(models[name], pairs, labels) for name in ("search", "pipeline")]
    assert found.means["mean"][0] == pytest.approx(np.mean(values))


def test_images_with_several_texts_are_one_query_each():
    rng = generator()
    image = rng.normal(size=(60, 4))
    pairs = Pairs(
        image, np.repeat(image, 2, axis=0) + rng.normal(size=(120, 4)), image_index=np.repeat(np.arange(60), 2)
    )
    found = compare({"CCA": CCA(2).fit(pairs)}, pairs, measure="hit", k=5, n_resamples=50)
    assert found.means["queries"].tolist() == [60, 120]


@pytest.mark.parametrize(
    ("methods", "error", "message"),
    [
        ([1, 2], TypeError, "methods is a list; pass a dict of names"),
        ({}, ValueError, "methods is empty"),
        ({3: [0.1, 0.2]}, TypeError, "names of methods must be strings"),
        ({" ": [0.1, 0.2]}, TypeError, "names of methods must be strings"),
        ({"a": np.ones(60), "b": np.ones(61)}, ValueError, r"methods\['b'\] has 61 queries, but .* 60"),
        ({"a": {"i2t": [0.1] * 60}}, ValueError, r"keys of methods\['a'\] must be among .*got \['i2t'\]"),
        ({"a": {}}, ValueError, r"keys of methods\['a'\] must be among"),
        ({"a": {"image_to_text": [0.1] * 60}, "b": [0.1] * 60}, ValueError, "give all methods the same directions"),
        ({"a": np.ones((2, 3, 60))}, ValueError, r"methods\['a'\] has shape \(2, 3, 60\); pass one number per query"),
        ({"a": 0.5}, ValueError, r"has shape \(\); pass one number per query"),
        ({"a": []}, ValueError, r"has shape \(0,\)"),
        ({"a": [[0.1, 0.2], [0.3]]}, ValueError, "cannot be read as numbers"),
        ({"a": ["0.1", "0.2"]}, TypeError, r"methods\['a'\] is a list of <U3"),
        ({"a": "map"}, TypeError, r"methods\['a'\] is a str"),
        ({"a": None}, ValueError, r"methods\['a'\] .*pass one number per query"),
        ({"a": [{}, 0.1]}, ValueError, "cannot be read as numbers"),
        ({"a": np.ones(60) * 1j}, TypeError, "of complex128"),
        ({"a": np.ma.masked_less(np.arange(60), 2)}, ValueError, "masked values"),
        ({"a": [0.1, np.inf]}, ValueError, "infinite value"),
        ({"a": [0.1]}, ValueError, "only one query has a value"),
        ({"a": [0.1, np.nan]}, ValueError, "only one query has a value"),
        ({"a": [np.nan] * 60}, ValueError, "no query has a value"),
        ({"a": [1] * 60, "b": [np.nan, *[1] * 59]}, ValueError, r"query 0 is nan in some runs of methods\['a'\]"),
        ({"a": [[0.1] * 60, [0.1] * 59 + [np.nan]]}, ValueError, "query 59 is nan in some runs"),
        ({"a": pd.Series([0.1, 0.2], [1, 2]), "b": pd.Series([0.1, 0.2], [2, 1])}, ValueError, "indexes of .* differ"),
        ({"a": pd.DataFrame([[1, 2]], columns=["q", "r"]), "b": pd.DataFrame([[1, 2]], columns=["r", "q"])}, ValueError,
         "columns of"),
        ({"a": CCA}, ValueError, "fitted model, which is measured on pairs; pass pairs"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(methods, error, message):
    with pytest.raises(error, match=message) as caught:
        compare(methods)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("methods", "options", "error", "message"),
    [
        ({"a": CCA()}, {}, ValueError, r"methods\['a'\].*not fitted"),
        ({"a": CCA}, {}, TypeError, r"methods\['a'\].*got the class CCA, so call it"),
        ({"a": StandardScaler()}, {}, TypeError, r"methods\['a'\].*must be a retriever"),
        ({"a": [CCA(), 3]}, {}, ValueError, r"methods\['a'\].*not fitted"),
        ({"a": [0.1] * 60}, {"measure": "mrr"}, ValueError, "measure must be one of"),
        ({"a": [0.1] * 60}, {"measure": "hit"}, ValueError, "needs a cut-off, such as k=10"),
        ({"a": [0.1] * 60}, {"k": 0}, ValueError, "k must be a positive integer"),
        ({"a": [0.1] * 60}, {"metric": "dot"}, ValueError, "metric must be one of"),
        ({"a": [0.1] * 60}, {"n_resamples": 0}, ValueError, "n_resamples must be a positive integer"),
        ({"a": [0.1] * 60}, {"n_resamples": 1e4}, ValueError, "n_resamples must be a positive integer"),
        ({"a": [0.1] * 60}, {"confidence_level": 95}, ValueError, "confidence_level must be .* between 0 and 1"),
        ({"a": [0.1] * 60}, {"random_state": "x"}, ValueError, "seed"),
    ],
)
def test_wrong_models_and_options_are_refused(fitted, methods, options, error, message):
    _, pairs, labels = fitted
    with pytest.raises(error, match=message):
        compare(methods, pairs, labels, **options)


def test_models_are_refused_with_what_they_lack(fitted):
    models, pairs, labels = fitted
    with pytest.raises(ValueError, match=r"methods\['a'\]: the model was fitted with labels but is scored without"):
        compare({"a": models["pipeline"]}, pairs)
    with pytest.raises(TypeError, match="got a ndarray"):
        compare({"a": models["pipeline"]}, pairs.image, labels)
    with pytest.raises(ValueError, match="no query has a value in image_to_text"):
        compare({"a": models["pipeline"]}, pairs, np.eye(60)[::-1] * 0)


def test_few_queries_warn():
    with pytest.warns(UserWarning, match="there are only 49 queries; intervals of fewer than 50"):
        compare({"a": precisions(49)}, n_resamples=50)
    with pytest.warns(UserWarning, match="there are only 9 queries in text_to_image"):
        compare({"a": {"image_to_text": precisions(90), "text_to_image": precisions(9)}}, n_resamples=50)


@few
def test_more_seeds_than_queries_warn():
    with pytest.warns(UserWarning, match="60 seeds but only 3 queries; if its rows are queries, transpose"):
        compare({"a": precisions((60, 3))}, n_resamples=50)


@pytest.mark.parametrize("n_methods, enough", [(2, 20), (3, 60), (7, 420)])
def test_resamples_that_cannot_tell_so_many_methods_apart_are_warned_of(n_methods, enough):
    values = precisions(60)
    far = {f"m{i}": values + i for i in range(n_methods)}
    with pytest.warns(UserWarning, match=f"with {n_methods} methods .* pass n_resamples={enough} or more"):
        assert compare(far, n_resamples=enough - 2).means["not_worse"].all()
    assert compare(far, n_resamples=enough).means["not_worse"].sum() == 1


@few
@pytest.mark.filterwarnings("ignore:with 2 methods and n_resamples")
@pytest.mark.parametrize("n_resamples", [1, 2, 4, 30])
def test_even_two_queries_and_one_resample_have_an_answer(n_resamples):
    found = compare({"a": [0.1, 0.9], "b": [0.2, 0.3]}, n_resamples=n_resamples)
    assert found.means[["mean", "low", "high"]].notna().all(axis=None)
    assert 0 < found.differences["p"][0] <= 1


NAMES = ["plain", "a_b & 50 % $x$ #1 {~^\\}", "<b>|x|</b> *y* `z`", "שלום 🐘", "two\nlines"]


@pytest.fixture(scope="module")
def table():
    """Methods of awkward names: the third is best, and only the first is not worse."""
    hard = precisions(200)
    better = [0.2, 0, 0.201, 0.01, 0.02]
    noise = generator().normal(0, 0.05, size=(5, 200))
    return compare({name: hard + b + e for name, b, e in zip(NAMES, better, noise, strict=True)}, n_resamples=500)


def test_the_best_is_bold_and_what_is_not_worse_is_marked(table):
    assert table.means["best"].sum() == 1 and table.means["not_worse"].sum() == 2
    assert table.to_markdown().count("**") == 2 and table.to_markdown(note=False).count("†") == 1
    assert table.to_latex().count(r"\textbf{") == 1 and table.to_latex(note=False).count(r"\dagger") == 1
    assert table.to_html().count("<strong>") == 1 and table.to_html(note=False).count("†") == 1
    best = f"{table.means['mean'].max():.2f}"
    assert f"**{best}**" in table.to_markdown(2) and rf"\textbf{{{best}}}" in table.to_latex(2)
    assert f"<strong>{best}</strong>" in table.to_html(2)
    for written in (table.to_markdown(), table.to_latex(), table.to_html()):
        assert "not shown to be worse" in written


def test_markdown_has_one_line_per_method(table):
    lines = table.to_markdown(note=False).splitlines()
    assert len(lines) == 2 + len(NAMES)
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 3 for line in lines)


def test_latex_escapes_names(table):
    written = table.to_latex(note=False)
    assert r"a\_b \& 50 \% \$x\$ \#1 \{\textasciitilde{}\textasciicircum{}\textbackslash{}\}" in written
    assert written.count(r" \\") == 1 + len(NAMES) and written.count(" & ") == 1 + len(NAMES)
    assert written.count("{") - written.count(r"\{") == written.count("}") - written.count(r"\}")


def test_html_escapes_names_and_is_well_formed(table):
    opened = []
    texts = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            opened.append(tag)

        def handle_endtag(self, tag):
            assert opened.pop() == tag

        def handle_data(self, data):
            texts.append(data)

    Reader().feed(table.to_html())
    assert not opened and set(NAMES) <= set(texts)
    assert table._repr_html_() == table.to_html()


def test_a_comparison_shows_itself(table):
    assert str(table) == table.to_markdown()
    assert repr(table).startswith("Comparison of ['plain',") and "\n" not in repr(table)
    for digits in (-1, 2.0, True):
        with pytest.raises(ValueError, match="digits must be a number of decimals"):
            table.to_html(digits)
    frame = table.to_frame()
    frame["mean"] = 0
    assert table.means["mean"].min() > 0


def test_a_0_has_no_sign():
    found = compare({"a": -1e-9 * precisions(60)}, n_resamples=50)
    assert "| a | **0.000** [0.000, 0.000] |" in found.to_markdown()
