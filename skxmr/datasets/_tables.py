"""A table of image files, texts and tags becomes pairs and labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from skxmr._data.kinds import AnyArray, FilePath, IndexArray
from skxmr._data.option_checks import check_choice
from skxmr._data.pairs import Pairs
from skxmr._data.warn import warn
from skxmr.datasets._files import as_path
from skxmr.datasets._metadata import frame_of, further_columns
from skxmr.datasets._pictures import named_groups, same_files, same_pictures, thumbnails_of
from skxmr.datasets._rows import Faults, ids_of, paths_of, strings_of, tags_of
from skxmr.datasets._table_files import Wanted, is_text, read_columns
from skxmr.model_selection import near_duplicate_groups


def load_table(
    path: FilePath,
    image: str | None = "file_name",
    text: str | None = "caption",
    labels: str | None = "tags",
    sep: str | None = ";",
    split: str | None = None,
    *,
    ids: str | None = None,
    root: FilePath | None = None,
    metadata: list[str] | str | None = None,
    missing: str = "error",
    near_duplicates: str = "files",
) -> Bunch:
    r"""Load a table of image files with texts and tags, as CSV, JSON Lines or Parquet.

    Each row names an image file, its text and its tags. Images stay paths until a step of a pipeline reads them. If an
    image stands in several rows, because it has several captions, it is held once, and the `Pairs` has an
    ``image_index``. Rows are counted from 0, without the header.

    Parameters
    ----------
    path : path
        The table: ``.csv`` (commas) or ``.tsv`` (tabs) with a header, ``.jsonl`` with one JSON object per line, or
        ``.parquet``, which needs ``pip install 'skxmr[arrow]'``. Texts are in UTF-8, and no word is read as a missing
        value, also not "NA" or "null".
    image : str or None, default="file_name"
        Column with the names of image files, relative to `root`. None leaves the images out.
    text : str or None, default="caption"
        Column with the texts. None leaves the texts out.
    labels : str or None, default="tags"
        Column with the tags: strings, or lists of strings in JSON Lines and Parquet. None leaves the labels out.
    sep : str or None, default=";"
        What separates the tags in a string. None takes each string for one tag.
    split : str or None, default=None
        Column that says which part a row belongs to, such as "train" and "test".
    ids : str or None, default=None
        Column with ids, all different; it may be that of the images. None numbers the rows.
    root : path or None, default=None
        Folder of the images; None is that of the table.
    metadata : list of str, "all" or None, default=None
        Further columns, such as years and places, which `RetrievalIndex.add` takes as its `metadata`; ``"all"`` stands
        for all columns with a name that no other parameter names.
    missing : {"error", "skip"}, default="error"
        What to do about rows whose image file, text or part is missing, or that have an empty tag among others.
        ``"skip"`` leaves them out with a warning that names them.
    near_duplicates : {"files", "pictures", "ignore"}, default="files"
        Which images are looked for that are there more than once: files with the same content; also pictures that look
        the same as thumbnails, for which every image is opened; or none.

    Returns
    -------
    Bunch
        ``pairs``, paths and texts; ``labels`` (n,), lists of tags, or None; ``label_names``, or None; ``ids`` (n,), int
        or str; ``groups`` (n,) for splitters: rows of one image, or of images that are nearly the same, have the same
        number, and the pairs know these groups as well; ``split`` (n,), or None; ``metadata``, a DataFrame of n rows,
        or None; ``DESCR``. A column of metadata has the type that all its values share. Those of CSV are numbers if all
        of them are, or truth values; words such as "NA", and digits that begin with 0, as codes do, stay strings.

    Raises
    ------
    FileNotFoundError
        If the table does not exist, or image files do not.
    ImportError
        If the table is a Parquet file and pyarrow is missing.
    TypeError
        If the name of a column is no string, or metadata is no list of names.
    ValueError
        If the table cannot be read, lacks a column, has no rows, has rows with missing values, or has an id twice; the
        message names the rows.

    Warns
    -----
    UserWarning
        If rows have no tags, and are rows without labels; if rows are left out; if images are there more than once.

    See Also
    --------
    skxmr.model_selection.near_duplicate_groups : Find rows with nearly the same features.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from PIL import Image
    >>> from skxmr.datasets import load_table
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name, grey in (("sea.png", 40), ("sun.png", 250)):
    ...     Image.fromarray(np.full((8, 8), grey, dtype=np.uint8)).save(folder / name)
    >>> rows = ["file_name,caption,tags", "sea.png,the sea at night,water;dark", "sun.png,the sun,sky"]
    >>> _ = (folder / "table.csv").write_text("\n".join(rows))
    >>> table = load_table(folder / "table.csv")
    >>> table.pairs
    Pairs(image=(2,) object, text=(2,) object)
    >>> table.labels.tolist(), table.ids.tolist()
    ([['water', 'dark'], ['sky']], [0, 1])
    """
    check_choice(missing, "missing", ("error", "skip"))
    check_choice(near_duplicates, "near_duplicates", ("files", "pictures", "ignore"))
    if image is None and text is None:
        raise ValueError("image and text are both None; name the column of one of them.")
    file = as_path(path, "path")
    _check_names(image=image, text=text, labels=labels, sep=sep, split=split, ids=ids)
    folder = file.parent if root is None else as_path(root, "root")
    named = {"image": image, "text": text, "labels": labels, "ids": ids, "split": split}
    wanted = {parameter: column for parameter, column in named.items() if column is not None}
    further = further_columns(metadata)
    columns = read_columns(file, Wanted(wanted, further))
    n = len(next(iter(columns.values())))
    if n == 0:
        raise ValueError(f"{file} has a header but no rows; one row per image or caption is wanted.")
    faults = Faults(file.name, n)
    held: dict[str, AnyArray] = {}
    for parameter in ("image", "text", "split"):
        if parameter in wanted:
            held[parameter] = strings_of(columns[wanted[parameter]], wanted[parameter], faults)
    if "image" in held:
        held["image"] = paths_of(held["image"], folder, faults)
    if labels is not None:
        held["labels"] = tags_of(columns[labels], labels, sep, faults)
    held["ids"] = np.arange(n) if ids is None else ids_of(columns[ids], ids, faults)
    kept = faults.kept_rows(missing)
    found = _bunch({name: values[kept] for name, values in held.items()}, file, near_duplicates)
    if further is None:
        further = [name for name in columns if name not in wanted.values()]
    more = {name: columns[name][kept] for name in further}
    found.metadata = None if metadata is None else frame_of(more, len(kept), is_text(file))
    return found


def _check_names(**names: object) -> None:
    for parameter, name in names.items():
        if not (name is None or isinstance(name, str)):
            wanted = "a string" if parameter == "sep" else "the name of a column"
            raise TypeError(f"{parameter} is {name!r}, a {type(name).__name__}; {wanted}, or None, is wanted.")


def _bunch(held: dict[str, AnyArray], file: Path, near_duplicates: str) -> Bunch:
    """Put what was read together: every image once, and groups of rows whose images are nearly the same."""
    import pandas as pd

    n = len(held["ids"])
    image = None
    index = None
    groups = np.arange(n)
    originals = None
    if "image" in held:
        index, distinct = pd.factorize(held["image"])
        of_images = _image_groups(distinct, index, near_duplicates, file.name)
        groups = of_images[index]
        if len(np.unique(of_images)) < len(distinct):
            originals = named_groups(of_images, distinct)[index]
        several = len(distinct) < n
        image = distinct if several else held["image"]
        index = index if several else None
    labels = held.get("labels")
    label_names = None
    if labels is not None:
        label_names = np.array(sorted({tag for tags in labels for tag in tags}, key=str), dtype=object)
    return Bunch(
        pairs=Pairs(image, held.get("text"), image_index=index, groups=originals),
        labels=labels,
        label_names=label_names,
        ids=held["ids"],
        groups=groups,
        split=held.get("split"),
        DESCR=f"{n} rows of {file.name}.",
    )


def _image_groups(paths: AnyArray, index: IndexArray, near_duplicates: str, table: str) -> IndexArray:
    """Return groups of distinct images that are nearly the same, and warn of them."""
    if near_duplicates == "ignore":
        return np.arange(len(paths))
    groups = same_files(paths)
    if near_duplicates == "pictures":
        groups = near_duplicate_groups(groups, same_pictures(thumbnails_of(paths)))
    first = np.unique(groups, return_index=True)[1]
    copies = np.setdiff1d(np.arange(len(paths)), first)
    if len(copies):
        copy = copies[0]
        original = first[groups[copy]]
        rows = [int(np.flatnonzero(index == i)[0]) for i in (original, copy)]
        what = "files with the same content" if near_duplicates == "files" else "pictures that look the same"
        warn(
            f"{table} names {what} {len(copies)} times, such as {paths[original]!r} (row {rows[0]}) and "
            f"{paths[copy]!r} (row {rows[1]}); keep them on one side of a split by groups=table.groups."
        )
    return groups
