"""Report: what was measured, as tables and as a page."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from skxmr._data.option_checks import check_choice
from skxmr._data.paths import expanded, make_folders_above
from skxmr.inspection.reporting.items import Items
from skxmr.inspection.reporting.page import page
from skxmr.persistence._writing import write_whole

if TYPE_CHECKING:
    import pandas as pd

PARTS = (
    "summary", "queries", "hardest", "unanswerable", "labels", "confusions", "tags", "facts", "duplicates", "scope",
)  # fmt: skip
_WAY_OUT = {
    "labels": "pass labels to report",
    "confusions": "pass labels to report",
    "tags": "report a model that scores labels, such as SemanticMatching, with labels that it knows",
    "duplicates": "pass the training rows as train=",
}


class Report:
    """What :func:`report` has measured.

    Parameters
    ----------
    method : str
        The name of the method.
    tables : mapping of str to DataFrame or None
        The parts that `to_frame` returns.
    items : mapping of (str, int) to object
        Captions, files and images of the hardest queries, by modality and row.

    Examples
    --------
    >>> from skxmr import CCA
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> from skxmr.inspection import report
    >>> pairs, labels = make_multilabel_pairs(60, random_state=0)
    >>> found = report(CCA(4).fit(pairs, labels), pairs, labels)
    >>> found.to_frame("labels").columns.tolist()
    ['label', 'rows', 'image_to_text_map', 'text_to_image_map']
    """

    def __init__(self, method: str, tables: Mapping[str, pd.DataFrame | None], items: Items) -> None:
        self.method = method
        self.tables = {name: table for name, table in tables.items() if table is not None}
        self.items = items

    def to_frame(self, part: str = "summary") -> pd.DataFrame:
        """Return one part of the report as a table.

        Parameters
        ----------
        part : str, default="summary"
            ``"summary"`` has a line per direction. ``"queries"`` has one per query of each direction: ``row``,
            ``average_precision``, ``first_rank`` (of a relevant item), ``n_relevant``, ``precision_at_k``, ``first``
            (the row of the item that came first) and ``labels``; ``"hardest"`` and ``"unanswerable"`` are some of
            these lines. ``"labels"`` has a line per label with the mean average precision of its queries.
            ``"confusions"`` says which labels the wrong items have. ``"tags"`` has ``precision``, ``recall`` and ``f1``
            per label and modality at the thresholds of fit, and the best ones for these rows beside them. ``"facts"``
            is about the rows, ``"duplicates"`` about rows like training rows, and ``"scope"`` is the precision among
            the first items.

        Returns
        -------
        DataFrame

        Raises
        ------
        ValueError
            If there is no such part.
        """
        check_choice(part, "part", PARTS)
        if part not in self.tables:
            raise ValueError(f"this report has no part {part!r}; {_WAY_OUT[part]}.")
        return self.tables[part].copy()

    def save(self, path: str | PathLike[str]) -> None:
        """Write the report as one page, which needs neither network nor other files.

        Parameters
        ----------
        path : path
            The file, such as ``"report.html"``; missing folders are made, and an older file is replaced. If the writing
            fails, what was there stays as it was.

        Raises
        ------
        ImportError
            If matplotlib is missing, which draws the pictures.
        TypeError
            If `path` is no path.
        OSError
            If the file cannot be written.
        """
        file = _file_at(path)
        text = page(self)
        try:
            make_folders_above(file)
        except OSError as error:
            raise OSError(f"{str(path)!r} could not be written ({error.strerror}).") from error
        write_whole(file, text)

    def __repr__(self) -> str:
        both = self.tables["summary"].set_index("direction")["map"]
        values = ", ".join(f"{name.replace('_', ' ')} mAP {value:.3f}" for name, value in both.items())
        return f"Report({self.method}: {values})"

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>{self.tables['summary'].to_html(index=False)}"


def _file_at(path: str | PathLike[str]) -> Path:
    """Return the path of a file that may be written; refuse what is no path, and folders."""
    try:
        file = expanded(path)
        is_folder = file.is_dir()
        if "\0" in str(file):
            raise ValueError("it holds a zero byte")
    except TypeError as error:
        raise TypeError(f"path is {path!r}; pass the path of a file, such as 'report.html'.") from error
    except (OSError, ValueError) as error:
        raise OSError(f"{str(path)!r} could not be written ({error}); pass the path of a file.") from error
    if is_folder:
        raise IsADirectoryError(f"{str(path)!r} is a folder; pass the path of a file, such as report.html in it.")
    return file
