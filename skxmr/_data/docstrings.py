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

    Parameters stand in the order of the signature and with the defaults of the class; its own attributes come before
    inherited ones.

    Parameters
    ----------
    cls : type
        A class whose bases have complete docstrings.
    """
    if not cls.__doc__:
        return None
    summary, *sections = _TITLE.split(inspect.cleandoc(cls.__doc__) + "\n")
    bodies = {"Parameters": "", "Attributes": ""} | dict(zip(sections[::2], sections[1::2], strict=True))
    defaults = {name: parameter.default for name, parameter in inspect.signature(cls).parameters.items()}
    described = _described(cls, "Parameters")
    own = _entries(bodies["Parameters"])
    ordered = {name: _with_default(described[name], defaults[name]) for name in defaults if name in described}
    # An entry that is no parameter stays, so that a check of the docstring against the signature finds it.
    bodies["Parameters"] = _written(ordered | {name: entry for name, entry in own.items() if name not in defaults})
    bodies["Attributes"] = _written(_described(cls, "Attributes"))
    parts = [f"{title}\n{'-' * len(title)}\n{body.strip(chr(10))}\n" for title, body in bodies.items() if body.strip()]
    return "\n".join([summary.rstrip() + "\n", *parts])


def _described(cls: type, title: str) -> Entries:
    """Return what a class and its bases describe in a section, the most special description of each name."""
    found: Entries = {}
    for base in cls.__mro__:
        _, *sections = _TITLE.split(inspect.cleandoc(base.__doc__ or "") + "\n")
        bodies = dict(zip(sections[::2], sections[1::2], strict=True))
        found = found | {name: entry for name, entry in _entries(bodies.get(title, "")).items() if name not in found}
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
        out += f"{', '.join(names)} : {entry.kind}\n{entry.text}\n"
    return out
