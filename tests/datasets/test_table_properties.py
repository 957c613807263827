"""Whatever the cells of a table hold, they are read as they were written, or refused by their column and row."""

import csv
import json
import math
import warnings

import pandas as pd
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from skxmr._data.labels import encode_labels
from skxmr.datasets import load_table
from tests.drawn import drawn

TEXTS = st.one_of(
    st.text(max_size=6),
    st.text(' ,;"\n\r\t|a0\u00a0\u2028\x0b\x1c', max_size=6),
    st.sampled_from(
        ["NA", "null", "nan", "None", "", " ", "a;b", "a;;b", ";a", "a;", "\ufeffa", "#a", "'", '"', "=1+1"]
    ),
)
CELLS = st.one_of(
    st.sampled_from(["0", "1", "-1", "007", "1.50", ".5", "1e5", "1e999", "9" * 18, "9" * 19, "-0", "+1", "1_0", "٣"]),
    st.sampled_from(["true", "False", "TRUE", "inf", "nan", "NA", "", " ", "2020-01-01", "0x1F"]),
    TEXTS,
)
SEPARATORS = st.one_of(st.none(), st.sampled_from([";", "|", ",", " ", "", "ab", "\n"]), st.text(max_size=2))
JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 3),
        st.sampled_from([2**53 + 1, 2**63, 10**30, 1e308, math.inf, "\ud800"]),
        st.floats(),
        TEXTS,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=2), inner, max_size=2)),
    max_leaves=3,
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tables")


def read(file, **arguments):
    """Return a table, or None where it is refused by a sentence about the file or an argument."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return load_table(file, **{"image": None, **arguments})
        except (ValueError, TypeError, FileNotFoundError) as error:
            said = str(error)
            assert file.name in said or any(name in said for name in arguments), f"{type(error).__name__}: {said}"
            return None


def tags_by_hand(cell, sep):
    """Return the tags in a cell, None where one of them is empty among others."""
    parts = [part.strip() for part in (cell.split(sep) if sep else [cell])]
    if parts[-1] == "":
        parts.pop()
    return None if "" in parts else parts


@drawn(40)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4), st.sampled_from([".csv", ".tsv"]), SEPARATORS)
@example([("a\rb", "x"), ("c", "y")], ".csv", ";")
@example([("a\0b", "x")], ".csv", ";")
def test_texts_and_tags_of_separated_fields_are_those_that_were_written(folder, rows, suffix, sep):
    # Earlier versions of pandas end a field at a character of the code 0.
    assume(pd.__version__ >= "3" or not any("\0" in cell for row in rows for cell in row))
    file = folder / f"table{suffix}"
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, delimiter="\t" if suffix == ".tsv" else ",", quoting=csv.QUOTE_ALL)
        writer.writerows([("caption", "tags"), *rows])
    tags = [tags_by_hand(cell, sep) for _, cell in rows]
    wanted = None if None in tags or not all(text.strip() for text, _ in rows) else tags
    table = read(file, sep=sep)
    if wanted is None:
        assert table is None
        return
    assert table.pairs.text.tolist() == [text.strip() for text, _ in rows]
    assert table.labels.tolist() == wanted
    assert table.label_names.tolist() == sorted({tag for row in wanted for tag in row})
    # Equally many zeros and ones in all rows may be multi-hot rows, which is asked about.
    if not {tag for row in wanted for tag in row} <= {"0", "1"}:
        with warnings.catch_warnings():
            # Tags that look like several are warned of.
            warnings.simplefilter("ignore")
            labels = encode_labels(table.labels)
        assert labels.names.tolist() == table.label_names.tolist()
        assert labels.matrix.sum() == sum(len(set(row)) for row in wanted)


@drawn(40)
@given(
    st.lists(
        st.fixed_dictionaries({}, optional={"caption": JSON, "tags": JSON, "more": JSON, "id": JSON}),
        min_size=1,
        max_size=3,
    ),
    st.booleans(),
)
@example([{"caption": "a", "tags": ["a", 1], "more": 2**70}], False)
def test_cells_of_json_are_what_they_are_or_refused(folder, rows, with_ids):
    file = folder / "table.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    table = read(file, metadata=["more"], ids="id" if with_ids else None)
    if table is None:
        return
    assert table.pairs.text.tolist() == [row["caption"].strip() for row in rows]
    for row, tags in zip(rows, table.labels, strict=True):
        cell = row.get("tags")
        if isinstance(cell, list):
            assert tags == [tag.strip() if isinstance(tag, str) else tag for tag in cell]
        else:
            assert tags == ([] if cell is None else tags_by_hand(cell, ";"))
    for row, value in zip(rows, table.metadata["more"].tolist(), strict=True):
        cell = row.get("more")
        if cell is None or cell != cell:
            assert pd.isna(value) is True
        else:
            assert value == cell
    if with_ids:
        assert table.ids.tolist() == [row["id"].strip() if isinstance(row["id"], str) else row["id"] for row in rows]


@drawn(40)
@given(st.lists(CELLS, min_size=1, max_size=4))
@example(["12e345", "1"])
def test_further_columns_are_numbers_only_where_all_are(folder, cells):
    file = folder / "further.csv"
    with file.open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened, quoting=csv.QUOTE_ALL).writerows([("caption", "more"), *(("a", cell) for cell in cells)])
    table = read(file, labels=None, metadata="all")
    for cell, value in zip(cells, table.metadata["more"].tolist(), strict=True):
        stripped = cell.strip()
        if not stripped:
            assert pd.isna(value)
        elif isinstance(value, str):
            assert value == stripped
        elif isinstance(value, bool):
            assert stripped.lower() == str(value).lower()
        else:
            assert (
                value == type(value)(stripped) and math.isfinite(value) and stripped.isascii() and "_" not in stripped
            )
            assert not (len(stripped) > 1 and stripped[0] == "0" and stripped[1].isdigit())


ARGUMENTS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.binary(max_size=2), TEXTS, st.lists(st.one_of(TEXTS, st.integers())),
    st.sampled_from(["caption", "tags", "more", "all", "error", "skip", "files", "ignore", ["more"], ["more", "tags"]]),
    st.sets(st.text(max_size=2)), st.floats(),
)  # fmt: skip


@drawn(30)
@given(
    st.dictionaries(
        st.sampled_from(["text", "labels", "sep", "split", "ids", "metadata", "missing", "near_duplicates", "root"]),
        ARGUMENTS,
        min_size=1,
        max_size=3,
    )
)
def test_odd_arguments_are_named(folder, arguments):
    file = folder / "arguments.jsonl"
    file.write_text('{"caption": "a", "tags": "x;y", "more": 1}\n{"caption": "b", "tags": "y", "more": 2}')
    table = read(file, **arguments)
    assert table is None or len(table.ids) == len(table.pairs) == 2


@drawn(40)
@given(
    st.sampled_from([".csv", ".tsv", ".jsonl", ".parquet"]),
    st.sampled_from([b"", b"caption,tags\n", b"caption\ttags\n", b'{"caption": "a"', b"PAR1", b"\xef\xbb\xbf", b'"']),
    st.one_of(st.binary(max_size=40), st.text('",;\n\r\t a{}[]:0', max_size=40).map(str.encode)),
)
@example(".jsonl", b'{"caption": "a", "tags": ', b"9" * 5000 + b"}")
@example(".jsonl", b'{"caption": "a", "tags": ', b"[" * 5000 + b"]" * 5000 + b"}")
def test_any_bytes_are_a_table_or_named(folder, suffix, start, end):
    file = folder / f"any{suffix}"
    file.write_bytes(start + end)
    table = read(file)
    assert table is None or len(table.pairs) == len(table.labels) > 0
