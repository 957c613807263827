"""The benchmarks of time and memory: what they take, how targets are judged, and that every case is what it says."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


def test_sides_take_turns_and_ours_comes_first(module):
    measure = module("measure")
    calls = []
    sides = {name: lambda name=name: calls.append(name) for name in ("skxmr", "peer")}
    rows = measure.measure(measure.Case("t", "c", lambda: sides), 1, repeat=2)
    assert [row["side"] for row in rows] == ["skxmr", "peer"]
    assert calls[:2] == ["skxmr", "peer"]  # the first calls, which take the memory
    rounds = "".join(name[0] for name in calls[2:])
    assert rounds == "s" * rounds.index("p") + "p" * (rounds.count("p") // 2) + rounds[len(rounds) // 2 :]
    assert all(len(row["seconds"]) == 2 for row in rows)


def test_targets_are_ratios_of_the_same_round(module):
    measure = module("measure")
    case = measure.Case(
        "t", "c", dict, {"floor": 1.5}, {"peer": 3, "strong": 5}, {"peer": 0.25}, memory_limit=100
    )  # fmt: skip
    found = {
        side: measure._targets(case, side, [1.0, 2.0, 9.0], other, 50.0, mb, side == "ours")
        for side, other, mb in (
            ("ours", [1.0, 2.0, 9.0], 50.0),
            ("floor", [0.5, 1.0, 3.0], 10.0),
            ("peer", [3.0, 6.0, 27.0], 300.0),
            ("strong", [3.0, 6.0, 27.0], 300.0),
        )
    }
    assert [(t["what"], t["value"], t["holds"]) for t in found["ours"]] == [("MB, at most", 50.0, True)]
    assert [(t["value"], t["holds"]) for t in found["floor"]] == [(2.0, False)]
    assert [(t["value"], t["holds"]) for t in found["peer"]] == [(3.0, True), (50 / 300, True)]
    assert [t["holds"] for t in found["strong"]] == [False]


def test_memory_is_that_of_one_call(module):
    measure = module("measure")
    if np.isnan(measure._resident("VmHWM", reset=True)):
        pytest.skip("this system does not tell the peak memory of a process")
    # Less than 32 MB may lie in memory that the process has used before.
    sides = {"big": lambda: np.ones(16 * 2**20), "small": lambda: np.ones(5 * 2**20)}
    rows = measure.measure(measure.Case("t", "c", lambda: sides), 1, 1)
    big, small = (row["peak_mb"] for row in rows)
    assert 120 < big < 150
    assert 36 < small < 60


def test_units_divide_the_work(module):
    measure = module("measure")
    sides = {"ours": lambda: np.ones(10**6).sum(), "peer": lambda: np.ones(10**6).sum()}
    rows = measure.measure(measure.Case("t", "c", lambda: sides, units={"ours": 1000}), 1, repeat=3)
    assert rows[1]["ratio"] < 0.1


def test_every_table_has_cases_and_every_target_a_side(module):
    measure, speed = module("measure"), module("speed")
    for table in speed.TABLES:
        cases = module(f"speed_{table}") and measure.CASES[table]
        assert len({case.name for case in cases}) == len(cases)
        for case in cases:
            source = case.make.__code__.co_consts
            named = {name for found in source for name in (found if isinstance(found, tuple) else (found,))}
            for side in {*case.at_most, *case.at_least, *case.memory_at_most}:
                assert side in named, f"{case.name} has no side {side!r}"


@pytest.mark.slow
def test_the_command_measures_in_processes_of_its_own(tmp_path):
    command = [sys.executable, str(FOLDER / "speed.py"), "linear", "--case", "CCA 2,000", "--repeat", "1"]
    file = tmp_path / "speed.json"
    done = subprocess.run([*command, "--json", str(file)], capture_output=True, text=True)
    if "No module named 'cca_zoo'" in done.stderr:
        assert done.returncode == 1
        pytest.skip("the peers are not installed")
    measured = json.loads(file.read_text())
    assert {row["side"] for row in measured["rows"]} == {"skxmr", "products", "cca_zoo", "scikit-learn"}
    assert measured["rates"]["linear, 1"]["GFLOP/s f32"] > 1
    assert "| CCA 2,000 x 128 x 10, 10 components | skxmr |" in done.stdout
    again = subprocess.run([*command[:2], "--compare", str(file), str(file)], capture_output=True, text=True)
    assert again.stdout.count("(1.00 x)") == 4


def test_an_unknown_table_is_named():
    done = subprocess.run([sys.executable, str(FOLDER / "speed.py"), "speed"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "no table ['speed']; there are linear" in done.stderr


@pytest.mark.slow
def test_growth_is_measured_and_its_exponent_is_a_slope(module, tmp_path):
    growth = module("growth")
    curve = [{"size": n, "seconds": 3e-6 * n**1.5, "mb": 1.0} for n in (10, 100, 1000, 10_000)]
    assert abs(growth.exponent(curve) - 1.5) < 1e-9
    assert "**1.50**, above 1.05" in growth.table({"CCA fit": curve})
    entry = growth.Curve("CCA fit", "rows", (200, 400, 800), lambda n: growth.fit(growth.CCA(5), n))
    found = growth.points(entry, small=True)
    assert [point["size"] for point in found] == [200, 400, 800]
    growth.draw({"CCA fit": found}, tmp_path / "growth.png")
    assert (tmp_path / "growth.png").stat().st_size > 1000


def test_tables_that_were_not_measured_keep_their_figures(module):
    def of(**tables):
        rows = [{"table": table, "value": value} for table, value in tables.items()]
        return {"rows": rows, "rates": {f"{table}, 1": value for table, value in tables.items()}, "machine": "m"}

    found = module("speed_report").merged(of(linear=1, sets=2), of(sets=3))
    assert found == of(linear=1, sets=3)


def test_pages_hold_what_was_measured(module):
    """Tables are made from the files of results, not by hand."""
    report, growth = module("speed_report"), module("growth")
    docs, results = FOLDER.parent / "docs", FOLDER / "results"
    measured = json.loads((results / "speed.json").read_text())
    assert report.report(measured) in (docs / "performance.md").read_text()
    assert growth.table(json.loads((results / "growth.json").read_text())) in (docs / "growth.md").read_text()
    precision, common = module("precision"), module("common")
    assert precision.table(common.recorded(precision.FILE)) in (docs / "performance.md").read_text()
