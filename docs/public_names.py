"""Find the public names and write the pages that list them, one per module. Used by conf.py and the tests."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import skxmr
from skxmr.pairwise import SetRetriever

# The titles under which a module's page lists its names, in this order
TITLES = (
    "Deep methods",
    "Methods for regions and words",
    "Closed-form methods",
    "Combinations of retrievers",
    "Base classes",
    "Classes",
    "Functions",
)


def modules(module: ModuleType = skxmr) -> Iterator[ModuleType]:
    """Yield a module and the public modules inside it."""
    yield module
    for name in module.__all__:
        thing = getattr(module, name)
        if inspect.ismodule(thing) and hasattr(thing, "__all__"):
            yield from modules(thing)


def names(module: ModuleType) -> list[str]:
    """Return the public names of a module without the modules in it."""
    return [name for name in module.__all__ if not inspect.ismodule(getattr(module, name))]


def title_of(thing: type) -> str:
    """Return the title under which a public class or function is listed."""
    if not inspect.isclass(thing):
        return "Functions"
    if not issubclass(thing, skxmr.Retriever):
        return "Classes"
    if inspect.isabstract(thing):
        return "Base classes"
    if issubclass(thing, SetRetriever):
        return "Methods for regions and words"
    if issubclass(thing, skxmr.DeepRetriever):
        return "Deep methods"
    made_of_others = thing in (skxmr.AutoRetriever, skxmr.RetrieverEnsemble, skxmr.TwoStage)
    return "Combinations of retrievers" if made_of_others else "Closed-form methods"


def members_of(path: str) -> list[tuple[str, str]]:
    """Return the public methods and properties that a class has from this package, each with the kind of directive."""
    module, _, name = path.rpartition(".")
    cls = getattr(next(found for found in modules() if found.__name__ == module), name)
    ours = [base for base in cls.__mro__ if base.__module__.startswith("skxmr")]
    found = {name: kind_of(thing) for base in ours for name, thing in vars(base).items() if not name.startswith("_")}
    return sorted((kind, name) for name, kind in found.items() if kind)


def kind_of(thing: object) -> str:
    """Return "method" or "property", or nothing for members of other kinds."""
    if isinstance(thing, property):
        return "property"
    return "method" if inspect.isfunction(thing) or isinstance(thing, classmethod) else ""


def page(module: ModuleType) -> str:
    """Return the page of a module: its docstring, and tables of its names that lead to a page per name."""
    lines = [module.__name__, "=" * len(module.__name__), "", f".. module:: {module.__name__}", ""]
    lines += [inspect.getdoc(module) or "", ""]
    for title in TITLES:
        found = [name for name in names(module) if title_of(getattr(module, name)) == title]
        if found:
            lines += [title, "-" * len(title), "", ".. autosummary::", "   :toctree: objects", ""]
            lines += [*(f"   {name}" for name in found), ""]
    return "\n".join(lines)


def write(folder: Path) -> None:
    """Write all pages, and leave those alone that did not change, so that Sphinx need not read them again."""
    folder.mkdir(exist_ok=True)
    for module in modules():
        file = folder / f"{module.__name__}.rst"
        if not file.exists() or file.read_text(encoding="utf-8") != page(module):
            file.write_text(page(module), encoding="utf-8")
