"""What many clients cost: `skxmr serve` with an index of 100,000 items, and clients that ask without a pause.

The server is a process of its own, and so are the clients together. Each has a connection of its own and asks for other
words every time, of which a hash makes vectors; every fifth request wants a tag, too.

    python benchmarks/load.py [--clients 50] [--seconds 30]   # add a run to benchmarks/results/load.jsonl
    python benchmarks/load.py --docs                          # the table of docs/performance.md, of the last run each
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np
from common import RESULTS, ROOT, append, markdown, recorded, write_between

FILE = RESULTS / "load.jsonl"
PAGE = ROOT / "docs" / "performance.md"
ITEMS = 100_000
WIDTH = 256
TAGS = [f"tag {i}" for i in range(30)]


def saved_index(folder: Path) -> Path:
    """Save an index of rows that lie in clusters, as embeddings do, and return its folder."""
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.pipeline import make_pipeline
    from speed_search import rows

    from skxmr import AlignedEmbeddings, Pairs, PerModality, RetrievalIndex

    vectors = rows(ITEMS, 1)
    views = PerModality(text=HashingVectorizer(n_features=WIDTH))
    model = make_pipeline(views, AlignedEmbeddings()).fit(Pairs(vectors[:2], ["one text", "another text"]))
    index = RetrievalIndex(model)
    rng = np.random.default_rng(0)
    tags = [";".join(rng.choice(TAGS, 3, replace=False)) for _ in range(ITEMS)]
    captions = [f"the caption of item {i}" for i in range(ITEMS)]
    index.add(image=vectors, ids=[f"item {i}" for i in range(ITEMS)], metadata={"tags": tags, "caption": captions})
    index.save(folder / "index")
    return folder / "index"


class Client(threading.Thread):
    """Somebody who asks without a pause, and notes how long each answer took."""

    def __init__(self, port: int, number: int, end: float) -> None:
        super().__init__()
        self.port = port
        self.rng = np.random.default_rng(number)
        self.end = end
        self.seconds: list[float] = []
        self.errors: list[str] = []

    def run(self) -> None:
        """Ask until the time is over."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while time.perf_counter() < self.end:
            start = time.perf_counter()
            try:
                self._ask(connection)
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                self.errors.append(repr(error))
                connection.close()
            self.seconds.append(time.perf_counter() - start)

    def _ask(self, connection: http.client.HTTPConnection) -> None:
        words = " ".join(f"word{i}" for i in self.rng.integers(5000, size=4))
        query = {"text": words} | ({"tag": self.rng.choice(TAGS)} if self.rng.integers(5) == 0 else {})
        connection.request("GET", f"/api/search?{urlencode(query)}")
        answer = connection.getresponse()
        found = json.loads(answer.read())
        if answer.status != 200 or len(found["hits"]) != 24:
            raise ValueError(f"{answer.status}: {found.get('error')}")


def cpu_seconds(process: int) -> float:
    """Return how much CPU time a process has taken so far, which other programs do not change (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(clients: int, seconds: float) -> dict[str, Any]:
    """Serve an index, let clients ask, and return what they noted."""
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "skxmr.cli", "serve", str(saved_index(Path(folder))), "--port", "0"]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        server = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)
        try:
            port = int(re.search(r":(\d+)/", server.stdout.readline())[1])  # type: ignore[index, union-attr]
            spent = cpu_seconds(server.pid)
            ends = time.perf_counter() + seconds
            threads = [Client(port, number, ends) for number in range(clients)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            spent = cpu_seconds(server.pid) - spent
        finally:
            server.terminate()
            code = server.wait(60)
    times = np.array([each for thread in threads for each in thread.seconds])
    errors = [each for thread in threads for each in thread.errors]
    for error in sorted(set(errors))[:5]:
        print(error, file=sys.stderr)
    return {
        "clients": clients,
        "items": ITEMS,
        "seconds": seconds,
        "requests": len(times),
        "errors": len(errors),
        "cpu seconds": spent,
        "p50": float(np.quantile(times, 0.5)),
        "p95": float(np.quantile(times, 0.95)),
        "largest": float(times.max()),
        "exit code": code,
        "cores": os.cpu_count(),
        "load before": LOAD,
    }


def table(runs: list[dict[str, Any]]) -> str:
    """Return the last run of every number of clients."""
    last = {run["clients"]: run for run in runs}
    return markdown([line(last[clients]) for clients in sorted(last)])


def line(run: dict[str, Any]) -> dict[str, object]:
    """Return a run as a line of the table."""
    return {
        "clients": run["clients"],
        "items": f"{run['items']:,}",
        "requests": f"{run['requests']:,} in {run['seconds']:g} s",
        "errors": run["errors"],
        "CPU of the server per request, ms": f"{1000 * run['cpu seconds'] / run['requests']:.1f}",
        "median, s": f"{run['p50']:.3f}",
        "95th percentile, s": f"{run['p95']:.3f}",
        "largest, s": f"{run['largest']:.3f}",
        "other programs": f"{run['load before']:.1f} on {run['cores']} cores",
    }


# How many processes wanted a core in the minute before, which is what else the machine did.
LOAD = os.getloadavg()[0]


def main() -> None:
    """Measure, or write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--docs", action="store_true", help="write the table of docs/performance.md")
    arguments = parser.parse_args()
    if arguments.docs:
        write_between(PAGE, table(recorded(FILE)), "load")
        return
    run = measured(arguments.clients, arguments.seconds)
    append(FILE, run)
    print(json.dumps(run, indent=2))


if __name__ == "__main__":
    main()
