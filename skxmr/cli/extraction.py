"""Image features that are computed, with a bar, before anything is fitted, so that every fold reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skxmr.cli import progress
from skxmr.cli.pipelines import FEATURES

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def compute_features(pipeline: Pipeline, images: Any, folds: int, quiet: bool) -> None:
    """Fill the cache of the image features; say what could be saved if there is none."""
    from sklearn.base import clone

    from skxmr.features import ImageFeatures

    step = pipeline.named_steps[FEATURES].image
    first = step.steps[0][1] if hasattr(step, "steps") else step
    if not isinstance(first, ImageFeatures):
        return
    if getattr(first, "cache", None) is None:
        if folds:
            click.echo(
                "Note: image features are computed anew in every fold; cache = './features' under [image] keeps them.",
                err=True,
            )
        return
    clone(first).set_params(verbose=int(progress.wanted(quiet))).fit_transform(images)
