"""What the benchmarks on the research sets share."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from skxmr.datasets import load_corel5k_tags, load_mirflickr_tags, load_wikipedia

ROOT = Path(__file__).parents[1]
MARKERS = "<!-- measured: begin -->", "<!-- measured: end -->"
LOADERS = {"wikipedia": load_wikipedia, "corel5k_tags": load_corel5k_tags, "mirflickr_tags": load_mirflickr_tags}


def markdown(rows: list[dict[str, object]]) -> str:
    """Return the rows as a Markdown table."""
    frame = pd.DataFrame(rows)
    lines = [list(frame.columns), ["---"] * len(frame.columns), *frame.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write_between(page: Path, table: str) -> None:
    """Replace what stands between the markers of a page."""
    head, rest = page.read_text(encoding="utf-8").split(MARKERS[0])
    page.write_text(f"{head}{MARKERS[0]}\n{table}\n{MARKERS[1]}{rest.split(MARKERS[1])[1]}", encoding="utf-8")


def label_vectors(name: str) -> Path | None:
    """Return the word vectors of the labels, where there are any for the set."""
    if name != "mirflickr_tags":
        return None
    return Path(os.environ["SKXMR_DATA"]) / "label_embeddings" / "mirflickr-inp-glove6B.mat"
