"""The table of near-duplicates in the docs is what the script finds."""

import pytest


@pytest.mark.parametrize("name", ["captioned digits", "wikipedia", "corel5k_tags"])
def test_the_page_says_what_is_found(module, name, request, monkeypatch):
    if name != "captioned digits":
        monkeypatch.setenv("SKXMR_DATA", str(request.getfixturevalue("data_home")))
    duplicates = module("duplicates")
    shown = "| " + " | ".join(str(cell) for cell in duplicates.row(name).values()) + " |"
    assert shown in duplicates.PAGE.read_text(encoding="utf-8").splitlines()
