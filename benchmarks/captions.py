"""RACG, SCAN and VSEPP at their papers' constants on Flickr30k or MS-COCO, from files in the layout of SCAN's data."""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from common import markdown
from published import RECALLS

from skxmr import RACG, SCAN, VSEPP, Pairs, RetrieverEnsemble, parse_sentences
from skxmr.datasets import load_captioned_regions
from skxmr.metrics import Reranked, SameGroup, retrieval_recalls


def models(dataset: str, **common: Any) -> dict[str, Any]:
    """Return unfitted models by name."""
    attentions = ("text_to_image", "image_to_text")
    found: dict[str, Any] = {f"SCAN, {name}": SCAN.paper(dataset, attention=name, **common) for name in attentions}
    graphs = {f"RACG, {graph}": RACG.paper(dataset, text_graph=graph, **common) for graph in ("sparse", "dense")}
    found["SCAN, both"], graphs["RACG, both"] = (RetrieverEnsemble(list(some.items())) for some in (found, graphs))
    return found | graphs | {"VSEPP": VSEPP.paper(dataset, **common)}


def of_captions(folder: str, device: str, seeds: int, parser: str | None = None, **changes: Any) -> int:
    """Fit on train rows, keep the epoch that is best on a share of them, test once; print a table.

    Without a parser the captions have neither tags nor dependencies, and every text graph is dense.
    """
    dataset = "coco" if "coco" in folder else "flickr30k"
    try:
        train, test = (load_captioned_regions(folder, subset).pairs for subset in ("train", "test"))
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    if parser is not None:
        train, test = (rows.replace(text=parse_sentences(list(rows.text), parser)) for rows in (train, test))
    rows = []
    for seed in range(seeds):
        for name, model in models(dataset, device=device, random_state=seed, verbose=1, **changes).items():
            start = time.perf_counter()
            model.fit(train)
            rows.append({"method": name, "seed": seed, "fit, s": f"{time.perf_counter() - start:.0f}"})
            rows[-1] |= tested(model, test) | beside(dataset, name)
            print(rows[-1], file=sys.stderr, flush=True)
    print(markdown(rows))
    return 0


def beside(dataset: str, name: str) -> dict[str, str]:
    """Return the published recalls with their source, empty where there are none."""
    found = RECALLS.get((dataset, name))
    if found is None:
        return {"published": "", "source": ""}
    return {"published": f"{found.text} / {found.image}, mR {found.mr} ({found.model})", "source": found.source}


def tested(model: Any, test: Pairs) -> dict[str, str]:
    """Return recalls as cells: of 5,000 images the means over runs of 1,000."""
    S = model.similarity(test)
    _, index = test.distinct_images()
    folds = 5 if len(S) == 5000 else 1
    relevance = SameGroup(np.arange(len(S)), index)
    cells = {}
    for title, matrix in (("R@1, 5, 10", S), ("re-ranked", Reranked(S)[:])):
        found = retrieval_recalls(matrix, relevance, [k for k in (1, 5, 10) if k <= len(S) // folds], folds=folds)
        for_all = [
            " ".join(f"{100 * value:.1f}" for key, value in found.items() if key.startswith(f"{direction}_r"))
            for direction in ("i2t", "t2i")
        ]
        cells[title] = f"{' / '.join(for_all)}, mR {100 * found['mr']:.1f}"
    return cells
