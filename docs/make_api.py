"""Write docs/api.md from the public names and their docstrings. Run with ``make docs``."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from numpydoc.docscrape import ClassDoc, FunctionDoc, Parameter

import skxmr
from skxmr import datasets, features, metrics, testing

MODULES = (skxmr, features, metrics, datasets, testing)
PAGE = Path(__file__).with_name("api.md")
TABLES = ("Parameters", "Attributes", "Returns", "Yields", "Raises", "Warns")
PROSE = ("Notes", "References")


def public_names(module: ModuleType) -> list[str]:
    """Return the documented names of a module, submodules left out."""
    return [name for name in module.__all__ if not inspect.ismodule(getattr(module, name))]


def public_methods(cls: type) -> list[str]:
    """Return the public methods of a class, but those of a public base, which stand there."""
    public = [getattr(module, name) for module in MODULES for name in public_names(module)]
    bases = [base for base in cls.__mro__[1:] if base in public]
    ours = (base for base in cls.__mro__ if base.__module__.startswith("skxmr"))
    names = {name for base in ours for name, thing in vars(base).items() if is_method(thing) and name[0] != "_"}
    return sorted(name for name in names if name in vars(cls) or not any(hasattr(base, name) for base in bases))


def is_method(thing: Any) -> bool:
    """Tell methods and class methods from other members."""
    return inspect.isfunction(thing) or isinstance(thing, classmethod)


def signature(thing: Any) -> str:
    """Return the signature without annotations."""
    parameters = [p.replace(annotation=p.empty) for p in inspect.signature(thing).parameters.values()]
    return str(inspect.Signature([p for p in parameters if p.name != "self"]))


def page() -> str:
    """Return the whole page."""
    parts = ["# API", "", "Generated from the docstrings by `make docs`.", ""]
    for module in MODULES:
        parts += [f"## `{module.__name__}`", "", inspect.getdoc(module).split("\n")[0], ""]
        for name in public_names(module):
            parts += entry(getattr(module, name), name)
    return "\n".join(parts).rstrip() + "\n"


def entry(thing: Any, name: str) -> Iterator[str]:
    """Yield the lines of one class or function, its own methods included."""
    yield from described(thing, f"### `{name}{signature(thing)}`")
    for method in public_methods(thing) if inspect.isclass(thing) else []:
        function = getattr(thing, method)
        yield from described(function, f"#### `{name}.{method}{signature(function)}`")


def described(thing: Any, heading: str) -> Iterator[str]:
    """Yield a heading and the docstring as Markdown."""
    doc = ClassDoc(thing, config={"show_class_members": False}) if inspect.isclass(thing) else FunctionDoc(thing)
    yield from (heading, "")
    yield from (" ".join(doc["Summary"]), "")
    if doc["Extended Summary"]:
        yield from ("\n".join(doc["Extended Summary"]).strip(), "")
    for section in TABLES:
        if doc[section]:
            yield from (f"**{section}**", "", *map(item, doc[section]), "")
    for section in PROSE:
        if doc[section]:
            yield from (f"**{section}**", "", "\n".join(doc[section]).strip(), "")
    if doc["Examples"]:
        yield from ("```pycon", *"\n".join(doc["Examples"]).strip().split("\n"), "```", "")


def item(parameter: Parameter) -> str:
    """Return one parameter, attribute or error as a list item."""
    name, kind = parameter.name, parameter.type
    title = f"`{name}` ({kind})" if name and kind else f"`{name or kind}`"
    return f"- {title}: {' '.join(line.strip() for line in parameter.desc)}".rstrip(": ")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.exit(0)
