"""Docstrings of classes: what the bases say about inherited parameters and attributes is added."""

from __future__ import annotations

import ast
import inspect
import re
from itertools import groupby
from typing import NamedTuple, TypeAlias

_TITLE = re.compile(r"^(\w[\w ]*)\n-+\n", re.MULTILINE)
_ENTRY = re.compile(r"^(\S.*)\n((?:[ ].*\n|\n)*)", re.MULTILINE)
_DEFAULT = re.compile(r",? ?default=(.+)$")


class Entry(NamedTuple):
    """What a docstring says about one parameter or attribute: the line after the colon, and the indented text."""

    kind: str
    text: str


Entries: TypeAlias = dict[str, Entry]


def completed(cls: type) -> str | None:
    """Return the docstring of a class, with the parameters and attributes that its bases describe.

    Parameters stand in the order of the signature and with the defaults of the class. The attributes of the class come
    before those of its bases.

    Parameters
    ----------
    cls : type
        A class whose bases have complete docstrings.
    """
    if not cls.__doc__:
        return None
    summary, sections = _sections(cls.__doc__)
    described = _described(cls, "Parameters")
    parameters: Entries = {}
    for name, parameter in inspect.signature(cls).parameters.items():
        if name in described:
            parameters[name] = _with_default(described[name], parameter.default)
    # What the class describes and is no parameter stays, so that a check against the signature finds it.
    parameters = parameters | {
        name: entry for name, entry in _entries(sections["Parameters"]).items() if name not in parameters
    }
    sections["Parameters"] = _written(parameters)
    sections["Attributes"] = _written(_described(cls, "Attributes"))
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
    """Return an entry that states this default."""
    stated = _DEFAULT.search(entry.kind)
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
