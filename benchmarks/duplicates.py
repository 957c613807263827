"""Test rows of the sets that have a near-duplicate among the training rows, which makes every score too good.

python benchmarks/duplicates.py           # print the table
python benchmarks/duplicates.py --docs    # also write it into docs/results.md
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from common import markdown, write_between

from skxmr import Pairs
from skxmr.datasets import load_captioned_digits, load_corel5k_tags, load_mirflickr_tags, load_wikipedia
from skxmr.metrics import near_duplicates

PAGE = Path(__file__).parents[1] / "docs" / "results.md"
SETS = {
    "wikipedia": load_wikipedia,
    "corel5k_tags": load_corel5k_tags,
    "mirflickr_tags": load_mirflickr_tags,
    "captioned digits": load_captioned_digits,
}


def row(name: str) -> dict[str, object]:
    """Count the test rows of a set whose image, text or both have a near-duplicate among the training rows."""
    train = _pairs(SETS[name](subset="train"))
    test = _pairs(SETS[name](subset="test"))
    found = near_duplicates(train, test)
    rows = {view: set(found["test_row"][found["view"] == view]) for view in ("image", "text")}
    return {
        "set": name, "test rows": f"{len(test):,}", "image": len(rows["image"]), "text": len(rows["text"]),
        "both": len(rows["image"] & rows["text"]),
    }  # fmt: skip


def _pairs(loaded: Any) -> Pairs:
    return loaded.pairs if hasattr(loaded, "pairs") else loaded[0]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", action="store_true", help="write the table into docs/results.md")
    arguments = parser.parse_args()
    table = markdown([row(name) for name in SETS])
    print(table)
    if arguments.docs:
        write_between(PAGE, table, "duplicates")


if __name__ == "__main__":
    main()
