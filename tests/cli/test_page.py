"""The page on the command line is true: its file is a run, and its lines do what it says."""

import csv
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from skxmr.cli.app import app
from tests.cli.conftest import write_pictures

PAGE = (Path(__file__).parents[2] / "docs" / "command_line.md").read_text(encoding="utf-8")


def test_the_page_runs(tmp_path, monkeypatch):
    pytest.importorskip("efficientnet_lite_pytorch")
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "pictures")
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
    # What another process answers is the same.
    words = [sys.executable, "-m", "skxmr.cli", *shlex.split(found)[2:]]
    assert json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout) == hits
