"""docs/add_a_method.md is true: followed to the letter in a copy of the repository, it adds methods that pass."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from skxmr.testing import check_retriever

ROOT = Path(__file__).parents[1]
COPIED = ("skxmr", "tests", "README.md", "docs/methods.md", "setup.cfg", "pyproject.toml", "docs/public_names.py")
STEP = re.compile(r"^(Create|Add to) `([\w./]+)`:\n\n```\w+\n(.*?)^```$", re.S | re.M)
# The tests that find methods by themselves, and so must have found the new ones
DISCOVERING = "every_method or every_public or stub"


class Step(NamedTuple):
    """What the page says to do with a file."""

    action: str
    path: str
    text: str


PAGE = (ROOT / "docs" / "add_a_method.md").read_text(encoding="utf-8")
METHODS = {}
for section in PAGE.split("\n## "):
    steps = [Step(*found) for found in STEP.findall(section)]
    if steps:
        METHODS[Path(steps[0].path).stem] = steps
NAMES = [re.findall(r"^class (\w+)", steps[0].text, re.M)[-1] for steps in METHODS.values()]


def follow(step, root):
    """Do in a copy of the repository what the page says."""
    file = root / step.path
    if step.action == "Create":
        assert not file.exists(), file
        file.write_text(step.text, encoding="utf-8")
        return
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    # A row comes below the head of the table of methods, an import before the first that comes later in the alphabet.
    head = "|---|---|---|---|\n"
    at = lines.index(head) + 1 if head in lines else next(i for i, line in enumerate(lines) if line > step.text)
    file.write_text("".join([*lines[:at], step.text, *lines[at:]]), encoding="utf-8")


def run(root, *arguments):
    """Run Python in the copy."""
    environment = {**os.environ, "PYTHONPATH": str(root), "SKXMR_DATA": ""}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A copy of the repository in which the page was followed."""
    root = tmp_path_factory.mktemp("copy")
    (root / "docs").mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            # With what is compiled already.
            shutil.copytree(ROOT / name, root / name)
        else:
            shutil.copy(ROOT / name, root / name)
    for steps in METHODS.values():
        for step in steps:
            follow(step, root)
    return root


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_one_file_its_tests_and_two_lines(name):
    steps = METHODS[name]
    created = [step.path for step in steps if step.action == "Create"]
    added = {step.path: len(step.text.splitlines()) for step in steps if step.action == "Add to"}
    assert created == [f"skxmr/methods/{name}.py", f"tests/methods/test_{name}.py"]
    assert added == {"skxmr/__init__.pyi": 1, "docs/methods.md": 1}


@pytest.mark.parametrize("name", list(METHODS)[:1])
def test_the_page_passes_the_public_checks(repository, name, monkeypatch):
    """Quick, because the first method of the page is a closed form; the slow test below runs all of them."""
    specification = importlib.util.spec_from_file_location(name, repository / METHODS[name][0].path)
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, name, module)
    specification.loader.exec_module(module)
    check_retriever(getattr(module, NAMES[0])())


@pytest.mark.slow
def test_the_methods_are_found_and_pass_the_checks(repository):
    files = [step.path for steps in METHODS.values() for step in steps[:2]]
    common = ["tests/test_common.py", "tests/test_docs.py", "tests/test_package.py"]
    chosen = " or ".join([*METHODS, *NAMES, DISCOVERING])
    out = run(repository, "-m", "pytest", "-p", "no:cacheprovider", "-vv", *files, *common, "-k", chosen)
    for name in NAMES:
        assert len(re.findall(rf"^tests/test_common.*\[{name}.*PASSED", out, re.M)) > 10, name
    for name in METHODS:
        assert re.search(rf"^skxmr/methods/{name}.py::.* PASSED", out, re.M)
        assert re.search(rf"^tests/methods/test_{name}.py::.* PASSED", out, re.M)
    assert "FAILED" not in out


def test_their_code_passes_ruff_and_the_contract_between_modules(repository):
    files = [step.path for steps in METHODS.values() for step in steps[:2]]
    run(repository, "-m", "ruff", "check", "skxmr/__init__.pyi", *files)
    run(repository, "-m", "ruff", "format", "--check", *files)
    lint = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    assert "0 broken" in run(repository, "-c", lint)


@pytest.mark.slow
def test_their_code_passes_mypy(repository):
    run(repository, "-m", "mypy", "--cache-dir", str(repository / "cache"))
