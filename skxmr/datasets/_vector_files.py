"""Files of word vectors: text of GloVe, word2vec and fastText, and the binary format of word2vec, also by gzip."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, NoReturn, TypeAlias

import numpy as np

from skxmr._data.kinds import Float64Array
from skxmr.datasets._formats import format_of, known_format, named

_WAY_OUT = (
    "a word and its numbers per line are wanted, as GloVe, word2vec and fastText write them, the binary format of "
    "word2vec, or one of these by gzip; of other files pass an array or a DataFrame named by the labels as "
    "label_embedding"
)
# What the format is told from: so many first bytes and lines.
_HEAD = 2**20
_LINES = 200
# What no text holds.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")
# What stands for bytes that are not in UTF-8.
_UNDECODED = re.compile("[\udc80-\udcff]")
# The first line of word2vec and fastText: the number of words and their width.
_HEADER = re.compile(rb"(?:\xef\xbb\xbf)?(\d{1,18})[ \t]+(\d{1,18})[ \t]*(?:\r?\n|\r)")

Stream: TypeAlias = BinaryIO | gzip.GzipFile


class Header(NamedTuple):
    """What the first line says."""

    n_words: int
    width: int


class Found(NamedTuple):
    """The vectors of the words that were looked for, and a note for messages about words that could not be read."""

    vectors: dict[str, Float64Array]
    note: str


def read_vectors(file: Path, wanted: set[str]) -> Found:
    """Return the vectors of the wanted words; of a word that occurs twice, the first."""
    kind = format_of(file)
    if kind not in (None, "gzip"):
        refuse(file, f"it is {named(file)}")
    try:
        return _read(file, kind == "gzip", wanted)
    except (EOFError, OSError, zlib.error) as error:
        refuse(file, f"it is cut off or damaged ({error})", error)


def refuse(file: Path, reason: str, error: Exception | None = None) -> NoReturn:
    """Say that a file cannot be read, why, and what can be."""
    raise ValueError(f"{file} cannot be read as word vectors: {reason}; {_WAY_OUT}.") from error


def _read(file: Path, packed: bool, wanted: set[str]) -> Found:
    with _opened(file, packed) as stream:
        head = stream.read(_HEAD)
    inner = known_format(head)
    if inner is not None:
        refuse(file, f"it is a gzip archive of {inner.title}")
    if not head.strip():
        refuse(file, "it is empty")
    match = _HEADER.match(head)
    header = Header(int(match[1]), int(match[2])) if match else None
    rest = head[match.end() if match else 0 :]
    body = rest.lstrip(b"\n").decode("utf-8", errors="surrogateescape")
    looks_binary = header is not None and len(head) < _HEAD and _fits(rest, header)
    with _opened(file, packed) as stream:
        if _is_text(body, header, looks_binary):
            return _from_text(file, stream, head, header, wanted)
        if match is None or header is None or header.width == 0:
            refuse(file, f"it is {named(file)}" if not packed else "it is a gzip archive of bytes of no known format")
        stream.seek(match.end())
        return Found(_from_binary(file, stream, header, wanted), "")


def _fits(rest: bytes, header: Header) -> bool:
    """Tell whether bytes are as many words as the header says, each with its numbers in word2vec's binary format."""
    position = 0
    for _ in range(header.n_words):
        space = rest.find(b" ", position)
        position = space + 1 + 4 * header.width
        if space < 0 or position > len(rest):
            return False
    return header.n_words > 0 and not rest[position:].strip()


def _is_text(body: str, header: Header | None, looks_binary: bool) -> bool:
    """Tell whether lines of text follow the header, by the first few thousand bytes."""
    n_numbers = _n_numbers(_fields(body.partition("\n")[0]))
    # The bytes of a few numbers can all be letters.
    if looks_binary and n_numbers == 0:
        return False
    if _CONTROL.search(body[:4096]):
        return header is not None and n_numbers == header.width
    return n_numbers > 0 or not _UNDECODED.search(body[:4096])


def _opened(file: Path, packed: bool) -> Stream:
    return gzip.open(file, "rb") if packed else file.open("rb")


def _from_text(file: Path, stream: Stream, head: bytes, header: Header | None, wanted: set[str]) -> Found:
    found: dict[str, Float64Array] = {}
    first = 1 if header is None else 2
    width = _width(file, head, header)
    broken = 0
    n = 0
    # Bytes that are not in UTF-8 become surrogates, so that their words equal no other. Some words hold line breaks of
    # other systems, so that lines end with \n only, if there are any.
    newline = "\n" if b"\n" in head else None
    for number, line in _numbered(stream, newline, first):
        fields = line.count(" ")
        if fields < width:
            _refuse_line(file, number, line, width)
        # In large files a few words contain spaces.
        word = line[: line.index(" ")] if fields == width else line.rsplit(" ", width)[0]
        n += 1
        if word in wanted and word not in found:
            found[word] = _numbers(line.rsplit(" ", width)[1:], file, number)
        if not broken and not word.isascii() and _UNDECODED.search(word):
            broken = number
    if header is not None and n != header.n_words:
        refuse(
            file,
            f"its first line announces {header.n_words} words, but {n} follow: it was cut off, for instance by a "
            "download that ended early, or the line is wrong and must be corrected or removed",
        )
    note = f"; line {broken} of the file is not in UTF-8, so save it in that encoding" if broken else ""
    return Found(found, note)


def _numbered(stream: Stream, newline: str | None, first: int) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not empty, from the first on, with their numbers; fields are separated by one space."""
    with io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline=newline) as lines:
        for number, raw in enumerate(lines, start=1):
            line = raw.rstrip(" \t\r\n")
            if number < first or not line:
                continue
            if "\t" in line or "  " in line:
                line = re.sub("[ \t]+", " ", line)
            yield number, line


def _width(file: Path, head: bytes, header: Header | None) -> int:
    """Return how many numbers most of the first lines end with, which must be as many as the header says."""
    # The last line of the head may be incomplete.
    whole = head if len(head) < _HEAD else head[: head.rfind(b"\n") + 1]
    text = whole.decode("utf-8-sig", errors="surrogateescape")
    lines = [line for line in re.split("\n" if "\n" in text else "\r", text) if line.strip()]
    rows = [_fields(line) for line in lines[header is not None : _LINES]]
    if not rows:
        refuse(file, f"it has no line of numbers but {lines[0][:60]!r}" if lines else "its first line has no end")
    # A last line without a line break may have been cut off.
    cut = len(rows) > 1 and not text.endswith(("\n", "\r"))
    counts = Counter(_n_numbers(row) for row in rows[: len(rows) - cut])
    usual = [size for size, count in counts.items() if count == max(counts.values())]
    width = header.width if header is not None and header.width in usual else min(usual)
    # If each line has one number after several words, it is text of another kind.
    if width == 0 or (width == 1 and all(len(row) != 2 for row in rows)):
        _refuse_line(file, 1 + (header is not None), lines[header is not None], width)
    if header is not None and width != header.width:
        refuse(
            file,
            f"its first line announces {header.width} numbers per word, but the lines after it have {width}; correct "
            "or remove that line",
        )
    return width


def _fields(line: str) -> list[str]:
    return re.split("[ \t]+", line.strip(" \t\r\n"))


def _n_numbers(fields: Sequence[str]) -> int:
    """Return with how many numbers a line ends, behind its first field."""
    for i, field in enumerate(reversed(fields[1:])):
        try:
            float(field)
        except ValueError:
            return i
    return len(fields) - 1


def _refuse_line(file: Path, number: int, line: str, width: int) -> NoReturn:
    has = _n_numbers(_fields(line))
    reason = f"line {number} of {file.name} is no word vector: it ends with {has} number{'s' * (has != 1)}"
    if has < width:
        reason += f" where other lines have {width}, so the file is cut off or damaged, or this line is a wrong header"
    elif "," in line or ";" in line:
        separator = "," if "," in line else ";"
        reason += f", and its fields seem to be separated by {separator!r} instead of spaces; pass label_embedding="
        reason += f"pandas.read_csv({file.name!r}, sep={separator!r}, index_col=0), or replace the separator"
    refuse(file, f"{reason} ({line.strip()[:60]!r})")


def _numbers(fields: Sequence[str], path: Path, number: int) -> Float64Array:
    try:
        vector = np.array(fields, dtype=np.float64)
    except ValueError as error:
        raise ValueError(f"line {number} of {path.name} is no word vector: {error}.") from error
    return _finite(vector, f"line {number} of {path.name}")


def _finite(vector: Float64Array, where: str) -> Float64Array:
    if not np.isfinite(vector).all():
        raise ValueError(f"{where} holds NaN or infinite numbers.")
    return vector


def _from_binary(file: Path, stream: Stream, header: Header, wanted: set[str]) -> dict[str, Float64Array]:
    """Read word2vec's binary format: each word, a space, and its numbers as float32."""
    found: dict[str, Float64Array] = {}
    size = 4 * header.width
    data = b""
    position = 0
    for number in range(header.n_words):
        space = data.find(b" ", position)
        while space < 0 or len(data) < space + 1 + size:
            more = stream.read(_HEAD)
            if not more:
                refuse(
                    file,
                    f"it is cut off or damaged: its first line announces {header.n_words} words of {header.width} "
                    f"numbers in word2vec's binary format, but only {number} are there",
                )
            data = data[position:] + more
            position = 0
            space = data.find(b" ")
        # Some programs write a line break after each vector.
        word = data[position:space].lstrip(b"\n").decode("utf-8", errors="surrogateescape")
        position = space + 1 + size
        if word in wanted and word not in found:
            vector = np.frombuffer(data, dtype="<f4", count=header.width, offset=space + 1).astype(np.float64)
            found[word] = _finite(vector, f"the vector of {word!r} in {file.name}")
    if data[position:].strip() or stream.read(_HEAD).strip():
        refuse(file, f"it goes on after the {header.n_words} words that its first line announces; correct that number")
    return found
