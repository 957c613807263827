"""The pipeline of a run: features of images and of texts, and a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from skxmr.cli.building import built
from skxmr.cli.command import RunError
from skxmr.cli.run_file import Run

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

# The steps of the pipeline.
FEATURES = "features"
MODEL = "model"
_EXAMPLES = {"image": "ImageFeatures", "text": "TfidfVectorizer"}


def pipeline_of(run: Run) -> Pipeline:
    """Return the pipeline that a run describes, not fitted; its parameters are checked."""
    from sklearn.pipeline import Pipeline

    from skxmr import PerModality
    from skxmr.metrics._asking import need_retriever

    views = {}
    for name, example in _EXAMPLES.items():
        if name not in run.sections:
            raise RunError(f"the run has no section [{name}]; write name = {example!r} under [{name}].")
        views[name] = _one(_estimators(run, name))
    *before, last = _estimators(run, MODEL)
    steps = [(type(step).__name__.lower(), step) for step in before]
    pipeline = Pipeline([(FEATURES, PerModality(**views)), *steps, (MODEL, last)])
    try:
        need_retriever(last, "[model]")
    except TypeError as error:
        raise RunError(str(error)) from error
    check_values(pipeline)
    return pipeline


def check_values(pipeline: BaseEstimator) -> None:
    """Check the values of all parameters, which would otherwise happen after the features are computed."""
    for step in pipeline.get_params().values():
        # Estimators without a table of constraints, such as those of other packages, check themselves in fit.
        if hasattr(step, "_parameter_constraints") and not isinstance(step, type):
            try:
                step._validate_params()
            except (TypeError, ValueError) as error:
                raise RunError(str(error)) from error


def _estimators(run: Run, section: str) -> list[BaseEstimator]:
    """Return the estimators of ``[section]``, which is one, or of ``[[section]]``, which are several."""
    found = run.sections[section]
    if isinstance(found, list):
        if not found:
            raise RunError(f"[{section}] is empty; name an estimator.")
        return [built(table, f"[[{section}]] {i + 1}", run) for i, table in enumerate(found)]
    return [built(found, f"[{section}]", run)]


def _one(estimators: Sequence[BaseEstimator]) -> Any:
    from sklearn.pipeline import make_pipeline

    return estimators[0] if len(estimators) == 1 else make_pipeline(*estimators)
