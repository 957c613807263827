"""Damage files of every format that the library reads, and check that each is read or refused by name.

    python -m tests.faults.fuzz --files 10000 --seed 0 [--formats npy model ...] [--corpus FOLDER]

A valid file is cut, overwritten, lengthened or mixed with itself, inside the members of a ZIP archive as well; where a
folder has digests of its files, half of the files get the right digest, so that what lies behind it is reached. Where
a checksum was left as it was, the file has to be refused or to mean the same. A process may take 10 seconds and 1 GiB
for a file. It may not start a process, connect or unpickle a class, which a hook of the interpreter notices. What fails
is put into the corpus, which the tests read again.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np
import torch

from tests.faults.formats import FORMATS, Format
from tests.faults.results import record

SECONDS = 10
MEMORY = 2**30
# Files that one process reads before the next one is started.
_BATCH = 100
# Events of the interpreter that reading a file never needs.
_FORBIDDEN = (
    "os.system", "os.exec", "os.posix_spawn", "os.spawn", "subprocess.Popen", "socket.connect", "pickle.find_class",
)  # fmt: skip
READ, REFUSED, UNCLEAR, CHANGED = "read", "refused", "unclear", "changed"
EXECUTED, HUNG, KILLED = "executed", "hung", "killed"


class Outcome(NamedTuple):
    """What came of a file."""

    kind: str
    told: str = ""


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """Return data with one to three damages."""
    for _ in range(rng.integers(1, 4)):
        data = _damaged(data, rng)
    return data


def _damaged(data: bytes, rng: np.random.Generator) -> bytes:
    if not data:
        return bytes(rng.integers(0, 256, 8, dtype=np.uint8))
    start = int(rng.integers(0, len(data)))
    length = int(rng.integers(1, min(64, len(data)) + 1))
    other = bytes(rng.integers(0, 256, length, dtype=np.uint8))
    choice = rng.integers(0, 8)
    if choice == 0:
        return data[:start]
    if choice == 1:
        return data[:start] + other + data[start + length :]
    if choice == 2:
        return data[:start] + other + data[start:]
    if choice == 3:
        return data[:start] + data[start + length :]
    if choice == 4:
        source = int(rng.integers(0, len(data)))
        return data[:start] + data[source : source + length] + data[start + length :]
    if choice == 5:
        return data[:start] + bytes(length) + data[start + length :]
    if choice == 6:
        # Numbers at their limits.
        value = rng.choice([0, 1, 0x7F, 0x80, 0xFF])
        return data[:start] + bytes([value] * min(8, length)) + data[start + min(8, length) :]
    flipped = data[start] ^ (1 << int(rng.integers(0, 8)))
    return data[:start] + bytes([flipped]) + data[start + 1 :]


def damage(file: Path, rng: np.random.Generator) -> bool:
    """Damage a file in place, of half of the ZIP archives a member; tell whether a checksum was made to fit it."""
    data = file.read_bytes()
    fits = zipfile.is_zipfile(file) and rng.random() < 0.5
    file.write_bytes(_with_other_member(data, rng) if fits else mutated(data, rng))
    config = file.parent / "config.json"
    if config == file:
        # It has no checksum, because it holds those of the others.
        return True
    if config.exists():
        fits = rng.random() < 0.5 and _sign(config, file)
    return fits


def _with_other_member(data: bytes, rng: np.random.Generator) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        names = old.namelist()
        changed = names[int(rng.integers(0, len(names)))]
        for name in names:
            content = old.read(name)
            new.writestr(name, mutated(content, rng) if name == changed else content)
    return out.getvalue()


def _sign(config: Path, file: Path) -> bool:
    """Put the digest of a file into the config.json of its folder; tell whether there is one for it."""
    about = json.loads(config.read_text(encoding="utf-8"))
    if file.name not in about.get("sha256", {}):
        return False
    about["sha256"][file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
    config.write_text(json.dumps(about), encoding="utf-8")
    return True


def outcome(kind: Format, folder: Path, file: Path, meant: str | None) -> Outcome:
    """Read a file in this process; if it is read, it must have the meaning that is given as a hash."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = kind.read(folder)
    except kind.errors as error:
        named = file.name in str(error) or folder.name in str(error)
        return Outcome(REFUSED) if named else Outcome(UNCLEAR, _told(error))
    except TimeoutError:
        return Outcome(HUNG)
    except BaseException as error:
        return Outcome(UNCLEAR, _told(error))
    if meant not in (None, joblib.hash(found)):
        return Outcome(CHANGED)
    return Outcome(READ)


def _told(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {str(error)[:200]!r} at {Path(last.filename).name}:{last.lineno}"


def prepared(kind: Format, whole: Path, home: Path, seed: int) -> tuple[Path, Path, bool]:
    """Return a copy of a whole folder in which one file is damaged, this file, and whether a checksum fits it."""
    folder = home / f"folder{seed}"
    shutil.copytree(whole, folder)
    rng = np.random.default_rng(seed)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in kind.suffixes)
    file = files[int(rng.integers(0, len(files)))]
    fits = damage(file, rng)
    return folder, file, fits


def _batch(kind: Format, whole: Path, home: Path, seeds: list[int], meant: str, pipe: int) -> None:
    """Read damaged files, one after the other, and write what came of each into a pipe."""
    executed: list[str] = []
    sys.addaudithook(lambda event, args: executed.append(event) if event in _FORBIDDEN else None)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))

    def too_late(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, too_late)
    for seed in seeds:
        folder, file, fits = prepared(kind, whole, home, seed)
        executed.clear()
        signal.alarm(SECONDS)
        found = outcome(kind, folder, file, meant if kind.sealed and not fits else None)
        signal.alarm(0)
        if executed:
            found = Outcome(EXECUTED, executed[0])
        if found.kind in (READ, REFUSED):
            shutil.rmtree(folder)
        os.write(pipe, (json.dumps([seed, *found]) + "\n").encode())


def outcomes(kind: Format, whole: Path, home: Path, seeds: list[int], meant: str) -> Iterator[tuple[int, Outcome]]:
    """Yield what came of each damaged file; a process that is stuck or dies is told of, and the others go on."""
    left = list(seeds)
    while left:
        reader, writer = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(reader)
            try:
                _batch(kind, whole, home, left[:_BATCH], meant, writer)
            finally:
                os._exit(0)
        os.close(writer)
        done = 0
        for line in _lines(reader):
            seed, what, told = json.loads(line)
            yield seed, Outcome(what, told)
            done += 1
        os.kill(process, signal.SIGKILL)
        status = os.waitpid(process, 0)[1]
        os.close(reader)
        if done < len(left[:_BATCH]):
            # The one after the last that was told of.
            stuck = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            yield left[done], Outcome(HUNG if stuck else KILLED, f"status {status}")
            done += 1
        left = left[done:]


def _lines(reader: int) -> Iterator[bytes]:
    """Yield the lines of a pipe until it is closed, or until nothing has come for too long."""
    rest = b""
    while select.select([reader], [], [], 2 * SECONDS)[0]:
        more = os.read(reader, 65536)
        if not more:
            return
        *lines, rest = (rest + more).split(b"\n")
        yield from lines


def fuzz(name: str, n: int, seed: int, corpus: Path | None = None) -> tuple[Counter[str], list[str]]:
    """Damage n files of a format; return how often what came of them, and what failed."""
    kind = FORMATS[name]
    counts: Counter[str] = Counter()
    failed = []
    with tempfile.TemporaryDirectory() as place:
        whole = Path(place) / "whole"
        whole.mkdir()
        kind.write(whole)
        first = Path(place) / "first"
        shutil.copytree(whole, first)
        meant = joblib.hash(kind.read(first))
        home = Path(place) / "damaged"
        home.mkdir()
        seeds = [seed * 1_000_000 + i for i in range(n)]
        for number, found in outcomes(kind, whole, home, seeds, meant):
            counts[found.kind] += 1
            if found.kind not in (READ, REFUSED):
                failed.append(f"{name}, seed {number}: {found.kind} {found.told}")
                if corpus is not None:
                    shutil.copytree(home / f"folder{number}", corpus / name / str(number), dirs_exist_ok=True)
            shutil.rmtree(home / f"folder{number}", ignore_errors=True)
    return counts, failed


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    parser.add_argument("--files", type=int, default=10_000, help="of all formats together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", action="store_true", help="add the counts to benchmarks/results")
    parser.add_argument("--corpus", type=Path, help="folder for the files that failed")
    arguments = parser.parse_args()
    # A process that is forked has none of the threads of its parent, and would wait for them.
    torch.set_num_threads(1)
    bad = False
    for name in arguments.formats:
        started = time.perf_counter()
        counts, failed = fuzz(name, -(-arguments.files // len(arguments.formats)), arguments.seed, arguments.corpus)
        told = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
        print(f"{name}: {told}; {time.perf_counter() - started:.0f} s", flush=True)
        for line in failed[:20]:
            print(f"  {line}", flush=True)
        if arguments.record:
            record("fuzz", format=name, seed=arguments.seed, counts=counts)
        bad |= bool(failed)
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
