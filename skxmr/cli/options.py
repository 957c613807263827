"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


class Number(click.FloatRange):
    """A number within a range. No comparison with NaN holds, so that the range of click lets it pass."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number."""
        found = super().convert(value, param, ctx)
        if found != found:
            self.fail(f"{value} is no number.", param, ctx)
        return found


FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)

trust = click.option(
    "--trust",
    multiple=True,
    metavar="NAME",
    help="A class or function of others, as package.module.name, that may be imported; may be given several times.",
)
model = click.argument("model", type=FOLDER)
table = click.argument("table", type=FILE)
as_json = click.option("--json", "as_json", is_flag=True, help="Write JSON, for other programs.")
quiet = click.option("--quiet", is_flag=True, help="Show no progress.")
