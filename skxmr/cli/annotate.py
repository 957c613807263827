"""``skxmr annotate``: tags for image files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import click

from skxmr.cli import options, progress
from skxmr.cli.command import Command
from skxmr.cli.items import joined


@click.command(cls=Command)
@options.model
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=options.FILE, help="The table that is written, as CSV; the screen unless given.")
@click.option("-k", type=click.IntRange(min=1), help="The largest number of tags per image.")
@click.option("--threshold", type=float, help="The smallest score; those that fit has chosen unless given.")
@click.option("--sep", default=";", show_default=True, help="What separates tags in the table.")
@options.quiet
@options.trust
def annotate(
    model: Path,
    images: tuple[Path, ...],
    out: Path | None,
    k: int | None,
    threshold: float | None,
    sep: str,
    quiet: bool,
    trust: tuple[str, ...],
) -> None:
    """Name the tags of IMAGES, files or folders, by a saved MODEL."""
    import skxmr
    from skxmr.persistence._writing import write_whole

    # Better known before hours of work.
    if out is not None and not out.parent.is_dir():
        raise FileNotFoundError(
            f"{str(out)!r} could not be written: there is no folder {str(out.parent)!r}; make it first."
        )
    files = [str(file) for file in _files(images)]
    loaded = skxmr.load(model, trusted=trust)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["file_name", "tags", "scores"])
    for block in progress.blocks(len(files), "image", quiet):
        tags, scores = skxmr.annotate(loaded, files[block], k=k, threshold=threshold, return_scores=True)
        for file, own, numbers in zip(files[block], tags, scores, strict=True):
            shares = sep.join(f"{number:.4f}" for number in numbers)
            table.writerow([file, joined(own, sep, "pass another --sep"), shares])
    if out is None:
        click.echo(text.getvalue(), nl=False)
        return
    write_whole(out, text.getvalue())
    click.echo(f"saved: {out}, {len(files):,} images")


def _files(images: Iterable[Path]) -> list[Path]:
    """Return files, and those in folders, each once."""
    from skxmr._data.unicode import is_unicode
    from skxmr.search.items import files_in

    found: list[Path] = []
    for path in images:
        if not path.exists():
            raise FileNotFoundError(f"there is no file or folder {str(path)!r}.")
        found += files_in(path) if path.is_dir() else [path]
    for path in found:
        if not is_unicode(str(path)):
            raise ValueError(f"the name of {str(path)!r} is not in UTF-8, as a table is; rename the file.")
    return list(dict.fromkeys(found))
