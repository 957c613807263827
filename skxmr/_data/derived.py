"""New Pairs made of others: with some parts exchanged, or several in one, row after row."""

from __future__ import annotations

from types import EllipsisType
from typing import TYPE_CHECKING

import joblib
from numpy.typing import ArrayLike

from skxmr._data.kinds import FittedGraph, View
from skxmr._data.partial import absent_rows
from skxmr._data.repeated import expand
from skxmr._data.row_groups import RowGroups, shown_index, stacked_groups
from skxmr._data.view_checks import check_row_names
from skxmr._data.views import stack

if TYPE_CHECKING:
    from skxmr._data.pairs import Pairs


def replaced(
    kind: type[Pairs],
    pairs: Pairs,
    image: View,
    text: View,
    label_graph: FittedGraph | EllipsisType | None,
    groups: ArrayLike | EllipsisType | None,
) -> Pairs:
    """Return a Pairs with some parts exchanged; those that are ... are kept."""
    new = kind(
        pairs.image if image is ... else image,
        pairs.text if text is ... else text,
        pairs.label_graph if isinstance(label_graph, EllipsisType) else label_graph,
        groups=None if isinstance(groups, EllipsisType) else groups,
    )
    # A view that is kept, or given again, has not become more exact.
    new._eps = (
        pairs._eps[0] if new.image is pairs.image else new._eps[0],
        pairs._eps[1] if new.text is pairs.text else new._eps[1],
    )
    if len(new) == len(pairs):
        changed = {name: view for name, view in (("image", image), ("text", text)) if view is not ...}
        if len(changed) == 1:
            check_row_names(pairs._index, **changed)
        new._index = pairs._index if new._index is None else new._index
        known = pairs._groups if isinstance(groups, EllipsisType) else RowGroups(pairs._groups.image)
        new._groups = new._groups.completed(known)
    return new


def concatenated(kind: type[Pairs], parts: list[Pairs], mark_missing: bool) -> Pairs:
    """Return a Pairs of the rows of all parts; `mark_missing` allows that some lack a view that others have."""
    if not parts:
        raise ValueError("parts is empty; at least one Pairs is needed.")
    if not all(_same_graph(part.label_graph, parts[0].label_graph) for part in parts):
        raise ValueError("the parts carry different label graphs; drop them with .replace(label_graph=None).")
    images = [part.image for part in parts]
    # Images that were expanded in one part are expanded in all.
    if any(part._groups.image is not None and shown_index(part.image) is None for part in parts):
        images = [expand(image) for image in images]
    texts = [part.text for part in parts]
    if mark_missing:
        images = _with_missing(images, parts)
        texts = _with_missing(texts, parts)
    whole = kind(stack(images, "image"), stack(texts, "text"), parts[0].label_graph)
    whole._eps = max(part._eps[0] for part in parts), max(part._eps[1] for part in parts)
    indexes = [part._index for part in parts if part._index is not None]
    if len(indexes) == len(parts):
        whole._index = indexes[0].append(indexes[1:])
    whole._groups = whole._groups.completed(stacked_groups(parts))
    return whole


def _with_missing(views: list[View], parts: list[Pairs]) -> list[View]:
    """Return the views of all parts, where missing rows stand for a view that a part does not have."""
    like = next((view for view in views if view is not None), None)
    if like is None:
        return views
    return [absent_rows(like, len(part)) if view is None else view for view, part in zip(views, parts, strict=True)]


def _same_graph(a: FittedGraph | None, b: FittedGraph | None) -> bool:
    return a is b or (type(a) is type(b) and joblib.hash(a) == joblib.hash(b))
