"""The page on the command line is true: its file is a run, and its lines do what it says."""

import csv
import json
import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from torch import nn

from skxmr.app import server
from skxmr.cli.app import app
from skxmr.features import lite
from tests.cli.conftest import TRUST, write_pictures

PAGE = (Path(__file__).parents[2] / "docs" / "command_line.md").read_text(encoding="utf-8")


class Colours(nn.Module):
    """The colours of a small picture, by the layer that the page's network has."""

    def __init__(self):
        super().__init__()
        self._avg_pooling = nn.AdaptiveAvgPool2d(6)

    def forward(self, x):
        return self._avg_pooling(x)


@pytest.fixture
def run_page(tmp_path, monkeypatch):
    """A function that runs all lines of the page, and returns the line that searches by an image and what it found."""
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "pictures")
    # A server would serve until somebody ends it, and its port may be taken.
    monkeypatch.setattr(server, "listening", lambda host, port: socket.create_server((host, 0)))
    monkeypatch.setattr(server, "serve", lambda app, listener, timeout: listener.close())

    def run():
        toml = re.findall(r"^```toml\n(.*?)^```", PAGE, re.S | re.M)[0]
        (tmp_path / "run.toml").write_text(toml)
        console = "".join(re.findall(r"^```console\n(.*?)^```", PAGE, re.S | re.M))
        outputs = {}
        for line in console.splitlines():
            words = shlex.split(line.removeprefix("$ skxmr "))
            done = CliRunner().invoke(app, words)
            assert done.exit_code == 0, done.output
            outputs[line] = done.output
            if "--json" in words:
                found = line
        assert set(re.findall(r"^\$ skxmr (\w+)", console, re.M)) == set(app.commands)
        hits = json.loads(outputs[found])
        assert hits[0]["tags"] == "red;bird" and {hit["part"] for hit in hits} == {"test"}
        with open("tags.csv") as file:
            assert len(list(csv.DictReader(file))) == 36
        assert (tmp_path / "features").is_dir()
        return found, hits

    return run


def test_the_page_runs_with_a_small_network(run_page, monkeypatch):
    monkeypatch.setattr(lite, "lite_network", Colours)
    run_page()


@pytest.mark.slow
def test_the_page_runs(run_page):
    pytest.importorskip("efficientnet_lite_pytorch")
    found, hits = run_page()
    # What another process answers is the same.
    words = [sys.executable, "-m", "skxmr.cli", *shlex.split(found)[2:]]
    assert json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout) == hits


@pytest.mark.slow
def test_another_process_answers_the_same(made, call):
    words = ["search", "index", "a red bird", "-k", "3", "--json", *TRUST]
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "skxmr.cli", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=made, env=environment)
    assert json.loads(done.stdout) == json.loads(call(*words).output) and done.stderr == ""
