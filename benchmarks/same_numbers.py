"""Store the numbers of every method, or compare them with stored ones: a refactoring must leave them bit-equal.

    git stash; python benchmarks/same_numbers.py store before.npz; git stash pop
    python benchmarks/same_numbers.py compare before.npz

Only public names are used, and `all_retrievers` only where a commit has it, so that the same file runs on older
commits. Every method is fitted on small data with fixed seeds and one thread: dense views, CSR texts, and regions
against words. Stored are the columns of the history (without the seconds), embeddings or similarities, and scores.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np
import scipy.sparse as sp
import torch

import skxmr
from skxmr import CCA, RACG, SCAN, Pairs, Regions, RetrieverEnsemble, SemanticMatching, Sentences, TwoStage
from skxmr.datasets import make_captioned_scenes, make_multilabel_pairs
from skxmr.metrics import RecallScores, RetrievalScores

Variants = dict[str, list[dict[str, Any]]]
# So few rows would not be held out by default.
HELD = {"validation_fraction": 0.1, "random_state": 0}
SHORT = HELD | {"n_components": 6, "max_epochs": 3, "batch_size": 32}
GRAPH = SHORT | {"hidden": 10, "width": 8}
SETS = HELD | {"n_components": 12, "word_width": 8, "batch_size": 16, "max_epochs": 2}
# Methods that embed, but take regions and words.
OF_SETS: Variants = {"VSEPP": [SETS, SETS | {"negatives": "all", "bidirectional": True}]}
# The variants whose numbers are kept. Methods that are not listed are compared with the small parameters of the tests.
EMBEDDING: Variants = {
    "CCA": [{"n_components": 3}, {"n_components": 4, "ridge": 0.0}],
    "PLS": [{"n_components": 3}],
    "MLCCA": [{"n_components": 3}, {"weights": "exponential", "n_neighbors": 9}],
    "SemanticMatching": [{}],
    "ACMR": [SHORT | {"hidden": 10}],
    "DSCMR": [SHORT | {"hidden": 10}],
    "DCCA": [SHORT | {"n_components": 3, "hidden": 8}],
    "DAGNN": [
        GRAPH, GRAPH | {"gnn": "gat", "discriminator": "embedding", "count": True, "validation_fraction": 0.0},
        GRAPH | {"classifier": "linear", "hidden": None, "pretrain_text": True, "standardize": True},
        GRAPH | {"optimizer": "sgd", "schedule": "cosine", "early_stopping": 1, "dropout": 0.1},
    ],
    "ALGCN": [GRAPH],
    "IGNN": [GRAPH],
    "L2GCN": [GRAPH, GRAPH | {"epsilon": "learned", "w_adv": 0.5, "layer": "gat", "aggregate": "concat"}],
}  # fmt: skip
PAIRWISE: Variants = {
    "RACG": [SETS | {"n_heads": 4}, SETS | {"n_heads": 2, "text_graph": "dense"}],
    "SCAN": [SETS, SETS | {"attention": "image_to_text", "schedule": "onecycle", "clip": None}],
}


def listed(base: str, variants: Variants) -> Variants:
    """Add the methods of a base that are not listed, if this commit can find them."""
    try:
        from skxmr.testing import all_retrievers
    except ImportError:
        return variants
    found = [cls for cls in all_retrievers() if issubclass(cls, getattr(skxmr, base))]
    return {cls.__name__: cls._get_test_params() for cls in found if cls.__name__ not in OF_SETS} | variants


def numbers() -> Iterator[tuple[str, Any]]:
    """Yield every number that is compared, by name."""
    pairs, Y = make_multilabel_pairs(150, random_state=0)
    test, test_Y = make_multilabel_pairs(60, random_state=1)
    sparse, sparse_test = (Pairs(p.image, sp.csr_matrix(np.maximum(p.text, 0))) for p in (pairs, test))
    for name, variants in listed("CrossModalRetriever", EMBEDDING).items():
        for i, parameters in enumerate(variants):
            for kind, rows, asked in (("dense", pairs, test), ("csr", sparse, sparse_test)):
                if name == "AlignedEmbeddings":
                    rows, asked = (p.replace(text=p.text[:, : p.image.shape[1]]) for p in (rows, asked))
                model = getattr(skxmr, name)(**parameters).fit(rows, Y)
                key = f"{name} {i} {kind}"
                yield f"{key} image", model.encode_image(asked.image)
                yield f"{key} text", model.encode_text(asked.text)
                yield from history(key, model)
                yield f"{key} scores", list(RetrievalScores()(model, asked, test_Y).values())
                if hasattr(model, "annotate"):
                    tags = model.annotate(image=asked.image, k=2, threshold=-np.inf)
                    yield f"{key} tags", np.asarray(tags).astype(str)
    yield from of_sets()


def of_sets() -> Iterator[tuple[str, Any]]:
    """Yield the numbers of the methods for regions and words."""
    rows = scenes(40, 0)
    asked = scenes(20, 1)
    for name, variants in (listed("PairwiseRetriever", PAIRWISE) | OF_SETS).items():
        if not hasattr(skxmr, name):
            continue
        for i, parameters in enumerate(variants):
            model = getattr(skxmr, name)(**parameters).fit(rows)
            key = f"{name} {i} sets"
            yield f"{key} similarity", model.similarity(asked)
            yield from history(key, model)
            yield f"{key} scores", list(RecallScores(ks=(1, 5))(model, asked).values())
    ensemble = RetrieverEnsemble([("a", RACG(**PAIRWISE["RACG"][0])), ("b", SCAN(**SETS))])
    yield "RetrieverEnsemble similarity", ensemble.fit(rows).similarity(asked)
    two = TwoStage(first=CCA(3), second=SCAN(**SETS), k=8).fit(rows)
    yield "TwoStage scores", list(RecallScores(ks=(1, 5))(two, asked).values())
    yield (
        "SemanticMatching names",
        SemanticMatching().fit(*make_multilabel_pairs(40, random_state=2)).classes_.astype(str),
    )


def scenes(n: int, seed: int) -> Pairs:
    """Return scenes of digits with five sentences each."""
    made = make_captioned_scenes(n, random_state=seed)
    texts = Sentences(made.tokens, made.tags, made.heads)
    return Pairs(Regions(made.regions, made.boxes, made.mask), texts, image_index=made.image_index)


def history(key: str, model: Any) -> Iterator[tuple[str, Any]]:
    """Yield the columns of a deep method's history."""
    if hasattr(model, "history_"):
        for column in model.history_.columns.drop("seconds"):
            yield f"{key} history {column}", model.history_[column].to_numpy()
        yield f"{key} best epoch", model.best_epoch_


def main() -> int:
    """Run the command line; the status is 1 where a number differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("store", "compare"))
    parser.add_argument("file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    found = {name: np.asarray(value) for name, value in numbers()}
    if arguments.what == "store":
        np.savez_compressed(arguments.file, **found)
        print(f"{len(found)} arrays stored")
        return 0
    with np.load(arguments.file) as stored:
        kept = {name: stored[name] for name in stored.files}
    return report(kept, found)


def report(kept: dict[str, Any], found: dict[str, Any]) -> int:
    """Print what differs; columns of a history that are new do not count."""
    differing = 0
    for name, old in kept.items():
        new = found.get(name)
        if new is not None and old.shape == new.shape and np.array_equal(old, new, equal_nan=old.dtype.kind == "f"):
            continue
        differing += 1
        far = np.abs(old - new).max() if new is not None and old.shape == new.shape and old.dtype.kind in "fi" else "?"
        print(f"{name}: {'missing' if new is None else f'differs by up to {far}'}")
    print(f"{len(kept)} arrays compared, {differing} differ; {len(found.keys() - kept.keys())} are new")
    return int(differing > 0)


if __name__ == "__main__":
    sys.exit(main())
