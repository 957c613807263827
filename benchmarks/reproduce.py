"""Method x data set x seed: everything chosen on training rows, tested once, published figures beside ours.

Closed forms choose their parameters on three random fifths of the training rows and are refitted on all of them. Deep
methods run at their defaults, holding out a tenth of the training rows to choose the epoch, or with --paper at the
constants of their papers, on all training rows to the last epoch. On sets in a fixed split there is also a combination
of methods, whose weights are chosen on a held-out fifth of the training rows; near-duplicates are always held out
together. A finished fit is one line of benchmarks/results/reproduce.jsonl and is not repeated while its parameters stay
the same, so that an interrupted run goes on where it was. Fails where data are missing.

    python benchmarks/reproduce.py [--seeds 5] [--sets wikipedia ...] [--methods CCA ...] [--jobs 2] [--paper]
    python benchmarks/reproduce.py --sets clipart icons          # real pictures; with --kernels or --votes as well
    python benchmarks/reproduce.py --wikipedia-splits            # the split sizes of ACMR's paper
    python benchmarks/reproduce.py --features FOLDER --dataset mirflickr    # train_img.mat, train_txt.mat, ...
    python benchmarks/reproduce.py --scenes                      # RACG, SCAN and others on regions and words
    python benchmarks/reproduce.py --queries                     # also fits that lack values per query, for marks
    python benchmarks/reproduce.py --only-cached --readme --docs # write the pages, fit nothing
"""

from __future__ import annotations

import argparse
import ast
import inspect
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import fine_grained
import joblib
import pandas as pd
import queries
from common import LOADERS, RESULTS, ROOT, append, fingerprint, fit_seconds, recorded, write_between
from report import page, published_table, readme_tables
from retrievers import (
    COMBINATIONS,
    COMBINED,
    DEEP,
    METHODS,
    WITHOUT_CONSTANTS,
    Variant,
    choose,
    choose_members,
    members,
    method_of,
    n_weights,
    pictures_of,
    retriever,
    variant_of,
)
from tasks import FEATURES, TASKS, Rows, Task, of_features

import skxmr
from skxmr import annotate
from skxmr._data.labels import encode_labels
from skxmr.metrics import RetrievalScores

COLUMNS = ["set", "method", "variant", "seed", "i2t", "t2i", "seconds", "weights", "chosen", "device", "queries"]


def identity(task: Task, method: str, variant: Variant, seed: int) -> str:
    """Return the fingerprint of what is fitted."""
    model, grid = retriever(task, method, variant, seed)
    if method in COMBINED:
        parts = []
        for (name, own), (_, part) in zip(members(task, variant.changes).items(), model.estimators, strict=True):
            own_seed = getattr(method_of(part), "random_state", seed)
            parts.append((name, identity(task, name, own, own_seed)))
        return fingerprint(model.set_params(estimators=[]), *parts)
    if method in DEEP and variant.kind == "votes":
        # The text of the pipeline would name the folder of the label vectors.
        return fingerprint(method_of(model), model["votes"])
    return fingerprint(model, grid) if grid else fingerprint(model)


def done(file: Path, task: Task, method: str, variant: Variant, seed: int) -> bool:
    """Tell whether a fit is in a file: in that of finished fits, or in that of their values per query."""
    wanted = {"set": task.name, "method": method, "variant": variant.label, "seed": seed, "data": task.digest}
    wanted["parameters"] = identity(task, method, variant, seed)
    return any(all(record.get(key) == value for key, value in wanted.items()) for record in recorded(file))


def same_figures(results: Path, record: dict[str, Any]) -> bool:
    """Tell whether the file has this fit, with the same mAPs up to the rounding of another machine."""
    return any(
        queries.key_of(known) == queries.key_of(record)
        and all(abs(known[key] - record[key]) < 1e-5 for key in queries.DIRECTIONS)
        for known in recorded(results)
    )


def tag_scores(model: Any, rows: Rows) -> dict[str, float]:
    """Return the F1 of the tags of all test images, and of all test texts, where the fit has chosen thresholds."""
    if not hasattr(model, "tag_thresholds_"):
        return {}
    labels = encode_labels(rows.y_test)
    given = [{labels.names[j] for j in labels.matrix[[i]].indices} for i in range(len(rows.test))]
    named = {"f1_image": annotate(model, image=rows.test.image), "f1_text": annotate(model, text=rows.test.text)}
    return {what: f1(given, found) for what, found in named.items()}


def f1(given: list[set[Any]], named: list[list[Any]]) -> float:
    """Return the F1 of all tags of all rows together."""
    right = sum(len(own.intersection(row)) for own, row in zip(given, named, strict=True))
    return 2 * right / max(sum(map(len, given)) + sum(map(len, named)), 1)


def outcome(model: Any) -> dict[str, Any]:
    """Return what a fit that searched no grid chose on rows that it held out, and where it ran."""
    if hasattr(model, "weights_"):
        names = [name for name, _ in model.estimators]
        last = method_of(model.estimators_[-1])
        device = outcome(last)["device"] if hasattr(last, "best_epoch_") else "cpu"
        return {"chosen": dict(zip(names, model.weights_.round(3).tolist(), strict=True)), "device": device}
    model = method_of(model)
    found: dict[str, Any] = {"chosen": {"epoch": model.best_epoch_}}
    if "validation_map" in model.history_:
        found["validation"] = model.history_["validation_map"].iloc[model.best_epoch_ - 1]
    return found | {"device": next(model.network_.parameters()).device.type}


def measure(task: Task, method: str, variant: Variant, seed: int, device: str, results: Path, needed: Path) -> None:
    """Choose on training rows, fit, test once; add the outcome to the file, and the values per query to theirs."""
    if done(needed, task, method, variant, seed):
        return  # another process was quicker
    rows = task.load(seed)
    model, grid = retriever(task, method, variant, seed, device)
    best = choose(model, grid, rows, seed) if grid else {}
    model.set_params(**best)
    if method in COMBINED:
        choose_members(model, task, rows, seed)
    if rows.vectors is not None and getattr(model, "label_embedding", "no such parameter") is None:
        model.set_params(label_embedding=rows.vectors)
    # Short fits are easily disturbed.
    repeats = 3 if grid else 1
    seconds = min(fit_seconds(model, rows.train, rows.y_train, device) for _ in range(repeats))
    found = RetrievalScores()(model, rows.test, rows.y_test)
    record = {"set": task.name, "method": method, "variant": variant.label, "seed": seed}
    record |= {"i2t": found["i2t_map"], "t2i": found["t2i_map"], "seconds": round(seconds, 3)}
    record |= {"weights": n_weights(model)} | ({"chosen": best, "device": "cpu"} if grid else outcome(model))
    record |= tag_scores(model, rows)
    record |= {"changes": variant.changes, "parameters": identity(task, method, variant, seed), "data": task.digest}
    queries.keep(results, record, model, rows.test, rows.y_test)
    if not same_figures(results, record):
        append(results, record)
    print("  {set} {method} ({variant}), seed {seed}: {i2t:.4f} / {t2i:.4f}".format(**record), flush=True)


def finished(results: Path, tasks: Iterable[Task] = ()) -> pd.DataFrame:
    """Return what was measured so far with the parameters of today, on the features of today where they are given."""
    current = TASKS | {task.name: task for task in tasks}
    valid: dict[tuple[object, ...], dict[str, Any]] = {}
    records = [record for record in recorded(results) if record["set"] in current and record["method"] in METHODS]
    values = queries.kept(results)
    latest = {record["set"]: record.get("data") for record in records}
    for record in records:
        task = current[record["set"]]
        variant = Variant(record["variant"].split(",")[0], record.get("changes", {}))
        same_data = record.get("data") == (task.digest or latest[task.name])
        if same_data and record["parameters"] == identity(task, record["method"], variant, record["seed"]):
            of_queries = {"queries": values.get(queries.key_of(record))}
            valid[tuple(record[key] for key in COLUMNS[:4])] = record | of_queries
    return pd.DataFrame(list(valid.values()), columns=COLUMNS)


def changed(pairs: list[str], methods: list[str]) -> dict[str, Any]:
    """Return the parameters of --set; ValueError names those that no deep method asked for has."""
    parts = [name for own in COMBINATIONS.values() for name in own] if set(COMBINED) & set(methods) else []
    deep = [name for name in (*methods, *parts) if name in DEEP]
    known = {key for name in deep for key in inspect.signature(getattr(skxmr, name)).parameters}
    changes = {}
    for pair in pairs:
        key, sign, text = pair.partition("=")
        if not sign or key not in known:
            raise ValueError(f"--set {pair}: parameter=value of a deep method among {methods} is needed.")
        try:
            changes[key] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            changes[key] = text
        if not isinstance(changes[key], (bool, int, float, str, type(None))):
            raise ValueError(f"--set {pair}: a number, a word, True, False or None is needed.")
    return changes


def parse() -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sets", nargs="+", choices=[name for name in TASKS if name in LOADERS or pictures_of(name)])
    parser.add_argument("--wikipedia-splits", action="store_true", help="1,300 / 1,566 articles, drawn for every seed")
    parser.add_argument("--scenes", action="store_true", help="RACG and SCAN: all of fine_grained.py")
    parser.add_argument("--features", type=Path, metavar="FOLDER", help="files in the papers' layout")
    parser.add_argument("--dataset", choices=FEATURES, help="which set the --features are of")
    parser.add_argument("--methods", nargs="+", choices=METHODS, help="all unless some are named")
    parser.add_argument("--paper", action="store_true", help="deep methods at their papers' constants")
    parser.add_argument("--kernels", action="store_true", help="closed forms on kernel principal components")
    parser.add_argument("--votes", action="store_true", help="the same, deep methods at their defaults, then votes")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="other parameters of deep methods")
    parser.add_argument("--device", default="cpu", help="of the deep methods: cpu, cuda or auto")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--results", type=Path, default=RESULTS / "reproduce.jsonl", help="file of the finished fits")
    parser.add_argument("--queries", action="store_true", help="repeat fits of which the values per query are missing")
    parser.add_argument("--only-cached", action="store_true", help="fit nothing; tables of what was measured so far")
    parser.add_argument("--readme", action="store_true", help="put the tables into the README")
    parser.add_argument("--docs", action="store_true", help="put the tables into docs/results.md")
    arguments = parser.parse_args()
    if (arguments.features is None) != (arguments.dataset is None):
        parser.error("--features and --dataset belong together: which folder, and which of the papers' sets it is.")
    without = [*WITHOUT_CONSTANTS, *COMBINED] if arguments.paper else []
    if arguments.methods is None:
        arguments.methods = [name for name in METHODS if name not in without]
    without = [name for name in arguments.methods if name in without]
    if without:
        parser.error(f"--paper: {without} have no constants of a paper; name the others by --methods.")
    try:
        arguments.set = changed(arguments.set, arguments.methods)
    except ValueError as error:
        parser.error(str(error))
    return arguments


def asked(arguments: argparse.Namespace) -> list[Task]:
    """Return the tasks asked for: the three research sets unless something else is."""
    tasks = [TASKS["wikipedia_1300"]] if arguments.wikipedia_splits else []
    if arguments.features is not None:
        tasks.append(of_features(arguments.dataset, arguments.features))
    return [TASKS[name] for name in arguments.sets or ([] if tasks else LOADERS)] + tasks


def left(arguments: argparse.Namespace, tasks: list[Task], needed: Path) -> list[tuple[Task, str, Variant, int]]:
    """Return the fits asked for that are not in the file that is needed."""
    jobs = []
    for task in tasks:
        combined = task.name in LOADERS or pictures_of(task.name)
        methods = [name for name in arguments.methods if name not in COMBINED or combined]
        for seed in range(arguments.seeds):
            for method in methods:
                variant = variant_of(method, *kinds(arguments), arguments.set)
                if not done(needed, task, method, variant, seed):
                    jobs.append((task, method, variant, seed))
    return jobs


def kinds(arguments: argparse.Namespace) -> tuple[str, str]:
    """Return how closed forms and deep methods are set up."""
    if arguments.votes:
        return "votes", "votes"
    return "kernels" if arguments.kernels else "search", "paper" if arguments.paper else "default"


def main() -> int:
    """Run the command line."""
    arguments = parse()
    if arguments.scenes:
        common = arguments.jobs, fine_grained.FINISHED, arguments.only_cached, arguments.docs
        return fine_grained.reproduce(fine_grained.NAMES, arguments.seeds, *common)
    try:
        tasks = asked(arguments)
        for task in tasks:
            if not (arguments.only_cached or task.digest):  # with a digest it was loaded already
                task.load(0)
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    needed = queries.file_of(arguments.results) if arguments.queries else arguments.results
    fits = [] if arguments.only_cached else left(arguments, tasks, needed)
    known = len(finished(arguments.results, tasks))
    print(f"{len(fits)} fits to do, {known} known from {arguments.results}", flush=True)
    joblib.Parallel(arguments.jobs)(
        joblib.delayed(measure)(*job, arguments.device, arguments.results, needed) for job in fits
    )
    results = finished(arguments.results, tasks)
    everything = list(TASKS.values())
    print(page(results, everything if arguments.only_cached else tasks))
    if arguments.readme:
        for name, table in readme_tables(results).items():
            write_between(ROOT / "README.md", table, name)
        write_between(ROOT / "README.md", published_table(results), "published")
    if arguments.docs:
        write_between(ROOT / "docs" / "results.md", page(results, everything))
    return 0


if __name__ == "__main__":
    sys.exit(main())
