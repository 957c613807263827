"""The model card: what a saved model is and what it was trained on, for people."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Any, TypeAlias

import pandas as pd
from sklearn.base import BaseEstimator

from skxmr.base import Retriever
from skxmr.persistence._config import versions

# For every split a number, or numbers by the name of the measure.
Scores: TypeAlias = Mapping[str, float | Mapping[str, float]]
# How many labels are listed, and how long a value in a table may be.
_LABELS = 30
_LENGTH = 80
# What the Hugging Face Hub reads, and any other reader of Markdown takes for a heading.
_TOP = """---
library_name: skxmr
tags:
- cross-modal-retrieval
- image-text-retrieval
---
"""
_USE = """```python
import skxmr

model = skxmr.load("path/of/this/folder")
```

Classes that are not part of skxmr, scikit-learn or torch stand in `config.json` under `foreign`; list those that
you trust in `skxmr.load(..., trusted=[...])`.
"""


def model_card(model: BaseEstimator, scores: Scores | None = None, notes: str | None = None) -> str:
    """Return what a model is and what it was trained on, in Markdown.

    Parameters
    ----------
    model : estimator
        A retriever, a step, or a pipeline or search around them.
    scores : dict or None, default=None
        For every split, such as ``"test"``, a number or a dict of numbers by name.
    notes : str or None, default=None
        Whatever else is to be said.

    Returns
    -------
    str
        The text.
    """
    inner = _innermost(model)
    sections = {
        "Trained on": _table(_trained_on(inner)) or "This model has not been fitted.",
        "Scores": _table(_score_rows(scores)) or "No scores were given when the model was saved.",
        "Parameters": _table([("parameter", "value"), *_parameters(inner)]),
        "Model": f"```text\n{model!r}\n```",
        "Use": _USE.rstrip(),
        "Versions": _table([("package", "version"), *versions().items()]),
    }
    if notes:
        sections = {"Notes": notes.strip()} | sections
    parts = [f"{_TOP}# {type(inner).__name__}", _summary(type(inner))]
    parts += [f"## {title}\n\n{text}" for title, text in sections.items()]
    return "\n\n".join(parts) + "\n"


def _innermost(model: Any) -> Any:
    """Return the retriever or the last step of pipelines and searches, fitted where there is a fitted one."""
    for name in ("best_estimator_", "estimator"):
        if isinstance(getattr(model, name, None), BaseEstimator) and not isinstance(model, Retriever):
            return _innermost(getattr(model, name))
    if getattr(model, "steps", None):
        return _innermost(model.steps[-1][1])
    return model


def _summary(cls: type) -> str:
    """Return the first paragraph of a docstring."""
    return " ".join((inspect.getdoc(cls) or "").partition("\n\n")[0].split())


def _trained_on(model: Any) -> list[tuple[str, object]]:
    """Return what a fitted model remembers of its rows; nothing where it is not fitted."""
    rows: list[tuple[str, object]] = []
    if hasattr(model, "n_samples_seen_"):
        rows.append(("rows", f"{model.n_samples_seen_:,}"))
    for name, width in getattr(model, "n_features_", {}).items():
        rows.append((f"{name} features", f"{width:,}"))
    if hasattr(model, "classes_"):
        listed = ", ".join(str(name) for name in model.classes_[:_LABELS])
        more = ", …" if len(model.classes_) > _LABELS else ""
        rows.append((f"{len(model.classes_):,} labels", f"{listed}{more}"))
    elif hasattr(model, "fitted_with_labels_"):
        rows.append(("labels", "none"))
    history = getattr(model, "history_", None)
    if isinstance(history, pd.DataFrame):
        rows.append(("epochs", f"{len(history)}, of which epoch {model.best_epoch_} was kept"))
    return [("what", "value"), *rows] if rows else []


def _score_rows(scores: Scores | None) -> list[tuple[object, ...]]:
    """Return a row for every number; refuse what is no number or has no split."""
    rows: list[tuple[object, ...]] = []
    for split, given in ({} if scores is None else _checked(scores)).items():
        measured = given if isinstance(given, Mapping) else {"score": given}
        for name, value in measured.items():
            if not isinstance(value, Real):
                raise TypeError(f"scores[{split!r}][{name!r}] is {value!r}, but a number is wanted.")
            rows.append((split, name, f"{float(value):.4f}"))
    return [("split", "measure", "value"), *rows] if rows else []


def _checked(scores: Any) -> Scores:
    if not isinstance(scores, Mapping):
        raise TypeError(
            f"scores is a {type(scores).__name__}, but a dict is wanted that says on which rows each was measured, "
            "such as {'test': 0.41} or {'test': {'image to text': 0.4, 'text to image': 0.42}}."
        )
    return scores


def _parameters(model: Any) -> Iterator[tuple[str, str]]:
    if isinstance(model, BaseEstimator):
        for name, value in sorted(model.get_params(deep=False).items()):
            yield name, f"`{_short(value)}`"


def _short(value: object) -> str:
    text = " ".join(repr(value).split()).replace("`", "'")
    return text if len(text) <= _LENGTH else f"{text[:_LENGTH]}…"


def _table(rows: list[Any]) -> str:
    """Return a table in Markdown, whose first row is its head."""
    if not rows:
        return ""
    lines = ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")
