"""The rules of `recommend` follow from the recorded figures, and each is checked on a set that was left out."""

import numpy as np
import pandas as pd

from skxmr import CCA, recommend
from skxmr.datasets import make_multilabel_pairs
from tests.benchmarks.test_pages import RESULTS, between, reproduced


def rows_of(table):
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return pd.DataFrame(lines[2:], columns=lines[0])


def test_the_rules_follow_from_the_table():
    table = rows_of(between("docs/results.md", "recommended"))
    by_rule = table.groupby("data")["best on the others"]
    chosen = by_rule.unique()
    assert chosen["labels, methods for any number of rows"].tolist() == ["`IGNN`"]
    pairs, labels = make_multilabel_pairs(600, random_state=0)
    method = type(recommend(pairs, labels).pipeline["model"]).__name__
    usual = by_rule.agg(lambda column: column.mode()[0])
    assert usual["labels, up to 10,000 rows, single methods"] == f"`{method} on kernels, votes`"
    assert chosen["no labels"].tolist() == [f"`{CCA.__name__}`"]
    assert chosen["labels, features of pictures"].tolist() == ["`RetrieverEnsemble`"]
    # With few rows as well, what is recommended is above searched baselines on every set.
    few = table[table["data"].str.contains("rows, above")]
    assert (few["reaches"].astype(float) > 0).all()
    assert set(few["best on the others"]) == {"`RetrieverEnsemble of the last with both closed forms`"}


def test_what_the_reasons_say_of_few_rows_and_of_one_label(module):
    few = module("common").recorded(module("small_sets").FILE)
    joined = "RetrieverEnsemble of the last with both closed forms"
    for name, n in {(r["set"], r["rows"]) for r in few}:
        found = pd.DataFrame([r["scores"] for r in few if (r["set"], r["rows"]) == (name, n)]).mean()
        assert found[joined] > found[["MLCCA", "SemanticMatching"]].max(), (name, n)
    single = module("auto").measured(reproduced(module), ("default",))
    for name in ("DAGNN", "DSCMR"):
        assert single[name, "wikipedia"] > single["IGNN", "wikipedia"]


def test_kernels_are_better_on_both_sets_of_pictures(module):
    auto = module("auto")
    plain = auto.measured(reproduced(module), ("search",))
    on_kernels = auto.measured(reproduced(module), ("kernels",))
    for name in auto.OF_PICTURES:
        for method in ("MLCCA", "SemanticMatching"):
            assert on_kernels[f"{method} on kernels", name] > plain[method, name] + 0.03


def test_most_searches_of_cca_chose_correlation_power_2(module):
    records = module("common").recorded(RESULTS / "reproduce.jsonl")
    own = [record for record in records if record["method"] == "CCA" and record["variant"] == "search"]
    by_set = pd.DataFrame(own).groupby("set")["chosen"].agg(lambda column: [c["correlation_power"] for c in column])
    assert np.mean([np.median(powers) == 2 for powers in by_set]) > 0.5


def test_what_is_left_out_does_not_choose(module):
    figures = {("a", "x"): 0.9, ("a", "y"): 0.1, ("b", "x"): 0.2, ("b", "y"): 0.8}
    lines = module("auto").leaving_one_out("title", figures, ("x", "y"))
    assert [line["best on the others"] for line in lines] == ["`b`", "`a`"]
    assert [line["best on it"] for line in lines] == ["`a`", "`b`"]
    assert [line["difference"] for line in lines] == ["-0.700", "-0.700"]
