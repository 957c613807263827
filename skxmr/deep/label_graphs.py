"""The label graph of a fit: the one that came with the pairs, or the method's own."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import scipy.sparse as sp
import torch

from skxmr._data.kinds import FittedGraph, Matrix
from skxmr._data.labels import Labels
from skxmr.deep.split import Split
from skxmr.steps.label_graph import LabelGraph


def fitted_graph(split: Split, own: LabelGraph, changed: Mapping[str, object], method: str) -> torch.Tensor:
    """Return the label graph (c, c) to use: the one attached to the pairs, else the method's own.

    Parameters
    ----------
    split : Split
        The fitting rows.
    own : LabelGraph
        What the method's parameters make.
    changed : mapping of str to object
        The parameters of that graph which are not at their defaults, with these defaults. An attached graph comes
        first, so they would have no effect.
    method : str
        How the method is called in messages.

    Returns
    -------
    Tensor of shape (c, c)
        Sparse where the graph is.

    Raises
    ------
    ValueError
        If a graph is attached and parameters have changed, or if it is of other labels.
    """
    attached = split.pairs.label_graph
    labels = split.required_labels
    if attached is None:
        return _tensor(own.fit(None, labels).matrix_)
    if changed:
        kept = ", ".join(f"{name}={default!r}" for name, default in changed.items())
        step = next(iter(changed)).replace("graph", "kind")
        raise ValueError(
            f"a LabelGraph step is attached, so {', '.join(changed)} of {method} would have no effect; set or "
            f"search them on the step, labelgraph__{step}, and leave the defaults here: {kept}."
        )
    _check_names(attached, labels)
    # A graph that is normalised already is not normalised again.
    done = isinstance(attached, LabelGraph) and attached.normalize == own.normalize
    normalize = "none" if done else own.normalize
    return _tensor(LabelGraph(kind=attached.matrix_, normalize=normalize).fit(None, labels).matrix_)


def _check_names(attached: FittedGraph, labels: Labels) -> None:
    names = attached.classes_
    expected = labels.names
    if len(names) != len(expected) or not (names == expected).all():
        raise ValueError(
            f"the attached label graph has {len(names)} labels, {names[:3].tolist()} ..., but the labels of fit are "
            f"{len(expected)}, {expected[:3].tolist()} ...; fit the LabelGraph step on the same labels."
        )


def _tensor(A: Matrix) -> torch.Tensor:
    empty = np.asarray(A.sum(axis=1)).ravel() == 0
    if empty.any():
        raise ValueError(
            f"row {int(empty.argmax())} of the label graph is empty, so that label would receive nothing, not even its "
            "own vector; put ones on the diagonal."
        )
    if not sp.issparse(A):
        return torch.as_tensor(A, dtype=torch.float32)
    coordinates = sp.coo_array(A)
    indices = torch.as_tensor(np.array(coordinates.coords), dtype=torch.int64)
    values = torch.as_tensor(coordinates.data, dtype=torch.float32)
    return torch.sparse_coo_tensor(indices, values, A.shape, check_invariants=True).coalesce()
