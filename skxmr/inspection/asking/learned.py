"""What a fitted model has learned, found through pipelines, searches and combinations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import scipy.sparse as sp
from sklearn.base import BaseEstimator

from skxmr.metrics._asking import need_retriever, unwrapped


def learned_part(estimator: BaseEstimator, attributes: Sequence[str], who: str, wanted: str) -> Any:
    """Return the retriever within pipelines, searches and `TwoStage` that has one of these attributes.

    `who` asks, and `wanted` names the methods that have what it shows.
    """
    return steps_and_part(estimator, attributes, who, wanted)[1]


def steps_and_part(
    estimator: BaseEstimator, attributes: Sequence[str], who: str, wanted: str
) -> tuple[list[BaseEstimator], Any]:
    """Return that retriever, after what pipelines do before it, in order."""
    need_retriever(estimator, "estimator")
    steps, retriever = unwrapped(estimator)
    parts = [(steps, retriever)]
    # Of two stages the second one has a network more often. An index as the first stage is no estimator.
    for stage in [getattr(retriever, name, None) for name in ("second_", "first_")]:
        if hasattr(stage, "fit"):
            further, inner = unwrapped(stage)
            parts.append(([*steps, *further], inner))
    for found in parts:
        if any(hasattr(found[1], attribute) for attribute in attributes):
            return found
    shown = " or ".join(name for name in attributes if not name.startswith("_")) or "attention"
    raise TypeError(
        f"{who} shows {shown}, which {type(retriever).__name__} has not; pass a fitted model of one of these methods: "
        f"{wanted}."
    )


def given_graph(model: BaseEstimator) -> sp.csr_array | None:
    """Return the label graph (c, c) that the network of a fitted model was given; None where it has none."""
    A = getattr(getattr(model, "network_", None), "A", None)
    if A is None:
        return None
    A = A.detach().float().cpu()
    if not A.is_sparse:
        return sp.csr_array(A.numpy())
    entries = A.coalesce()
    graph = sp.csr_array((entries.values().numpy(), entries.indices().numpy()), shape=tuple(A.shape))
    graph.eliminate_zeros()
    return graph
