"""The group of all commands. What a command needs is imported when it runs, so that help is quick."""

from __future__ import annotations

import click

import skxmr
from skxmr.cli.annotate import annotate
from skxmr.cli.card import card
from skxmr.cli.command import Group
from skxmr.cli.evaluate import evaluate
from skxmr.cli.fit import fit
from skxmr.cli.index import index
from skxmr.cli.info import info
from skxmr.cli.search import search
from skxmr.cli.serve import serve


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(skxmr.__version__, prog_name="skxmr")
def app() -> None:
    """Find texts for images and images for texts, from a table of image files to a search.

    \b
      skxmr fit --config run.toml --out model/
      skxmr evaluate model/ table.csv --config run.toml
      skxmr index model/ table.csv --out index/
      skxmr search index/ "a red bird" -k 10
      skxmr serve index/
      skxmr annotate model/ pictures/ --out tags.csv

    The exit code is 0 if all went well, 1 if something could not be done, 2 if the call or run.toml is wrong, and 130
    after Ctrl-C.
    """  # noqa: D301 (click takes this character for the beginning of lines that stay as they are)


for command in (fit, evaluate, index, search, serve, annotate, card, info):
    app.add_command(command)
