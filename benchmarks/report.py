"""Tables of what reproduce.py measured: for the terminal, the README and docs/results.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd
import queries
from common import LOADERS, markdown, mean_and_spread
from published import CODES, PUBLISHED
from retrievers import DEEP, METHODS
from tasks import PICTURES, TASKS, Task

BASELINES = ("MLCCA", "SemanticMatching")
# Rows of a table in the README, and methods that stand in each one, however good they are.
ROWS = 12
ALWAYS = ("CCA", *BASELINES)
Runs = tuple[str, str, pd.DataFrame]


def groups(results: pd.DataFrame, task: Task) -> Iterator[Runs]:
    """Yield method, variant and runs by seed, in the order of the methods."""
    of_task = results[results["set"] == task.name]
    for method in METHODS:
        for variant, runs in of_task[of_task["method"] == method].groupby("variant"):
            yield method, str(variant), runs.set_index("seed").sort_index()


def cells(runs: pd.DataFrame, marks: dict[str, str] | None = None) -> dict[str, object]:
    """Return means and spreads over the seeds, marked if marks are given, and what the fits cost."""
    marks = marks or {"i2t": "{}", "t2i": "{}"}
    return {
        "image→text": marks["i2t"].format(mean_and_spread(runs["i2t"])),
        "text→image": marks["t2i"].format(mean_and_spread(runs["t2i"])),
        "seeds": len(runs),
        "fit, s": f"{runs['seconds'].mean():.2f}",
        "parameters": f"{runs['weights'].iloc[0]:,}",
    }


def beside(task: Task, method: str, variant: str) -> dict[str, object]:
    """Return published figures with their source, empty where there are none, and those of our runs of public codes."""
    found = PUBLISHED.get(task.name, {}).get(method)
    row: dict[str, object] = {"published": "", "source": ""}
    if found is not None:
        row = {"published": f"{found.i2t:.3f} / {found.t2i:.3f}", "source": found.source}
    by_code = CODES.get((task.name, method, variant))
    if by_code is not None:
        row["public code, our run"] = f"{by_code.i2t:.3f} / {by_code.t2i:.3f} ({by_code.source})"
    return row


def chosen(runs: pd.DataFrame) -> str:
    """Return what the validation of the first seed chose."""
    return ", ".join(f"{key}={value}" for key, value in runs["chosen"].iloc[0].items())


def readme_tables(results: pd.DataFrame) -> dict[str, str]:
    """Return a table per set for the README, by the name of the set: the best methods, and baselines."""
    tables = {}
    for name in LOADERS:
        tables[name] = best_table(as_they_are(results, TASKS[name]))
    for name in PICTURES:
        of_sentences = as_they_are(results, TASKS[f"{name}_sentences"])
        # The test rows are the same whatever the features of texts are.
        more = {f"{title}, sentence vectors": runs for title, runs in of_sentences.items()}
        tables[name] = best_table(as_they_are(results, TASKS[name]) | more)
    return tables


def best_table(found: dict[str, pd.DataFrame]) -> str:
    """Return a row per method, best mean of both directions first, of the best ones and of the baselines."""
    marks = queries.marks(found)
    ordered = sorted(found, key=lambda title: found[title][["i2t", "t2i"]].to_numpy().mean(), reverse=True)
    others = [title for title in ordered if title not in ALWAYS]
    left_out = others[ROWS - (len(ordered) - len(others)) :]
    rows = []
    for title in ordered:
        if title not in left_out:
            shown = cells(found[title], marks.get(title))
            rows.append({"method": title} | {key: shown[key] for key in ("image→text", "text→image", "seeds")})
    return markdown(rows)


def published_table(results: pd.DataFrame) -> str:
    """Return the README's table of methods with published figures on the same features and numbers of rows."""
    rows = []
    for name, figures in PUBLISHED.items():
        task = TASKS[name]
        for method, variant, runs in groups(results, task):
            if method in figures and variant in ("search", "default", "paper"):
                figure = cells(runs)
                row = {"set": task.title, "method": method, "variant": variant}
                row |= {key: figure[key] for key in ("image→text", "text→image", "seeds")}
                rows.append(row | beside(task, method, variant))
    return markdown(rows)


def as_they_are(results: pd.DataFrame, task: Task) -> dict[str, pd.DataFrame]:
    """Return the runs of methods by title, without those of changed parameters and of the papers' constants."""
    found = {}
    for method, variant, runs in groups(results, task):
        if variant in ("search", "default", "weights"):
            found[method] = runs
        elif variant in ("kernels", "votes"):
            found[f"{method}, {variant}"] = runs
    return found


def section(results: pd.DataFrame, task: Task) -> str:
    """Return everything measured on one task, with paired differences from the baselines."""
    rows = []
    differences = []
    runs_of = {(method, variant): runs for method, variant, runs in groups(results, task)}
    # Methods are compared as they are: changed parameters have a table of their own, and others' constants too.
    compared = {key: runs for key, runs in runs_of.items() if "," not in key[1] and key[1] != "paper"}
    marks = {} if task.redrawn else queries.marks({", ".join(key): runs for key, runs in compared.items()})
    for (method, variant), runs in runs_of.items():
        found = cells(runs, marks.get(f"{method}, {variant}"))
        row = {"set": task.title, "method": method, "variant": variant, **found, **beside(task, method, variant)}
        rows.append(row | {"device": ", ".join(sorted(set(runs["device"]))), "chosen (first seed)": chosen(runs)})
        if method in DEEP:
            row = {"method": method, "variant": variant}
            for baseline in BASELINES:
                if (baseline, "search") in runs_of:
                    row |= ahead(runs, runs_of[baseline, "search"], baseline)
            differences.append(row)
    parts = [f"## {task.title}", task.about, markdown(rows)]
    if differences and len(differences[0]) > 2:
        parts += [
            "How far the mAP of a method is above that of a baseline, mean over the seeds (in brackets: worst seed):",
            markdown(differences),
        ]
    if ideas := [
        control(runs_of, *key)
        for key in runs_of
        if "," in key[1] and "max_epochs" not in key[1] and (key[0], key[1].split(",")[0]) in runs_of
    ]:
        parts += [
            "What single ideas add: mAP of the unchanged method minus that of the changed one, mean over the seeds:",
            markdown(ideas),
        ]
    return "\n\n".join(parts)


def control(runs_of: dict[tuple[str, str], pd.DataFrame], method: str, variant: str) -> dict[str, object]:
    """Return how far a method is ahead of itself with parameters changed, paired over the seeds."""
    kind, changes = variant.split(", ", 1)
    unchanged, without = (runs_of[method, name][["i2t", "t2i"]].mean(axis=1) for name in (kind, variant))
    gain = (unchanged - without).dropna()
    row = {"method": method, "variant": kind, "changed": changes, "seeds": len(gain)}
    return row | {"mAP ahead": f"{mean_and_spread(gain, '+')} ({gain.min():+.3f} to {gain.max():+.3f})"}


def ahead(runs: pd.DataFrame, baseline: pd.DataFrame, name: str) -> dict[str, object]:
    """Return how far runs are ahead of a baseline, paired over the seeds, and in the worst seed."""
    row = {}
    for key, direction in (("i2t", "image→text"), ("t2i", "text→image")):
        gain = (runs[key] - baseline[key]).dropna()
        cell = f"{mean_and_spread(gain, '+')} ({gain.min():+.3f})" if len(gain) else "no seed in common"
        row[f"{direction} over {name}"] = cell
    return row


def page(results: pd.DataFrame, tasks: Iterable[Task]) -> str:
    """Return the sections of all tasks that something was measured on."""
    return "\n\n".join(section(results, task) for task in tasks if (results["set"] == task.name).any())
