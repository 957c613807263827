"""What a fitted model has learned, found through pipelines, searches and combinations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
