"""The tables of what was measured on a GPU: the latest run counts, missed targets are marked, small runs refused."""

import json
import sys

import pytest


def report(**rows):
    cases = {"case": [{"case": name, **row} for name, row in rows.items()]}
    return {"device": "a GPU", "torch": "2", "small": False, "cases": cases}


def test_the_latest_run_counts_and_missed_targets_are_marked(module):
    first = report(mAP={"seconds": 1.0}, fit={"seconds": 3.0, "target s": 2.0, "peak MB": 5.0, "memory target MB": 6.0})
    table = module("gpu_report").table([first, report(mAP={"seconds": 0.25, "target s": 0.5, "difference": 1e-9})])
    assert "| mAP | 0.25 | 0.5 |  |  | 1e-09 | a GPU |" in table
    assert "| fit | 3 | 2: **missed** | 5 | 6 |  | a GPU |" in table


def test_steps_stand_beside_their_products(module):
    steps = {"L2GCN": {"ms a step": 4.0, "ms of products": 1.0, "seconds": 9.0}, "L2GCN, bf16": {"ms a step": 5.0}}
    table = module("gpu_report").table([report(**steps)])
    assert "| L2GCN | 4.0 | 5.0 |  |  | 1.0 | a GPU |" in table
    assert "9" not in table


def test_a_small_run_is_refused(module, tmp_path, monkeypatch):
    file = tmp_path / "small.json"
    file.write_text(json.dumps(report() | {"small": True}))
    monkeypatch.setattr(sys, "argv", ["gpu_report.py", str(file)])
    with pytest.raises(SystemExit, match="--small"):
        module("gpu_report").main()


def test_fits_of_methods_stand_beside_those_on_the_cpu(module):
    fits = {"DSCMR": {"seconds": 9.0, "mAP": 0.5, "difference": 0.001, "spread": 0.002}}
    table = module("gpu_report").table([report(**fits)])
    assert "| DSCMR | 0.500 | 0.0010 | 0.0020 | a GPU |" in table
    assert "9" not in table
