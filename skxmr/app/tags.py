"""TagTable: the tags of an index, how many items have each, and which values of the column hold some of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from skxmr.search.table import Table

# The column, and what stands between tags in it, as `skxmr index` writes both.
COLUMN = "tags"
SEPARATOR = ";"


def tags_of(value: object) -> list[str]:
    """Return the tags in one value of the column, each once."""
    if not isinstance(value, str):
        return []
    tags = [tag.strip() for tag in value.split(SEPARATOR)]
    return list(dict.fromkeys(tag for tag in tags if tag))


class TagTable:
    """The tags of all items of a table.

    Attributes
    ----------
    counts : dict of str to int
        How many items have each tag, the most frequent tags first.
    """

    def __init__(self, table: Table) -> None:
        self._values: dict[str, list[str]] = {}
        counts: Counter[str] = Counter()
        column = table.columns.get(COLUMN)
        if column is not None and column.kind == "str":
            codes = column.values.rows[table.living()]
            numbers = np.bincount(codes[codes >= 0], minlength=len(column.words.words)).tolist()
            for value, number in zip(column.words.words, numbers, strict=True):
                for tag in tags_of(value) if number else ():
                    counts[tag] += number
                    self._values.setdefault(tag, []).append(value)
        self.counts = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def values_with(self, tags: Sequence[str]) -> list[str]:
        """Return the values of the column that hold all of some tags."""
        found = [set(self._values.get(tag, ())) for tag in tags]
        return sorted(set.intersection(*found)) if found else []
