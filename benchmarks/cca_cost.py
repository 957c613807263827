"""What CCA.fit costs over the covariance products it cannot do without, in CPU seconds on one thread.

The products are ``X.T @ X``, ``T.T @ T`` and ``X.T @ T`` in the data's dtype; both sides run interleaved.

    python benchmarks/cca_cost.py
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import time
from collections.abc import Callable

import numpy as np

from skxmr import CCA

SIZES = [(2000, 128, 10, 10), (5000, 512, 512, 64), (20_000, 1024, 300, 128)]


def cpu_seconds(call: Callable[[], object]) -> float:
    """Return the CPU seconds of one call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def main() -> None:
    """Print one line per size: medians of five interleaved runs."""
    rng = np.random.default_rng(0)
    print(f"{'n x d1 x d2, k':<28}{'products':>10}{'CCA.fit':>10}{'ratio':>8}")
    for n, d1, d2, k in SIZES:
        X, T = (rng.normal(size=(n, d)).astype(np.float32) for d in (d1, d2))
        T[:, :5] += X[:, :5]
        runs = [
            (
                cpu_seconds(lambda X=X, T=T: (X.T @ X, T.T @ T, X.T @ T)),
                cpu_seconds(lambda X=X, T=T, k=k: CCA(n_components=k).fit(X, T)),
            )
            for _ in range(5)
        ]
        products, fit = np.median(runs, axis=0)
        print(f"{f'{n} x {d1} x {d2}, {k}':<28}{products:>10.4f}{fit:>10.4f}{fit / products:>8.2f}")


if __name__ == "__main__":
    main()
