"""Further columns of a table are conditions of a search; what an index cannot keep is named with the way out."""

import json

import pandas as pd
import pytest

from tests.cli.conftest import RUN, TRUST

FURTHER = {
    "year": [str(1990 + i) for i in range(36)],
    "price": ["0.5", "", "2"] * 12,
    "sold": ["true", "false"] * 18,
    "code": ["007", "012", "100"] * 12,
    "id": [str(i) for i in range(36)],
    "_hidden": ["x"] * 36,
}
HITS = "hits have a column 'id' already; rename it in the table"


@pytest.fixture
def index(made, call, tmp_path):
    """A function that makes an index of a table with further columns, and one that searches it."""
    frame = pd.read_csv(made / "pictures" / "table.csv", dtype=str).assign(**FURTHER)
    frame.to_csv(made / "pictures" / "further.csv", index=False)

    def run(*arguments, table="pictures/further.csv"):
        return call("index", "model", table, "--split", "part", "--out", tmp_path / "index", *TRUST, *arguments)

    def search(*conditions):
        words = [word for condition in conditions for word in ("--where", condition)]
        done = call("search", tmp_path / "index", "a bird", "-k", "99", "--json", *TRUST, *words)
        return json.loads(done.output) if done.exit_code == 0 else done.output

    return run, search


def test_all_columns_are_kept_and_searched_by_their_types(index):
    run, search = index
    done = run()
    assert done.exit_code == 0, done.output
    assert f"column 'id' of further.csv is left out of the index: {HITS}" in done.output
    assert "column '_hidden' of further.csv is left out" in done.output
    assert sorted(hit["year"] for hit in search("year=1990..2000")) == list(range(1990, 2001))
    assert len(search("price=1..")) == 12 and len(search("price=null")) == 12
    assert {hit["code"] for hit in search("code=007", "code=100")} == {"007", "100"}
    assert len(search("sold=true", "part=test")) == 4
    assert "--where names the column 'yaer', which no item has; did you mean 'year'?" in search("yaer=1990")
    assert "--where year holds 'new', a str, but the column holds int values" in search("year=new")


def test_columns_may_be_named(index, made):
    run, search = index
    assert run("--metadata", "year", "--metadata", "sold").output.startswith("saved:")
    assert {"year", "sold", "caption", "tags"} < set(search()[0]) and "price" not in search()[0]
    assert run("--metadata", "-", "--overwrite").output.startswith("saved:")
    assert "year" not in search()[0]
    (made / "further.toml").write_text(RUN.replace("split =", 'metadata = ["price"]\nsplit ='))
    assert run("--config", "further.toml", "--overwrite").output.startswith("saved:")
    assert "price" in search()[0] and "year" not in search()[0]
    (made / "further.toml").write_text(RUN.replace("split =", "metadata = false\nsplit ="))
    assert run("--config", "further.toml", "--overwrite").output.startswith("saved:")
    assert "price" not in search()[0]


def test_columns_that_cannot_be_kept_are_refused_where_they_are_named(index, made):
    run, _ = index
    done = run("--metadata", "id")
    assert done.exit_code == 1 and f"column 'id' of further.csv cannot be kept in an index: {HITS}" in done.output
    done = run("--metadata", "yaer")
    assert done.exit_code == 1 and "no column 'yaer' for --metadata;" in done.output
    assert "Did you mean 'year'?" in done.output
    (made / "further.toml").write_text(RUN.replace("split =", "metadata = [3]\nsplit ="))
    done = run("--config", "further.toml")
    assert done.exit_code == 2 and "[data] metadata is [3], but a list of strings is wanted" in done.output
    (made / "further.toml").write_text(RUN.replace("split =", "metadata = []\nsplit ="))
    assert run("--config", "further.toml", "--overwrite").exit_code == 0


def test_two_columns_of_one_name_are_refused_or_left_out(index, made):
    run, search = index
    file = made / "pictures" / "further.csv"
    header, rows = file.read_text().split("\n", 1)
    file.write_text(header.replace("price", "year") + "\n" + rows)
    done = run()
    assert done.exit_code == 1 and "2 columns are called 'year'" in done.output
    assert "or leave further columns out by --metadata -." in done.output
    assert run("--metadata", "-").exit_code == 0 and "year" not in search()[0]


def test_lists_and_days_in_json_lines(index, made):
    run, search = index
    frame = pd.read_csv(made / "pictures" / "table.csv", dtype=str)
    days = pd.date_range("2024-05-01", periods=36).strftime("%Y-%m-%d")
    frame = frame.assign(boxes=[[i, 2] for i in range(36)], day=days, caption_=frame.caption)
    frame.to_json(made / "pictures" / "further.jsonl", orient="records", lines=True)
    done = run(table="pictures/further.jsonl")
    assert (
        "Warning: column 'boxes' of further.jsonl is left out of the index: metadata['boxes'] holds a list in row 0"
        in (done.output)
    )
    assert len(search("day=2024-05-02..2024-05-04")) == 3


def test_days_and_times_of_parquet_are_strings(index, made):
    pytest.importorskip("pyarrow")
    run, search = index
    frame = pd.read_csv(made / "pictures" / "table.csv", dtype=str)
    times = pd.Series(pd.date_range("2024-05-01", periods=36))
    frame.assign(when=times.where(times.index > 0), n=pd.array([None, *range(35)], "Int64")).to_parquet(
        made / "pictures" / "further.parquet"
    )
    done = run(table="pictures/further.parquet")
    assert done.exit_code == 0, done.output
    assert len(search("when=2024-05-02..2024-05-04T00:00:00")) == 3 and len(search("when=null", "n=null")) == 1


def test_an_update_sees_changed_columns(index, made):
    run, search = index
    run()
    assert "unchanged" in run("--update").output
    file = made / "pictures" / "further.csv"
    file.write_text(file.read_text().replace(",1990,", ",2025,"))
    assert "(0 added, 1 replaced, 0 removed)" in run("--update").output
    assert [hit["year"] for hit in search("year=2025")] == [2025, 2025]
    file.write_text(file.read_text().replace(",2025,", ",new,"))
    done = run("--update")
    assert done.exit_code == 1 and "metadata['year'] holds str values, but those of the index are int" in done.output
