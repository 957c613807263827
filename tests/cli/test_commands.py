"""The commands, one after another, on a small folder of pictures."""

import csv
import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest

import skxmr
from tests.cli.conftest import RUN, TRUST


def test_fit_saves_a_model_whose_card_says_what_it_is(made, call):
    done = call("card", "model")
    assert done.exit_code == 0
    assert done.output == (made / "model" / "README.md").read_text()
    for words in ("# SemanticMatching", "Coloured shapes.", 'name = "Pixels"', "image to text mAP", "| test |"):
        assert words in done.output
    model = skxmr.load(made / "model", trusted=["tests.cli.pixels.Pixels"])
    assert model.named_steps["features"].text.ngram_range == (2, 3)


def test_the_card_of_an_index_is_that_of_its_model(call):
    assert call("card", "index").output.startswith("---") and "# SemanticMatching" in call("card", "index").output


def test_evaluate_scores_a_part_as_fit_did(made, call):
    done = call("evaluate", "model", "pictures/table.csv", "--config", "run.toml", "--part", "test", "--json", *TRUST)
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert found["rows"] == 9
    assert f"| {found['mean mAP']:.4f} |" in (made / "model" / "README.md").read_text()
    everything = call("evaluate", "model", "pictures/table.csv", *TRUST)
    assert everything.output.startswith("36 rows, all of the table\n")


def test_evaluate_without_tags_asks_for_them(call):
    done = call("evaluate", "model", "pictures/table.csv", "--labels", "-", *TRUST)
    assert done.exit_code == 1 and "the model was fitted with labels but is scored without" in done.output


def test_evaluate_measures_recall_where_a_model_has_no_labels(call, made, tmp_path):
    (made / "bare.toml").write_text(
        RUN.replace("SemanticMatching", "CCA").replace("split =", "labels = false\nsplit =")
    )
    assert call("fit", "--config", "bare.toml", "--out", tmp_path / "bare").exit_code == 0
    arguments = ["--config", "bare.toml", "--json", *TRUST]
    found = json.loads(call("evaluate", tmp_path / "bare", "pictures/table.csv", *arguments).output)
    assert 0 < found["image to text R@1"] <= found["image to text R@5"] <= 100


def test_search_finds_images_by_words(call):
    done = call("search", "index", "a red bird", "-k", "3", "--json", *TRUST)
    assert done.exit_code == 0, done.output
    hits = json.loads(done.output)
    assert [hit["rank"] for hit in hits] == [1, 2, 3]
    assert all(hit["caption"] == "a red bird" and hit["id"].startswith("red_bird") for hit in hits)
    lines = call("search", "index", "a red bird", "-k", "3", *TRUST).output.splitlines()
    assert len(lines) == 3 and lines[0].split()[2] == hits[0]["id"]


def test_words_that_the_model_does_not_know_are_called_so(call):
    assert "Note: the model knows none of these words" in call("search", "index", "zzz", *TRUST).stderr
    assert "Note" not in call("search", "index", "a red bird", *TRUST).stderr


def test_more_hits_than_there_are_items_take_no_memory(call):
    done = call("search", "index", "a red bird", "-k", 10**15, "--json", *TRUST)
    assert done.exit_code == 0 and len(json.loads(done.output)) == 36


def test_a_tag_that_holds_what_separates_tags_is_refused(call, made, tmp_path):
    table = pd.read_csv(made / "pictures" / "table.csv")
    table["tags"] = table["tags"].str.replace(";", "|").str.replace("bird", "bird;fowl")
    table.to_csv(made / "pictures" / "bars.csv", index=False)
    line = ["index", "model", "pictures/bars.csv", "--out", tmp_path / "index", "--sep", "|", *TRUST]
    done = call(*line)
    assert done.exit_code == 1 and not (tmp_path / "index").exists()
    assert "the tag 'bird;fowl' holds ';', which separates tags; rename it" in done.output
    assert "by --labels -" in done.output and call(*line, "--labels", "-").exit_code == 0


def test_search_by_an_image_by_both_and_under_conditions(call):
    image = ["--image", "pictures/blue_boat_5.png"]
    (hit,) = json.loads(call("search", "index", *image, "-k", "1", "--json", *TRUST).output)
    assert hit["id"] == "blue_boat_5.png" and hit["score"] == pytest.approx(1)
    few = json.loads(call("search", "index", *image, "-k", "30", "--json", "--where", "part=test", *TRUST).output)
    assert len(few) == 9 and {hit["part"] for hit in few} == {"test"}
    both = call("search", "index", "a red house", *image, "--weight", "0", "-k", "1", "--json", *TRUST)
    assert json.loads(both.output)[0]["caption"] == "a red house"
    nothing = call("search", "index", "a boat", "--where", "part=validation", *TRUST)
    assert nothing.exit_code == 0 and "nothing fits" in nothing.output


def test_an_index_of_images_and_texts_finds_captions(call, tmp_path):
    out = tmp_path / "both"
    arguments = ["--items", "both", "--out", out, *TRUST]
    assert call("index", "model", "pictures/table.csv", *arguments).exit_code == 0
    image = ["--image", "pictures/blue_boat_5.png", "--where", "modality=text"]
    (hit,) = json.loads(call("search", out, *image, "-k", "1", "--json", *TRUST).output)
    assert hit["item"] == "a blue boat"


def test_an_image_with_several_captions_is_one_item(made, call, tmp_path):
    lines = (made / "pictures" / "table.csv").read_text().splitlines()
    again = lines[1].replace("a red bird", "a bird that is red")
    (made / "pictures" / "several.csv").write_text("\n".join([*lines, again]))
    done = call("index", "model", "pictures/several.csv", "--out", tmp_path / "several", *TRUST)
    assert done.exit_code == 0 and "36 items" in done.output
    twice = call("index", "model", "pictures/several.csv", "--out", tmp_path / "several", "--overwrite", *TRUST)
    assert twice.exit_code == 0, twice.output


def test_conditions_are_numbers_ranges_and_lists():
    from skxmr.cli.search import _conditions

    given = ("year=1990..", "kind=a", "kind=b", "size=3", 'name="3"', "low=..2")
    wanted = {"year": (1990, None), "kind": ["a", "b"], "size": [3], "name": ["3"], "low": (None, 2)}
    assert _conditions(given, {}) == wanted
    # Digits in a column of strings are strings.
    as_strings = {"year": ("1990", None), "kind": ["a", "b"], "size": ["3"], "name": ["3"], "low": (None, 2)}
    assert _conditions(given, dict.fromkeys(("year", "kind", "size", "name"), "str")) == as_strings
    assert _conditions(("kind=null",), {"kind": "str"}) == {"kind": [None]}


def test_annotate_writes_a_table_for_files_and_folders(made, call, tmp_path):
    out = tmp_path / "tags.csv"
    done = call("annotate", "model", "pictures", "pictures/red_bird_0.png", "--out", out, "-k", "2", *TRUST)
    assert done.exit_code == 0, done.output
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 36
    right = [set(row["tags"].split(";")) == set(row["file_name"].split("/")[-1].split("_")[:2]) for row in rows]
    assert np.mean(right) > 0.9
    screen = call("annotate", "model", "pictures/red_bird_0.png", "-k", "1", "--sep", "|", *TRUST)
    assert screen.output.splitlines()[0] == "file_name,tags,scores" and len(screen.output.splitlines()) == 2


def test_annotate_names_a_file_that_no_table_could_name(call, made, tmp_path):
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")
    shutil.copy(made / "pictures" / "red_bird_0.png", odd)
    done = call("annotate", "model", tmp_path, "--out", tmp_path / "tags.csv", *TRUST)
    assert done.exit_code == 1 and "caf\\udce9.png' is not in UTF-8, as a table is; rename the file" in done.output


def test_annotate_uses_the_thresholds_of_fit(call, made):
    done = call("annotate", "model", "pictures", *TRUST)
    assert done.exit_code == 0, done.output
    counts = [row["tags"].count(";") + 1 for row in csv.DictReader(done.output.splitlines()) if row["tags"]]
    assert 1 < np.mean(counts) < 4


def test_a_search_chooses_between_methods(call, made, tmp_path):
    grid = """
[search]
cv = 2

[[search.grid]]
model = [{ name = "MLCCA", n_components = 4 }]
"model.ridge" = [0.5, 1.0]
"text.ngram_range" = [[1, 2], [2, 3]]

[[search.grid]]
model = [{ name = "SemanticMatching" }]
"""
    (made / "grid.toml").write_text(RUN + grid)
    done = call("fit", "--config", "grid.toml", "--out", tmp_path / "chosen")
    assert done.exit_code == 0, done.output
    assert "search: 5 settings, 2 folds each" in done.output and "chosen by validation: model = " in done.output
    assert "chosen by validation" in call("card", tmp_path / "chosen").output


def test_a_test_fraction_keeps_groups_together(call, made, tmp_path):
    (made / "fraction.toml").write_text(RUN.replace('split = "part"', "test_fraction = 0.25"))
    done = call("fit", "--config", "fraction.toml", "--out", tmp_path / "model")
    assert done.exit_code == 0 and "rows: 27 to learn from, 9 to score" in done.output


def test_info_names_versions_and_extras(call):
    done = call("info")
    assert done.exit_code == 0
    assert done.output.startswith(f"skxmr {skxmr.__version__}, Python")
    assert "numpy" in done.output and "vision" in done.output and "dev" not in done.output
