"""Facts: what can be told of pairs and labels without fitting anything."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from skxmr._data.kinds import Frame, LabelsLike, View
from skxmr._data.labels import encode_labels, need_labels
from skxmr._data.pairs import Pairs
from skxmr._data.regions import Regions
from skxmr._data.repeated import distinct
from skxmr._data.sentences import Sentences

# Average-pooled units of a network for images, and weights of words or of their parts, have at least so many columns.
_MANY_COLUMNS = 500
# Counts of words have a smaller share of entries that are not 0 than such units.
_FILLED = 0.1


@dataclass(frozen=True)
class ViewFacts:
    """What can be told of one view.

    The kind is ``"vectors"``, ``"regions"``, ``"sentences"`` or ``"raw"``: items such as captions or image files.
    """

    kind: str
    n_columns: int = 0
    sparse: bool = False
    non_negative: bool = False
    # Share of the entries that are not 0.
    filled: float = 1.0
    # Whether words have tags and heads.
    parsed: bool = False


@dataclass(frozen=True)
class Facts:
    """What can be told of pairs and their labels; without labels the numbers of labels are 0."""

    n_rows: int
    n_images: int
    image: ViewFacts
    text: ViewFacts
    n_labels: int = 0
    labels_per_row: float = 0.0
    rows_per_label: float = 0.0

    @property
    def of_sets(self) -> bool:
        """Whether an image is a set of regions, or a text a sequence of words."""
        return self.image.kind == "regions" or self.text.kind == "sentences"

    @property
    def of_features(self) -> bool:
        """Whether images look like units of a pre-trained network, which are never negative, and texts are wide."""
        image = self.image
        units = image.non_negative and not image.sparse and image.filled >= _FILLED
        return units and min(image.n_columns, self.text.n_columns) >= _MANY_COLUMNS

    def __str__(self) -> str:
        shared = f" of {self.n_images} images" if self.n_images < self.n_rows else ""
        parts = [f"{self.n_rows} rows{shared}", f"images: {_named(self.image)}", f"texts: {_named(self.text)}"]
        if self.n_labels == 0:
            return ", ".join([*parts, "no labels"])
        parts.append(f"{self.n_labels} labels, {self.labels_per_row:.1f} per row, {self.rows_per_label:.0f} rows each")
        return ", ".join(parts)


def facts_of(pairs: Pairs, labels: LabelsLike = None) -> Facts:
    """Return the facts of pairs of which every row has both views, and of their labels."""
    images, index = distinct(pairs.image)
    n_images = len(pairs) if index is None else int(images.shape[0])
    views = of_view(images, is_text=False), of_view(pairs.text, is_text=True)
    if labels is None:
        return Facts(len(pairs), n_images, *views)
    counts = np.asarray(need_labels(encode_labels(labels)).matrix.sum(axis=0)).ravel()
    counts = counts[counts > 0]
    per_row = float(counts.sum() / len(pairs))
    return Facts(len(pairs), n_images, *views, len(counts), per_row, float(np.median(counts)))


def of_view(view: View, is_text: bool) -> ViewFacts:
    """Return the facts of a view that has an index no longer."""
    if isinstance(view, Regions):
        return ViewFacts("regions", int(view.shape[2]))
    if isinstance(view, Sentences):
        return ViewFacts("sentences", view.width or 0, parsed=view.parsed)
    if sp.issparse(view):
        filled = view.nnz / max(view.shape[0] * view.shape[1], 1)
        return ViewFacts("vectors", int(view.shape[1]), True, bool((view.data >= 0).all()), filled)
    array = view.to_numpy() if isinstance(view, Frame) else np.asarray(view)
    if array.ndim == 2 and array.dtype.kind in "biuf":
        filled = float(np.count_nonzero(array) / max(array.size, 1))
        return ViewFacts("vectors", int(array.shape[1]), False, bool((array >= 0).all()), filled)
    if array.ndim == 3 and array.dtype.kind == "f" and not is_text:
        return ViewFacts("regions", int(array.shape[2]))
    return ViewFacts("raw")


def _named(view: ViewFacts) -> str:
    """Return the facts of a view in words."""
    if view.kind != "vectors":
        return "raw items" if view.kind == "raw" else view.kind
    sign = ", none negative" if view.non_negative else ""
    form = "sparse" if view.sparse else "dense"
    return f"{view.n_columns} columns ({form}, {view.filled:.0%} filled{sign})"
