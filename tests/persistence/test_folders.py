"""Folders of models that are damaged, foreign, newer, written to by several processes, or on a full disk."""

import errno
import hashlib
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import threading
import zipfile
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import skxmr
from skxmr import CCA, MLCCA
from skxmr.persistence import _config, _folder


@pytest.fixture
def model(small):
    return MLCCA().fit(*small)


@pytest.fixture
def folder(model, tmp_path):
    skxmr.save(model, tmp_path / "model")
    return tmp_path / "model"


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def change_config(folder, **entries):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | entries))


def write(name, data):
    return lambda folder: (folder / name).write_bytes(data)


def cut(name, n):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:n])


DAMAGES = {
    "cut in the middle": (cut("model.skops", 1000), r"model\.skops' is damaged: its SHA-256 is not the one in config"),
    "empty": (cut("model.skops", 0), r"model\.skops' is damaged: its SHA-256"),
    "another model": (write("model.skops", b"PK\5\6" + bytes(18)), r"model\.skops' is damaged: its SHA-256"),
    "no model": (lambda folder: (folder / "model.skops").unlink(), r"is incomplete: model\.skops is missing"),
    "no config": (lambda folder: (folder / "config.json").unlink(), r"is no skxmr model: it holds no config\.json"),
    "config cut": (cut("config.json", 50), r"config\.json' is damaged \("),
    "config empty": (cut("config.json", 0), r"config\.json' is damaged \("),
    "config no text": (write("config.json", b"\xff\xfe\x00"), r"config\.json' is damaged \("),
    "config deep": (write("config.json", b"[" * 100_000), r"config\.json' is damaged \("),
    "config of others": (write("config.json", b'{"model_type": "bert"}'), "format that its config.json names is None"),
    "config a list": (write("config.json", b"[1]"), "the format that its config.json names is None"),
    "an index": (
        lambda folder: change_config(folder, format="skxmr index"), "is no skxmr model: the format .* is 'skxmr index'"
    ),
    "newer": (
        lambda folder: change_config(folder, format_version=2, versions={"skxmr": "9.9"}),
        r"has format 2, and skxmr \d+\.\d+\.\d+\S* reads formats up to 1; install skxmr 9\.9 or later",
    ),
    "no version": (lambda folder: change_config(folder, format_version="1"), "is damaged: format_version is '1'"),
    "no digest": (lambda folder: change_config(folder, sha256=None), r"model\.skops' is damaged: its SHA-256"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_and_foreign_folders(name, folder):
    damage, message = DAMAGES[name]
    damage(folder)
    with pytest.raises(ValueError, match=message):
        skxmr.load(folder)


@pytest.mark.parametrize("name", ["config deep", "config a list", "no digest", "config empty"])
def test_a_damaged_folder_is_replaced_or_refused(name, folder, model):
    DAMAGES[name][0](folder)
    before = contents(folder)
    try:
        skxmr.save(model, folder)
    except FileExistsError as error:
        assert "is a folder of other files, which would be lost" in str(error)
        assert contents(folder) == before
    else:
        skxmr.load(folder)


def test_what_config_names_elsewhere_is_not_taken_for_a_file_of_the_folder(folder, model):
    change_config(folder, sha256={"../notes.txt": "0", "model.skops": "0", "/etc": "0"})
    assert sorted(_config.written_files(folder, "skxmr model")) == ["config.json", "model.skops"]


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere'; the current folder is"):
        skxmr.load(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"file' is a file; pass the folder that was written as a skxmr model"):
        skxmr.load(tmp_path / "file")


def sign(folder):
    """Write the digest of a changed model into its config.json."""
    config = json.loads((folder / "config.json").read_text())
    config["sha256"]["model.skops"] = hashlib.sha256((folder / "model.skops").read_bytes()).hexdigest()
    (folder / "config.json").write_text(json.dumps(config))


def test_bytes_that_are_changed_on_purpose_raise_what_load_documents(folder):
    """The digest fits, so that skops and numpy see the changed bytes."""
    rng = random.Random(0)
    whole = (folder / "model.skops").read_bytes()
    for _ in range(40):
        data = bytearray(whole)
        for _ in range(rng.choice([1, 10])):
            data[rng.randrange(len(data))] = rng.randrange(256)
        (folder / "model.skops").write_bytes(data[: rng.choice([len(data), rng.randrange(len(data))])])
        sign(folder)
        try:
            skxmr.load(folder)
        except (ValueError, TypeError, ImportError) as error:
            assert str(error)


def mutated(value, rng):
    """Return JSON with something in it replaced, removed or nested."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(sorted(value))
        if rng.random() < 0.1:
            return {name: item for name, item in value.items() if name != key}
        return value | {key: mutated(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        place = rng.randrange(len(value))
        return [*value[:place], mutated(value[place], rng), *value[place + 1 :]]
    return rng.choice([None, -1, "os", "system", "DictNode", "NdArrayNode", [], {}, [value], 1e30, "builtins", True])


def test_descriptions_that_are_changed_on_purpose_raise_what_load_documents(folder):
    rng = random.Random(0)
    with zipfile.ZipFile(folder / "model.skops") as archive:
        whole = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(whole["schema.json"])
    for _ in range(80):
        with zipfile.ZipFile(folder / "model.skops", "w") as archive:
            for name, data in whole.items():
                archive.writestr(name, json.dumps(mutated(schema, rng)) if name == "schema.json" else data)
        sign(folder)
        try:
            skxmr.load(folder)
        except (ValueError, TypeError, ImportError) as error:
            assert str(error)


def test_bombs_are_not_unpacked(folder):
    with zipfile.ZipFile(folder / "model.skops", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", b" " * 10_000_000)
    sign(folder)
    with pytest.raises(ValueError, match="it is compressed, and could be larger than the memory"):
        skxmr.load(folder)


def test_saving_again_replaces_the_model_and_keeps_what_others_put_there(folder, small):
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("ref")
    (folder / "notes.txt").write_text("mine")
    skxmr.save(CCA(2).fit(*small), folder)
    assert isinstance(skxmr.load(folder), CCA)
    assert (folder / ".git" / "HEAD").read_text() == "ref" and (folder / "notes.txt").read_text() == "mine"
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_folders_and_files_of_others_are_not_replaced(model, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match=r"thesis' is a folder of other files, which would be lost; pass"):
        skxmr.save(model, tmp_path / "thesis")
    with pytest.raises(FileExistsError, match=r"chapter\.tex' is a file; pass the path of a folder"):
        skxmr.save(model, tmp_path / "thesis" / "chapter.tex")
    assert contents(tmp_path / "thesis") == {"chapter.tex": b"years of work"}
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    skxmr.save(model, tmp_path / "link")
    skxmr.save(model, tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and skxmr.load(tmp_path / "empty").n_components_ == model.n_components_
    skxmr.save(model, tmp_path / "new" / "parents" / "model")
    assert (tmp_path / "new" / "parents" / "model").stat().st_mode == (tmp_path / "new").stat().st_mode


def test_a_failed_save_leaves_the_old_folder(folder, model, monkeypatch):
    before = contents(folder)
    model.image_mean_ = lambda: 0
    with pytest.raises(TypeError, match="would not be found again"):
        skxmr.save(model, folder)
    with pytest.raises(TypeError, match=r"scores is a float, but a dict is wanted"):
        skxmr.save(CCA(), folder, scores=0.4)
    monkeypatch.setattr(_folder.os, "rename", lambda *paths: (_ for _ in ()).throw(OSError(errno.EIO, "bad disk")))
    with pytest.raises(OSError, match=r"model' could not be written \(bad disk\); what was there is unchanged"):
        skxmr.save(CCA(), folder)
    assert contents(folder) == before and [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_folder_below_a_file_is_refused_with_the_name_of_the_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"model' could not be written \('.*file' is a file, not a folder\); what was"):
        skxmr.save(CCA(), tmp_path / "file" / "within" / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@contextmanager
def small_disk(path):
    """Mount a disk of 32 kB, or where that is not allowed, let no file be larger."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", str(path)]
    mounted = shutil.which("mount") and subprocess.run(command, capture_output=True).returncode == 0
    if mounted:
        try:
            yield
        finally:
            subprocess.run(["umount", str(path)], check=True)
    else:
        with largest_file(32 * 1024):
            yield


@contextmanager
def largest_file(n_bytes):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("disk", [small_disk, lambda path: path.mkdir() or largest_file(32 * 1024)])
def test_a_full_disk_loses_nothing(disk, tmp_path):
    wide = CCA().fit(*np.random.default_rng(0).normal(size=(2, 100, 90)))
    with disk(tmp_path / "disk"):
        place = tmp_path / "disk" / "model"
        skxmr.save(CCA(2), place)
        before = contents(place)
        with pytest.raises(OSError, match=r"model' could not be written \(.*\); what was there is unchanged") as caught:
            skxmr.save(wide, place)
        assert caught.value.errno in (errno.ENOSPC, errno.EFBIG)
        assert contents(place) == before and [path.name for path in place.parent.iterdir()] == ["model"]
        assert skxmr.load(place).n_components == 2


WRITER = """
import sys
from skxmr.persistence._folder import written_folder
for i in range(100):
    with written_folder(sys.argv[1], lambda folder: ["a", "b"]) as folder:
        for name in "ab":
            (folder / name).write_text(f"{sys.argv[2]} {i}")
"""


def test_two_processes_write_one_folder(tmp_path):
    place = tmp_path / "folder"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(place), name]) for name in ("x", "y")]
    seen = 0
    while any(writer.poll() is None for writer in writers):
        # Both files of one moment: a handle of the folder stays with the folder.
        try:
            texts = {(place / name).read_text() for name in "ab"}
            seen += len(texts) > 0
        except OSError:
            continue
    assert all(writer.wait() == 0 for writer in writers) and seen
    assert len({(place / name).read_text() for name in "ab"}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_folder_that_goes_away_while_it_is_looked_at_is_no_obstacle(tmp_path):
    place = tmp_path / "folder"
    place.mkdir()
    (place / "a").write_text("old")

    def moved_away_by_another(folder):
        """As of a process that is just replacing the folder: nothing can be read in it any more."""
        if folder.exists() and not (folder / "b").exists():
            folder.rename(tmp_path / "aside")
            (folder / "b").mkdir(parents=True)
            return None
        return ["b"]

    _folder.check_replaceable(place, moved_away_by_another)
    with pytest.raises(FileExistsError, match="folder of other files"):
        _folder.check_replaceable(place, lambda folder: None)


def test_a_folder_that_comes_and_goes_is_no_obstacle(tmp_path):
    place = tmp_path / "folder"
    stop = threading.Event()

    def come_and_go():
        while not stop.is_set():
            place.mkdir()
            place.rename(tmp_path / "aside")
            (tmp_path / "aside").rmdir()

    other = threading.Thread(target=come_and_go)
    other.start()
    try:
        for _ in range(5000):
            _folder.check_replaceable(place, lambda folder: None)
    finally:
        stop.set()
        other.join()


def test_files_of_users_stay_when_another_was_quicker(tmp_path, monkeypatch):
    """Without a swap: between moving the old folder aside and taking its place, another one has come there."""
    place = tmp_path / "folder"
    place.mkdir()
    (place / "a").write_text("old")
    (place / "notes").write_text("of a user")
    monkeypatch.setattr(_folder, "_exchanged", lambda new, target: False)
    rename = os.rename

    def rename_with_another(old, new):
        rename(old, new)
        if old == place and not (tmp_path / "has come").exists():
            (tmp_path / "has come").touch()
            place.mkdir()
            (place / "a").write_text("of another")

    monkeypatch.setattr(os, "rename", rename_with_another)
    with _folder.written_folder(place, lambda folder: ["a"]) as folder:
        (folder / "a").write_text("new")
    assert contents(place) == {"a": b"new", "notes": b"of a user"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "has come"]


@pytest.mark.parametrize("exchange", [True, False])
def test_models_are_whole_while_others_save(exchange, small, tmp_path, monkeypatch):
    if not exchange:
        # As on systems that cannot swap two folders in one step.
        monkeypatch.setattr(_folder, "_exchanged", lambda new, target: False)
    models = [CCA(k).fit(*small) for k in (1, 2)]
    skxmr.save(models[0], tmp_path / "model")
    errors = []

    def save_often(model):
        try:
            for _ in range(4):
                skxmr.save(model, tmp_path / "model")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=save_often, args=(model,)) for model in models]
    for thread in threads:
        thread.start()
    seen = set()
    while any(thread.is_alive() for thread in threads):
        try:
            again = skxmr.load(tmp_path / "model")
        except (FileNotFoundError, ValueError) as error:
            # For a moment there is no folder, or the old one has just been moved away.
            assert not exchange
            assert isinstance(error, FileNotFoundError) or "holds no config.json" in str(error)
            continue
        assert_array_equal(again.image_projection_, models[again.n_components - 1].image_projection_)
        seen.add(again.n_components)
    assert not errors and seen
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
