"""The package as a whole: what importing it costs and exposes."""

import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import skxmr

ROOT = Path(__file__).parents[1]
DEEP = {"ACMR", "ALGCN", "DAGNN", "DCCA", "DSCMR", "IGNN", "L2GCN", "RACG", "SCAN"}


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_is_light():
    """No torch, skorch, matplotlib or spaCy; scikit-learn itself only when a name is first used."""
    heavy = ("torch", "skorch", "matplotlib", "spacy", "sklearn", "pandas", "scipy")
    assert run(f"import sys, skxmr; print([m for m in {heavy} if m in sys.modules])") == "[]"
    deep = {name for name, home in skxmr._HOME.items() if home.startswith(("deep", "pairwise")) or name in DEEP}
    deep |= {"features"}
    light = ", ".join(sorted(set(skxmr.__all__) - deep))
    everything = f"import sys\nfrom skxmr import {light}\ndatasets.load_wikipedia, testing.check_retriever"
    assert run(f"{everything}\nprint([m for m in {heavy[:4]} if m in sys.modules])") == "[]"


def test_public_names_resolve():
    for name in skxmr.__all__:
        assert getattr(skxmr, name) is not None and name in dir(skxmr)
    assert sorted(skxmr.__all__) == sorted([*skxmr._HOME, *skxmr._MODULES])
    with pytest.raises(AttributeError, match="has no attribute 'DCCAE'"):
        skxmr.DCCAE  # noqa: B018


def test_the_version_is_stated_once():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert skxmr.__version__ == project["version"] == version("skxmr")


def test_typed():
    assert (ROOT / "skxmr" / "py.typed").exists()
