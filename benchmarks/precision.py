"""What bfloat16 costs in mAP: the same fits in float32 and under autocast, on the test rows of the research sets.

python benchmarks/precision.py                        # DAGNN and L2GCN on wikipedia and corel5k_tags, 3 seeds
python benchmarks/precision.py --sets mirflickr_tags --seeds 1
"""

from __future__ import annotations

import argparse
import os
import sys

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np
import torch
from common import LOADERS, markdown, mean_and_spread
from tasks import standard

from skxmr import DAGNN, L2GCN

METHODS = {"DAGNN": DAGNN, "L2GCN": L2GCN}


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=LOADERS, default=["wikipedia", "corel5k_tags"])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for name in arguments.sets:
        data = standard(name, 0)
        for method in arguments.methods:
            found: dict[str, list[float]] = {"float32": [], "bf16": []}
            seconds: dict[str, list[float]] = {"float32": [], "bf16": []}
            for seed in range(arguments.seeds):
                for precision in found:
                    model = METHODS[method](random_state=seed, precision=precision).fit(data.train, data.y_train)
                    found[precision].append(model.score(data.test, data.y_test))
                    seconds[precision].append(float(model.history_["seconds"].sum()))
            difference = np.subtract(found["bf16"], found["float32"])
            spread = f"{difference.mean():+.4f} ± {difference.std():.4f}"
            rows.append({
                "set": name, "method": method, "float32": mean_and_spread(found["float32"]),
                "bf16": mean_and_spread(found["bf16"]), "difference": spread,
                "bf16 / float32, seconds": f"{np.sum(seconds['bf16']) / np.sum(seconds['float32']):.2f}",
            })  # fmt: skip
            print(rows[-1], file=sys.stderr, flush=True)
    print(markdown(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
