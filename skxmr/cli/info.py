"""``skxmr info``: versions, and which extras are installed."""

from __future__ import annotations

import platform
import re

import click

import skxmr
from skxmr.cli.command import Command

_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)[^;]*?(?:;.*extra\s*==\s*['\"]([^'\"]+)['\"])?\s*$")
# What developers install.
_NOT_SHOWN = ("bench", "dev", "docs")


@click.command(cls=Command)
def info() -> None:
    """Show the versions of the library and of what it uses, and which extras are installed."""
    click.echo(f"skxmr {skxmr.__version__}, Python {platform.python_version()}, {platform.platform()}")
    needed = _requirements()
    for name in needed.pop("", []):
        click.echo(f"  {name} {_version(name) or 'is missing'}")
    click.echo("extras:")
    for extra, names in sorted(needed.items()):
        missing = [name for name in names if _version(name) is None]
        found = ", ".join(f"{name} {_version(name)}" for name in names if name not in missing)
        way = f"pip install 'skxmr[{extra}]' for {', '.join(missing)}" if missing else found
        click.echo(f"  {extra:<12} {'missing: ' if missing else ''}{way}")


def _requirements() -> dict[str, list[str]]:
    """Return the names of required packages by extra; those that are always required have none."""
    from importlib.metadata import requires

    found: dict[str, list[str]] = {}
    for line in requires("skxmr") or []:
        match = _REQUIREMENT.match(line)
        if match is None:
            continue
        name, extra = match.groups()
        if extra not in _NOT_SHOWN and name != "skxmr":
            found.setdefault(extra or "", []).append(name)
    return found


def _version(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None
