"""Completed docstrings: of classes by those of their bases, of functions by that of one with the same parameters."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable
from itertools import groupby
from typing import NamedTuple, TypeAlias, TypeVar

_TITLE = re.compile(r"^(\w[\w ]*)\n-+\n", re.MULTILINE)
_ENTRY = re.compile(r"^(\S.*)\n((?:[ ].*\n|\n)*)", re.MULTILINE)
_DEFAULT = re.compile(r",? ?default=(.+)$")


class Entry(NamedTuple):
    """What a docstring says about one parameter or attribute: the line after the colon, and the indented text."""

    kind: str
    text: str


Entries: TypeAlias = dict[str, Entry]
Documented = TypeVar("Documented", bound=Callable[..., object])


def completed(cls: type) -> str | None:
    """Return the docstring of a class, with the parameters and attributes that its bases describe.

    Parameters stand in the order of the signature and with the defaults of the class. The attributes of the class come
    before those of its bases, whose docstrings are complete.
    """
    if not cls.__doc__:
        return None
    summary, sections = _sections(cls.__doc__)
    sections["Parameters"] = _parameters(cls, _described(cls, "Parameters"), _entries(sections["Parameters"]))
    sections["Attributes"] = _written(_described(cls, "Attributes"))
    return _joined(summary, sections)


def documented_like(source: Callable[..., object]) -> Callable[[Documented], Documented]:
    """Return a decorator that completes the docstring of a function or class by that of another function.

    Parameters that only the other one describes are added, with the defaults of the decorated one; so are "Raises" and,
    for a function, "Returns" if it has no such section.
    """

    def complete(function: Documented) -> Documented:
        # Python that runs with -OO has no docstrings.
        if function.__doc__ and source.__doc__:
            summary, own = _sections(function.__doc__)
            _, others = _sections(source.__doc__)
            entries = _entries(own["Parameters"])
            second = "Attributes" if isinstance(function, type) else "Returns"
            sections = {title: others.get(title, "") for title in ("Parameters", second, "Raises")} | own
            sections["Parameters"] = _parameters(function, _entries(others["Parameters"]) | entries, entries)
            function.__doc__ = _joined(summary, sections)
        return function

    return complete


def _parameters(thing: Callable[..., object], described: Entries, own: Entries) -> str:
    """Return the described parameters in the order of the signature, with its defaults."""
    parameters: Entries = {}
    for name, parameter in inspect.signature(thing).parameters.items():
        if name in described:
            parameters[name] = _with_default(described[name], parameter.default)
    # What a docstring describes itself and is no parameter stays, so that a check against the signature finds it.
    return _written(parameters | {name: entry for name, entry in own.items() if name not in parameters})


def _joined(summary: str, sections: dict[str, str]) -> str:
    """Return a docstring of the sections that are not empty."""
    parts = [summary]
    parts += [f"{title}\n{'-' * len(title)}\n{body}" for title, body in sections.items() if body.strip()]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _sections(docstring: str) -> tuple[str, dict[str, str]]:
    """Return what stands before the first section, and the sections by title: parameters and attributes first."""
    summary, *parts = _TITLE.split(inspect.cleandoc(docstring) + "\n")
    return summary, {"Parameters": "", "Attributes": ""} | dict(zip(parts[::2], parts[1::2], strict=True))


def _described(cls: type, title: str) -> Entries:
    """Return what a class and its bases describe in a section; a class comes before its bases."""
    found: Entries = {}
    for base in cls.__mro__:
        for name, entry in _entries(_sections(base.__doc__ or "")[1][title]).items():
            found.setdefault(name, entry)
    return found


def _entries(body: str) -> Entries:
    """Return the entries of a section by name; names that share a line share their entry."""
    found: Entries = {}
    for head, text in _ENTRY.findall(body + "\n"):
        names, _, kind = head.partition(" : ")
        found |= {name: Entry(kind, text.rstrip()) for name in names.split(", ")}
    return found


def _with_default(entry: Entry, default: object) -> Entry:
    """Return an entry that states this default; "or None" needs no None as its default."""
    stated = _DEFAULT.search(entry.kind)
    if default is None and entry.kind.endswith("or None"):
        return entry
    if default is inspect.Parameter.empty or (stated and _value(stated[1]) == default):
        return entry
    return entry._replace(kind=f"{_DEFAULT.sub('', entry.kind)}, default={default!r}")


def _value(text: str) -> object:
    """Return the value of a literal; of anything else the text itself."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _written(entries: Entries) -> str:
    """Return a section; neighbours that share their description share a line."""
    out = ""
    for entry, names in groupby(entries, key=entries.__getitem__):
        head = ", ".join(names) + (f" : {entry.kind}" if entry.kind else "")
        out += f"{head}\n{entry.text}\n"
    return out
