"""A table of image files, texts and tags, in every format, and with everything that may be wrong in it."""

import builtins
import json
import os

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from skxmr import MLCCA, Pairs, PerModality
from skxmr.datasets import load_table
from skxmr.model_selection import MultilabelStratifiedKFold

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")


@pytest.fixture
def folder(tmp_path):
    """Four different pictures: 0.png to 3.png."""
    rng = np.random.default_rng(0)
    for i in range(4):
        picture = Image.fromarray(rng.integers(0, 256, (4, 3, 3), dtype=np.uint8))
        picture.resize((30, 40), Image.Resampling.BICUBIC).save(tmp_path / f"{i}.png")
    return tmp_path


def rows_of(*rows):
    """Rows with file name, caption, tags and part."""
    return pd.DataFrame(rows, columns=["file_name", "caption", "tags", "part"])


def good_rows():
    return rows_of(
        ("0.png", 'a cat, "asleep"', "cat;indoor", "train"),
        ("1.png", "NA", "dog", "train"),
        ("2.png", "zwei\nZeilen, blau", "dog; indoor", "test"),
        ("3.png", "null", "sea", "test"),
    )


def written(frame, folder, suffix=".csv"):
    file = folder / f"table{suffix}"
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
        frame.assign(tags=[tags.split(";") for tags in frame.tags]).to_parquet(file)
    elif suffix == ".jsonl":
        rows = [{**row, "tags": row["tags"].split(";")} for row in frame.to_dict("records")]
        file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    else:
        frame.to_csv(file, index=False, sep="\t" if suffix == ".tsv" else ",", encoding="utf-8-sig")
    return file


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_gives_the_same(folder, suffix):
    table = load_table(written(good_rows(), folder, suffix), split="part", ids="file_name")
    assert table.pairs.text.tolist() == ['a cat, "asleep"', "NA", "zwei\nZeilen, blau", "null"]
    assert [os.path.basename(path) for path in table.pairs.image] == ["0.png", "1.png", "2.png", "3.png"]
    assert all(os.path.isfile(path) for path in table.pairs.image)
    assert table.labels.tolist() == [["cat", "indoor"], ["dog"], ["dog", "indoor"], ["sea"]]
    assert table.label_names.tolist() == ["cat", "dog", "indoor", "sea"]
    assert table.ids.tolist() == ["0.png", "1.png", "2.png", "3.png"] and table.groups.tolist() == [0, 1, 2, 3]
    assert table.pairs[table.split == "test"].text.tolist() == ["zwei\nZeilen, blau", "null"]


def test_what_is_read_can_be_fitted_and_split(folder):
    frame = pd.concat([good_rows()] * 4, ignore_index=True)
    table = load_table(written(frame, folder))
    assert table.pairs.groups.tolist() == [0, 1, 2, 3] * 4 and table.pairs.image.view.shape == (4,)
    folds = MultilabelStratifiedKFold(2).split(table.pairs, table.labels)
    assert all(len(set(table.groups[test])) == 2 for _, test in folds)
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.preprocessing import FunctionTransformer

    pixels = FunctionTransformer(lambda paths: np.stack([np.asarray(Image.open(p)).ravel() / 255 for p in paths]))
    step = PerModality(image=pixels, text=CountVectorizer(token_pattern=r"\w+"))
    model = MLCCA(1).fit(step.fit_transform(table.pairs), table.labels)
    assert model.classes_.tolist() == ["cat", "dog", "indoor", "sea"]


def test_several_captions_of_an_image_hold_it_once(folder):
    names = ["0.png", "1.png", "./0.png", "0.png"]
    frame = rows_of(*[(name, f"caption {i}", "a", "") for i, name in enumerate(names)])
    table = load_table(written(frame, folder))
    images, index = table.pairs.distinct_images()
    assert len(images) == 2 and index.tolist() == [0, 1, 0, 0] == table.groups.tolist()
    assert table.ids.tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match=r"has the id '0\.png' more than once in column 'file_name' \(rows 0, 3\)"):
        load_table(folder / "table.csv", ids="file_name")


def test_columns_may_be_left_out_or_have_other_names(folder):
    file = written(good_rows().rename(columns={"file_name": "path"})[["path"]], folder)
    table = load_table(file, image="path", text=None, labels=None)
    assert table.pairs.text is None and table.labels is None and table.label_names is None and table.split is None
    file.write_text("caption,tags\na cat,\n a dog ,x\n")
    with pytest.warns(UserWarning, match=r"no tags in column 'tags' \(row 0\): these are rows without labels"):
        table = load_table(file, image=None)
    assert table.pairs.image is None and table.labels.tolist() == [[], ["x"]]
    assert table.pairs.text.tolist() == ["a cat", "a dog"] and table.groups.tolist() == [0, 1]
    with pytest.raises(ValueError, match="image and text are both None"):
        load_table(file, image=None, text=None)


def test_images_may_lie_elsewhere(folder, tmp_path_factory):
    file = written(good_rows(), tmp_path_factory.mktemp("other"))
    assert load_table(file, root=folder).pairs.image[0] == str(folder / "0.png")
    with pytest.raises(
        FileNotFoundError, match=r"image files that do not exist, such as '.*0\.png' \(rows 0, 1, 2, 3\)"
    ):
        load_table(file)


def test_tags_are_split_as_they_are_written(folder):
    frame = good_rows().assign(tags=["a|b", "a|", "x;y", "3"])
    file = written(frame, folder)
    assert load_table(file, sep="|").labels.tolist() == [["a", "b"], ["a"], ["x;y"], ["3"]]
    assert load_table(file, sep=None).labels.tolist() == [["a|b"], ["a|"], ["x;y"], ["3"]]
    lines = [{"file_name": f"{i}.png", "caption": "c", "tags": tags} for i, tags in enumerate([["a"], "a;b", [7], []])]
    file = folder / "t.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    with pytest.warns(UserWarning, match=r"\(row 3\): these are rows without labels"):
        assert load_table(file).labels.tolist() == [["a"], ["a", "b"], [7], []]


def test_all_that_is_wrong_is_said_at_once_and_can_be_left_out(folder):
    (folder / "folder").mkdir()
    (folder / "loop").symlink_to("loop")
    frame = rows_of(
        ("0.png", "fine", "a", "x"),
        ("gone.png", "b", "a", "x"),
        ("1.png", "  ", "a", "x"),
        ("folder", "c", "a", "x"),
        ("loop", "d", "a", "x"),
        ("2.png", "e", "a;;b", "x"),
        ("", "f", "a", "x"),
        ("3.png", "g", "b", ""),
    )
    file = written(frame, folder)
    said = (
        r"table\.csv has nothing in column 'file_name' \(row 6\); nothing in column 'caption' \(row 2\); "
        r"nothing in column 'part' \(row 7\); image files that do not exist, such as '.*gone\.png' \(row 1\); "
        r"image files that are folders, such as '.*folder' \(row 3\); "
        r"image files that are links to nothing, such as '.*loop' \(row 4\); an empty tag in column 'tags' \(row 5\)"
    )
    with pytest.raises(ValueError, match=said + '; correct them, or leave these rows out by missing="skip"'):
        load_table(file, split="part")
    with pytest.warns(UserWarning, match=said + r"\. The 7 rows are left out"):
        table = load_table(file, split="part", missing="skip")
    assert table.ids.tolist() == [0] and table.pairs.text.tolist() == ["fine"]
    written(frame.iloc[1:2], folder)
    with pytest.raises(FileNotFoundError, match="no row is left"):
        load_table(file, missing="skip")


def test_many_rows_are_counted(folder):
    file = written(rows_of(*[("0.png", "", "a", "")] * 9), folder)
    with pytest.raises(ValueError, match=r"\(rows 0, 1, 2, 3, 4 and 4 more\)"):
        load_table(file)


def test_copies_of_an_image_are_reported_and_grouped(folder):
    (folder / "copy.png").write_bytes((folder / "1.png").read_bytes())
    Image.open(folder / "2.png").resize((60, 80)).save(folder / "larger.png")
    frame = pd.concat([good_rows(), rows_of(("copy.png", "c", "a", ""), ("larger.png", "d", "a", ""))])
    file = written(frame, folder)
    with pytest.warns(
        UserWarning, match=r"same content 1 times, such as '.*1\.png' \(row 1\) and '.*copy\.png' \(row 4\)"
    ):
        assert load_table(file).groups.tolist() == [0, 1, 2, 3, 1, 4]
    with pytest.warns(UserWarning, match=r"look the same 2 times, .*groups=table\.groups"):
        assert load_table(file, near_duplicates="pictures").groups.tolist() == [0, 1, 2, 3, 1, 2]
    assert load_table(file, near_duplicates="ignore").groups.tolist() == [0, 1, 2, 3, 4, 5]


def test_pairs_know_which_pictures_are_copies(folder):
    other = folder / "other"
    other.mkdir()
    frame = pd.concat([good_rows(), rows_of(("copy.png", "c", "a", ""), ("copy.png", "d", "a", ""))])
    tables = []
    for place in (folder, other):
        for name in range(4):
            (place / f"{name}.png").write_bytes((folder / f"{name}.png").read_bytes())
        (place / "copy.png").write_bytes((folder / "1.png").read_bytes())
        with pytest.warns(UserWarning, match="same content"):
            tables.append(load_table(written(frame, place)).pairs)
    groups = Pairs.concatenate(tables).groups.tolist()
    # Rows of different tables are in different groups.
    assert groups[1] == groups[4] == groups[5] and groups[7] == groups[10] == groups[11] and len(set(groups)) == 8
    # As scikit-learn's splitters slice.
    with pytest.warns(UserWarning, match="puts rows of one group on both sides"):
        tables[0][[0, 1], ...]


def test_a_broken_picture_is_named_where_pictures_are_opened(folder):
    (folder / "3.png").write_bytes(b"")
    assert len(load_table(written(good_rows(), folder)).pairs) == 4
    with pytest.raises(ValueError, match=r"3\.png cannot be read as an image"):
        load_table(folder / "table.csv", near_duplicates="pictures")


IDS = [([1, 1, 2], r"the id 1 more than once in column 'id' \(rows 0, 1\)"), ([1, "1", 2], r"\['int', 'str'\]")]
IDS += [([1, 2**63, 2**70], r"id 9223372036854775808 .*\(rows 1, 2\).* 64 bits; write such ids as strings")]
IDS += [(["1", " 1"], r"the id '1' more than once .*\(rows 0, 1\)"), (["a", " "], r"no id in column 'id' \(row 1\)")]
IDS += [([1, None, 2], r"no id in column 'id' \(row 1\)"), ([1, 2.5, 3], r"types \['float', 'int'\]")]


@pytest.mark.parametrize(("ids", "message"), IDS)
def test_ids_are_all_different_and_of_one_type(folder, ids, message):
    file = folder / "t.jsonl"
    file.write_text("\n".join(json.dumps({"caption": "c", "id": i}) for i in ids))
    with pytest.raises(ValueError, match=message):
        load_table(file, image=None, labels=None, ids="id")


BROKEN = {
    "empty.csv": (b"", "is empty"),
    "header.csv": (b"file_name,caption,tags\n", "a header but no rows"),
    "latin.csv": ("file_name,caption,tags\n0.png,Bär,a\n".encode("latin-1"), "not in UTF-8"),
    "ragged.csv": (b"file_name,caption,tags\n0.png,a,b\n1.png,a, comma,b\n", "line 3.*double quotes"),
    "wide.csv": (b"file_name,caption,tags\n0.png,a,b,c\n1.png,a,b,c\n", "must stand in double quotes"),
    "open.csv": (b'file_name,caption,tags\n0.png,"a,b\n', "must stand in double quotes"),
    "semicolons.csv": (b"file_name;caption;tags\n0.png;a;b\n", "no column 'file_name' for image=.*another sign"),
    "near.csv": (b"filename,caption,tags\n0.png,a,b\n", "'filename', 'caption', 'tags'. Did you mean 'filename'"),
    "twice.csv": (b"file_name,caption,caption,tags\n0.png,a,b,c\n", "2 columns are called 'caption'"),
    "zip.csv": (b"PK\x03\x04" + b"0" * 40, "it is a zip archive"),
    "bad.jsonl": (b'{"file_name": "0.png"}\n{"file_name": ', "line 2 is no JSON object"),
    "list.jsonl": (b'[{"file_name": "0.png"}]\n', "line 1 is no JSON object but"),
    "keys.jsonl": (b'{"image": "0.png"}\n{"text": "a"}\n', "no column 'file_name'.*it has 'image', 'text'"),
    "blank.jsonl": (b"\n\n", "is empty"),
    "number.jsonl": (b'{"file_name": "0.png", "caption": 3, "tags": "a"}', "'caption' .* holds 3, a int, in row 0"),
    "tag.jsonl": (b'{"file_name": "0.png", "caption": "a", "tags": 1.5}', "row 0 of column 'tags' .* holds 1.5"),
    "truth.jsonl": (
        b'{"file_name": "0.png", "caption": "a", "tags": [true]}',
        r"holds \[True\]; tags are",
    ),
    "half.jsonl": (
        b'{"file_name": "0.png", "caption": "\\ud800", "tags": "a"}',
        "half a character in column 'caption'",
    ),
    "half_tag.jsonl": (
        b'{"file_name": "0.png", "caption": "a", "tags": ["\\udc00"]}',
        "character in column 'tags'",
    ),
    "deep.jsonl": (b'{"caption":' * 100_000, "line 1 is no JSON object .*each line must be one"),
    "wide_letters.csv": ("file_name,caption,tags\n".encode("utf-16-le"), "text in UTF-16; save it in UTF-8"),
    "wide_letters.jsonl": ('{"file_name": "0.png"}'.encode("utf-16-be"), "text in UTF-16; save it in UTF-8"),
    "text.parquet": (b"file_name,caption,tags\n", "text that starts with"),
    "cut.parquet": (b"PAR1\x15" + b"0" * 40, "cut off or damaged"),
    "table.xlsx": (b"PK\x03\x04", "suffix '.xlsx'"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_cannot_be_read_says_why(folder, name):
    content, message = BROKEN[name]
    if message == "cut off or damaged":
        pytest.importorskip("pyarrow")
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        load_table(folder / name)
    assert name in str(error.value)


def test_a_table_that_is_not_there_says_so(folder):
    with pytest.raises(FileNotFoundError, match=r"none\.csv does not exist; pass the path of a table"):
        load_table(folder / "none.csv")
    with pytest.raises(FileNotFoundError, match="is a folder"):
        load_table(folder)
    with pytest.raises(ValueError, match="missing must be one of"):
        load_table(folder, missing="drop")
    with pytest.raises(ValueError, match="near_duplicates must be one of"):
        load_table(folder, near_duplicates=True)


def test_arguments_of_other_types_are_named(folder):
    file = written(good_rows(), folder)
    for name in ("image", "text", "labels", "split", "ids"):
        with pytest.raises(TypeError, match=rf"{name} is 5, a int; the name of a column, or None, is wanted"):
            load_table(file, **{name: 5})
    with pytest.raises(TypeError, match="sep is 5, a int; a string, or None, is wanted"):
        load_table(file, sep=5)
    with pytest.raises(TypeError, match="path must be a path"):
        load_table(5)
    with pytest.raises(TypeError, match="root must be a path"):
        load_table(file, root=5)


def test_what_is_no_file_is_called_so_and_one_that_vanishes_is_named(folder, monkeypatch):
    os.mkfifo(folder / "pipe.png")
    file = written(rows_of(("pipe.png", "a", "a", "")), folder)
    with pytest.raises(FileNotFoundError, match=r"devices, pipes or sockets, such as '.*pipe\.png' \(row 0\)"):
        load_table(file)
    frame = pd.concat([good_rows(), rows_of(("", "b", "a", ""))])
    with pytest.warns(UserWarning, match=r"\(row 4\)\. The row is left out"):
        assert len(load_table(written(frame, folder), missing="skip").pairs) == 4

    def vanished(path):
        raise FileNotFoundError(2, "No such file or directory", path)

    monkeypatch.setattr(os.path, "getsize", vanished)
    with pytest.raises(FileNotFoundError, match=r"0\.png' cannot be read \(No such file or directory\); correct"):
        load_table(written(good_rows(), folder))


def test_parquet_needs_an_extra(folder, monkeypatch):
    file = folder / "t.parquet"
    file.write_bytes(b"PAR1\x15" + b"0" * 40)
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.partition(".")[0] == "pyarrow":
            raise ModuleNotFoundError("No module named 'pyarrow'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'skxmr\[arrow\]'"):
        load_table(file)


def with_metadata(suffix, folder):
    """A table with columns of every type, in which some values are missing."""
    frame = good_rows().assign(
        year=pd.array([1990, None, 2001, 2002], dtype="Int64"),
        size=[1, 2, 3, 4],
        width=[0.5, 1, None, 2e3],
        sold=[True, False, True, True],
        code=["007", "12", "1", "x"],
        place=["north", None, "NA", "south"],
    )
    if suffix == ".jsonl":
        file = folder / "table.jsonl"
        frame.assign(tags=[tags.split(";") for tags in frame.tags]).to_json(file, orient="records", lines=True)
        return file
    return written(frame, folder, suffix)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_further_columns_keep_their_types_in_every_format(folder, suffix):
    table = load_table(with_metadata(suffix, folder), split="part", metadata="all")
    found = table.metadata
    assert found.columns.tolist() == ["year", "size", "width", "sold", "code", "place"]
    assert found.dtypes[["year", "size", "width", "sold"]].tolist() == ["Int64", "int64", "float64", "bool"]
    assert found.year.tolist() == [1990, pd.NA, 2001, 2002] and found["size"].sum() == 10
    assert found.width.fillna(-1).tolist() == [0.5, 1.0, -1.0, 2000.0]
    assert found.code.tolist() == ["007", "12", "1", "x"]
    assert found.place.isna().tolist() == [False, True, False, False] and found.place[2] == "NA"


def test_further_columns_are_those_that_are_named(folder):
    file = with_metadata(".csv", folder)
    assert load_table(file).metadata is None and load_table(file, metadata=[]).metadata.shape == (4, 0)
    named = load_table(file, metadata=["size", "file_name", "size"]).metadata
    assert named.columns.tolist() == ["size", "file_name"] and named.file_name[1] == "1.png"
    with pytest.raises(ValueError, match=r"no column 'yaer' for metadata=; it has .* Did you mean 'year'\?$"):
        load_table(file, metadata=["yaer"])
    for wrong, message in (("year", "metadata is 'year'; pass a list"), ([3], "metadata holds 3, a int")):
        with pytest.raises(TypeError, match=message):
            load_table(file, metadata=wrong)


def test_further_columns_go_with_the_rows_that_are_left(folder):
    frame = good_rows().assign(caption=["a", "", "b", "c"], year=["1", "x", "3", "4"])
    with pytest.warns(UserWarning, match=r"row 1"):
        table = load_table(written(frame, folder), missing="skip", metadata=["year"])
    assert table.metadata.year.tolist() == [1, 3, 4] and table.metadata.index.tolist() == [0, 1, 2]


def test_columns_without_a_name_are_no_metadata(folder):
    frame = good_rows().assign(year=[1, 2, 3, 4]).set_index(pd.Index([7, 8, 9, 10]))
    frame.to_csv(folder / "table.csv")
    assert load_table(folder / "table.csv", metadata="all").metadata.columns.tolist() == ["part", "year"]
    pytest.importorskip("pyarrow")
    frame.to_parquet(folder / "table.parquet")
    assert load_table(folder / "table.parquet", metadata="all").metadata.columns.tolist() == ["part", "year"]


def test_what_is_no_number_stays_a_string(folder):
    columns = {
        "long": ["1" * 19, "2", "3", "4"],
        "phone": ["+49", "1", "2", "3"],
        "comma": ["1,5", "2", "3", "4"],
        "word": ["nan", "1", "2", "inf"],
        "truth": ["True", "false", "", "TRUE"],
        "none": [""] * 4,
        "negative": ["-1", "0", " 3 ", "4"],
        "points": [".5", "5.", "1e3", "-0.1"],
    }
    found = load_table(written(good_rows().assign(**columns), folder), metadata=list(columns)).metadata
    for name in ("long", "phone", "comma", "word"):
        assert found[name].tolist() == columns[name]
    assert found.truth.tolist() == [True, False, pd.NA, True] and found.none.isna().all()
    assert found.negative.tolist() == [-1, 0, 3, 4] and found.points.tolist() == [0.5, 5.0, 1000.0, -0.1]


def test_values_of_other_types_stay_as_they_are(folder):
    rows = [
        {"file_name": f"{i}.png", "caption": "c", "tags": "t", "boxes": [i, 2], "mixed": value, "large": 2**70}
        for i, value in enumerate([3, "x"])
    ]
    file = folder / "t.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    found = load_table(file, metadata="all").metadata
    assert found.boxes.tolist() == [[0, 2], [1, 2]] and found.mixed.tolist() == [3, "x"]
    assert found.large.tolist() == [2**70] * 2
