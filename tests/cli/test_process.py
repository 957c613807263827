"""The command as a process: what help costs, and the door that an installation has."""

import io
import os
import resource
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from skxmr.cli.main import main

ROOT = Path(__file__).parents[2]
COMMANDS = ["", "fit", "evaluate", "index", "search", "serve", "annotate", "card", "info"]


def seconds(arguments):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "skxmr.cli", *arguments], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("command", COMMANDS)
def test_help_imports_nothing_heavy(command):
    words = ["skxmr", *command.split(), "--help"]
    code = f"""
import sys
sys.argv = {words}
from skxmr.cli.main import main
try:
    main()
except SystemExit as done:
    assert done.code == 0
print(*[name for name in ("torch", "sklearn", "numpy", "pandas", "scipy") if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "" and done.stdout.startswith("Usage: skxmr")


def test_help_is_quick():
    assert min(seconds(["--help"]) for _ in range(3)) < 0.2


def test_without_click_the_command_says_what_is_missing():
    code = "import sys; sys.modules['click'] = None; from skxmr.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1 and "pip install click" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
def test_an_error_in_a_process_is_one_sentence(tmp_path):
    words = [sys.executable, "-m", "skxmr.cli", "card", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("Error: ") and len(done.stderr.splitlines()) == 1


def test_letters_that_the_screen_has_not_are_shown_by_their_numbers(monkeypatch):
    screen = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr("skxmr.cli.app.app", lambda prog_name: click.echo("sch\xf6n \u65e5 \ud800"))
    main()
    screen.flush()
    assert screen.buffer.getvalue() == b"sch\xf6n \\u65e5 \\ud800\n"


def test_the_door_is_the_one_of_the_installation():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert scripts == {"skxmr": "skxmr.cli.main:main"}


@pytest.mark.parametrize("words", [["--help"], []])
def test_an_output_that_nobody_reads_any_more_ends_in_silence(words):
    """As where it is piped into `head`: that is no full disk."""
    code = f"""
import click
from skxmr.cli.command import Command
Command("said", callback=lambda: click.echo("a word"), params=[]).main({words})
"""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-c", code], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert done.returncode == 1 and done.stderr == ""
