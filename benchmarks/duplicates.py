"""What the sets give away before anything is learned: near-duplicates across the split, the mAP of a random ranking.

python benchmarks/duplicates.py           # print the table
python benchmarks/duplicates.py --docs    # also write benchmarks/results/duplicates.json and docs/results.md
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np
from common import RESULTS, ROOT, markdown, write_between

from skxmr.datasets import load_captioned_digits, load_corel5k_tags, load_mirflickr_tags, load_wikipedia
from skxmr.metrics import SharedLabels, mean_average_precision, near_duplicates

FILE = RESULTS / "duplicates.json"
SETS = {
    "wikipedia": load_wikipedia,
    "corel5k_tags": load_corel5k_tags,
    "mirflickr_tags": load_mirflickr_tags,
    "captioned digits": load_captioned_digits,
}


def row(name: str) -> dict[str, Any]:
    """Count the test rows of a set whose image, text or both have a near-duplicate among the training rows.

    The random ranking gives all items the same score: mAP is then its mean over all orders.
    """
    train, _ = SETS[name]("train", return_X_y=True)
    test, labels = SETS[name]("test", return_X_y=True)
    found = near_duplicates(train, test)
    rows = {view: set(found["test_row"][found["view"] == view]) for view in ("image", "text")}
    chance = mean_average_precision(np.zeros((len(test), len(test))), SharedLabels(labels, labels))
    return {
        "set": name, "test rows": len(test), "image": len(rows["image"]), "text": len(rows["text"]),
        "both": len(rows["image"] & rows["text"]), "random ranking": chance,
    }  # fmt: skip


def table(rows: list[dict[str, Any]]) -> str:
    """Return one line per set."""
    shown = {"test rows": "{:,}", "random ranking": "{:.3f}"}
    return markdown([{key: shown.get(key, "{}").format(value) for key, value in row.items()} for row in rows])


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", action="store_true", help="write the figures and docs/results.md")
    arguments = parser.parse_args()
    rows = [row(name) for name in SETS]
    print(table(rows))
    if arguments.docs:
        FILE.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        write_between(ROOT / "docs" / "results.md", table(rows), "duplicates")


if __name__ == "__main__":
    main()
