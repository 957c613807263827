"""Strings that are no text in Unicode."""

from __future__ import annotations


def is_unicode(text: str) -> bool:
    """Tell whether a string can be written: names of files and JSON may hold one half of what is a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
