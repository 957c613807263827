"""What a training step of DAGNN costs beside the same module in a plain loop.

Both train the same network on the same rows, interleaved; CPU seconds of one thread (or seconds on a GPU), medians over
the repetitions. The target is a ratio of at most 1.1 at batches of 100.

    python benchmarks/step_cost.py [--batch 100] [--rows 5000] [--repeat 5] [--device cpu]
"""

from __future__ import annotations

import argparse
import copy
import os
import sys
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np
import torch

from skxmr import DAGNN, Pairs
from skxmr._labels import encode_labels
from skxmr.deep.batches import Batches, PairsDataset
from skxmr.deep.split import Split
from skxmr.deep.training import Options, train


def network_and_data(rows: int, device: torch.device) -> tuple[DAGNN, torch.nn.Module, object, PairsDataset]:
    """Return DAGNN as in the paper on random rows of its shapes: 4096 image, 300 text features, 24 labels."""
    rng = np.random.default_rng(0)
    image = rng.uniform(size=(rows, 4096)).astype(np.float32)
    text = rng.normal(size=(rows, 300)).astype(np.float32)
    labels = encode_labels((rng.uniform(size=(rows, 24)) < 0.15).astype(int))
    model = DAGNN.paper(pretrain_text=False, graph="identity")
    network, objective = model._build(Split(Pairs(image, text), labels, None))
    return model, network.to(device), objective, PairsDataset(image, text, labels.matrix, device)


def plain(network: torch.nn.Module, objective: object, dataset: PairsDataset, options: Options) -> None:
    """Train one epoch by a loop without anything."""
    generator = torch.Generator().manual_seed(0)
    optimizer = options.optimizer(network.parameters(), lr=options.lr, weight_decay=options.weight_decay)
    network.train()
    for inputs, Y in Batches(dataset, options.batch_size, shuffle=True, generator=generator):
        optimizer.zero_grad()
        objective.total(objective.terms(network(**inputs), Y)).backward()
        optimizer.step()


def by_library(network: torch.nn.Module, objective: object, dataset: PairsDataset, options: Options) -> None:
    """Train one epoch as the estimator does, without validation rows."""
    train(network, objective, dataset, None, torch.Generator().manual_seed(0), options)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("batch", 100), ("rows", 5000), ("repeat", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    torch.set_num_threads(1)
    model, network, objective, dataset = network_and_data(arguments.rows, device)
    options = model.set_params(batch_size=arguments.batch, max_epochs=1)._options(arguments.rows)
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    spent: dict[str, list[float]] = {"plain": [], "skxmr": []}
    for _ in range(arguments.repeat + 1):
        for name, run in (("plain", plain), ("skxmr", by_library)):
            own = copy.deepcopy(network)
            start = clock()
            run(own, objective, dataset, options)
            if device.type == "cuda":
                torch.cuda.synchronize()
            spent[name].append(clock() - start)
    steps = len(Batches(dataset, arguments.batch))
    medians = {name: 1000 * float(np.median(seconds[1:])) / steps for name, seconds in spent.items()}  # first: warm-up
    ratios = np.array(spent["skxmr"][1:]) / np.array(spent["plain"][1:])
    print(f"batch {arguments.batch}, {arguments.rows} rows, {device}, torch {torch.__version__}")
    print(f"plain loop {medians['plain']:.2f} ms a step, skxmr {medians['skxmr']:.2f} ms")
    print(f"ratio {np.median(ratios):.3f} (from {ratios.min():.3f} to {ratios.max():.3f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
