"""Trust under fire: many clients ask `skxmr serve` while another process saves versions and the server is restarted.

    python -m tests.faults.soak --clients 200 --seconds 600 --items 20000

Clients ask over connections that stay open, without a pause. Meanwhile a second process opens the index, adds, replaces
and removes items, and saves it, again and again. The server is ended by SIGTERM twice and started again. Every answer
is compared with the exact one, computed from what the version that it names holds. The run fails if an answer is wrong,
a request hangs or is lost, or the memory of the server grows. Its figures are added to benchmarks/results/soak.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from tests.faults.results import record
from tests.faults.soak_check import faults, longest_lag, older
from tests.faults.soak_clients import Client, Problem
from tests.faults.soak_versions import first_version, read_versions

ROOT = Path(__file__).parents[2]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
# Parts of the time after which the server is restarted: early, so that its memory is watched for long afterwards.
STOPS = (0.1, 0.2)
# The last fifth of the memory may differ from the second one by so much.
FLAT = 0.05
# Problems that a client has while there is no server.
_WHILE_DOWN = ("server down", "closed before an answer")


class Served:
    """A server on one port that is started again and again, and the memory that each of its processes takes."""

    def __init__(self, index: Path) -> None:
        self.index = index
        self.port = _free_port()
        self.exit_codes: list[int] = []
        # When each was told to end, and when the next one could be asked.
        self.down: list[tuple[float, float]] = []
        self.memory: list[list[float]] = []
        self.start()

    def start(self) -> None:
        """Start a process and wait until it can be asked."""
        words = [sys.executable, "-m", "skxmr.cli", "serve", str(self.index), "--port", str(self.port)]
        environment = os.environ | ONE_THREAD | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        self.process: Any = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not re.search(rf":{self.port}/", line):
            raise AssertionError(f"the server has not started: {line!r}")
        self.memory.append([])

    def stop(self) -> None:
        """End the process as an administrator does, and wait until it is gone."""
        self.process.send_signal(signal.SIGTERM)
        self.exit_codes.append(self.process.wait(60))
        self.process.stdout.close()

    def restart(self) -> None:
        """End the process and start another one."""
        told = time.time()
        self.stop()
        self.start()
        self.down.append((told, time.time()))

    def measure(self) -> None:
        """Note how much memory the process takes (Linux)."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        self.memory[-1].append(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)


def _free_port() -> int:
    """Return a free port below those from which clients call, because a client must not call itself."""
    for port in range(20_000 + os.getpid() % 5_000, 32_000):
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)):
                return port
    raise AssertionError("all ports are taken")


def soaked(folder: Path, clients: int, seconds: float, items: int, stops: tuple[float, ...] = STOPS) -> dict[str, Any]:
    """Serve for some seconds, not counting the time between two servers, and return what was found."""
    index = folder / "index"
    copies = folder / "copies"
    copies.mkdir()
    first_version(index, copies, items)
    server = Served(index)
    words = [sys.executable, "-m", "tests.faults.soak_versions", str(index), str(copies)]
    saver = subprocess.Popen(words, cwd=ROOT, env=os.environ | ONE_THREAD)
    ended = threading.Event()
    threads = [Client(server.port, number, ended) for number in range(clients)]
    try:
        for thread in threads:
            thread.start()
        _watch(server, saver, seconds, [part * seconds for part in stops])
        ended.set()
        for thread in threads:
            thread.join(120)
    finally:
        saver.terminate()
        server.stop()
    saved = saver.wait(60)
    return _checked(server, threads, copies) | {
        "clients": clients,
        "seconds": seconds,
        "items": items,
        "exit codes": [*server.exit_codes, saved],
        "hanging": sum(thread.is_alive() for thread in threads),
    }


def _watch(server: Served, saver: subprocess.Popen[bytes], seconds: float, stops: list[float]) -> None:
    """Let the clients ask for some seconds: measure the memory every second, and restart the server now and then."""
    served = 0.0
    while served < seconds:
        if saver.poll() is not None or server.process.poll() is not None:
            raise AssertionError("the server or the process that saves has ended by itself")
        if stops and served >= stops[0]:
            stops.pop(0)
            server.restart()
        server.measure()
        began = time.time()
        time.sleep(1)
        served += time.time() - began


def _checked(server: Served, threads: list[Client], copies: Path) -> dict[str, Any]:
    """Compare all answers with the exact ones, and sum up."""
    versions = read_versions(copies)
    answers = [answer for thread in threads for answer in thread.answers]
    problems = [problem for thread in threads for problem in thread.problems]
    lost = [problem for problem in problems if not _is_while_down(problem, server.down)]
    wrong = faults(answers, versions)
    for said in [*wrong[:5], *lost[:5], *(server.down if lost else ())]:
        print(said, file=sys.stderr)
    times = np.array([answer.seconds for answer in answers])
    memory = server.memory[-1]
    fifth = len(memory) // 5
    second, last = (float(np.mean(part)) for part in (memory[fifth : 2 * fifth + 1], memory[-fifth - 1 :]))
    return {
        "requests": len(answers) + len(problems),
        "answers": len(answers),
        "wrong answers": len(wrong),
        "older answers": sum(older(thread.answers, versions) for thread in threads),
        "errors while the server was down": Counter(problem.kind for problem in problems) - _kinds(lost),
        "other errors": _kinds(lost),
        "p50": float(np.quantile(times, 0.5)),
        "p95": float(np.quantile(times, 0.95)),
        "largest": float(times.max()),
        "versions saved": len(versions),
        "versions seen": len({answer.version for answer in answers}),
        "longest lag": longest_lag(answers, versions),
        "restarts": len(server.down),
        "seconds down": [round(up - told, 2) for told, up in server.down],
        "MiB in the second fifth": second,
        "MiB in the last fifth": last,
        "MiB at most": max(memory),
    }


def _is_while_down(problem: Problem, down: list[tuple[float, float]]) -> bool:
    """Tell whether a request was sent after the server was told to end and before the next one could be asked."""
    # A connection is refused at once, and a clock in another thread may be read a moment later.
    return problem.kind in _WHILE_DOWN and any(told <= problem.sent <= up + 0.1 for told, up in down)


def _kinds(problems: list[Problem]) -> Counter[str]:
    return Counter(problem.kind for problem in problems)


def failures(found: dict[str, Any], is_long: bool) -> list[str]:
    """Return what must not be; the memory is compared in a long run only."""
    must_be_0 = ("wrong answers", "older answers", "other errors", "hanging")
    wrong = [f"{name}: {found[name]}" for name in must_be_0 if found[name]]
    if any(found["exit codes"]):
        wrong.append(f"exit codes: {found['exit codes']}")
    ratio = found["MiB in the last fifth"] / found["MiB in the second fifth"]
    if is_long and abs(ratio - 1) > FLAT:
        wrong.append(f"the memory has changed by {100 * (ratio - 1):+.1f} %")
    return wrong


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=200, help="who ask at the same time (200)")
    parser.add_argument("--seconds", type=float, default=600, help="how long they ask (600)")
    parser.add_argument("--items", type=int, default=20_000, help="of the index at the beginning (20,000)")
    parser.add_argument("--record", action="store_true", help="add the figures to benchmarks/results")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = soaked(Path(folder), arguments.clients, arguments.seconds, arguments.items)
    found |= {"cores": os.cpu_count(), "load before": LOAD}
    print(json.dumps(found, indent=2))
    wrong = failures(found, is_long=arguments.seconds >= 300)
    if wrong:
        sys.exit("; ".join(wrong))
    if arguments.record:
        record("soak", **found)


# How many processes wanted a core in the minute before, which is what else the machine did.
LOAD = os.getloadavg()[0]


if __name__ == "__main__":
    main()
