"""``skxmr card``: what a saved model is."""

from __future__ import annotations

from pathlib import Path

import click

from skxmr.cli import options
from skxmr.cli.command import Command


@click.command(cls=Command)
@options.model
def card(model: Path) -> None:
    """Show the card of a saved MODEL, or of the model in an index: what it was trained on, and its scores."""
    from skxmr.persistence._config import check_file, read_config, written_files
    from skxmr.persistence._loading import FORMAT, KIND
    from skxmr.search import files

    folder = model / files.MODEL if written_files(model, files.KIND) is not None else model
    config = read_config(folder, KIND, FORMAT)
    file = folder / "README.md"
    with file.open("rb") as handle:
        check_file(handle, file, config)
        click.echo(handle.read().decode(), nl=False)
