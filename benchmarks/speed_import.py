"""Importing a method beside importing what it cannot do without, each in fresh processes."""

from __future__ import annotations

import subprocess
import sys

from measure import Sides, case


def importing(code: str) -> None:
    """Run an import in a process of its own."""
    subprocess.run([sys.executable, "-c", code], check=True)


@case("importing MLCCA", at_most={"sklearn.base": 1.1}, clock="wall", repeat=15)
def closed_form() -> Sides:
    """Return the import of a method in closed form and that of scikit-learn's base classes."""
    return {
        "skxmr": lambda: importing("import skxmr; skxmr.MLCCA"),
        "sklearn.base": lambda: importing("import sklearn.base"),
    }


@case("importing DAGNN", at_most={"torch, sklearn.base": 1.1}, clock="wall", repeat=15)
def deep() -> Sides:
    """Return the import of a deep method, and those of torch and scikit-learn's base classes."""
    return {
        "skxmr": lambda: importing("import skxmr; skxmr.DAGNN"),
        "torch, sklearn.base": lambda: importing("import torch, sklearn.base"),
    }
