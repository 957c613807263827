"""Kill a process at random moments while it fits or writes, and check that nothing is lost, half written or different.

    python -m tests.faults.kills fit save index cache --kills 50 --seed 0

Each round starts a process that does the same work, kills it by SIGKILL after a random part of the time that the work
takes, and looks at what is left. The process is a copy (fork) of this one, so that nothing has to be imported again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from PIL import Image

import skxmr
from skxmr import CCA, DAGNN, RetrievalIndex
from skxmr.datasets import make_multilabel_pairs
from skxmr.deep.items import digest
from skxmr.features import ImageFeatures, PadToSquare
from tests.faults.results import record

PAIRS, LABELS = make_multilabel_pairs(400, random_state=0)


# What is done, or looked at, in a folder.
Work: TypeAlias = Callable[[Path], object]


class Found(NamedTuple):
    """How often a process was killed while it worked, and how often it had finished before."""

    kills: int
    finished: int


def killed(work: Callable[[], object], after: float) -> bool:
    """Do some work in a process that is killed after some seconds; tell whether that was before its end."""
    process = os.fork()
    if process == 0:
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    time.sleep(after)
    os.kill(process, signal.SIGKILL)
    status = os.waitpid(process, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise AssertionError("the work has failed, and not because it was killed")
    return os.WIFSIGNALED(status)


def rounds(work: Work, check: Work, folder: Path, kills: int, seed: int) -> Found:
    """Kill the work so often, at moments spread over the time that it takes, and check after every kill."""
    started = time.perf_counter()
    work(folder / "timed")
    seconds = time.perf_counter() - started
    rng = np.random.default_rng(seed)
    done = Found(0, 0)
    home = folder / "killed"
    while done.kills < kills:
        if killed(lambda: work(home), rng.uniform(0, 1.2 * seconds)):
            done = done._replace(kills=done.kills + 1)
        else:
            done = done._replace(finished=done.finished + 1)
        check(home)
        if done.finished > 10 * kills + 100:
            raise AssertionError("the work ends before it can be killed")
    return done


def fits(folder: Path, kills: int, seed: int) -> Found:
    """Kill fits with a checkpoint; each goes on where the one before was killed, and ends at the same weights."""
    given: dict[str, Any] = {"n_components": 16, "width": 16, "hidden": 32, "max_epochs": 30, "random_state": seed}

    def fit(home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        model = DAGNN(**given, device="cpu", validation_fraction=0.1, checkpoint=home / "checkpoint").fit(PAIRS, LABELS)
        skxmr.save(model, home / "model")

    wanted = DAGNN(**given, device="cpu", validation_fraction=0.1).fit(PAIRS, LABELS)
    columns = wanted.history_.columns.drop("seconds")

    def check(home: Path) -> None:
        model = home / "model"
        if not model.exists():
            return
        found = skxmr.load(model)
        assert digest(found.network_) == digest(wanted.network_), "another model"
        assert found.history_[columns].equals(wanted.history_[columns]), "another history"
        # The next fit begins anew.
        shutil.rmtree(model)

    return rounds(fit, check, folder, kills, seed)


def saves(folder: Path, kills: int, seed: int) -> Found:
    """Kill a process that saves two models to one place in turn; one of both is always there as a whole."""
    models = [CCA(n).fit(PAIRS) for n in (3, 5)]
    digests = [model.transform(PAIRS).image.tobytes() for model in models]

    def save(home: Path) -> None:
        for i in range(6):
            skxmr.save(models[i % 2], home)

    def check(home: Path) -> None:
        if home.exists():
            assert skxmr.load(home).transform(PAIRS).image.tobytes() in digests, "half of a model"

    return rounds(save, check, folder, kills, seed)


def indexes(folder: Path, kills: int, seed: int) -> Found:
    """Kill a process that adds items to an index and saves it after every ten; what was saved is there as a whole."""
    model = CCA(3).fit(PAIRS)

    def grow(home: Path) -> None:
        index = RetrievalIndex.load(home) if home.exists() else RetrievalIndex(model)
        for _ in range(5):
            first = len(index.ids) % 400
            index.add(image=PAIRS.image[first : first + 10])
            index.save(home)

    sizes = [0]

    def check(home: Path) -> None:
        if not home.exists():
            return
        index = RetrievalIndex.load(home)
        assert len(index.ids) % 10 == 0 and len(index.ids) >= sizes[-1], "items are lost"
        assert np.array_equal(index.ids, np.arange(len(index.ids))), "other items"
        rows = np.arange(len(index.ids)) % 400
        hits = index.search(image=PAIRS.image[:3], k=1)
        assert np.array_equal(rows[hits.ids[:, 0]], [0, 1, 2]), "other vectors"
        sizes.append(len(index.ids))

    return rounds(grow, check, folder, kills, seed)


def caches(folder: Path, kills: int, seed: int) -> Found:
    """Kill a process that fills a cache of features; whatever is found there is right, and the rest is computed."""
    rng = np.random.default_rng(seed)
    images = [Image.fromarray(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)) for _ in range(300)]
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 5), torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten())
    given: dict[str, Any] = {"batch_size": 5, "device": "cpu", "cache_key": "a network", "prepare": PadToSquare(40)}
    wanted = ImageFeatures(network, **given).fit_transform(images)

    def extract(home: Path) -> None:
        ImageFeatures(network, **given, cache=home).fit_transform(images)

    def check(home: Path) -> None:
        if home.exists():
            found = ImageFeatures(network, **given, cache=home).fit_transform(images[:40])
            assert np.array_equal(found, wanted[:40]), "other features"
            for file in home.glob("*.sqlite*"):
                file.unlink()

    return rounds(extract, check, folder, kills, seed)


KINDS = {"fit": fits, "save": saves, "index": indexes, "cache": caches}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="+", choices=KINDS)
    parser.add_argument("--kills", type=int, default=50, help="of each kind (50)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills (0)")
    parser.add_argument("--record", action="store_true", help="add the numbers to benchmarks/results")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for kind in arguments.kinds:
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            done = KINDS[kind](Path(folder), arguments.kills, arguments.seed)
        seconds = time.perf_counter() - started
        print(
            f"{kind}: {done.kills} kills, {done.finished} rounds ended before, {seconds:.0f} s, nothing lost",
            flush=True,
        )
        if arguments.record:
            record("kills", kind=kind, seed=arguments.seed, **done._asdict())


if __name__ == "__main__":
    main()
