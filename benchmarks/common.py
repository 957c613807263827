"""What the benchmarks on the research sets share: loaders, the file of finished fits, tables."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skxmr.datasets import load_corel5k_tags, load_mirflickr_tags, load_wikipedia

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
LOADERS = {"wikipedia": load_wikipedia, "corel5k_tags": load_corel5k_tags, "mirflickr_tags": load_mirflickr_tags}

# Defaults that are younger than the recorded fits: values that change nothing, and what the fits had in their place.
_RECORDED_AS: dict[str, dict[object, dict[str, object]]] = {
    # Without an encoder, they have no effect.
    "encoder_lr": {1e-4: {}},
    "image_encoder": {None: {}},
    "text_encoder": {None: {}},
    "cross_words": {"nouns_and_attributes": {}},
    "n_components": {"auto": {"n_components": 64}},
    # It changes the tags, and no score.
    "tag_folds": {5: {}},
    # A tenth for sets of their size; .2 is that of an ensemble with given weights, which needs none.
    "validation_fraction": {"auto": {"validation_fraction": 0.1}, 0.2: {}},
    "random_state": {None: {}},
    # Where a fit is kept meanwhile changes nothing about it.
    "checkpoint": {None: {}},
    "keep_checkpoint": {False: {}},
}


def markdown(rows: list[dict[str, object]]) -> str:
    """Return the rows as a Markdown table."""
    frame = pd.DataFrame(rows).fillna("")
    lines = [list(frame.columns), ["---"] * len(frame.columns), *frame.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write_between(page: Path, table: str, name: str = "measured") -> None:
    """Replace what stands between the markers of that name in a page."""
    begin = f"<!-- {name}: begin -->"
    end = f"<!-- {name}: end -->"
    head, rest = page.read_text(encoding="utf-8").split(begin)
    page.write_text(f"{head}{begin}\n{table}\n{end}{rest.split(end)[1]}", encoding="utf-8")


def label_vectors(name: str) -> Path | None:
    """Return the word vectors of the labels, where there are any for the set."""
    if name != "mirflickr_tags":
        return None
    return Path(os.environ.get("SKXMR_DATA", "")) / "label_embeddings" / "mirflickr-inp-glove6B.mat"


def fingerprint(model: Any, *more: object) -> str:
    """Return a hash of the parameters, by which a recorded fit with the same ones is recognised.

    Label vectors count by the name of their file; the device and whether the step is compiled do not count.
    """
    parameters = model.get_params()
    parameters.pop("compile", None)
    # Of a search too it is a parameter, which was recorded.
    for key in [key for key in parameters if key.endswith("encoder_lr")]:
        del parameters[key.removesuffix("encoder_lr") + "n_jobs"]
    for key, value in list(parameters.items()):
        step, separator, name = key.rpartition("__")
        # Steps of scikit-learn have had the parameter n_jobs all along.
        known = {} if step and name == "n_jobs" else _RECORDED_AS.get(name, {})
        if isinstance(value, (str, int, float, type(None))) and value in known:
            del parameters[key]
            parameters |= {step + separator + old: then for old, then in known[value].items()}
    if "label_embedding" in parameters:
        parameters["label_embedding"] = Path(parameters["label_embedding"] or "none").name
    if "device" in parameters:
        parameters["device"] = "cpu"
    text = "".join(repr(part) for part in (sorted(parameters.items()), *more))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def fit_seconds(model: Any, pairs: Any, labels: Any, device: str = "cpu") -> float:
    """Fit and return how long it took: on the CPU the time of this process, so that other ones do not count."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    start = clock()
    model.fit(pairs, labels)
    return clock() - start


def append(file: Path, record: dict[str, Any]) -> None:
    """Add one finished fit as a line of JSON, in a single write, so that jobs do not mix their lines."""
    file.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(record, default=lambda value: value.item()) + "\n"  # numpy numbers are no JSON
    with file.open("a+b", buffering=0) as out:
        if out.seek(0, os.SEEK_END) and (out.seek(-1, os.SEEK_END), out.read(1))[1] != b"\n":
            line = "\n" + line  # a crash cut the last line: do not go on in it
        out.write(line.encode())


def recorded(file: Path) -> list[dict[str, Any]]:
    """Return the finished fits of a file; a line that a crash cut is none."""
    records = []
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return records


def mean_and_spread(values: Any, sign: str = "") -> str:
    """Return mean ± standard deviation over the seeds, as an estimate from these; one seed tells of no spread."""
    spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):{sign}.3f}{spread}"
