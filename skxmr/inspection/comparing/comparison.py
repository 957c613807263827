"""What `compare` found, as data frames and as tables for pages, papers and notebooks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skxmr._docstrings import documented_like
from skxmr.inspection.comparing.tables import FORMATS, Cell, Format

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Means of several methods with intervals, and the differences of every two of them with p-values.

    Parameters
    ----------
    means : DataFrame
        One line per direction and method: ``direction``, ``method``, ``mean``, ``low`` and ``high`` (the interval),
        ``best`` (whether no mean is higher), ``not_worse`` (whether the method is the best, or was not shown to be
        worse), ``queries`` and ``seeds``.
    differences : DataFrame
        One line per direction and two methods: ``direction``, ``method``, ``other``, ``difference`` (the mean of the
        method minus that of the other one), ``low`` and ``high`` (its interval), ``p``, and ``p_holm``, which is
        corrected for all lines of the direction.
    confidence_level : float, default=0.95
        How often the intervals hold the true value.

    Examples
    --------
    >>> import numpy as np
    >>> from skxmr.inspection import compare
    >>> rng = np.random.default_rng(0)
    >>> old = rng.beta(1, 2, size=200)
    >>> found = compare({"old": old, "new": np.clip(old + rng.normal(0.05, 0.1, size=200), 0, 1)})
    >>> print(found.to_markdown(note=False))
    | method | value |
    | --- | --- |
    | old | 0.375 [0.343, 0.407] |
    | new | **0.422** [0.387, 0.457] |
    """

    means: pd.DataFrame
    differences: pd.DataFrame
    confidence_level: float = 0.95

    def to_frame(self) -> pd.DataFrame:
        """Return the means with their intervals and marks.

        Returns
        -------
        DataFrame
            A copy of ``means``; ``differences`` has the tests.
        """
        return self.means.copy()

    def to_markdown(self, digits: int = 3, *, note: bool = True) -> str:
        """Return a table in Markdown: one line per method, the directions side by side.

        Parameters
        ----------
        digits : int, default=3
            Decimals.
        note : bool, default=True
            Say below the table what its marks mean.

        Returns
        -------
        str
            The best mean is bold, and † marks what was not shown to be worse.
        """
        return self._written("markdown", digits, note)

    @documented_like(to_markdown)
    def to_latex(self, digits: int = 3, *, note: bool = True) -> str:
        r"""Return a ``tabular`` for LaTeX: one line per method, the directions side by side.

        Returns
        -------
        str
            The best mean is bold, and a dagger marks what was not shown to be worse. Packages are not needed.
        """
        return self._written("latex", digits, note)

    @documented_like(to_markdown)
    def to_html(self, digits: int = 3, *, note: bool = True) -> str:
        """Return a ``<table>`` for a page: one line per method, the directions side by side.

        Returns
        -------
        str
            The best mean is bold, and † marks what was not shown to be worse. Names are escaped.
        """
        return self._written("html", digits, note)

    def __str__(self) -> str:
        return self.to_markdown()

    def __repr__(self) -> str:
        methods = list(self.means["method"].unique())
        return f"Comparison of {methods} by {list(self.means['direction'].unique())}"

    def _repr_html_(self) -> str:
        return self.to_html()

    def _written(self, kind: str, digits: int, note: bool) -> str:
        if isinstance(digits, bool) or not isinstance(digits, int) or digits < 0:
            raise ValueError(f"digits must be a number of decimals, 0 or more; got {digits!r}.")
        form: Format = FORMATS[kind]
        rows: dict[str, list[Cell]] = {}
        for line in self.means.itertuples():
            # The letter z keeps a 0 from having a sign.
            text = f"{line.mean:z.{digits}f}"
            interval = f"[{line.low:z.{digits}f}, {line.high:z.{digits}f}]"
            rows.setdefault(line.method, []).append(Cell(text, interval, line.best, line.not_worse))
        said = self._note() if note else None
        return form(list(self.means["direction"].unique()), rows, said)

    def _note(self) -> str:
        return (
            f"Bold: the best mean. †: not shown to be worse than it. In brackets: {100 * self.confidence_level:g} % "
            "intervals by bootstrap. A method is worse if the p-value of a paired randomisation test, corrected by "
            f"Holm's method, is below {1 - self.confidence_level:.2g}, and the interval of the difference does not "
            "reach 0."
        )
