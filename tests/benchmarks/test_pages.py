"""Tables of the pages are what the files of results give, published figures name a source, nothing is left open."""

import ast
import json
import re
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest

from skxmr.deep.trained import TrainedRetriever
from skxmr.testing import all_retrievers

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RESULTS = ROOT / "benchmarks" / "results"


def read(path):
    return path.read_text(encoding="utf-8")


def between(page, name="measured"):
    text = read(ROOT / page)
    begin, end = (f"<!-- {name}: {place} -->" for place in ("begin", "end"))
    assert text.count(begin) == text.count(end) == 1, f"{page}: {name}"
    return text.split(begin)[1].split(end)[0].strip("\n")


def of_json(name):
    return json.loads(read(RESULTS / name))


def reproduced(module):
    return module("figures_measured").reproduced()


@cache
def readme_tables(module):
    return module("report").readme_tables(reproduced(module))


def fine_grained(module):
    return module("fine_grained").finished(RESULTS / "fine_grained.jsonl")


def protocols(name, module):
    return module("protocols_report").TABLES[name](module("common").recorded(module("protocols").FILE))


# Page and name of the markers, and what makes the table from the files of results.
TABLES = {
    **{
        ("README.md", name): lambda module, name=name: readme_tables(module)[name]
        for name in ("wikipedia", "corel5k_tags", "mirflickr_tags", "clipart", "icons")
    },
    **{
        ("docs/reliability.md", name): lambda module, name=name: module("faults").TABLES[name](
            module("common").recorded(RESULTS / f"{name}.jsonl")
        )
        for name in ("kills", "fuzz", "soak")
    },
    ("docs/performance.md", "shorter"): lambda module: module("shorter").table(
        module("common").recorded(RESULTS / "shorter.jsonl")
    ),
    ("README.md", "published"): lambda module: module("report").published_table(reproduced(module)),
    ("README.md", "scenes"): lambda module: module("fine_grained_report").readme_table(fine_grained(module)),
    ("docs/results.md", "measured"): lambda module: module("report").page(
        reproduced(module), module("tasks").TASKS.values()
    ),
    ("docs/results.md", "auto"): lambda module: module("auto").auto_table(
        module("common").recorded(RESULTS / "auto.jsonl"), reproduced(module)
    ),
    ("docs/results.md", "recommended"): lambda module: module("auto").recommended_table(
        reproduced(module), module("common").recorded(module("small_sets").FILE)
    ),
    ("docs/results.md", "small_sets"): lambda module: module("small_sets").table(
        module("common").recorded(module("small_sets").FILE)
    ),
    ("docs/results.md", "constants"): lambda module: module("paper_constants").table(
        reproduced(module), module("paper_constants").finished()
    ),
    ("docs/results.md", "readings"): lambda module: module("readings").table(
        module("common").recorded(RESULTS / "readings.jsonl")
    ),
    **{
        ("docs/results.md", name): partial(protocols, name)
        for name in ("protocols_closest", "protocols_together", "protocols_strongest")
    },
    ("docs/dagnn.md", "measured"): lambda module: module("dagnn").table(module("dagnn").finished()),
    ("docs/dagnn.md", "critic"): lambda module: module("critic").table(of_json("critic.json")),
    ("docs/fine_grained.md", "measured"): lambda module: module("fine_grained_report").page(fine_grained(module)),
    ("docs/fine_grained.md", "parsed"): lambda module: module("parsing").page(
        module("parsing").finished(module("parsing").FINISHED)
    ),
    ("docs/papers_figures.md", "measured"): lambda module: module("experiments").made(),
    ("docs/comparing.md", "measured"): lambda module: module("comparing").table(of_json("comparing.json")),
    ("docs/growth.md", "measured"): lambda module: module("growth").table(of_json("growth.json")),
    ("docs/performance.md", "measured"): lambda module: module("speed_report").report(of_json("speed.json")),
    ("README.md", "fast"): lambda module: module("speed_report").readme_table(of_json("speed.json")),
    ("docs/results.md", "few_rows"): lambda module: module("few_rows").table(
        module("common").recorded(module("few_rows").FILE)
    ),
    ("docs/results.md", "end_to_end"): lambda module: module("end_to_end").table(
        module("common").recorded(module("end_to_end").FILE)
    ),
    ("docs/results.md", "duplicates"): lambda module: module("duplicates").table(of_json("duplicates.json")),
    ("docs/results.md", "defaults"): lambda module: module("defaults").table(
        module("common").recorded(module("defaults").FILE)
    ),
    **{
        ("docs/factors.md", name): lambda module, name=name: module("factors").tables()[name]
        for name in ("factors-defaults", "factors-papers", "factors-pairs")
    },
    ("docs/factors.md", "graphs"): lambda module: module("factors_graphs").table(
        module("common").recorded(module("factors_graphs").FILE)
    ),
    ("docs/hashing.md", "measured"): lambda module: module("hashing").table(),
    ("docs/performance.md", "gpu"): lambda module: module("gpu_report").table(of_json("gpu.json")),
    ("docs/dagnn.md", "published"): lambda module: module("published").tables()["docs/dagnn.md", "published"],
    ("docs/fine_grained.md", "published"): lambda module: module("published").tables()[
        "docs/fine_grained.md", "published"
    ],
    ("docs/fine_grained.md", "ablations"): lambda module: module("published").tables()[
        "docs/fine_grained.md", "ablations"
    ],
    ("docs/performance.md", "load"): lambda module: module("load").table(
        module("common").recorded(module("load").FILE)
    ),
    ("docs/scaling.md", "scale"): lambda module: module("scale").table(module("common").recorded(module("scale").FILE)),
    ("docs/performance.md", "bf16"): lambda module: module("precision").table(
        module("common").recorded(module("precision").FILE)
    ),
}
# Markers around what is no table of a file of results: the list of methods, and a table that has a test of its own.
ELSEWHERE = {
    ("docs/scaling.md", "costs"),
    ("docs/scaling.md", "engines"),
}


@pytest.mark.parametrize(("page", "name"), TABLES)
def test_a_measured_table_is_what_the_results_say(page, name, module):
    assert between(page, name) == TABLES[page, name](module), f"make {name} of {page} again, by its script's --docs"


def test_every_table_between_markers_is_compared():
    found = set()
    for page in PAGES:
        path = str(page.relative_to(ROOT))
        found |= {(path, name) for name in re.findall(r"<!-- ([\w-]+): begin -->", read(page))}
    assert found == set(TABLES) | ELSEWHERE


def outside(text):
    """Return a page without code, addresses of links and tables between markers; the list of methods is no table."""
    text = re.sub(r"<!-- ([\w-]+): begin -->.*?<!-- \1: end -->", "", text, flags=re.S)
    text = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    return re.sub(r"`[^`]+`|(?<=\])\([^)]*\)", "", text)


def test_every_figure_with_a_spread_in_a_table_is_between_markers():
    for page in PAGES:
        assert not re.findall(r"^\|.*\d ± \d.*$", outside(read(page)), re.M), page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_figures_in_sentences_are_those_of_the_results(page, module):
    assert read(page) == module("figures").filled(read(page)), "run benchmarks/figures.py"


# Versions of software and of a licence, and the size of the weights that torchvision downloads.
NOT_MEASURED = (
    r"(?:Python|CC BY|Open Clip Art Library|scikit-learn|torch|Ray|numpy|matplotlib|[Vv]ersion) \d[\d.]*|\(548 MB\)"
)
# Numbers as measurements have them: with a decimal point or an exponent, with a unit, or as a share.
LIKE_A_FIGURE = re.compile(
    r"(?<![\w.^])\d*\.\d+ | \d[\d,.]*e-?\d | \b\d+\ (?:of|in|out\ of)\ \d+\b"
    r"| \b\d[\d,.]*\ ?(?:ms|µs|ns|s|min|h|[kMGT]B|GiB|%|percent|times|seconds|minutes|hours)(?!\w)",
    re.X,
)


def unkeyed(text, figures):
    """Return what looks like a measured figure and has no key."""
    for figure in reversed(list(figures.figures(text))):
        text = text[: figure.start] + text[figure.end :]
    return LIKE_A_FIGURE.findall(re.sub(NOT_MEASURED, "", outside(text)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_figure_in_a_sentence_has_a_key(page, module):
    assert not unkeyed(read(page), module("figures"))


def test_a_figure_without_a_key_is_found(module):
    figures = module("figures")
    for text in ("by .016 here", "3.5 times as long", "in 12 s", "40 MB", "1e-6 off", "keeps 7 %", "99 of 100 rows"):
        assert unkeyed(text, figures), text
    for text in ("36 regions", "`lr=3e-4`", "torch 2.11", "R@1", ".02 ± .01<!-- figure: dagnn-adversary -->"):
        assert not unkeyed(text, figures), text


def test_figures_are_put_in_as_the_page_writes_them(module, monkeypatch):
    figures = module("figures")
    monkeypatch.setitem(figures.FIGURES, "pair", lambda: (0.0156, -0.5))
    monkeypatch.setitem(figures.FIGURES, "one", lambda: 1234.56)
    filled = "between .016 and -0.50<!-- figure: pair -->, 1,235<!-- figure: one --> or 1.2e3<!-- figure: one -->"
    old = "between .999 and +0.12<!-- figure: pair -->, 7,000<!-- figure: one --> or 9.9e9<!-- figure: one -->"
    assert figures.filled(old) == figures.filled(filled) == filled
    with pytest.raises(ValueError, match="no figure 'other'"):
        figures.filled(".1<!-- figure: other -->")
    with pytest.raises(ValueError, match="2 figures belong in front of"):
        figures.filled("one .1<!-- figure: pair -->")


def test_every_key_is_used_and_no_comment_begins_a_line(module):
    """A line that begins with a comment would end the paragraph."""
    used = set()
    for page in PAGES:
        assert not re.findall(r"^\s*<!-- figure:", read(page), re.M), page.name
        assert len(re.findall(r"<!-- *figure", read(page))) == len(module("figures").COMMENT.findall(read(page)))
        used |= set(module("figures").COMMENT.findall(read(page)))
    assert used == set(module("figures").FIGURES)


PLACEHOLDER = (
    r"@@\w*@@|\{\{ *\w+ *\}\}|\b(?:TODO|FIXME|TBD|TBA|XXX+|HACK)\b|\?\?\?|<[A-Z_]{4,}>|\blorem ipsum\b"
    r"|\[\w+ (?:here|needed)\]|\bto be (?:measured|written|done|filled in|determined|decided)\b"
)


def texts():
    """Yield what people read: all pages, examples, and docstrings with the comments beside them."""
    for pattern in ("*.md", "docs/*.md", "examples/*", "skxmr/**/*.py", "benchmarks/*.py", "docs/*.py"):
        yield from (path for path in sorted(ROOT.glob(pattern)) if path.is_file())


def test_no_placeholder_is_left():
    left = {}
    for path in texts():
        if found := re.findall(PLACEHOLDER, read(path)):
            left[str(path.relative_to(ROOT))] = found
    assert not left


@pytest.mark.parametrize("text", ["@@STEP@@", "TODO: say", "(TBD)", "a figure of ???", "XXX", "{{ map }}", "<FIGURE>"])
def test_a_placeholder_is_found(text):
    assert re.search(PLACEHOLDER, text)


def docstrings():
    """Yield the docstrings of the package and of the examples, without their examples of code."""
    for path in [*ROOT.glob("skxmr/**/*.py"), *ROOT.glob("examples/*.py")]:
        for node in ast.walk(ast.parse(read(path))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
                yield path, re.sub(r"^ *(?:>>>|\.\.\.).*$", "", text, flags=re.M)


def test_docstrings_have_no_measured_figures():
    """They would be out of date without anybody seeing it; the pages have them."""
    said = r"\b\d[\d.]* (?:ms|µs|ns|s)\b|\d times (?:as|faster|slower)|mAP[^.\n]{0,30} 0?\.\d{2}"
    assert not [(path.name, found) for path, text in docstrings() for found in re.findall(said, text)]


CITATION = r"\[([a-z][a-z\d]*\d{4}[a-z]?)\](?![(:])"


def test_citation_keys_lead_to_the_list_of_references():
    listed = set(re.findall(r"^## (\w+)$", read(ROOT / "docs" / "references.md"), re.M))
    cited = set()
    for page in PAGES:
        keys = set(re.findall(CITATION, read(page)))
        defined = dict(re.findall(r"^\[(\w+)\]: (\S+)$", read(page), re.M))
        folder = "" if page.parent.name == "docs" else "docs/"
        assert {key: f"{folder}references.md#{key}" for key in keys}.items() <= defined.items(), page.name
        cited |= keys
    assert cited <= listed


def test_published_figures_cite_and_our_runs_of_public_codes_are_not_among_them(module):
    for page, name in [key for key in TABLES if key[1] in ("measured", "published", "ablations")]:
        header = []
        for line in between(page, name).splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            header = header if len(cells) == len(header) else cells
            row = dict(zip(header, cells, strict=True))
            if "source" in row and header != cells and "---" not in line:
                assert bool(row.get("published", "all")) == bool(re.match(CITATION, row["source"])), line
                assert "code" not in row["source"], line
    assert "| public code, our run |" in between("docs/results.md")
    published = module("published")
    sources = [found.source for figures in published.PUBLISHED.values() for found in figures.values()]
    for source in [*sources, *(found.source for found in published.RECALLS.values())]:
        assert f"\n## {re.match(CITATION, source)[1]}\n" in read(ROOT / "docs" / "references.md")


def test_a_published_figure_in_a_sentence_cites(module):
    for page in PAGES:
        for paragraph in re.split(r"\n\n|\n(?=\* )", read(page)):
            if re.search(r"<!-- figure: \S*published", paragraph):
                assert re.search(CITATION, paragraph), paragraph


def test_every_deep_method_has_a_row_at_the_constants_of_its_paper():
    methods = [line.split("|")[1].strip() for line in between("docs/results.md", "constants").splitlines()[2:]]
    deep = [cls for cls in all_retrievers() if issubclass(cls, TrainedRetriever)]
    assert sorted(methods) == sorted(cls.__name__ for cls in deep)


def test_scan_with_boxes_stands_beside_racg_with_boxes():
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in between("README.md", "scenes").splitlines()
    ]
    seeing = [row[0] for row in rows if row[1] == "yes"]
    assert [name.split("`")[1] for name in seeing] == ["RACG", "SCAN"]
    assert "0.597" in next(row for row in rows if row[0] == seeing[1])[2]


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_the_adversary_hides_a_planted_offset(module, seeds):
    """In the mean over seeds: single seeds differ widely. The file of results has what is measured here."""
    critic = module("critic")
    kept = of_json("critic.json")
    free, hidden = ([critic.accuracy(strength, seed) for seed in range(seeds)] for strength in critic.STRENGTHS)
    np.testing.assert_allclose(free, kept["0.0"][:seeds], atol=0.1)
    assert np.mean(free) > 0.9
    assert np.mean(hidden) < np.mean(free) - 0.15
    assert np.mean(kept["0.0"]) > 0.9 and np.mean(kept["1.0"]) < np.mean(kept["0.0"]) - 0.15
    assert len(kept["0.0"]) == len(kept["1.0"]) == critic.SEEDS


def test_the_spread_is_that_of_a_sample_and_one_seed_has_none(module):
    shown = module("common").mean_and_spread
    # The squared distances from the mean are 1, 0 and 1; divided by two, their root is 1.
    assert shown([1.0, 2.0, 3.0]) == "2.000 ± 1.000"
    assert shown([0.25]) == "0.250"
    assert shown([0.25, 0.25], "+") == "+0.250 ± 0.000"
