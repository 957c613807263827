"""What rows hold, as a key that is equal for equal rows."""

from __future__ import annotations

import joblib
import scipy.sparse as sp

from skxmr._data.kinds import Frame, View
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr._data.repeated import distinct


def content_key(pairs: Pairs, labels: Labels | None, *also: object) -> str:
    """Return a key of the views, the groups and the labels of rows, and of other things that can be pickled."""
    images, index = distinct(pairs.image)
    named = () if labels is None else (_arrays(labels.matrix), labels.names)
    return str(joblib.hash((_arrays(images), index, _arrays(pairs.text), pairs.groups, *named, *also)))


def _arrays(view: View) -> object:
    """Return a view without what sparse matrices and tables remember of earlier uses."""
    if sp.issparse(view):
        return view.shape, view.data, view.indices, view.indptr
    if isinstance(view, Frame):
        return list(getattr(view, "columns", ())), view.to_numpy()
    return view
