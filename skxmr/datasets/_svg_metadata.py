"""What an SVG file says about itself: title, description, keywords and licence, in the terms of Dublin Core."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import NamedTuple

from skxmr._data.kinds import FilePath

# What some programs wrote in place of a word: the address of a table of Perl.
_NO_WORD = re.compile(r"hash(\(0x[0-9a-f]+\))?", re.IGNORECASE)


class Metadata(NamedTuple):
    """Title and description, which may be empty, the keywords in lower case, and the address of the licence."""

    title: str
    description: str
    keywords: tuple[str, ...]
    licence: str


def read_metadata(path: FilePath) -> Metadata | None:
    """Return what an SVG file says about itself; None if it says nothing or is no XML."""
    try:
        with Path(path).open("rb") as opened:
            # Metadata stand at the beginning, so that drawings are hardly ever read.
            for _, element in ElementTree.iterparse(opened):
                if _name(element) == "Work":
                    return _of_work(element)
    except (ElementTree.ParseError, LookupError, ValueError):
        # An encoding that Python does not know is no error of XML.
        return None
    return None


def _of_work(work: ElementTree.Element) -> Metadata:
    parts = {_name(part): part for part in work}
    keywords: tuple[str, ...] = ()
    if "subject" in parts:
        words = [_words(item).lower().replace("_", " ") for item in parts["subject"].iter() if _name(item) == "li"]
        keywords = tuple(dict.fromkeys(word for word in words if word))
    licence = next(iter(parts["license"].attrib.values()), "") if "license" in parts else ""
    return Metadata(_words(parts.get("title")), _words(parts.get("description")), keywords, licence)


def _name(element: ElementTree.Element) -> str:
    """Return the name of an element without its namespace, of which there are several for the same terms."""
    return element.tag.rpartition("}")[2]


def _words(element: ElementTree.Element | None) -> str:
    text = "" if element is None or element.text is None else " ".join(element.text.split())
    return "" if _NO_WORD.fullmatch(text) else text
