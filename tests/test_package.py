"""The package as a whole: what importing it costs and exposes."""

import ast
import inspect
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

import skxmr
from skxmr import CrossModalRetriever
from skxmr.deep.trained import TrainedRetriever
from skxmr.testing import all_retrievers

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "skorch", "matplotlib", "spacy")


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def loaded(code, modules=HEAVY):
    """Return which of the modules are loaded once the code has run in a process of its own."""
    return run(f"import sys\n{code}\nprint(*[module for module in {modules} if module in sys.modules])").split()


def is_deep(name):
    thing = getattr(skxmr, name)
    return name in ("deep", "features", "nn", "pairwise") or (
        inspect.isclass(thing) and issubclass(thing, TrainedRetriever)
    )


def test_importing_loads_nothing_heavy_and_next_to_nothing_else():
    """So it is quick, whatever else the machine does."""
    assert loaded("import skxmr", (*HEAVY, "sklearn", "pandas", "scipy", "numpy")) == []
    more = "import sys; before = set(sys.modules); import skxmr; print(*(set(sys.modules) - before))"
    modules = run(more).split()
    assert [module for module in modules if module.startswith("skxmr")] == ["skxmr"]
    # Which modules of Python are there already depends on the environment.
    others = {module.partition(".")[0] for module in modules} - sys.stdlib_module_names
    assert others == {"skxmr", "lazy_loader"} and len(modules) < 40


@pytest.mark.slow
def test_only_deep_methods_load_torch():
    light = [name for name in skxmr.__all__ if not is_deep(name)]
    assert {"CCA", "TwoStage", "metrics", "testing"} <= set(light)
    assert loaded(f"from skxmr import {', '.join(light)}\ndatasets.load_wikipedia, testing.check_retriever") == []


@pytest.mark.slow
def test_methods_load_little_before_they_are_fitted():
    """Importing a method takes hardly longer than importing scikit-learn's base classes, and torch for deep ones."""
    heavy = ("torch", "skorch", "sklearn.preprocessing", "sklearn.model_selection", "sklearn.metrics", "scipy.io")
    assert loaded("import skxmr; skxmr.MLCCA", heavy) == []
    assert loaded("import skxmr; skxmr.DAGNN", heavy) == ["torch"]


def test_methods_in_closed_form_fit_and_score_without_torch_and_dask():
    closed = [cls for cls in all_retrievers() if issubclass(cls, CrossModalRetriever) and not is_deep(cls.__name__)]
    fits = [f"skxmr.{cls.__name__}().fit(pairs, labels).score(pairs, labels)" for cls in closed]
    data = "import skxmr; pairs, labels = skxmr.datasets.make_multilabel_pairs(50, n_text_features=20)"
    assert len(fits) > 3 and loaded("\n".join([data, *fits]), (*HEAVY, "dask")) == []


def test_the_stub_names_what_is_public():
    """Type checkers read the stub, Python reads it when skxmr is imported, and users read `__all__`."""
    stub = ast.parse((ROOT / "skxmr" / "__init__.pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    names = [alias.asname for node in imports for alias in node.names]
    assert sorted(names) == sorted(skxmr.__all__) and len(set(names)) == len(names)
    for node in imports:
        for alias in node.names:
            # "import A as A" is how a stub says that it passes a name on
            assert alias.name == alias.asname
            home = import_module(f"skxmr.{node.module or alias.name}")
            assert getattr(skxmr, alias.name) is (getattr(home, alias.name) if node.module else home)


def test_public_names_resolve():
    for name in skxmr.__all__:
        assert getattr(skxmr, name) is not None and name in dir(skxmr)
    with pytest.raises(AttributeError, match="No skxmr attribute DCCAE"):
        skxmr.DCCAE  # noqa: B018


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("skxmr.losses", "skxmr.nn.losses", "label_prediction"),
        ("skxmr.networks", "skxmr.nn.networks", "encoder"),
        ("skxmr.contrastive", "skxmr.nn.contrastive", "hardest_triplets"),
        ("skxmr.deep.objective", "skxmr.nn.objective", "Objective"),
        ("skxmr.deep.set_networks", "skxmr.pairwise.networks", "set_encoders"),
    ],
)
def test_modules_that_have_moved_still_work_with_a_warning(old, new, name):
    with pytest.warns(DeprecationWarning, match=f"{old} has moved to {new} and will be removed in 0.3; import {name}"):
        found = getattr(import_module(old), name)
    assert found is getattr(import_module(new), name)
    with pytest.raises(AttributeError, match="nothing"):
        import_module(old).nothing  # noqa: B018


def test_the_version_is_stated_once():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert skxmr.__version__ == project["version"] == version("skxmr")


def test_typed():
    assert (ROOT / "skxmr" / "py.typed").exists()
