"""Parameters of requests: one table that says what each may be, for the checks and for the description of the API."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from skxmr.app.refusal import RefusalError

# A schema of JSON, as OpenAPI has them.
Schema: TypeAlias = dict[str, Any]

# Characters of a text, and bytes of a text that is sent as JSON, in which a character may take twelve.
MAX_TEXT = 2_000
MAX_JSON = 65_536
# How deep somebody may turn the pages: every further page is a longer search.
MAX_DEPTH = 1_000
# A number as JSON and people write it. float() also takes digits of other scripts, and 1_0 for 10.
_NUMBER = re.compile(r"\s*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")
# These are compared letter by letter; white space around other texts means nothing.
_EXACT = ("id", "like")
# Without these a request means nothing, wherever they may be given.
REQUIRED = ("id",)


class Parameter(NamedTuple):
    """What a parameter is, and which values it takes."""

    about: str
    schema: Schema


PARAMETERS = {
    "text": Parameter("The words that are searched for.", {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}),
    "like": Parameter(
        "The id of an item, in place of words: what is similar to it.",
        {"type": "string", "minLength": 1, "maxLength": 4096},
    ),
    "id": Parameter("The id of an item.", {"type": "string", "minLength": 1, "maxLength": 4096}),
    "tag": Parameter(
        "Only items that have all of these tags; may be given several times.",
        {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 500}, "maxItems": 20},
    ),
    "modality": Parameter("Only items of this kind.", {"type": "string", "enum": ["image", "text"]}),
    "offset": Parameter(
        "How many of the best items are left out, for further pages.",
        {"type": "integer", "minimum": 0, "maximum": MAX_DEPTH - 1, "default": 0},
    ),
    "limit": Parameter(
        "The largest number of items in the answer.",
        {"type": "integer", "minimum": 1, "maximum": 100, "default": 24},
    ),
    "weight": Parameter(
        "Share of the picture, where words and a picture are given.",
        {"type": "number", "minimum": 0, "maximum": 1, "default": 0.5},
    ),
    "size": Parameter(
        "Pixels of the longer side of a picture.",
        {"type": "integer", "minimum": 16, "maximum": 1600, "default": 320},
    ),
    "prefix": Parameter("Only tags that hold this text.", {"type": "string", "maxLength": 200, "default": ""}),
    "version": Parameter(
        "The version that an address was made for. The answer is of the newest version all the same, and names it.",
        {"type": "string", "maxLength": 100},
    ),
}


def read(pairs: Iterable[tuple[str, Any]], names: Collection[str]) -> dict[str, Any]:
    """Return checked values by their names, with defaults; refuse what is unknown or given twice.

    Parameters
    ----------
    pairs : iterable of (str, object)
        Names and values: strings of an address, or values of JSON.
    names : collection of str
        Which parameters a request has.

    Returns
    -------
    dict
    """
    given: dict[str, list[Any]] = {}
    for name, value in pairs:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(sorted(names))}."
            raise RefusalError(400, f"There is no parameter {name[:80]!r}; {hint}")
        given.setdefault(name, []).append(value)
    found: dict[str, Any] = {}
    for name in names:
        schema = PARAMETERS[name].schema
        if name not in given and name in REQUIRED:
            raise RefusalError(400, f"{name} is missing. {PARAMETERS[name].about}")
        if name not in given:
            found[name] = schema.get("default")
        elif schema["type"] == "array":
            found[name] = _several(name, given[name], schema)
        elif len(given[name]) > 1:
            raise RefusalError(400, f"{name} is given {len(given[name])} times; give it once.")
        else:
            found[name] = _CHECKS[schema["type"]](name, given[name][0], schema)
    return found


def _several(name: str, values: list[Any], schema: Schema) -> list[str]:
    # In JSON they are one list.
    listed = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    if len(listed) > schema["maxItems"]:
        raise RefusalError(400, f"{name} is given {len(listed)} times; at most {schema['maxItems']} are possible.")
    return list(dict.fromkeys(_string(name, value, schema["items"]) for value in listed))


def _string(name: str, value: object, schema: Schema) -> str:
    if name in _EXACT and isinstance(value, int) and not isinstance(value, bool):
        # Ids that are integers stand so in answers as JSON.
        value = str(value)
    if not isinstance(value, str):
        raise RefusalError(400, f"{name} is {str(value)[:80]!r}, but a text is wanted.")
    most = schema.get("maxLength", len(value))
    if len(value) > most:
        raise RefusalError(413, f"{name} has {len(value):,} characters; at most {most:,} are possible.")
    if any(0xD800 <= ord(character) <= 0xDFFF for character in value):
        raise RefusalError(400, f"{name} holds half of a pair of characters, which is no text in Unicode.")
    stripped = value if name in _EXACT else value.strip()
    if len(stripped) < schema.get("minLength", 0):
        raise RefusalError(400, f"{name} is empty; leave it out, or say what is wanted.")
    allowed = schema.get("enum", [stripped])
    if stripped not in allowed:
        raise RefusalError(400, f"{name} is {stripped[:80]!r}; possible are {' and '.join(allowed)}.")
    return stripped


def _number(name: str, value: object, schema: Schema) -> float:
    what = "a whole number" if schema["type"] == "integer" else "a number"
    wanted = f"{what} from {schema['minimum']} to {schema['maximum']} is wanted"
    try:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise ValueError
        if isinstance(value, str) and not _NUMBER.fullmatch(value):
            raise ValueError
        # int() would cut a fraction off, and takes very long for very long strings.
        number = float(value)
        if not math.isfinite(number) or (schema["type"] == "integer" and not number.is_integer()):
            raise ValueError
    except (ValueError, OverflowError) as error:
        raise RefusalError(400, f"{name} is {str(value)[:40]!r}, but {wanted}.") from error
    if not schema["minimum"] <= number <= schema["maximum"]:
        raise RefusalError(400, f"{name} is {str(value)[:40]}, but {wanted}.")
    return int(number) if schema["type"] == "integer" else number


_CHECKS = {"string": _string, "integer": _number, "number": _number}


def described(names: Iterable[str]) -> list[Mapping[str, Any]]:
    """Return parameters as OpenAPI describes them."""
    return [
        {
            "name": name,
            "in": "query",
            "description": PARAMETERS[name].about,
            "required": name in REQUIRED,
            "schema": PARAMETERS[name].schema,
        }
        for name in names
    ]
