"""Whether an image network should be trained with the method: frozen against tuned, in equal time.

    python benchmarks/end_to_end.py            # nine fits of a minute; resumable
    python benchmarks/end_to_end.py --seed 1   # only one seed, for several processes side by side
    python benchmarks/end_to_end.py --docs     # fits nothing, writes docs/results.md

The icons of Font Awesome Free with their search terms, and EfficientNet-Lite0 as the image network of a small DAGNN.
Pictures are 48 pixels wide, because a processor trains the network on larger ones too slowly. All fits have the same
time: that of the process, so that other processes do not count. It includes decoding and the features of frozen
networks. A fit ends with the last epoch that the time has room for, and keeps the epoch with the best mAP of the
held-out rows. The rate of the tuned network is the one with the best mean of these; test rows are scored, but choose
nothing. Finished fits are lines of
`benchmarks/results/end_to_end.jsonl`.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np
import torch
from common import RESULTS, ROOT, append, markdown, mean_and_spread, recorded, write_between
from sklearn.feature_extraction.text import TfidfVectorizer
from skorch.callbacks import Callback

from skxmr import DAGNN
from skxmr.datasets import load_icons
from skxmr.features import PadToSquare
from skxmr.features.encoders import named_encoder
from skxmr.metrics import RetrievalScores

FILE = RESULTS / "end_to_end.jsonl"
SEEDS = 3
SECONDS = 60.0
# Width of the pictures in pixels, and learning rates of the image network; 0 is frozen.
CASES = [(48, 0.0), (48, 1e-3), (48, 3e-4)]


class Budget(Callback):
    """Ends the training before the epoch that would end too late."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.start = time.process_time()
        self.last = self.start

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Stop if another epoch of this length does not fit in."""
        now = time.process_time()
        length = now - self.last
        self.last = now
        if now - self.start + length > self.seconds:
            raise KeyboardInterrupt

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Begin the first epoch here; what came before counts for the whole time only."""
        self.last = time.process_time()


def fit(side: int, rate: float, seed: int, seconds: float) -> dict[str, Any]:
    """Fit a case, and score it on the test rows."""
    train, labels = load_icons("train", size=side, return_X_y=True)
    test, test_labels = load_icons("test", size=side, return_X_y=True)
    words = TfidfVectorizer(dtype=np.float32).fit(train.text)
    train = train.replace(text=words.transform(train.text))
    test = test.replace(text=words.transform(test.text))
    network = named_encoder("efficientnet_lite0")
    network.transform = PadToSquare(side)
    budget = Budget(seconds)
    model = DAGNN(
        256, hidden=512, width=256, image_encoder=network, encoder_lr=rate, batch_size=64, max_epochs=1000,
        schedule="constant", validation_fraction=0.1, callbacks=[budget], random_state=seed, device="cpu",
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(train, labels)
        used = time.process_time() - budget.start
        found = RetrievalScores()(model, test, test_labels)
    history = model.history_
    return {
        "side": side, "rate": rate, "seed": seed, "budget": seconds, "seconds": round(used, 1),
        "epochs": len(history), "best_epoch": model.best_epoch_, "validation": float(history["validation_map"].max()),
        "scores": {name: float(found[name]) for name in ("i2t_map", "t2i_map", "map")},
    }  # fmt: skip


def finished(records: list[dict[str, Any]]) -> dict[tuple[int, float], list[dict[str, Any]]]:
    """Return the records of every case."""
    found: dict[tuple[int, float], list[dict[str, Any]]] = {case: [] for case in CASES}
    for record in records:
        found.setdefault((record["side"], record["rate"]), []).append(record)
    return {case: some for case, some in found.items() if some}


def table(records: list[dict[str, Any]]) -> str:
    """Return a line per case: epochs, score of the held-out rows, and scores of the test rows."""
    cases = finished(records)
    tuned = [case for case in cases if case[1] > 0]
    chosen = max(tuned, key=lambda case: np.mean([record["validation"] for record in cases[case]]), default=None)
    rows = []
    for (side, rate), some in cases.items():
        how = "frozen" if rate == 0 else f"tuned, `encoder_lr={rate:g}`"
        row: dict[str, object] = {
            "image network": f"{how}{' (chosen)' if (side, rate) == chosen else ''}",
            "pixels": side,
            "seeds": len(some),
            "epochs": f"{np.mean([record['epochs'] for record in some]):.0f}",
            "held-out mAP": mean_and_spread([record["validation"] for record in some]),
        }
        for name, title in (("i2t_map", "test, image to text"), ("t2i_map", "test, text to image")):
            row[title] = mean_and_spread([record["scores"][name] for record in some])
        rows.append(row)
    return markdown(rows)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, nargs="*", default=range(SEEDS))
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--docs", action="store_true", help="fit nothing, write docs/results.md")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for side, rate in [] if arguments.docs else CASES:
        for seed in arguments.seed:
            done = {(record["side"], record["rate"], record["seed"]) for record in recorded(FILE)}
            if (side, rate, seed) not in done:
                append(FILE, fit(side, rate, seed, arguments.seconds))
    shown = table(recorded(FILE))
    print(shown)
    if arguments.docs:
        write_between(ROOT / "docs" / "results.md", shown, "end_to_end")


if __name__ == "__main__":
    main()
