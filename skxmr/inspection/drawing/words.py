"""Words of users in pictures: neither formulas nor signs that no font has."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

# Properties of a text that is shown as it is, whatever the settings of matplotlib: "$" begins no formula.
PLAIN: dict[str, Any] = {"parse_math": False, "usetex": False}


def written(words: object, width: int = 0) -> str:
    """Return words as the fonts of matplotlib can show them, shortened to a width in letters if one is given.

    Line breaks and tabs become spaces. An emoji that no font has is replaced by its name, so that two are told apart,
    and any other missing sign by an empty square; matplotlib would warn of each and draw the same square for all.
    """
    text = " ".join(str(words).split())
    missing = set(text) - _known(tuple(_families()))
    for sign in missing:
        text = text.replace(sign, _instead(sign))
    return shortened(text, width) if width else text


def shortened(text: str, width: int) -> str:
    """Return a text of at most this many letters, cut at the end of a word if that loses less than half."""
    if len(text) <= width:
        return text
    cut = text[: max(1, width - 1)]
    at_word = cut.rpartition(" ")[0]
    return (at_word if 2 * len(at_word) > len(cut) else cut) + "…"


def one_line(words: object, letters: int = 60) -> str:
    """Return words without line breaks, of which so many letters are kept."""
    text = " ".join(str(words).split())
    return text if len(text) <= letters else f"{text[:letters]}…"


def and_more(shown: Sequence[str], n: int) -> str:
    """Return the first of n names as a list, which ends with how many there are more."""
    line = ", ".join(shown)
    return f"{line} and {n - len(shown):,} more" if n > len(shown) else line


def arrowed(direction: str, arrow: str = " → ") -> str:
    """Return how a direction is called, such as "image → text"; predictions have none, which is ""."""
    return direction.replace("_to_", arrow)


def wrapped(text: str, width: int, n_lines: int) -> str:
    """Return a text broken into lines of this width in letters; what does not fit into the lines is cut off."""
    lines = textwrap.wrap(text, max(width, 4), break_long_words=True)
    if len(lines) <= n_lines:
        return "\n".join(lines)
    last = shortened(" ".join(lines[n_lines - 1 :]), max(width, 4))
    return "\n".join([*lines[: n_lines - 1], last])


def _instead(sign: str) -> str:
    kind = unicodedata.category(sign)
    # Marks without a shape of their own, such as the joiners and selectors within an emoji, and colours of skin.
    if kind in ("Cc", "Cf", "Mn", "Cs", "Sk"):
        return ""
    return f":{unicodedata.name(sign, 'emoji').lower()}:" if kind == "So" else "□"


def _families() -> Sequence[str]:
    import matplotlib as mpl

    return [str(family) for family in mpl.rcParams["font.family"]]


@lru_cache(maxsize=8)
def _known(families: tuple[str, ...]) -> frozenset[str]:
    """Return the signs that the fonts of these families have."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    known: set[str] = set()
    for family in families:
        known |= {chr(code) for code in get_font(findfont(FontProperties(family=[family]))).get_charmap()}
    return frozenset(known)
