"""The figures that sentences of the pages quote, by key, each computed from the files of results."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import dagnn
import factors_report
import fine_grained
import fine_grained_report
import gpu_report
import numpy as np
import pandas as pd
import parsing
import precision
import report
import reproduce
import speed_report
from common import RESULTS, recorded
from published import PUBLISHED
from tasks import TASKS

# How likely a pair is to share a label where theta = cos / 2, at a cosine of -1 and of 1; computed, not measured.
LIKELIHOOD = 1 / (1 + math.e**0.5), 1 / (1 + math.e**-0.5)
CCA = "CCA 5,000 x 512 x 512, 64 components"
CCA_LARGE = "CCA 23,000 x 4,096 x 500 (CSR), 200 components"
TIES = "AP of given scores 100 x 23,000"


@cache
def of_json(name: str) -> Any:
    """Return a file of results."""
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


@cache
def scenes() -> pd.DataFrame:
    """Return what was measured on regions and words."""
    return pd.DataFrame(fine_grained.finished(fine_grained.FINISHED))


@cache
def parsed() -> pd.DataFrame:
    """Return how far parsed sentences have the true grammar, by seed."""
    return pd.DataFrame(parsing.finished(parsing.FINISHED))


@cache
def on_gpu() -> dict[str, Any]:
    """Return what was measured on a GPU, by case."""
    return gpu_report.latest(of_json("gpu.json"))


@cache
def reproduced() -> pd.DataFrame:
    """Return the fits of reproduce.py."""
    return reproduce.finished(RESULTS / "reproduce.jsonl")


@cache
def runs(task: str, method: str, variant: str) -> pd.DataFrame:
    """Return the mAPs of a method by seed."""
    found = {(of, name): fits for of, name, fits in report.groups(reproduced(), TASKS[task])}
    return found[method, variant][["i2t", "t2i"]]


def chance(name: str) -> float:
    """Return the mAP of a random ranking."""
    return next(row["random ranking"] for row in of_json("duplicates.json") if row["set"] == name)


def adds(method: str, changes: str) -> float:
    """Return what an idea adds on the test rows of corel5k_tags, paired over the seeds."""
    unchanged = runs("corel5k_tags", method, "default").mean(axis=1)
    return (unchanged - runs("corel5k_tags", method, f"default, {changes}").mean(axis=1)).dropna().mean()


@cache
def ablation(name: str) -> pd.Series:
    """Return the mAP of DAGNN at its paper's constants by seed, changed as the table says."""
    fits = dagnn.finished()
    fits = fits[fits["variant"] == f"paper{name}"].set_index("seed")
    return fits[["i2t", "t2i"]].mean(axis=1)


def contributes(name: str, sign: int = 1) -> tuple[float, float]:
    """Return how far the unchanged DAGNN is ahead of a changed one, mean and spread over the seeds."""
    gain = (ablation("") - ablation(name)).dropna()
    return sign * gain.mean(), gain.std()


def r1(name: str) -> tuple[float, float]:
    """Return the R@1 of a method on scenes in both directions."""
    found = fine_grained_report.runs(scenes(), name)
    return found["i2t_r1"].mean(), found["t2i_r1"].mean()


def gained(name: str) -> list[float]:
    """Return how far the R@1 of a variant of RACG is above RACG's own in both directions, paired over the seeds."""
    found = fine_grained_report.runs(scenes(), name)
    whole = fine_grained_report.runs(scenes(), "RACG")
    return [(found[key] - whole[key]).dropna().mean() for key in ("i2t_r1", "t2i_r1")]


def divided(name: str, by: str) -> tuple[float, float]:
    """Return the R@1 of a method divided by that of another one, in both directions."""
    return r1(name)[0] / r1(by)[0], r1(name)[1] / r1(by)[1]


def reranked() -> tuple[float, float]:
    """Return the smallest and the largest gain of image-to-text R@1 by re-ranking."""
    of = [name for name in scenes()["name"].unique() if name not in fine_grained_report.PARTS]
    fits = scenes()[scenes()["name"].isin(of)]
    gains = (fits["reranked_i2t_r1"] - fits["i2t_r1"]).groupby(fits["name"]).mean()
    return gains.min(), gains.max()


def slower(case: str, side: str) -> float:
    """Return how many times as long as a side the library takes."""
    return speed_report.compared(of_json("speed.json"), case, side)[0]


def bf16_time() -> tuple[float, float]:
    """Return the share of the time that training in bfloat16 takes on a processor, least and most."""
    seconds = pd.DataFrame(recorded(precision.FILE)).pivot_table(
        "seconds", ["set", "method", "seed"], "precision", aggfunc="last"
    )
    sums = seconds.dropna().groupby(["set", "method"]).sum()
    shares = sums["bf16"] / sums["float32"]
    return shares.min(), shares.max()


def by_graphs() -> tuple[float, float]:
    """Return how many times as fast CUDA graphs make a step of small batches, least and most."""
    rows = on_gpu()
    ratios = []
    for name in ("L2GCN", "DAGNN"):
        case = f"MIRFlickr, {name}, batches of 100"
        ratios.append(rows[case]["ms a step"] / rows[f"{case}, compiled (reduce-overhead)"]["ms a step"])
    return min(ratios), max(ratios)


def compiling() -> float:
    """Return how many seconds longer the first fit takes on a GPU where it is compiled."""
    name = "a fit of 2 epochs{}, cuda against the CPU"
    return on_gpu()[name.format(", compiled")]["seconds"] - on_gpu()[name.format("")]["seconds"]


def published_acmr() -> tuple[float, float]:
    """Return the mAPs that ACMR's paper has."""
    return PUBLISHED["wikipedia_1300"]["ACMR"][:2]


def acmr_below() -> tuple[float, float]:
    """Return how far our ACMR is below its paper's figures."""
    return tuple(np.array(published_acmr()) - runs("wikipedia_1300", "ACMR", "default").mean().to_numpy())


FIGURES: dict[str, Callable[[], float | Sequence[float]]] = {
    "chance-wikipedia": lambda: chance("wikipedia"),
    "chance-corel5k_tags": lambda: chance("corel5k_tags"),
    "chance-mirflickr_tags": lambda: chance("mirflickr_tags"),
    "duplicates-wikipedia": lambda: next(row["image"] for row in of_json("duplicates.json")),
    "likelihood-theta": lambda: LIKELIHOOD,
    "dagnn-whole": lambda: ablation("").mean(),
    "dagnn-adversary": lambda: contributes(", DAGNN-3: no adversary"),
    "dagnn-embeddings-judged": lambda: contributes(", DAGNN-4: embeddings judged")[0],
    "dagnn-identity": lambda: contributes(", identity graph", -1)[0],
    "dagnn-linear": lambda: contributes(", DAGNN-5: linear classifier")[0],
    "dagnn-invariance": lambda: contributes(", DAGNN-2: no invariance term", -1),
    "dagnn-layers-1-and-5": lambda: [ablation(f", {k} layers, last one only").mean() for k in (1, 5)],
    "racg-twins": lambda: 100 * fine_grained_report.runs(scenes(), "RACG")["twins"].mean(),
    "racg-over-dcca": lambda: divided("RACG", "DCCA"),
    "kernels-over-racg": lambda: divided("CCA on kernel means", "RACG"),
    "two-stage-share": lambda: 100 * scenes()["share"].mean(),
    "reranking-gain": reranked,
    "parsed-racg": lambda: gained("RACG, parsed sentences"),
    "parsed-tags": lambda: 100 * parsed()["tags"].mean(),
    "parsed-anchors": lambda: 100 * parsed()["anchors"].mean(),
    "parsed-edges": lambda: [100 * parsed()[key].mean() for key in ("edges", "edges_as_usual")],
    "parsed-whole": lambda: 100 * parsed()["whole_as_usual"].mean(),
    "cca-cca_zoo": lambda: 1 / slower(CCA, "cca_zoo"),
    "cca-scikit-learn": lambda: 1 / slower(CCA, "scikit-learn, 4 components"),
    "cca-products": lambda: slower(CCA_LARGE, "products"),
    "pls-few-rows": lambda: 1 / slower("PLS 118 x 1,000 x 1,000, 2 components", "PLSCanonical"),
    "pls-few-rows-64": lambda: 1 / slower("PLS 118 x 1,000 x 1,000, 64 components", "PLSCanonical"),
    "map-large": lambda: slower("mAP 352 x 190,000, d = 1,024, 24 labels", "product, relevance, np.sort"),
    "map-threads": lambda: 1 / slower("mAP 2,000 x 23,000 by n_jobs", "n_jobs=1"),
    "ties-256-and-5": lambda: [slower(f"{TIES} of {n} values", "ignoring ties") for n in (256, 5)],
    "ties-none": lambda: slower(f"{TIES}, no ties to speak of", "ignoring ties"),
    "ties-codes": lambda: slower("mAP of hash codes 256 x 23,000, 1,024 bits", "ignoring ties"),
    "dagnn-1024-plain": lambda: slower("DAGNN, batches of 1,024", "plain loop"),
    "map-memory": lambda: next(
        row["peak_mb"] for row in of_json("speed.json")["rows"] if row["case"].startswith("mAP 2,000 x 190,000")
    ),
    "bf16-time": bf16_time,
    "factors-enough": lambda: factors_report.ENOUGH,
    "gpu-graphs": by_graphs,
    "gpu-compiling": compiling,
    "gpu-products": lambda: on_gpu()["MIRFlickr, DAGNN, batches of 100"]["ms of products"],
    "gpu-gradients": lambda: on_gpu()["gradients of a step, cuda against the CPU"]["difference"],
    "gpu-two-epochs": lambda: 100 * on_gpu()["a fit of 2 epochs, cuda against the CPU"]["difference"],
    "acmr-published": published_acmr,
    "acmr-below": acmr_below,
    "compare-seconds": lambda: max(row["seconds"] for row in of_json("comparing.json")["seconds"]),
    "compare-uniform": lambda: of_json("comparing.json")["uniform"],
    "adds-acmr-adversary": lambda: adds("ACMR", "w_adv=0"),
    "adds-dagnn-adversary": lambda: adds("DAGNN", "w_adv=0"),
    "adds-dscmr-temperature": lambda: adds("DSCMR", "temperature=2"),
    "adds-l2gcn-graph": lambda: adds("L2GCN", "graph=identity"),
    "adds-algcn-matrix": lambda: adds("ALGCN", "gamma=0"),
}
