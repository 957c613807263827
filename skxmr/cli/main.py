"""The door of the command `skxmr`."""

from __future__ import annotations

import io
import sys


def main() -> None:
    """Run the command; the words that follow it in the shell are its arguments."""
    try:
        import click  # noqa: F401
    except ModuleNotFoundError as error:
        sys.exit(f"Error: the command skxmr needs click ({error}): pip install click.")
    from skxmr.cli.app import app
    from skxmr.cli.command import lost_output

    # A caption that this screen or file has no letters for is shown by their numbers, rather than not at all.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="skxmr")
    except OSError as error:
        # Commands tell of their own errors, and this one is of the help.
        sentence = lost_output(error)
        if sentence is None:
            raise
        sys.exit(f"Error: {sentence}")
