"""``skxmr serve``: what it refuses before it serves, and how a process begins and ends."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from skxmr.app import server
from tests.cli.conftest import TRUST

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["index", "--host", "0.0.0.0"], 2, "reached by other machines, and then requests must name a token"),
        (["index", "--host", "::"], 2, "SKXMR_TOKEN"),
        (["index", "--host", "example.org"], 2, "must name a token"),
        (["index", "--token", "two words"], 2, "--token is empty or holds more than letters"),
        (["index", "--root", "nothing"], 2, "is no folder"),
        (["index", "--port", "70000"], 2, "70000"),
        (["nothing"], 1, "there is no folder 'nothing'"),
        (["pictures"], 1, "is no skxmr index"),
        (["index"], 1, "pass each by --trust NAME"),
    ],
)
def test_what_is_refused(call, words, code, sentence):
    done = call("serve", *words)
    assert done.exit_code == code and sentence in done.output.splitlines()[-1], done.output
    assert "Traceback" not in done.output


def test_a_port_that_is_taken(call):
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = call("serve", "index", "--port", other.getsockname()[1], *TRUST)
    assert done.exit_code == 1 and "is taken by another program" in done.output


def test_a_missing_extra_is_named(call, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    done = call("serve", "index")
    assert done.exit_code == 1 and "skxmr serve needs uvicorn" in done.output and "skxmr[serve]" in done.output


def test_what_is_served_and_where_is_said(call, monkeypatch):
    monkeypatch.setattr(server, "serve", lambda app, listener, timeout: listener.close())
    done = call("serve", "index", "--host", "0.0.0.0", "--port", "0", "--token", "short", *TRUST)
    assert done.exit_code == 0 and "guessed by trying" in done.output
    assert re.search(r"index: 36 items, version \w{12}, at http://0\.0\.0\.0:\d+/", done.output)


@pytest.fixture
def process(made):
    """A process that serves the index, and the port of it."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    words = [sys.executable, "-m", "skxmr.cli", "serve", "index", "--port", "0", *TRUST]
    # A background job starts with interrupts ignored, and its processes would ignore them, too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    started = subprocess.Popen(
        words, cwd=made, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    signal.signal(signal.SIGINT, before)
    line = started.stdout.readline()
    try:
        yield started, int(re.search(r":(\d+)/", line)[1])
    finally:
        started.kill()
        started.communicate()


def ask(port, method="GET", path="/api/about", body=None, headers=None):
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, path, body, headers or {})
        with connection.getresponse() as answer:
            return answer.status, json.loads(answer.read())


@pytest.mark.slow
def test_ten_megabytes_of_text_over_the_network(process):
    _, port = process
    text = "x" * 10_000_000
    kind = {"content-type": "application/json"}
    status, found = ask(port, "POST", "/api/search", json.dumps({"text": text}), kind)
    assert status == 413 and "too large" in found["error"]
    with socket.create_connection(("127.0.0.1", port)) as raw:
        raw.sendall(f"GET /api/search?text={text[:200_000]} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 400")
    assert ask(port)[0] == 200


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_in_the_middle_of_a_request(process, made, number, code):
    started, port = process
    picture = next((made / "pictures").glob("*.png")).read_bytes()
    head = (
        "POST /api/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nExpect: 100-continue\r\n"
        f"Content-Length: {len(picture)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(head.encode())
        # Now the request has begun, and its body is waited for.
        assert connection.recv(1000).startswith(b"HTTP/1.1 100")
        started.send_signal(number)
        time.sleep(0.3)
        connection.sendall(picture)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 200") and b'"hits":[{' in answer
    assert started.wait(30) == code
    assert "Traceback" not in started.stderr.read()


@pytest.mark.slow
def test_many_ask_at_a_time(process):
    _, port = process
    statuses = []

    def client():
        statuses.extend(ask(port, path=f"/api/search?text=a+red+bird&offset={i}")[0] for i in range(5))

    threads = [threading.Thread(target=client) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 250
