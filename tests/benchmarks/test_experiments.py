"""The figures of the papers: what is finished is not fitted again, and every figure is drawn of what was kept."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
NAMES = ("common", "experiments_fits", "experiments_grids", "experiments_figures", "experiments_papers", "experiments")


@pytest.fixture(scope="module")
def modules(module):
    return SimpleNamespace(**{name: module(name) for name in NAMES})


@pytest.fixture
def run(modules, tmp_path, monkeypatch, capsys):
    """Run the command on a few generated rows; return the number of finished fits and what was drawn."""
    monkeypatch.setenv("SKXMR_OUTPUT", str(tmp_path / "pictures"))

    def command(*arguments):
        file = tmp_path / "finished.jsonl"
        assert modules.experiments.main(["--quick", "--results", str(file), *arguments]) == 0
        drawn = {path.stem.removeprefix("papers_") for path in (tmp_path / "pictures").glob("*.png")}
        return len(file.read_text().splitlines()) if file.exists() else 0, drawn, capsys.readouterr().out

    return command


def test_a_figure_is_fitted_once_and_drawn_of_what_was_kept(run):
    assert run("--only", "l2gcn_epsilon", "--only-cached")[:2] == (0, set())
    n, drawn, _ = run("--only", "l2gcn_epsilon")
    assert (n, drawn) == (2, {"l2gcn_epsilon"})
    n, _, out = run("--only", "l2gcn_epsilon")
    assert n == 2 and "0 fits to do" in out and "mAP, mean of both directions, by epsilon" in out


# A few rows and two epochs are too little, and fits say so.
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.slow
def test_every_figure_is_fitted_and_drawn(run, modules):
    n, drawn, _ = run("--seeds", "2")
    assert drawn == set(modules.experiments.FIGURES)
    again, _, out = run("--seeds", "2")
    assert again == n and not re.search(r"[1-9]\d* fits to do", out)


def test_means_are_over_the_seeds_that_all_cells_have(modules):
    grids = modules.experiments_grids
    grid = grids.Grid("acmr", grids.over("alpha", (1, 2)))
    one, two = grid.fits()
    records = {}
    for fit, seed, score in ((one, 0, 0.25), (two, 0, 0.5), (one, 1, 0.75)):
        records[fit.key(seed)] = {"seed": seed, "i2t": score, "t2i": score}
    found = grids.Found(records)
    assert found.scores(grid).tolist() == [[0.25, 0.5], [0.25, 0.5]]
    assert found.missing(grid.fits(), 2) == [(two, 1)]
    assert "best at alpha 2 (0.500), worst at alpha 1 (0.250)" in grids.peak(found, grid)


def test_a_weight_of_nothing_is_not_fitted(modules):
    grid = modules.experiments_papers.ACMR["acmr_weights"].fits
    assert all(fit.changes["alpha"] or fit.changes["beta"] for fit in grid.fits())
    assert len(grid.fits()) == 35


def test_quick_results_are_no_docs(modules, capsys):
    assert modules.experiments.main(["--quick", "--docs"]) == 2
    assert "--quick measures nothing" in capsys.readouterr().err


def test_every_fit_that_is_kept_is_of_a_figure(modules):
    """And the parameters of today are those of the fits, so that nothing on the page is out of date."""
    kept = modules.common.recorded(modules.experiments.FINISHED)
    found = modules.experiments_fits.finished(modules.experiments.FINISHED)
    assert len(found) == len(kept) > 0
    fits = [fit for figure in modules.experiments.FIGURES.values() for fit in figure.all_fits()]
    known = {fit.key(0) for fit in fits}
    assert {json.dumps([r["setting"], r["changes"], 0], sort_keys=True) for r in kept} <= known


def test_pictures_of_the_page_are_small(modules):
    page = (ROOT / "docs" / "papers_figures.md").read_text(encoding="utf-8")
    shown = re.findall(r"\]\((papers_\w+\.png)\)", page)
    assert shown and set(shown) == {path.name for path in (ROOT / "docs").glob("papers_*.png")}
    assert sum((ROOT / "docs" / name).stat().st_size for name in shown) < 1_000_000
