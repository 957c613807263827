"""`skxmr index --update`: what is new or has changed is added to an index, and everything else stays."""

import json
import shutil

import pytest
from PIL import Image

import skxmr
from skxmr.cli import index as command
from tests.cli.conftest import RUN, TRUST


@pytest.fixture
def collection(made, call, tmp_path):
    """A copy of the pictures beside an index of the first 30 of them, and the call that updates it."""
    shutil.copytree(made / "pictures", tmp_path / "pictures")
    table = tmp_path / "pictures" / "table.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join(lines[:31]))
    arguments = ["index", "model", table, "--config", "run.toml", "--out", tmp_path / "index", *TRUST]
    assert call(*arguments).exit_code == 0
    table.write_text("\n".join(lines))
    return tmp_path, lines, lambda *more: call(*arguments, *more)


def hits(call, folder, *arguments):
    return json.loads(call("search", folder / "index", "a red bird", "-k", "99", "--json", *TRUST, *arguments).output)


def test_only_what_is_new_or_has_changed_is_encoded(collection, call):
    folder, lines, run = collection
    done = run("--update")
    assert done.exit_code == 0, done.output
    assert done.output == f"saved: {folder / 'index'}, 36 items (6 added, 0 replaced, 0 removed)\n"
    Image.new("RGB", (24, 24), "red").save(folder / "pictures" / "blue_boat_5.png")
    lines[1] = lines[1].replace("a red bird", "a bird that sings")
    (folder / "pictures" / "table.csv").write_text("\n".join(lines))
    assert "(0 added, 2 replaced, 0 removed)" in run("--update").output
    found = {hit["id"]: hit for hit in hits(call, folder)}
    assert len(found) == 36 and found["red_bird_0.png"]["caption"] == "a bird that sings"
    done = run("--update")
    assert done.output == f"unchanged: {folder / 'index'}, 36 items (0 added, 0 replaced, 0 removed)\n"


def test_an_updated_index_answers_as_a_new_one(collection, call):
    folder, _, run = collection
    run("--update")
    updated = hits(call, folder)
    assert run("--overwrite").exit_code == 0
    assert hits(call, folder) == updated


def test_what_the_table_no_longer_names_goes_only_if_it_is_asked_for(collection, call):
    folder, lines, run = collection
    (folder / "pictures" / "table.csv").write_text("\n".join([lines[0], *lines[3:]]))
    done = run("--update")
    assert "2 items are not in the table, such as 'red_bird_0.png', and stay; --remove-missing" in done.output
    assert len(hits(call, folder)) == 36
    assert "34 items (0 added, 0 replaced, 2 removed)" in run("--update", "--remove-missing").output
    assert "red_bird_0.png" not in {hit["id"] for hit in hits(call, folder)}


def test_moved_pictures_and_captions_are_updated_too(collection, call):
    folder, lines, run = collection
    assert run("--overwrite", "--items", "both").exit_code == 0
    (folder / "pictures").rename(folder / "moved")
    lines[1] = lines[1].replace("a red bird", "a bird that sings")
    table = folder / "moved" / "table.csv"
    table.write_text("\n".join(lines))
    arguments = ["model", table, "--config", "run.toml", "--out", folder / "index", "--update", *TRUST]
    # Without --items these are the ones that the index has: the pictures have moved, and one of the captions is new.
    assert "72 items (0 added, 37 replaced, 0 removed)" in call("index", *arguments).output
    found = hits(call, folder, "--where", "modality=image")
    assert {hit["item"] for hit in found} == {str(path) for path in (folder / "moved").glob("*.png")}


def test_an_update_without_an_index_makes_one(collection, call):
    folder, _, run = collection
    shutil.rmtree(folder / "index")
    assert run("--update").output == f"saved: {folder / 'index'}, 36 items\n"


def test_another_model_or_backend_is_refused(collection, call, made):
    folder, _, run = collection
    assert run("--update", "--backend", "exact").exit_code == 0
    done = run("--update", "--backend", "binary")
    assert done.exit_code == 2 and "has the backend 'exact', which --update keeps" in done.output
    (made / "other.toml").write_text(RUN.replace('"SemanticMatching"', '"SemanticMatching"\nridge = 7.0'))
    assert call("fit", "--config", "other.toml", "--out", folder / "other").exit_code == 0
    arguments = ["index", folder / "other", "pictures/table.csv", "--out", folder / "index", "--update", *TRUST]
    done = call(*arguments)
    assert done.exit_code == 1 and f"pass the model that it holds, '{folder / 'index' / 'model'}'" in done.output
    # A model that was saved again, as that of an index is, is the same.
    arguments[1] = folder / "index" / "model"
    assert call(*arguments).exit_code == 0


WRONG = [
    (["--update", "--overwrite"], 2, "pass one of them"),
    (["--remove-missing"], 2, "pass --update with it"),
    ([], 2, "--update to add to it"),
    (["--update", "--image", "-", "--items", "images"], 2, "images are to be found, but the table is read without"),
]


@pytest.mark.parametrize(("more", "code", "sentence"), WRONG)
def test_options_that_contradict_one_another(more, code, sentence, call):
    done = call("index", "model", "pictures/table.csv", "--out", "index", *TRUST, *more)
    assert done.exit_code == code and sentence in done.output, done.output


def test_a_damaged_index_and_another_folder_are_refused(collection, call):
    folder, _, run = collection
    for name in ("config.json", "table.npz", "table.json"):
        file = folder / "index" / name
        sound = file.read_bytes()
        file.write_bytes(sound[:-3])
        done = run("--update")
        assert done.exit_code == 1 and f"{name}' is damaged" in done.output, done.output
        file.write_bytes(sound)
    for other, sentence in (("pictures", "it holds no config.json"), ("model", "names is 'skxmr model'")):
        done = call("index", "model", "pictures/table.csv", "--out", other, "--update", *TRUST)
        assert done.exit_code == 1 and "is no skxmr index" in done.output and sentence in done.output


def test_an_index_with_integers_as_ids_is_left_alone(call, made, tmp_path):
    model = skxmr.load(made / "model", trusted=["tests.cli.pixels.Pixels"])
    index = skxmr.RetrievalIndex(model)
    index.add(text=["a red bird"])
    index.save(tmp_path / "index")
    done = call("index", "model", "pictures/table.csv", "--out", tmp_path / "index", "--update", *TRUST)
    assert done.exit_code == 1 and "are integers, but strings came" in done.output
    assert done.output.endswith("such an index is updated in Python.\n")


def test_what_somebody_else_saves_meanwhile_is_not_lost(collection, call, monkeypatch):
    folder, _, run = collection
    first = command.add_items

    def add_while_others_save(*arguments, **options):
        monkeypatch.setattr(command, "add_items", first)
        assert run("--update").exit_code == 0
        return first(*arguments, **options)

    monkeypatch.setattr(command, "add_items", add_while_others_save)
    done = run("--update")
    assert (
        done.exit_code == 1 and "saved by somebody else since it was opened here; run the command again" in done.output
    )
    assert len(hits(call, folder)) == 36
