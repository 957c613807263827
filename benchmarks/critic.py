"""Whether DAGNN's adversary hides the modality: a planted offset, and a discriminator that judges embeddings.

python benchmarks/critic.py           # ten seeds, less than a minute; print the table
python benchmarks/critic.py --docs    # also write benchmarks/results/critic.json and docs/dagnn.md
"""

from __future__ import annotations

import argparse
import json

import numpy as np
import torch
from common import RESULTS, ROOT, markdown, mean_and_spread, write_between
from torch import nn

from skxmr import label_graph
from skxmr.nn.adversaries import EmbeddingCritic
from skxmr.nn.label_networks import LabelGraphNetwork, MultiHopGNN
from skxmr.nn.objective import Batch, LabelObjective

FILE = RESULTS / "critic.json"
SEEDS = 10
# The gradient is not reversed, and it is.
STRENGTHS = (0.0, 1.0)
_WIDTHS = {"image": 9, "text": 7}
_D = 6
_C = 3
_FITTED = 300


def views(seed: int) -> dict[str, torch.Tensor]:
    """Return 400 images and texts of the same hidden factors, which an offset tells apart, and their labels."""
    g = torch.Generator().manual_seed(seed)
    hidden = torch.randn(400, 5, generator=g, dtype=torch.float64)
    found = {"labels": (hidden[:, :_C] > 0).double()}
    for name, offset in (("image", 2.0), ("text", -2.0)):
        found[name] = hidden @ torch.randn(5, _WIDTHS[name], generator=g, dtype=torch.float64) + offset
    return found


def accuracy(strength: float, seed: int) -> float:
    """Return how often a discriminator of embeddings is right on rows that it was not trained on; .5 is chance."""
    rows = views(seed)
    torch.manual_seed(seed)
    labels = rows["labels"].numpy().astype(int)
    network = LabelGraphNetwork(
        [nn.Identity(), nn.Identity()],
        [nn.Linear(width, _D) for width in _WIDTHS.values()],
        MultiHopGNN("gcn", 5, 8, 2, _D),
        torch.randn(_C, 5),
        torch.from_numpy(label_graph(labels, 0.3, 0.5)).float(),
        EmbeddingCritic(_D, strength),
    ).double()
    image, text = rows["image"], rows["text"]
    objective = LabelObjective({"classification": 1.0, "adversary": 0.2})
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    batch = Batch(None, None, rows["labels"][:_FITTED])
    for _ in range(300):
        optimizer.zero_grad()
        objective.total(objective.terms(network(image[:_FITTED], text[:_FITTED]), batch)).backward()
        optimizer.step()
    out = network.eval()(image[_FITTED:], text[_FITTED:])
    right = torch.cat([out["from_image"].argmax(1) == 0, out["from_text"].argmax(1) == 1])
    return float(right.double().mean())


def table(measured: dict[str, list[float]]) -> str:
    """Return the accuracies without and with the reversal, mean and spread over the seeds."""
    rows = []
    for strength, found in measured.items():
        row = {"gradient": "as it is" if float(strength) == 0 else "reversed", "accuracy": mean_and_spread(found)}
        rows.append(row | {"smallest to largest": f"{min(found):.3f} to {max(found):.3f}", "seeds": len(found)})
    gain = np.subtract(*measured.values())
    rows.append({"gradient": "difference", "accuracy": mean_and_spread(gain, "+"), "seeds": len(gain)})
    return markdown(rows)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", action="store_true", help="write the figures and docs/dagnn.md")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    measured = {str(strength): [accuracy(strength, seed) for seed in range(SEEDS)] for strength in STRENGTHS}
    print(table(measured))
    if arguments.docs:
        FILE.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
        write_between(ROOT / "docs" / "dagnn.md", table(measured), "critic")


if __name__ == "__main__":
    main()
