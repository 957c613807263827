"""Sealed: bytes with a checksum of them and their name, for tables of SQLite, which does not notice changed bytes."""

from __future__ import annotations

import zlib

# Bytes of the checksum, which comes last.
_SIZE = 4


def sealed(name: bytes, content: bytes) -> bytes:
    """Return a content and its checksum."""
    return content + zlib.crc32(content, zlib.crc32(name)).to_bytes(_SIZE, "little")


def unsealed(name: bytes, kept: object) -> bytes | None:
    """Return the content that was sealed under a name; None if anything else was kept there."""
    if not isinstance(kept, bytes) or kept != sealed(name, kept[:-_SIZE]):
        return None
    return kept[:-_SIZE]
