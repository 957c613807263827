"""Whatever is written behind `skxmr`, or into the file of a run, is done as a whole or refused by a sentence."""

import datetime
import json
import re
import shutil
import tomllib
import warnings
from unittest.mock import patch

import click
import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from skxmr.cli import names
from skxmr.cli.app import app
from skxmr.cli.command import RunError
from skxmr.cli.grids import search_of
from skxmr.cli.pipelines import pipeline_of
from skxmr.cli.run_file import read_run
from skxmr.cli.tables import load_run_table, parts_of
from tests.cli.conftest import RUN, TRUST
from tests.drawn import drawn

COMMANDS = dict(app.commands)


def options_of(command):
    """Return the options of a command, but for the one that shows where in the code an error arose."""
    found = [name for each in command.params if isinstance(each, click.Option) for name in each.opts]
    return [*(name for name in found if name != "--debug"), "--help"]


OPTIONS = sorted({name for command in COMMANDS.values() for name in options_of(command)})
# What each command is given where nothing odd is.
RIGHT = {
    "fit": ["--config", "run.toml", "--out", "new"],
    "evaluate": ["model", "pictures/table.csv", *TRUST],
    "index": ["model", "pictures/table.csv", "--out", "new", *TRUST],
    "search": ["index", "a red bird", *TRUST],
    "serve": ["index", *TRUST],
    "annotate": ["model", "pictures/red_bird_0.png", *TRUST],
    "card": ["model"],
    "info": [],
}
# No names in other encodings, which `main` writes by their numbers, but which cannot be written where click is called
# by a test. No control characters: the system ends an argument at a zero, and click repeats the others as they came.
WORDS = st.one_of(
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=6),
    st.sampled_from(["", " ", "-", "--", "-1", "0", "1", "3", "nan", "inf", "-inf", "1e400", "9" * 30, "0.5", "true"]),
    st.sampled_from(["model", "index", "pictures", "pictures/table.csv", "run.toml", "new", "no/such", "missing.csv"]),
    st.sampled_from(["pictures/red_bird_0.png", "/dev/null", ".", "..", "~", "~nobody", "x" * 300]),
    st.sampled_from(["file_name", "caption", "tags", "part", "train", "test", ";", "images", "both", "exact"]),
    st.sampled_from(["part=test", "part=..", "n_lists=3", "=", "item=null", "tags=1", "kind=hnsw", "tags=a..b"]),
)  # fmt: skip


@pytest.fixture(scope="module")
def place(made, tmp_path_factory):
    """A folder like that of the other tests, which commands may change."""
    folder = tmp_path_factory.mktemp("drawn") / "home"
    shutil.copytree(made, folder)
    with pytest.MonkeyPatch.context() as context:
        context.chdir(folder)
        context.setitem(names._SKLEARN, "Pixels", "tests.cli.pixels")
        yield folder


def held(folder):
    """Return what is in a folder: the size and the time of every file."""
    return {
        str(file.relative_to(folder)): (file.stat().st_size, file.stat().st_mtime_ns) if file.is_file() else None
        for file in folder.rglob("*")
    }


@st.composite
def lines(draw):
    """Draw a command with its right arguments, of which some are exchanged, left out or added."""
    command = draw(st.sampled_from([*RIGHT, "fit", "index", "search", "annotate", "evaluate"]))
    arguments = list(RIGHT[command])
    own = options_of(COMMANDS[command])
    for _ in range(draw(st.integers(0, 3))):
        change = draw(st.sampled_from(["option", "option", "option", "other", "word", "exchanged", "left out"]))
        at = draw(st.integers(0, max(0, len(arguments) - 1)))
        if change == "option":
            arguments += [draw(st.sampled_from(own)), draw(WORDS)]
        elif change == "other":
            arguments += draw(st.tuples(st.sampled_from(OPTIONS), WORDS))
        elif change == "word":
            arguments.insert(at, draw(WORDS))
        elif change == "exchanged" and arguments:
            arguments[at] = draw(WORDS)
        elif arguments:
            del arguments[at]
    return [command, *arguments]


def called(line):
    """Call the command, without a server that would run for ever."""
    with patch("skxmr.app.server.serve"), patch("skxmr.app.server.listening"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CliRunner().invoke(app, line)


def is_told(done, line):
    """Check that a call went well, or was refused by a sentence."""
    assert done.exception is None or isinstance(done.exception, SystemExit), (line, done.exc_info)
    assert done.exit_code in (0, 1, 2), line
    assert "Traceback" not in done.output and "(--debug shows where it arose)" not in done.output, done.output
    if done.exit_code:
        last = done.output.strip().splitlines()[-1]
        assert last.startswith("Error: ") and len(last) > 12, done.output
        assert "np.str_" not in last and "object at 0x" not in last, last


@drawn(40)
@given(lines())
@example(["search", "index", "a", "--where", "tags=" + "9" * 5000, *TRUST])
@example(["search", "index", "a", "--where", "tags=" + "[" * 5000, *TRUST])
def test_any_line_is_done_or_refused_and_nothing_is_half_written(made, place, line):
    before = held(place)
    done = called(line)
    is_told(done, line)
    after = held(place)
    if after == before:
        return
    assert done.exit_code == 0, (line, done.output)
    for folder in {name.partition("/")[0] for name in after.keys() - before.keys()}:
        written = place / folder
        if (written / "config.json").exists():
            assert called(["card", str(written)]).exit_code == 0, line
    # The folder itself stays, because commands are called in it.
    for inside in place.iterdir():
        shutil.rmtree(inside) if inside.is_dir() else inside.unlink()
    shutil.copytree(made, place, dirs_exist_ok=True)


def as_toml(value):
    """Write a value in the language of run files; tables stand in one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_toml(str(key))} = {as_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


RUN_WITH_SEARCH = tomllib.loads(RUN) | {
    "search": {"cv": 2, "grid": {"model.ridge": [0.1, 1.0], "text.lowercase": [True]}}
}
KEYS = st.one_of(
    st.text(max_size=5),
    st.sampled_from(["path", "image", "text", "labels", "sep", "split", "ids", "root", "metadata", "missing", "test"]),
    st.sampled_from(["train", "test_fraction", "random_state", "near_duplicates", "grid", "cv", "n_jobs", "notes"]),
    st.sampled_from(["name", "model", "search", "output", "data", "ridge", "factory", "factory_params", "ngram_range"]),
    st.sampled_from(["stop_words", "max_df", "vocabulary", "norm", "model.ridge", "text.norm", "model.name"]),
)
ODD_VALUES = st.recursive(
    st.one_of(
        st.text(max_size=5),
        st.integers(-3, 3),
        st.sampled_from([10**30, -(2**63), 0.2, 1e308]),
        st.floats(),
        st.booleans(),
        st.dates(),
        st.sampled_from([datetime.time(3), "None", "./x", "os:getcwd", "skip", "all", "files", "part", "caption"]),
        st.sampled_from(["SemanticMatching", "TfidfVectorizer", "Pixels", "CCA", "PadToSquare", "Pairs", "os.system"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=4,
)  # fmt: skip


@st.composite
def runs(draw):
    """Draw a run like a right one, and the path of what was changed in it."""
    run = json.loads(json.dumps(draw(st.sampled_from([tomllib.loads(RUN), RUN_WITH_SEARCH]))))
    paths = []
    for _ in range(draw(st.integers(1, 2))):
        at = run
        path = []
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            # A key of a section is as likely as the section.
            key = draw(st.sampled_from(keys)) if keys else None
            if key is None or not isinstance(at[key], (dict, list)) or draw(st.integers(0, 3)) == 0:
                break
            path.append(key)
            at = at[key]
        change = draw(st.sampled_from(["exchanged", "added", "left out"]))
        if isinstance(at, list):
            at.append(draw(ODD_VALUES))
        elif change == "added" or key is None:
            key = draw(KEYS)
            at[key] = draw(ODD_VALUES)
        elif change == "exchanged":
            at[key] = draw(ODD_VALUES)
        else:
            del at[key]
        paths.append([*path, key])
    return run, paths


@drawn(50)
@given(runs())
def test_any_run_is_read_or_refused_by_what_is_wrong_in_it(place, drawn_run):
    run, paths = drawn_run
    file = place / "drawn.toml"
    file.write_text("\n".join(f"{as_toml(name)} = {as_toml(value)}" for name, value in run.items()), "utf-8", "replace")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = read_run(file)
            pipeline = pipeline_of(found)
            if "search" in found.sections:
                search_of(pipeline, found, True)
            table = load_run_table(found)
            parts_of(table, found)
    except (RunError, ValueError, TypeError, OSError) as error:
        said = str(error)
        # The place in the file, or the argument or the column that the file names.
        known = {word for path in paths for part in path for word in str(part).split(".") if word}
        assert "drawn.toml" in said or any(part in said for part in known), (said, run)


@drawn(30)
@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace"))))
@example(b"a = " + b"[" * 2000)
@example(b"a = " + b"9" * 5000)
@example(b"data.path." + b"a." * 5000 + b"b = 1")
def test_any_bytes_are_no_run(place, data):
    file = place / "drawn.toml"
    file.write_bytes(data)
    with pytest.raises(RunError, match=re.escape(file.name)):
        read_run(file)
