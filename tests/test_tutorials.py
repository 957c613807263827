"""The tutorials: their code runs, and prints and draws what they show."""

import ast
import re
import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
TUTORIALS = sorted(DOCS.glob("tutorial_*.md"))
RUNNER = runpy.run_path(str(DOCS / "run_page.py"))
# Numbers with a decimal point differ a little from one machine to another, and versions of an index are random.
NUMBER = re.compile(r"-?\d*\.\d+")
VERSION = re.compile(r"version \w{12}")


def words_and_numbers(text):
    """Return a text without its numbers, its rules and the width of its columns, and the numbers."""
    words = re.sub(r"[ -]+", " ", VERSION.sub("version", NUMBER.sub("number", text)))
    return words.split("\n"), np.array(NUMBER.findall(text), dtype=float)


def read_small(path):
    return np.asarray(Image.open(path).convert("L").resize((100, 60)), dtype=float)


@pytest.mark.slow
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_what_a_tutorial_shows_is_what_its_code_does(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    printed = RUNNER["run"](text)
    plt.close("all")
    for block, output in zip(RUNNER["BLOCK"].finditer(text), printed, strict=True):
        words, numbers = words_and_numbers(output)
        shown, values = words_and_numbers(block["shown"] or "")
        assert words == shown, block["code"]
        assert np.allclose(numbers, values, rtol=0.1, atol=0.02), block["code"]
    for picture in RUNNER["PICTURE"].findall(text):
        assert np.abs(read_small(picture) - read_small(DOCS / picture)).mean() < 10, picture


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_a_tutorial_is_whole(page):
    """What can be told without running it, which takes a minute: names, outputs and pictures."""
    text = page.read_text(encoding="utf-8")
    code = "".join(block["code"] for block in RUNNER["BLOCK"].finditer(text) if block["language"] == "python")
    imports = [node for node in ast.parse(code).body if isinstance(node, ast.Import | ast.ImportFrom)]
    exec(compile(ast.Module(imports, []), page.name, "exec"), {})
    for block in RUNNER["BLOCK"].finditer(text):
        assert bool(block["shown"]) == ("print(" in block["code"] or block["language"] == "console"), block["code"]
    pictures = RUNNER["PICTURE"].findall(text)
    assert pictures and all((DOCS / picture).is_file() and f'savefig("{picture}"' in code for picture in pictures)
