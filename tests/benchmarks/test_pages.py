"""Tables of the pages are what the files of results give, published figures name a source, nothing is left open."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RESULTS = ROOT / "benchmarks" / "results"


def between(page, name="measured"):
    text = (ROOT / page).read_text(encoding="utf-8")
    begin, end = (f"<!-- {name}: {place} -->" for place in ("begin", "end"))
    assert text.count(begin) == text.count(end) == 1, f"{page}: {name}"
    return text.split(begin)[1].split(end)[0].strip("\n")


def of_json(name):
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


def reproduced(module):
    return module("reproduce").finished(RESULTS / "reproduce.jsonl")


def fine_grained(module):
    return module("fine_grained").finished(RESULTS / "fine_grained.jsonl")


# Page and name of the markers, and what makes the table from the files of results.
TABLES = {
    ("README.md", "measured"): lambda module: module("report").readme_table(reproduced(module)),
    ("README.md", "ahead"): lambda module: module("report").ahead_table(reproduced(module)),
    ("README.md", "scenes"): lambda module: module("fine_grained_report").readme_table(fine_grained(module)),
    ("docs/results.md", "measured"): lambda module: module("report").page(
        reproduced(module), module("tasks").TASKS.values()
    ),
    ("docs/dagnn.md", "measured"): lambda module: module("dagnn").table(module("dagnn").finished()),
    ("docs/dagnn.md", "critic"): lambda module: module("critic").table(of_json("critic.json")),
    ("docs/fine_grained.md", "measured"): lambda module: module("fine_grained_report").page(fine_grained(module)),
    ("docs/growth.md", "measured"): lambda module: module("growth").table(of_json("growth.json")),
    ("docs/performance.md", "measured"): lambda module: module("speed_report").report(of_json("speed.json")),
    ("docs/performance.md", "bf16"): lambda module: module("precision").table(
        module("common").recorded(module("precision").FILE)
    ),
}
# Markers around what is no table of a file of results: the list of methods, and tables that have tests of their own.
ELSEWHERE = {
    ("README.md", "methods"),
    ("docs/methods.md", "methods"),
    ("docs/results.md", "duplicates"),
    ("docs/scaling.md", "costs"),
}


@pytest.mark.parametrize(("page", "name"), TABLES)
def test_a_measured_table_is_what_the_results_say(page, name, module):
    assert between(page, name) == TABLES[page, name](module), f"make {name} of {page} again, by its script's --docs"


def test_every_table_between_markers_is_compared():
    found = set()
    for page in PAGES:
        path = str(page.relative_to(ROOT))
        found |= {(path, name) for name in re.findall(r"<!-- ([\w-]+): begin -->", page.read_text(encoding="utf-8"))}
    assert found == set(TABLES) | ELSEWHERE


def test_every_figure_with_a_spread_in_a_table_is_between_markers():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        outside = re.sub(r"<!-- ([\w-]+): begin -->.*?<!-- \1: end -->", "", text, flags=re.S)
        assert not re.findall(r"^\|.*\d ± \d.*$", outside, re.M), page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_placeholder_is_left(page):
    text = page.read_text(encoding="utf-8")
    assert not re.findall(r"@@\w*@@|\b(?:TODO|FIXME|TBD|XXX)\b|\?\?\?", text)


def test_published_figures_have_a_source_and_our_runs_of_public_codes_are_not_among_them():
    for page in ("README.md", "docs/results.md"):
        header = None
        for line in between(page).splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if "| method |" in line:
                header = cells
            elif header and "published" in header and len(cells) == len(header) and "---" not in line:
                row = dict(zip(header, cells, strict=True))
                assert bool(row["published"]) == bool(re.search(r"\d{4}.*Table", row["source"])), line
                assert "code" not in row["source"], line
    assert "| public code, our run |" in between("docs/results.md")


def test_scan_with_boxes_stands_beside_racg_with_boxes():
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in between("README.md", "scenes").splitlines()
    ]
    seeing = [row[0] for row in rows if row[1] == "yes"]
    assert [name.split("`")[1] for name in seeing] == ["RACG", "SCAN"]
    assert "0.597" in next(row for row in rows if row[0] == seeing[1])[2]


def test_the_adversary_hides_a_planted_offset(module):
    """In the mean over seeds: single seeds differ widely. The file of results has what is measured here."""
    critic = module("critic")
    kept = of_json("critic.json")
    free, hidden = ([critic.accuracy(strength, seed) for seed in range(3)] for strength in critic.STRENGTHS)
    np.testing.assert_allclose(free, kept["0.0"][:3], atol=0.1)
    assert np.mean(free) > 0.9
    assert np.mean(hidden) < np.mean(free) - 0.15
    assert np.mean(kept["0.0"]) > 0.9 and np.mean(kept["1.0"]) < np.mean(kept["0.0"]) - 0.15
    assert len(kept["0.0"]) == len(kept["1.0"]) == critic.SEEDS
