"""The documentation is true: its code runs, its defaults are the real ones, its pages are current."""

import ast
import inspect
import json
import re
import runpy
import sys
import types
from pathlib import Path

import pytest
from numpydoc.docscrape import ClassDoc, FunctionDoc
from numpydoc.validate import validate

import skxmr
from skxmr import datasets, deep, features, inspection, metrics, model_selection, nn, pairwise, testing
from tests.cli.conftest import write_pictures

ROOT = Path(__file__).parents[1]
PAGES = [
    "README.md",
    "docs/user_guide.md",
    "docs/files.md",
    "docs/search.md",
    "docs/hashing.md",
    "docs/pictures.md",
    "docs/explaining.md",
    "docs/comparing.md",
]
# What numpydoc calls: no docstring, parameters missing, unknown, in another order or undescribed, no returns
CODES = {"GL08", "PR01", "PR02", "PR03", "PR07", "RT01"}


def public():
    rooms = (
        features,
        inspection,
        metrics,
        model_selection,
        datasets,
        deep,
        nn,
        nn.losses,
        nn.contrastive,
        pairwise,
        testing,
    )
    for module in (skxmr, *rooms):
        for name in module.__all__:
            if not inspect.ismodule(getattr(module, name)):
                yield f"{module.__name__}.{name}", getattr(module, name)


def public_with_methods():
    for path, thing in public():
        yield path, thing
        if inspect.isclass(thing):
            for name, member in inspect.getmembers(thing, inspect.isfunction):
                if not name.startswith("_") and member.__module__.startswith("skxmr"):
                    yield f"{path}.{name}", member


# The page on scaling starts a cluster, and the user guide fits all kinds of models.
SLOW_PAGES = {"docs/scaling.md", "docs/user_guide.md"}


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=[pytest.mark.slow] if page in SLOW_PAGES else []) for page in PAGES]
)
def test_code_blocks_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # The README reads a folder of pictures.
    write_pictures(tmp_path / "pictures")
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.S | re.M)
    assert blocks
    module = types.ModuleType("page")  # so that classes defined on the page can be pickled
    monkeypatch.setitem(sys.modules, "page", module)
    for block in blocks:
        exec(compile(block, page, "exec"), module.__dict__)


@pytest.mark.parametrize("path", [path for path, _ in public_with_methods()])
def test_docstrings_match_the_signatures(path):
    errors = [(code, text) for code, text in validate(path)["errors"] if code in CODES]
    assert not errors


@pytest.mark.parametrize(("path", "thing"), list(public_with_methods()))
def test_documented_defaults_are_the_real_ones(path, thing):
    doc = ClassDoc(thing, config={"show_class_members": False}) if inspect.isclass(thing) else FunctionDoc(thing)
    parameters = inspect.signature(thing).parameters
    for documented in doc["Parameters"]:
        for name in documented.name.split(", "):
            default = parameters[name.lstrip("*")].default
            stated = re.search(r"default=(.+)$", documented.type)
            if stated:
                assert default == eval(stated[1], vars(inspect.getmodule(thing))), name
            elif default is not inspect.Parameter.empty and default is not None:
                raise AssertionError(f"{path}: the default of {name} is not stated")


@pytest.mark.parametrize(("path", "thing"), list(public_with_methods()))
def test_parameters_and_attributes_are_described_in_place(path, thing):
    doc = ClassDoc(thing, config={"show_class_members": False}) if inspect.isclass(thing) else FunctionDoc(thing)
    for documented in [*doc["Parameters"], *doc["Attributes"]]:
        assert documented.type != "object" or documented.name.startswith("*"), documented.name
        assert not re.match("As (in|for) ", " ".join(documented.desc)), documented.name


@pytest.mark.parametrize(("path", "thing"), list(public()))
def test_every_public_name_has_an_example(path, thing):
    if not inspect.isabstract(thing):  # abstract: docs/add_a_method.md is its example
        assert ">>>" in inspect.getdoc(thing)


def test_every_public_name_has_its_page():
    """Each is listed once on the page of its module, from which Sphinx makes a page per name."""
    pages = runpy.run_path(str(ROOT / "docs" / "public_names.py"))
    listed = [
        f"{module.__name__}.{name}"
        for module in pages["modules"]()
        for name in re.findall(r"^   (\w+)$", pages["page"](module), re.M)
    ]
    assert sorted(listed) == sorted(path for path, _ in public())


def test_the_costs_of_scaling_are_current():
    page = runpy.run_path(str(ROOT / "docs" / "make_scaling.py"))["page"]()
    assert (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8") == page, "run make docs"


def anchors(page):
    """Return the anchors of a page's headings, as GitHub and the site name them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_links_between_pages_lead_somewhere():
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target, anchor in re.findall(r"\]\((?!\w+:)([^)#]*)#?([^)]*)\)", page.read_text(encoding="utf-8")):
            linked = page.parent / target if target else page
            assert linked.exists(), f"{page.name} links to {target}"
            assert not anchor or anchor in anchors(linked), f"{page.name} links to {target}#{anchor}"


def test_the_version_is_the_same_everywhere():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.+)$", citation, re.M)[1] == skxmr.__version__
    assert f"version = {{{skxmr.__version__}}}" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"\n## {skxmr.__version__} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_method_is_in_the_table_of_methods():
    page = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
    for cls in testing.all_retrievers():
        assert f"| `{cls.__name__}` |" in page, cls


def test_methods_that_the_readme_names_exist():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.split("## Methods")[1].split("\n\n")[1]
    named = re.findall(r"`(\w+)`", table)
    assert sorted(named) == sorted(cls.__name__ for cls in testing.all_retrievers())


def test_all_that_was_measured_is_in_the_results():
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    table = page.split("<!-- measured: begin -->")[1].split("<!-- measured: end -->")[0]
    records = (ROOT / "benchmarks" / "results" / "reproduce.jsonl").read_text(encoding="utf-8").splitlines()
    for name in ("wikipedia", "corel5k_tags", "mirflickr_tags", "clipart", "icons"):
        measured = {fit["method"] for fit in map(json.loads, records) if fit["set"] == name}
        assert measured == set(re.findall(rf"^\| {name} \| (\w+) \|", table, re.M)), name


def test_everything_that_looks_into_models_is_in_the_gallery():
    gallery = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "examples").glob("*.py"))
    table = (ROOT / "docs" / "pictures.md").read_text(encoding="utf-8")
    for name in inspection.__all__:
        if name.endswith("Display"):
            assert f"\n| `{name}` |" in table and re.search(rf"{name}(\.from_|\()", gallery), name
    for name in ("compare", "explain", "report"):
        assert re.search(rf"\b{name}\(", gallery), name


def test_every_example_makes_one_claim_and_shows_its_picture():
    for path in (ROOT / "examples").glob("*.py"):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        assert len(re.findall(r"^Claim: ", text, re.M)) == 1, path
        for picture in re.findall(r"^\.\. image:: /(.+)$", text, re.M):
            assert (ROOT / "docs" / picture).is_file(), picture


def test_files_and_functions_are_small():
    for file in (ROOT / "skxmr").rglob("*.py"):
        source = file.read_text(encoding="utf-8")
        assert source.count("\n") <= 300, file
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                assert not body or node.end_lineno - body[0].lineno + 1 <= 40, f"{file.name}: {node.name}"
