"""The door of the command `skxmr`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command; the words that follow it in the shell are its arguments."""
    try:
        import click  # noqa: F401
    except ModuleNotFoundError as error:
        sys.exit(f"Error: the command skxmr needs click ({error}): pip install click.")
    from skxmr.cli.app import app

    app(prog_name="skxmr")
