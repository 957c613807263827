"""``skxmr fit``: a model from the file of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from skxmr.cli import options, progress
from skxmr.cli.command import Command, RunError
from skxmr.cli.measures import lines, measured
from skxmr.cli.run_file import Run, read_run

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline
    from sklearn.utils import Bunch

    from skxmr.cli.tables import Parts


@click.command(cls=Command)
@click.option("--config", type=options.FILE, required=True, help="The file of the run, such as run.toml.")
@click.option("--out", type=options.FOLDER, help="Folder of the model; [output] path unless given.")
@options.quiet
@options.trust
def fit(config: Path, out: Path | None, quiet: bool, trust: tuple[str, ...]) -> None:
    """Fit a model, as the file of a run says, score it on test rows, and save it."""
    run = read_run(config, trust)
    target = out or run.output
    if target is None:
        raise RunError("where is the model to be saved? Pass --out model/, or write path = 'model' under [output].")
    from skxmr.cli.pipelines import pipeline_of
    from skxmr.cli.tables import load_run_table, parts_of
    from skxmr.persistence._config import written_files
    from skxmr.persistence._folder import check_replaceable
    from skxmr.persistence._loading import KIND

    # Whatever can be wrong is found before hours of work.
    check_replaceable(target, lambda folder: written_files(folder, KIND))
    pipeline = pipeline_of(run)
    table = load_run_table(run)
    parts = parts_of(table, run)
    scored = "none" if parts.test is None else f"{len(parts.test):,}"
    click.echo(f"rows: {len(parts.train):,} to learn from, {scored} to score")
    fitted, chosen = _fitted(pipeline, run, table, parts, quiet)
    _save(fitted, target, run, table, parts, chosen)


def _fitted(pipeline: Pipeline, run: Run, table: Bunch, parts: Parts, quiet: bool) -> tuple[Pipeline, str]:
    """Return the fitted pipeline, and a sentence on what a search has chosen."""
    from skxmr.cli.extraction import compute_features
    from skxmr.cli.grids import n_candidates, search_of
    from skxmr.cli.tables import taken

    pairs, labels = taken(table, parts.train)
    if "search" not in run.sections:
        compute_features(pipeline, table.pairs, 0, quiet)
        silent = progress.talkative(pipeline) if progress.wanted(quiet) else {}
        pipeline.fit(pairs, labels)
        return pipeline.set_params(**silent), ""
    search = search_of(pipeline, run, labels is not None)
    compute_features(pipeline, table.pairs, search.cv.n_splits, quiet)
    click.echo(f"search: {n_candidates(search)} settings, {search.cv.n_splits} folds each")
    search.fit(pairs, labels, groups=table.groups[parts.train])
    best = ", ".join(f"{name.replace('__', '.')} = {value!r}" for name, value in search.best_params_.items())
    chosen = f"chosen by validation: {best} (mean mAP {search.best_score_:.4f})"
    click.echo(chosen)
    return search.best_estimator_, chosen


def _save(model: Pipeline, target: Path, run: Run, table: Bunch, parts: Parts, chosen: str) -> None:
    """Score the test rows and save the model, with the file of the run in its card."""
    import skxmr
    from skxmr.cli.tables import taken

    scores = None
    if parts.test is not None:
        scores = {"test": measured(model, *taken(table, parts.test))}
        click.echo(lines(scores["test"]))
    notes = [
        run.section("output").get("notes"),
        chosen,
        f"Made by `skxmr fit` from:\n\n```toml\n{run.source.strip()}\n```",
    ]
    skxmr.save(model, target, scores=scores, notes="\n\n".join(note for note in notes if note))
    click.echo(f"saved: {target}")
