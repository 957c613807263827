"""Compare the features of real drawings with those that were made of the same drawings elsewhere.

    python benchmarks/clipart_features.py /usr/share/openclipart --data ../shared/data

The drawings are those of Debian's package openclipart-png whose caption only one drawing has, here and in the prepared
set `clipart.npz`, and whose thumbnail is the same. The script fails where fewer than 100 are found, or where the
features of any of them have a cosine below .999 with the prepared ones.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from skxmr.features import ImageFeatures
from skxmr.features.images import read_image

# The largest mean difference of two thumbnails of the same drawing, of 255; they were resized by different filters.
_SAME = 6.0


def matched(root: Path, captions: np.ndarray) -> list[tuple[str, int]]:
    """Return the path of every drawing with a unique caption, and its row in the prepared set."""
    from skxmr.datasets import load_openclipart

    pairs = load_openclipart(root, "all").pairs
    rows = {caption: i for i, caption in enumerate(captions)}
    unique = [Counter(own) for own in (captions, pairs.text)]
    both = zip(pairs.image, pairs.text, strict=True)
    return [(path, rows[text]) for path, text in both if all(count[text] == 1 for count in unique)]


def thumbnail(path: str, side: int) -> np.ndarray:
    """Return a drawing on white, padded to a square, as an array (side, side, 3)."""
    image = read_image(path, 0)
    square = Image.new("RGB", (max(image.size),) * 2, "white")
    square.paste(image, ((square.width - image.width) // 2, (square.height - image.height) // 2))
    return np.asarray(square.resize((side, side), Image.Resampling.BICUBIC), np.float64)


def compare(pairs: list[tuple[str, int]], thumbnails: np.ndarray, features: np.ndarray, limit: int) -> np.ndarray:
    """Return the cosines of new features and prepared ones, of drawings with the same thumbnail."""
    same = []
    for path, row in pairs:
        if len(same) < limit and np.abs(thumbnail(path, 64) - thumbnails[row]).mean() < _SAME:
            same.append((path, row))
    new = ImageFeatures("efficientnet_lite0", verbose=1).transform([path for path, _ in same])
    old = features[[row for _, row in same]].astype(np.float64)
    return (new * old).sum(axis=1) / np.linalg.norm(new, axis=1) / np.linalg.norm(old, axis=1)


def main() -> None:
    """Compare as the arguments of the command say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, help="folder of the drawings")
    parser.add_argument("--data", type=Path, required=True, help="folder that holds clipart/clipart.npz")
    parser.add_argument("--limit", type=int, default=200, help="number of drawings (default: 200)")
    options = parser.parse_args()
    with np.load(options.data / "clipart" / "clipart.npz") as prepared:
        found = matched(options.root, prepared["captions"])
        cosines = compare(found, prepared["images"], prepared["features"], options.limit)
    print(f"{len(found)} drawings with a unique caption, {len(cosines)} compared: smallest cosine {cosines.min():.6f}")
    if len(cosines) < 100 or cosines.min() < 0.999:
        sys.exit("the features differ, or too few drawings were found")


if __name__ == "__main__":
    main()
