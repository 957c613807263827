"""``skxmr serve``: an index as a page that is searched in a browser."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from skxmr.cli import options
from skxmr.cli.command import Command

# A token of fewer characters is guessed by trying.
_SHORT = 16


@click.command(cls=Command)
@click.argument("index", type=options.FOLDER)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address; others than localhost need a token.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8000, show_default=True, help="0 for any that is free.")
@click.option(
    "--token",
    envvar="SKXMR_TOKEN",
    help="What requests must name. Set the variable SKXMR_TOKEN instead where others see your processes.",
)
@click.option("--root", type=options.FOLDER, help="Where paths of pictures begin; nothing outside is shown then.")
@click.option("--timeout", type=options.Number(1, 3600), default=30.0, show_default=True, help="Seconds per request.")
@click.option("--max-mb", type=click.IntRange(1, 1000), default=10, show_default=True, help="Largest picture sent.")
@options.trust
def serve(
    index: Path,
    host: str,
    port: int,
    token: str | None,
    root: Path | None,
    timeout: float,
    max_mb: int,
    trust: tuple[str, ...],
) -> None:
    """Show an INDEX as a page that is searched by words and pictures, and as an API for other programs.

    The page changes nothing. What another process saves to the folder is shown some seconds later.
    """
    _check(host, token, root)
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
        from PIL import Image  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"skxmr serve needs {error.name}, which is not installed: pip install 'skxmr[serve]'."
        ) from error
    from skxmr.app import server
    from skxmr.app.application import application
    from skxmr.app.current import Current
    from skxmr.app.settings import Settings

    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("skxmr").setLevel(logging.INFO)
    settings = Settings(token=token, root=root, timeout=timeout, max_bytes=max_mb * 1_000_000)
    current = Current(index, trust)
    # As addresses have it, and not sockets.
    host = host.strip("[]")
    listener = server.listening(host, port)
    number = listener.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    click.echo(
        f"{index}: {len(current.snapshot.index):,} items, version {current.snapshot.version}, at "
        f"http://{shown}:{number}/ (Ctrl-C ends it)"
    )
    server.serve(application(current, settings), listener, timeout)


def _check(host: str, token: str | None, root: Path | None) -> None:
    """Refuse an address that others reach without a token, and a token that cannot be sent."""
    from skxmr.app.settings import is_loopback, is_token

    if token is None and not is_loopback(host):
        raise click.UsageError(
            f"--host {host} is reached by other machines, and then requests must name a token; set the variable "
            "SKXMR_TOKEN to a long random word, or pass --token."
        )
    if token is not None and not is_token(token):
        raise click.UsageError("--token is empty or holds more than letters, digits and . _ ~ + / = -; choose another.")
    if token is not None and len(token) < _SHORT:
        click.echo(f"Warning: a token of {len(token)} characters is guessed by trying; take a longer one.", err=True)
    if root is not None and not root.is_dir():
        raise click.UsageError(f"--root {str(root)!r} is no folder; pass the one in which the pictures lie.")
