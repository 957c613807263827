"""Features that are computed, with a bar, before anything is fitted, so that every fold reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skxmr.cli import progress
from skxmr.cli.pipelines import FEATURES

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from skxmr import Pairs


def compute_features(pipeline: Pipeline, pairs: Pairs, folds: int, quiet: bool) -> None:
    """Fill the caches of image and text features; say what could be saved if there is none."""
    from skxmr.features import ImageFeatures, TextFeatures

    steps = pipeline.named_steps[FEATURES]
    views = {"image": (steps.image, ImageFeatures), "text": (steps.text, TextFeatures)}
    for name, (step, kind) in views.items():
        first = step.steps[0][1] if hasattr(step, "steps") else step
        if isinstance(first, kind):
            _compute(first, name, pairs, folds, quiet)


def _compute(features: Any, name: str, pairs: Pairs, folds: int, quiet: bool) -> None:
    """Compute the features of one view, if they are kept."""
    from sklearn.base import clone

    if features.cache is not None:
        rows = pairs.distinct_images()[0] if name == "image" else pairs.text
        clone(features).set_params(verbose=int(progress.wanted(quiet))).fit_transform(rows)
    elif folds:
        click.echo(
            f"Note: {name} features are computed anew in every fold; cache = './features' under [{name}] keeps them.",
            err=True,
        )
