"""Words of users in pictures."""

import matplotlib as mpl
import pytest

from skxmr.inspection.drawing.words import shortened, wrapped, written


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("$a_b$\n^c", "$a_b$ ^c"),
        ("שלום", "שלום"),
        ("🦄 and 🐈", ":unicorn face: and :cat:"),
        ("漢", "□"),
        ("👩‍🚀", ":woman::rocket:"),
        (7, "7"),
    ],
)
def test_signs_that_no_font_has_are_replaced(words, shown):
    with mpl.rc_context({"font.family": ["DejaVu Sans"]}):
        # A joiner within an emoji has no shape of its own.
        assert written(words).replace("\u200d", "") == shown


def test_long_texts_are_cut_between_words():
    assert shortened("a picture of a boat", 12) == "a picture…" and shortened("x" * 20, 5) == "xxxx…"
    assert wrapped("one two three four five", 9, 2) == "one two\nthree…"
