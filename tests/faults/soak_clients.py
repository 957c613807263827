"""Clients: threads that ask a server without a pause, each over a connection of its own, and note every answer."""

from __future__ import annotations

import http.client
import json
import threading
import time
from typing import Any, NamedTuple
from urllib.parse import urlencode

import numpy as np

from tests.faults.soak_versions import TAGS, kind_of, text_of

# Seconds without an answer after which a request hangs; the server itself gives a request up after 30.
PATIENCE = 90
_LIMITS = (1, 5, 24, 100)


class Answer(NamedTuple):
    """What was asked, when, and what came: the version, and the total, ids and scores of a search."""

    asked: dict[str, Any]
    sent: float
    seconds: float
    version: str
    total: int
    items: Any
    scores: Any


class Problem(NamedTuple):
    """A request without an answer: of which kind it is, when it was sent and when this was known."""

    kind: str
    sent: float
    ended: float
    said: str


class WrongError(Exception):
    """An answer contradicts itself."""


class Client(threading.Thread):
    """Somebody who asks until `ended` is set; after a closed connection the next request opens another one."""

    def __init__(self, port: int, number: int, ended: threading.Event) -> None:
        super().__init__(daemon=True)
        self.rng = np.random.default_rng(number)
        self.ended = ended
        self.answers: list[Answer] = []
        self.problems: list[Problem] = []
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def run(self) -> None:
        """Ask until somebody ends it."""
        while not self.ended.is_set():
            sent = time.time()
            try:
                self.answers.append(self._answer(self._question(), sent))
                continue
            except Exception as error:
                kind = _kind_of(error)
                self.problems.append(Problem(kind, sent, time.time(), repr(error)[:300]))
            self._connection.close()
            # Somebody whose request was refused tries again in a moment.
            time.sleep(0.2)
        self._connection.close()

    def _question(self) -> dict[str, Any]:
        """Return the parameters of a request: words, an item or neither, with or without conditions."""
        rng = self.rng
        asked: dict[str, Any] = {"limit": int(rng.choice(_LIMITS))}
        what = rng.random()
        if what < 0.8:
            # Half of the texts are those of items, so that equal scores come first.
            item = int(rng.integers(20_000))
            asked["text"] = text_of(item) if rng.random() < 0.5 else f"word{item % 2000} word{item % 77}"
        elif what < 0.9:
            asked["like"] = f"item {int(rng.integers(2_000)):07d}"
        else:
            asked["offset"] = int(rng.integers(900))
        if rng.random() < 0.3:
            asked["tag"] = f"tag {int(rng.integers(TAGS))}"
        if rng.random() < 0.2:
            asked["modality"] = str(rng.choice(["image", "text"]))
        return asked

    def _answer(self, asked: dict[str, Any], sent: float) -> Answer:
        """Ask, and return the answer; one that contradicts itself is an error."""
        if self.rng.random() < 0.2:
            headers = {"Content-Type": "application/json"}
            self._connection.request("POST", "/api/search", json.dumps(asked), headers)
        else:
            self._connection.request("GET", f"/api/search?{urlencode(asked)}")
        response = self._connection.getresponse()
        found = json.loads(response.read())
        seconds = time.time() - sent
        version = response.headers["X-Index-Version"]
        if response.status == 404 and "like" in asked:
            # The item is not in this version, which is checked like any other answer.
            return Answer(asked, sent, seconds, version, -1, None, None)
        if response.status != 200:
            raise WrongError(f"{response.status}: {found['error']}")
        if found["version"] != version or found["problem"] is not None:
            raise WrongError(f"version {version}: {found['version']}, {found['problem']}")
        hits = found["hits"]
        items = np.array([int(hit["id"][5:]) for hit in hits], np.int64)
        for rank, (item, hit) in enumerate(zip(items, hits, strict=True), asked.get("offset", 0) + 1):
            if (hit["rank"], hit["modality"], hit["about"]["words"]) != (rank, kind_of(item), text_of(item)):
                raise WrongError(f"item {item} is not as it was added: {hit}")
        tags = [hit["tags"] for hit in hits]
        if "tag" in asked and any(own != [asked["tag"]] for own in tags):
            raise WrongError(f"{asked} has tags {tags}")
        return Answer(asked, sent, seconds, version, found["total"], items, [hit["score"] for hit in hits])


def _kind_of(error: Exception) -> str:
    """Return what happened to a request in a word or two."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "server down"
    if isinstance(error, http.client.IncompleteRead):
        return "answer cut off"
    if isinstance(error, (ConnectionError, http.client.RemoteDisconnected)):
        return "closed before an answer"
    if isinstance(error, WrongError) and str(error).startswith("503"):
        return "refused as busy"
    return "wrong answer" if isinstance(error, WrongError) else type(error).__name__
