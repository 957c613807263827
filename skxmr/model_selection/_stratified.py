"""Cross-validation of rows with several labels, in which every label has its share in each fold."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import check_random_state

from skxmr._data.kinds import IndexArray, LabelsLike, Seed, View
from skxmr._data.labels import encode_labels
from skxmr._data.option_checks import check_flag
from skxmr._data.pairs import Pairs
from skxmr._data.view_checks import check_same_rows
from skxmr.model_selection._dealing import deal


class MultilabelStratifiedKFold(BaseCrossValidator):
    """K folds in which every label has nearly the same share, for rows that have several labels.

    A random fold has no row of some rare labels, and so scores queries that have no relevant item, or none at all.
    Scikit-learn's ``StratifiedKFold`` refuses rows with several labels.

    Rows of one image or group of a :class:`Pairs` stay in one fold without being told; other rows that must not be
    separated, such as near-duplicates, are named by ``groups``.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    shuffle : bool, default=False
        Deal the rows in random order, and decide ties by chance. Otherwise rows keep their order, and the first of
        equal folds gets the next row.
    random_state : int, RandomState or None, default=None
        Seed of the order; only with ``shuffle=True``.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    A label that fewer rows than folds have is missing in some folds; its rows are in different ones. The time grows
    linearly with the number of labels that the rows have together.

    References
    ----------
    Sechidis, Tsoumakas and Vlahavas, On the stratification of multi-label data, ECML PKDD 2011, algorithm 1. Deviation:
    groups of rows are dealt as a whole, those with most rows of a label first.

    Examples
    --------
    >>> from sklearn.model_selection import cross_val_score
    >>> from skxmr import MLCCA
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> from skxmr.model_selection import MultilabelStratifiedKFold
    >>> pairs, labels = make_multilabel_pairs(200, random_state=0)
    >>> folds = MultilabelStratifiedKFold(4, shuffle=True, random_state=0)
    >>> [labels[test].sum(axis=0)[:3].tolist() for _, test in folds.split(pairs, labels)]
    [[7, 10, 12], [7, 11, 12], [7, 10, 11], [8, 11, 12]]
    >>> cross_val_score(MLCCA(), pairs, labels, cv=folds).shape
    (4,)
    """

    n_splits: int
    shuffle: bool
    random_state: Seed
    # Searches pass groups on without being asked, as with GroupKFold.
    __metadata_request__split = {"groups": True}  # noqa: RUF012

    def __init__(self, n_splits: int = 5, *, shuffle: bool = False, random_state: Seed = None) -> None:
        if isinstance(n_splits, bool) or not isinstance(n_splits, Integral) or n_splits < 2:
            raise ValueError(f"n_splits must be an integer of 2 or more; got {n_splits!r}.")
        check_flag(shuffle, "shuffle")
        if random_state is not None and not shuffle:
            raise ValueError(
                f"random_state={random_state!r} has no effect without shuffle=True; set that, or pass None."
            )
        self.n_splits = int(n_splits)
        self.shuffle = shuffle
        self.random_state = random_state

    def split(
        self, X: View, y: LabelsLike = None, groups: ArrayLike | None = None
    ) -> Iterator[tuple[IndexArray, IndexArray]]:
        """Yield the training rows and the test rows of every fold.

        Parameters
        ----------
        X : Pairs, array-like or sparse matrix of n rows
            Only its number of rows is used, and of a `Pairs` which rows are of one image or group.
        y : multi-hot (n, c) array, CSR matrix or DataFrame; (n,) class ids; or n lists of tags
            The labels; rows without labels are dealt out evenly.
        groups : array-like of shape (n,) or None, default=None
            Rows of one group are in one fold; the values are compared only. None takes ``X.groups`` of a `Pairs`.

        Yields
        ------
        train : ndarray of int
            Numbers of the training rows.
        test : ndarray of int
            Numbers of the test rows.

        Raises
        ------
        ValueError
            If labels are missing or have another number of rows, or there are fewer rows or groups than folds.
        """
        folds = self._folds(X, y, groups)
        rows = np.arange(len(folds))
        for fold in range(self.n_splits):
            yield rows[folds != fold], rows[folds == fold]

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups : object, default=None
            Ignored.

        Returns
        -------
        int
        """
        return self.n_splits

    def _folds(self, X: View, y: LabelsLike, groups: ArrayLike | None) -> IndexArray:
        """Return the fold of every row."""
        if y is None:
            raise ValueError("y is None, but folds are stratified by labels; pass them, or use KFold or GroupKFold.")
        labels = encode_labels(y).matrix
        if groups is None and isinstance(X, Pairs):
            groups = X.groups
        n = check_same_rows(X=X, y=labels, groups=groups)
        names, units = np.unique(np.arange(n) if groups is None else np.asarray(groups), return_inverse=True)
        if len(names) < self.n_splits:
            what = "rows" if len(names) == n else f"groups in {n} rows"
            raise ValueError(f"n_splits={self.n_splits}, but there are {len(names)} {what}; take fewer folds.")
        member = sp.csr_array((np.ones(n, np.int64), (units, np.arange(n))), shape=(len(names), n))
        rng = check_random_state(self.random_state) if self.shuffle else None
        return deal(member @ labels.astype(np.int64), np.bincount(units), self.n_splits, rng)[units]
