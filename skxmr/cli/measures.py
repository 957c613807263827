"""What the command measures of a model, with names that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

_NAMES = {"i2t": "image to text", "t2i": "text to image"}
_CUTS = (1, 5, 10)


def measured(model: BaseEstimator, pairs: Any, labels: Any) -> dict[str, float]:
    """Return mAPs of both directions and their mean; without labels also the shares found among the first k.

    With labels, what shares a label with the query is relevant; without, its own text or image.
    """
    from skxmr.metrics import RecallScores, RetrievalScores

    found = dict(RetrievalScores()(model, pairs, labels))
    names = {"i2t_map": "image to text mAP", "t2i_map": "text to image mAP", "map": "mean mAP"}
    out = {text: float(found[name]) for name, text in names.items()}
    if labels is None:
        cuts = [k for k in _CUTS if k <= len(pairs.distinct_images()[0])]
        recalls = RecallScores(cuts)(model, pairs)
        for way, text in _NAMES.items():
            out |= {f"{text} R@{k}": float(recalls[f"{way}_r{k}"]) for k in cuts}
    return out


def lines(scores: dict[str, float]) -> str:
    """Return scores as lines of a table."""
    width = max(len(name) for name in scores)
    return "\n".join(f"{name:<{width}}  {value:.4f}" for name, value in scores.items())
