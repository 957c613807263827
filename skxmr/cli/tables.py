"""Tables of the command: the options that name their columns, and the parts that their rows belong to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from skxmr.cli.command import RunError, nearest
from skxmr.cli.run_file import Run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sklearn.utils import Bunch

    Rows = NDArray[np.intp]

Function = TypeVar("Function", bound=Callable[..., Any])
_COLUMNS = {
    "image": "Column of the image files; 'file_name' unless the run says otherwise.",
    "text": "Column of the texts; 'caption' unless the run says otherwise.",
    "labels": "Column of the tags; 'tags' unless the run says otherwise.",
    "sep": "What separates tags; ';' unless the run says otherwise.",
    "split": "Column that says which part a row belongs to.",
    "root": "Folder of the image files; that of the table unless the run says otherwise.",
}
# An option with this value stands for a column that is not there.
NO_COLUMN = "-"


class Parts(NamedTuple):
    """The numbers of rows that are learned from, and of those that are scored, if any."""

    train: Rows
    test: Rows | None


def table_options(function: Function) -> Function:
    """Add the options that say how a table is read."""
    for name, text in reversed(_COLUMNS.items()):
        option = click.option(f"--{name}", metavar="NAME", help=text)
        function = option(function)
    config = click.Path(dir_okay=False, path_type=Path)
    option = click.option("--config", type=config, help="The file of a run, whose [data] says how the table is read.")
    return option(function)


def read_table(
    table: Path, run: Run | None, options: dict[str, str | None], metadata: list[str] | str | None = None
) -> Bunch:
    """Read a table by the file of a run and by options, which come first; ``-`` stands for no column."""
    from skxmr.datasets import load_table

    arguments = {} if run is None else run.table_arguments()
    arguments |= {name: None if value == NO_COLUMN else value for name, value in options.items() if value is not None}
    arguments |= {"root": image_root(table, run, options["root"]), "metadata": metadata}
    return load_table(table, **arguments)


def image_root(table: Path, run: Run | None, option: str | None) -> Path:
    """Return the folder at which the paths of images start."""
    if option is not None:
        return Path(option)
    # The images lie beside the table that is given, which may be another one than that of the run.
    if run is None or run.table != table.absolute():
        return table.parent
    return Path(run.table_arguments().get("root", table.parent))


def load_run_table(run: Run) -> Bunch:
    """Read the table that a run names."""
    from skxmr.datasets import load_table

    return load_table(run.table, **run.table_arguments())


def parts_of(table: Bunch, run: Run) -> Parts:
    """Return which rows a run learns from and which it scores; rows of one group stay on one side."""
    import numpy as np

    data = run.section("data")
    if table.split is not None:
        if "test_fraction" in data:
            raise RunError("[data] has both split and test_fraction; keep one of them.")
        test = rows_of_part(table, data.get("test", "test")) if _has_test(table, data) else None
        return Parts(rows_of_part(table, data.get("train", "train")), test)
    if "test_fraction" not in data:
        return Parts(all_rows(table), None)
    from sklearn.model_selection import GroupShuffleSplit

    fraction = data["test_fraction"]
    if not 0 < fraction < 1:
        raise RunError(f"[data] test_fraction is {fraction}, but a number between 0 and 1 is wanted, such as 0.2.")
    splitter = GroupShuffleSplit(1, test_size=fraction, random_state=data.get("random_state", 0))
    return Parts(*next(splitter.split(np.empty(len(table.ids)), groups=table.groups)))


def all_rows(table: Bunch) -> Rows:
    """Return the numbers of all rows."""
    import numpy as np

    return np.arange(len(table.ids))


def rows_of_part(table: Bunch, part: str | list[str]) -> Rows:
    """Return the rows whose split column has a value, or one of several."""
    import numpy as np

    wanted = [part] if isinstance(part, str) else part
    there = sorted(set(table.split.tolist()))
    for name in wanted:
        if name not in there:
            raise RunError(f"no row of the table belongs to the part {name!r}{nearest(name, there)}")
    return np.flatnonzero(np.isin(table.split.astype(str), wanted))


def _has_test(table: Bunch, data: dict[str, Any]) -> bool:
    return "test" in data or "test" in table.split.tolist()


def taken(table: Bunch, rows: Rows) -> tuple[Any, Any]:
    """Return the pairs and the labels of some rows."""
    return table.pairs[rows], None if table.labels is None else table.labels[rows]
