"""Pairs: two aligned views of the same items that slice together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import EllipsisType
from typing import TYPE_CHECKING, NoReturn

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from skxmr._data.derived import concatenated, replaced
from skxmr._data.kinds import MODALITIES, BoolArray, FittedGraph, Frame, IndexArray, RowKey, View, take
from skxmr._data.partial import PartialRows, missing_rows
from skxmr._data.precision import precision
from skxmr._data.repeated import distinct
from skxmr._data.row_groups import RowGroups, groups_of
from skxmr._data.view_checks import as_matrix, check_row_names, check_same_index, check_same_rows
from skxmr._data.views import as_view, check_one_view_each, describe, html_table, row_key, with_index, without_missing
from skxmr._data.warn import warn

if TYPE_CHECKING:
    import pandas as pd


class Pairs:
    """Row-aligned image and text rows that slice together.

    Row i of both views describes the same item. Scikit-learn's splitters and searches take a `Pairs` as ``X``.
    Nothing is copied at construction, except lists, which become arrays.

    Parameters
    ----------
    image, text : array-like, sparse matrix, DataFrame or list of length n, or None
        The views. Numeric views have shape (n, d); raw captions or file names are lists or object arrays of length n.
        Sparse matrices are kept in CSR form, dask arrays as they are. One view may be missing.
    label_graph : LabelGraph or None
        A label graph that every slice keeps whole; normally attached by a :class:`LabelGraph` step.
    image_index : array-like of int of shape (n,), or None
        For several texts per image: `image` holds each image once, and row j is text j with image ``image_index[j]``.
        Images are then neither copied nor sliced; slicing picks texts.
    groups : array-like of int or str of shape (n,), or None
        Rows of one group, such as near-duplicates, are held out together wherever `fit` holds out rows for validation.
    image_missing, text_missing : array-like of bool of shape (n,), or None
        True where a row has no image, or no text; what `image`, `image_index` or `text` hold there is never read.
        :class:`SemanticMatching` and :class:`DRCL` learn from such rows; all other methods refuse them.

    Attributes
    ----------
    shape : tuple of int
        ``(n,)``: only the row axis is shared.
    groups : ndarray of shape (n,)
        Rows of one image or of one group have the same number, so that ``GroupKFold`` keeps them together.
    image_missing, text_missing : ndarray of shape (n,), bool
        Which rows have no image, or no text.

    Raises
    ------
    ValueError
        If both views are missing, differ in length, are DataFrames with different indexes, `image_index` names rows
        that do not exist, `groups` holds other values than integers or strings, or a row has neither image nor text.

    Examples
    --------
    >>> import numpy as np
    >>> from skxmr import Pairs
    >>> pairs = Pairs(np.zeros((3, 2)), ["a cat", "a dog", "two birds"])
    >>> pairs
    Pairs(image=(3, 2) float64, text=(3,) object)
    >>> pairs[[0, 2]].text.tolist()
    ['a cat', 'two birds']
    """

    def __init__(
        self,
        image: View = None,
        text: View = None,
        label_graph: FittedGraph | None = None,
        image_index: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        image_missing: ArrayLike | None = None,
        text_missing: ArrayLike | None = None,
    ) -> None:
        if isinstance(image, Pairs) or isinstance(text, Pairs):
            raise TypeError("a view is itself a Pairs; pass its .image and .text.")
        if image is None and text is None:
            raise ValueError("image and text are both None; a Pairs holds at least one view.")
        if label_graph is not None and not (hasattr(label_graph, "matrix_") and hasattr(label_graph, "classes_")):
            what = type(label_graph).__name__
            raise TypeError(f"label_graph is a {what} without matrix_ and classes_; pass a fitted LabelGraph.")
        # How exact the values of both views came, which is lost where they become numbers of float32.
        self._eps = precision(image), precision(text)
        image = as_view(image, "image")
        if image_index is not None:
            check_same_index(text=text, image_index=image_index)
            image = with_index(image, image_index, image_missing)
        text = as_view(text, "text")
        masks = {"image_missing": image_missing, "text_missing": text_missing}
        self.shape: tuple[int] = (check_same_rows(image=image, text=text, groups=groups, **masks),)
        # The row names of views that are data frames. They are kept where a transformer makes arrays of the views, so
        # that labels in another order are noticed there as well.
        self._index: pd.Index | None = next((v.index for v in (image, text) if isinstance(v, Frame)), None)
        self.image: View = without_missing(image, image_missing, "image")
        self.text: View = without_missing(text, text_missing, "text")
        check_one_view_each(self.image, self.text)
        self.label_graph = label_graph
        self._warned = False
        self._groups = groups_of(self.image, groups)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: RowKey | Sequence[int] | tuple[RowKey, EllipsisType]) -> Pairs:
        # Scikit-learn's splitters ask for X[rows, ...].
        if isinstance(key, tuple):
            if len(key) != 2 or key[1] is not Ellipsis:
                raise IndexError("a Pairs is indexed by rows only, as in pairs[rows].")
            key = key[0]
            if self.label_graph is not None:
                warn(
                    "this Pairs carries a label graph and is being split: it has seen the labels of the held-out rows. "
                    "Put LabelGraph into the pipeline instead, or drop it with pairs.replace(label_graph=None)."
                )
            self._warn_of_divided_groups(key)
        rows = row_key(key, len(self))
        if isinstance(rows, np.ndarray) and rows.dtype.kind == "b":
            # Frames pick rows by the index of a mask, not by its order.
            check_row_names(self._index, key=key)
        some = Pairs(take(self.image, rows), take(self.text, rows), self.label_graph)
        some._eps = self._eps
        some._index = None if self._index is None else self._index[rows]
        some._groups = some._groups.completed(self._groups.of(rows))
        return some

    def __iter__(self) -> Iterator[Pairs]:
        return (self[i] for i in range(len(self)))

    @property
    def image_missing(self) -> BoolArray:
        """Which rows have no image (n,)."""
        return missing_rows(self.image, len(self))

    @property
    def text_missing(self) -> BoolArray:
        """Which rows have no text (n,)."""
        return missing_rows(self.text, len(self))

    @property
    def groups(self) -> IndexArray:
        """Rows of one image or of one group have the same number."""
        return self._groups.numbers(len(self))

    @property
    def _image_numbers(self) -> IndexArray:
        """Rows of one image have the same number, also where the view was expanded or replaced."""
        return RowGroups(self._groups.image).numbers(len(self))

    def _warn_of_divided_groups(self, key: RowKey) -> None:
        """Warn once if a splitter keeps some but not all texts of an image, or rows of a group."""
        if self._warned or isinstance(key, slice):
            return
        if divided := self._groups.divided_by(np.asarray(key), len(self)):
            self._warned = True
            warn(
                f"this split puts {divided} on both sides, so that the held-out rows are not new; keep them together: "
                "GroupKFold or GroupShuffleSplit with groups=pairs.groups."
            )

    def distinct_images(self) -> tuple[View, IndexArray]:
        """Return every image once, and the number of the one that each row shows.

        Returns
        -------
        images : view of m rows
            Those that some row shows, in the order in which they were given.
        index : ndarray of shape (n,)
            Row j shows image ``index[j]``.

        Examples
        --------
        >>> import numpy as np
        >>> from skxmr import Pairs
        >>> pairs = Pairs(np.eye(3), ["a", "b", "c", "d"], image_index=[0, 0, 2, 1])
        >>> images, index = pairs[:3].distinct_images()
        >>> images.shape, index.tolist()
        ((2, 3), [0, 0, 1])
        """
        images, index = distinct(self.image)
        return images, np.arange(len(self)) if index is None else index

    def complete(self) -> Pairs:
        """Return the rows in which no view is missing; a view that the `Pairs` does not have at all does not count.

        Returns
        -------
        Pairs
            Every method takes it. Pick the labels of its rows by ``~(pairs.image_missing | pairs.text_missing)``.

        Examples
        --------
        >>> from skxmr import Pairs
        >>> pairs = Pairs([[1.0], [2.0], [3.0]], ["a", None, "c"], text_missing=[False, True, False])
        >>> pairs, pairs.complete()
        (Pairs(image=(3, 1) float64, text=(2,) object for 2 of 3 rows), Pairs(image=(2, 1) float64, text=(2,) object))
        """
        gaps = [view.missing for view in (self.image, self.text) if isinstance(view, PartialRows)]
        return self[~np.any(gaps, axis=0)] if gaps else self

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NoReturn:
        raise TypeError(
            "a Pairs holds two views and is not an array; put per-view transformers in "
            "PerModality(image=..., text=...), or pass pairs.image or pairs.text."
        )

    def replace(
        self,
        *,
        image: View = ...,
        text: View = ...,
        label_graph: FittedGraph | EllipsisType | None = ...,
        groups: ArrayLike | EllipsisType | None = ...,
    ) -> Pairs:
        """Return a new `Pairs` with some parts exchanged.

        Parameters
        ----------
        image, text : view or None, default=...
            The new views; a view that is not given is kept.
        label_graph : LabelGraph or None, default=...
            The new label graph; if not given, it is kept.
        groups : array-like of shape (n,) or None, default=...
            The new groups; if not given, they are kept.

        Returns
        -------
        Pairs
            It shares the other parts with this one.

        Examples
        --------
        >>> from skxmr import Pairs
        >>> Pairs([[1.0], [2.0]], ["a", "b"]).replace(text=None)
        Pairs(image=(2, 1) float64)
        """
        return replaced(Pairs, self, image, text, label_graph, groups)

    @classmethod
    def concatenate(cls, parts: Iterable[Pairs], *, mark_missing: bool = False) -> Pairs:
        """Stack several `Pairs` row-wise.

        Parameters
        ----------
        parts : iterable of Pairs
            They must have the same views, of the same kind and width, and the same label graph. Images that are held
            once stay so; rows of different parts share an image if both parts index the same array, and a group if its
            value is the same.
        mark_missing : bool, default=False
            Whether parts may lack a view that others have, such as further images without texts: it is then missing in
            their rows, as `image_missing` and `text_missing` say.

        Returns
        -------
        Pairs
            Of length ``sum(map(len, parts))``.

        Raises
        ------
        ValueError
            If there are no parts, or if they differ in their views or label graphs.

        Examples
        --------
        >>> from skxmr import Pairs
        >>> a = Pairs([[1.0], [2.0]], ["a", "b"])
        >>> len(Pairs.concatenate([a, a[:1]]))
        3
        >>> Pairs.concatenate([a, Pairs([[3.0]])], mark_missing=True)
        Pairs(image=(3, 1) float64, text=(2,) object for 2 of 3 rows)
        """
        return concatenated(cls, list(parts), mark_missing)

    def __repr__(self) -> str:
        parts = [f"{name}={describe(view)}" for name, view in self._present().items()]
        if self.label_graph is not None:
            parts.append("label_graph=attached")
        return f"Pairs({', '.join(parts)})"

    def _repr_html_(self) -> str:
        first = [self[i]._present() for i in range(min(3, len(self)))]
        return html_table(repr(self), self._present(), first)

    def _present(self) -> dict[str, View]:
        """Return the views that are not None, by name."""
        return {name: getattr(self, name) for name in MODALITIES if getattr(self, name) is not None}


@as_matrix.register(Pairs)
def _refuse_pairs(view: Pairs, name: str) -> NoReturn:
    views = f"pairs.{name}" if name in MODALITIES else "pairs.image or pairs.text"
    raise TypeError(f"{name} is a Pairs; pass one modality, {views}.")
