"""Run the code of a tutorial, and put what it prints and draws onto the page.

    python docs/run_page.py docs/tutorial_comparing.md

What a block prints stands in a block of text below it. A picture of the page is a file that its code saves under the
same name. The tests run the pages in the same way, and compare.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import socket
import sys
import tempfile
import types
import warnings
from pathlib import Path
from unittest import mock

BLOCK = re.compile(
    r"^```(?P<language>python|console)\n(?P<code>.*?)^```\n(?:\n```text\n(?P<shown>.*?)^```\n)?", re.S | re.M
)
PICTURE = re.compile(r"^!\[.+\]\((.+\.png)\)", re.M)


def run(page: str) -> list[str]:
    """Run the blocks of a page in the current folder, from top to bottom; return what each prints."""
    # A module, so that classes defined on the page can be pickled
    module = types.ModuleType("page")
    return [_run_block(block, module) for block in BLOCK.finditer(page)]


def _run_block(block: re.Match[str], module: types.ModuleType) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        # What Python shows to whoever runs a script; each is printed once, as there.
        warnings.simplefilter("ignore")
        warnings.simplefilter("default", UserWarning)
        warnings.simplefilter("default", FutureWarning)
        warnings.showwarning = _print_warning
        if block["language"] == "console":
            for line in block["code"].splitlines():
                print(_in_shell(line), end="")
        else:
            exec(compile(block["code"], "page", "exec"), module.__dict__)
    return "".join(f"{line.rstrip()}\n" for line in printed.getvalue().splitlines())


def _print_warning(message: Warning | str, category: type[Warning], *place: object) -> None:
    print(f"{category.__name__}: {message}")


def _in_shell(line: str) -> str:
    """Run a line of a shell in this process; a server ends at once, at a port that is free."""
    from click.testing import CliRunner

    from skxmr.app import server
    from skxmr.cli.app import app

    listen = mock.patch.object(server, "listening", lambda host, port: socket.create_server((host, 0)))
    serve = mock.patch.object(server, "serve", lambda app, listener, timeout: listener.close())
    with listen, serve:
        done = CliRunner().invoke(app, shlex.split(line.removeprefix("$ skxmr ")))
    if done.exit_code:
        raise RuntimeError(f"{line} ended with {done.exit_code}: {done.output}")
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8000", done.output)


def with_outputs(page: str, printed: list[str]) -> str:
    """Return the page with what its blocks have printed."""
    outputs = iter(printed)

    def written(block: re.Match[str]) -> str:
        output = next(outputs)
        shown = f"\n```text\n{output}```\n" if output else ""
        return f"```{block['language']}\n{block['code']}```\n{shown}"

    return BLOCK.sub(written, page)


def main() -> None:
    """Run the pages that are named, each in an empty folder, and write outputs and pictures."""
    import matplotlib as mpl

    mpl.use("Agg")
    here = Path.cwd()
    for name in sys.argv[1:]:
        page = (here / name).read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            printed = run(page)
            for picture in PICTURE.findall(page):
                shutil.copy(picture, (here / name).parent / picture)
            os.chdir(here)
        (here / name).write_text(with_outputs(page, printed), encoding="utf-8")


if __name__ == "__main__":
    main()
