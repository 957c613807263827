"""What the file of results says about near-duplicates and random rankings is what the script finds."""

import json

import pytest


@pytest.mark.parametrize(
    "name", ["captioned digits", "wikipedia", "corel5k_tags", pytest.param("mirflickr_tags", marks=pytest.mark.slow)]
)
def test_the_file_says_what_is_found(module, name, request, monkeypatch):
    if name != "captioned digits":
        monkeypatch.setenv("SKXMR_DATA", str(request.getfixturevalue("data_home")))
    duplicates = module("duplicates")
    kept = {row["set"]: row for row in json.loads(duplicates.FILE.read_text(encoding="utf-8"))}
    assert duplicates.row(name) == pytest.approx(kept[name])
