"""Exact mean average precision beside its peers and beside a product, the relevance and one sort."""

from __future__ import annotations

from typing import Any

import numpy as np
from measure import Sides, case
from sklearn.metrics import average_precision_score

from skxmr.metrics import SharedLabels, Similarity, average_precision
from skxmr.metrics._gains import precision_at_relevant
from skxmr.metrics._keys import all_finite, packed_keys, relevance_of
from skxmr.metrics._ranking import Ranking


def problem(n: int, m: int, d: int = 1024, c: int = 24) -> tuple[Any, ...]:
    """Return embeddings of queries and gallery, float32, that depend on their labels, and the multi-hot labels."""
    rng = np.random.default_rng(0)
    Y = rng.uniform(size=(n + m, c)) < 0.06
    Y[np.arange(n + m), rng.integers(c, size=n + m)] = True
    X = rng.standard_normal((n + m, d), dtype=np.float32)
    X *= 8
    X += Y.astype(np.float32) @ rng.standard_normal((c, d), dtype=np.float32)
    return X[:n], X[n:], Y[:n].astype(np.int8), Y[n:].astype(np.int8)


def ours(Q: Any, G: Any, Yq: Any, Yg: Any, **options: Any) -> Any:
    """Return every query's average precision, from the embeddings on."""
    return average_precision(Similarity(Q, G), SharedLabels(Yq, Yg), **options)


def floor(Q: Any, G: Any, Yq: Any, Yg: Any) -> None:
    """Multiply once, find what is relevant, and sort as many 32-bit keys, as every exact ranking by sorting must."""
    step = max(1, 2**25 // len(G))
    relevance = SharedLabels(Yq, Yg)
    for a in range(0, len(Q), step):
        S = Q[a : a + step] @ G.T
        for i in range(0, len(S), 2):
            rows = slice(a + i, min(a + i + 2, a + len(S)))
            relevance[rows]
            S[i : i + 2].view(np.int32).sort(axis=1)


def loop(Q: Any, G: Any, Yq: Any, Yg: Any) -> Any:
    """Return average precisions by the best common public form: a product, argsort and cumulative sum a query."""
    G = G / np.linalg.norm(G, axis=1, keepdims=True)
    found = []
    Yq = Yq.astype(np.float32)
    Yg = Yg.astype(np.float32)
    for q, y in zip(Q, Yq, strict=True):
        place = np.flatnonzero((Yg @ y > 0)[np.argsort(-(G @ q))]) + 1
        found.append((np.arange(1, len(place) + 1) / place).mean() if len(place) else np.nan)
    return np.array(found)


def cosines(Q: Any, G: Any) -> Any:
    """Return the score matrix, as peers want it."""
    return (Q / np.linalg.norm(Q, axis=1, keepdims=True)) @ (G / np.linalg.norm(G, axis=1, keepdims=True)).T


def torchmetrics(Q: Any, G: Any, Yq: Any, Yg: Any) -> float:
    """Return torchmetrics' mAP of scores moved above 0, below which it takes relevant items for irrelevant."""
    import torch
    from torchmetrics.retrieval import RetrievalMAP

    S = torch.from_numpy(cosines(Q, G) + 2)
    R = torch.from_numpy(Yq.astype(np.float32) @ Yg.T.astype(np.float32) > 0)
    rows = torch.arange(len(Q))[:, None].expand(S.shape)
    return float(RetrievalMAP()(S.ravel(), R.ravel(), indexes=rows.ravel()))


def torchmetrics_rows(Q: Any, G: Any, Yq: Any, Yg: Any) -> float:
    """Return the same by torchmetrics' function for one query, in a loop."""
    import torch
    from torchmetrics.functional.retrieval import retrieval_average_precision

    S = torch.from_numpy(cosines(Q, G) + 2)
    R = torch.from_numpy(Yq.astype(np.float32) @ Yg.T.astype(np.float32) > 0)
    return float(np.mean([retrieval_average_precision(s, r).item() for s, r in zip(S, R, strict=True)]))


def dictionaries(Q: Any, G: Any, Yq: Any, Yg: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return scores and relevance as dictionaries of dictionaries, the form of TREC."""
    S = cosines(Q, G)
    R = Yq.astype(np.float32) @ Yg.T.astype(np.float32) > 0
    names = [str(i) for i in range(len(G))]
    run = {str(i): dict(zip(names, s, strict=True)) for i, s in enumerate(S.tolist())}
    truth = {str(i): dict(zip(names, r, strict=True)) for i, r in enumerate(R.astype(int).tolist())}
    return run, truth


def pytrec_eval(Q: Any, G: Any, Yq: Any, Yg: Any) -> float:
    """Return trec_eval's mAP, through the dictionaries it takes."""
    import pytrec_eval as peer

    run, truth = dictionaries(Q, G, Yq, Yg)
    found = peer.RelevanceEvaluator(truth, {"map"}).evaluate(run)
    return float(np.mean([query["map"] for query in found.values()]))


def ranx(Q: Any, G: Any, Yq: Any, Yg: Any) -> float:
    """Return ranx's mAP, through the dictionaries it takes."""
    import ranx as peer

    run, truth = dictionaries(Q, G, Yq, Yg)
    relevant = {query: {item: r for item, r in found.items() if r} for query, found in truth.items()}
    return float(peer.evaluate(peer.Qrels(relevant), peer.Run(run), "map"))


def scikit_learn(Q: Any, G: Any, Yq: Any, Yg: Any) -> float:
    """Return the mean of scikit-learn's average precisions, in a loop."""
    S = cosines(Q, G)
    R = Yq.astype(np.float32) @ Yg.T.astype(np.float32) > 0
    return float(np.mean([average_precision_score(r, s) for r, s in zip(R, S, strict=True)]))


def ignoring_ties(scores: Any, relevance: Any) -> Any:
    """Return average precisions that take equal scores in sorted order, by the library's own steps and checks."""
    found = []
    few = max(1, 2**18 // scores.shape[1])
    assert all_finite(scores)
    for a in range(0, len(scores), few):
        keys = packed_keys(scores[a : a + few], relevance[a : a + few])
        keys.sort(axis=1)
        ranking = Ranking(relevance_of(keys), None)
        found.append(precision_at_relevant(ranking, None, "expected") / ranking.n_relevant)
    return np.concatenate(found)


@case(
    "mAP 2,000 x 23,000, d = 1,024, 24 labels",
    at_most={"product, relevance, np.sort": 1.6},
    at_least={"vectorised loop over queries": 3.5},
    memory_limit=400, repeat=3, threads=(1, 2),
)  # fmt: skip
def map_middle() -> Sides:
    """Return sides of MIRFlickr's gallery; the first side also validates and looks for equal rows."""
    data = problem(2000, 23_000)
    return {
        "skxmr": lambda: ours(*data),
        "product, relevance, np.sort": lambda: floor(*data),
        "vectorised loop over queries": lambda: loop(*data),
    }


@case(
    "mAP 256 x 23,000, d = 1,024, 24 labels",
    at_least={"vectorised loop over queries": 3.5, "torchmetrics": 3, "pytrec_eval": 9},
    repeat=3,
)
def map_peers() -> Sides:
    """Return sides of as many queries as pytrec_eval has memory for."""
    data = problem(256, 23_000)
    return {
        "skxmr": lambda: ours(*data),
        "product, relevance, np.sort": lambda: floor(*data),
        "vectorised loop over queries": lambda: loop(*data),
        "torchmetrics": lambda: torchmetrics(*data),
        "torchmetrics, its function": lambda: torchmetrics_rows(*data),
        "pytrec_eval": lambda: pytrec_eval(*data),
    }


@case("mAP 100 x 2,000, d = 1,024, 24 labels", at_least={"pytrec_eval": 9}, repeat=3)
def map_small() -> Sides:
    """Return sides of a validation set; ranx compiles itself in its first call, which is not counted."""
    data = problem(100, 2000)
    return {
        "skxmr": lambda: ours(*data),
        "scikit-learn, in a loop": lambda: scikit_learn(*data),
        "pytrec_eval": lambda: pytrec_eval(*data),
        "ranx": lambda: ranx(*data),
    }


@case(
    "mAP 352 x 190,000, d = 1,024, 24 labels",
    at_most={"product, relevance, np.sort": 2.0},
    at_least={"vectorised loop over queries": 3.5},
    repeat=3,
)
def map_large() -> Sides:
    """Return sides of NUS-WIDE's gallery."""
    data = problem(352, 190_000)
    return {
        "skxmr": lambda: ours(*data),
        "product, relevance, np.sort": lambda: floor(*data),
        "vectorised loop over queries": lambda: loop(*data),
    }


@case("mAP 2,000 x 190,000, d = 1,024, 24 labels", memory_limit=400, repeat=1)
def map_whole() -> Sides:
    """Return the whole evaluation of NUS-WIDE: its time and memory."""
    data = problem(2000, 190_000)
    return {"skxmr": lambda: ours(*data)}


@case("mAP 2,000 x 23,000 by n_jobs", at_least={"n_jobs=1": 1.7}, clock="wall", memory_limit=400, repeat=7)
def map_threads() -> Sides:
    """Return two threads and one, in wall seconds."""
    data = problem(2000, 23_000)
    return {"n_jobs=2": lambda: ours(*data, n_jobs=2), "n_jobs=1": lambda: ours(*data, n_jobs=1)}


def tied(levels: int | None) -> tuple[Any, Any]:
    """Return scores with so many distinct values, None for all that float32 has, and relevance."""
    rng = np.random.default_rng(0)
    S = rng.standard_normal((100, 23_000), dtype=np.float32)
    S = S if levels is None else np.round(S * np.float32(levels / 8)) / np.float32(levels / 8)
    R = rng.uniform(size=S.shape) < 0.3
    return S, R


@case("AP of given scores 100 x 23,000, no ties to speak of", at_most={"ignoring ties": 1.2}, repeat=9)
def ties_few() -> Sides:
    """Return sides of float32 scores as models give them."""
    S, R = tied(None)
    return {"skxmr": lambda: average_precision(S, R), "ignoring ties": lambda: ignoring_ties(S, R)}


@case("AP of given scores 100 x 23,000 of 256 values", at_most={"ignoring ties": 1.2}, repeat=9)
def ties_many() -> Sides:
    """Return sides of scores of 8 bits: hash codes, quantised embeddings."""
    S, R = tied(256)
    return {"skxmr": lambda: average_precision(S, R), "ignoring ties": lambda: ignoring_ties(S, R)}


@case("AP of given scores 100 x 23,000 of 5 values", at_most={"ignoring ties": 1.2}, repeat=9)
def ties_heavy() -> Sides:
    """Return sides of graded answers."""
    S, R = tied(5)
    return {"skxmr": lambda: average_precision(S, R), "ignoring ties": lambda: ignoring_ties(S, R)}


@case("mAP of hash codes 256 x 23,000, 1,024 bits", at_most={"ignoring ties": 1.2}, repeat=5)
def ties_codes() -> Sides:
    """Return the whole evaluation of binary codes, whose scores are all tied."""
    Q, G, Yq, Yg = problem(256, 23_000)
    Q = np.sign(Q)
    G = np.sign(G)
    return {
        "skxmr": lambda: average_precision(Similarity(Q, G, "inner"), SharedLabels(Yq, Yg)),
        "ignoring ties": lambda: ignoring_ties(Similarity(Q, G, "inner")[:], SharedLabels(Yq, Yg)[:]),
    }
