"""Connections on which nothing whole arrives are closed, and no others."""

import socket
import time
from contextlib import closing
from http.client import HTTPResponse

import pytest

from skxmr.app import patience
from skxmr.app.application import application
from skxmr.app.settings import Settings
from tests.app.conftest import running

WHOLE = b"GET /api/about HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def port(served, monkeypatch):
    monkeypatch.setattr(patience, "SECONDS", 0.5)
    with running(application(served, Settings())) as found:
        yield found


def connected(port):
    return closing(socket.create_connection(("127.0.0.1", port), timeout=10))


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\n", WHOLE[:-2]])
def test_a_request_that_is_not_finished_is_not_waited_for(port, sent):
    with connected(port) as client:
        client.sendall(sent)
        assert client.recv(100) == b""


def test_a_request_in_parts_is_answered_and_so_is_a_second_one(port):
    with connected(port) as client:
        for _ in range(2):
            client.sendall(WHOLE[:10])
            time.sleep(0.1)
            client.sendall(WHOLE[10:])
            assert status(client) == 200
        # The second half of a third one never comes.
        client.sendall(WHOLE[:10])
        assert client.recv(100) == b""


def status(client):
    """Read one answer and return its status."""
    answer = HTTPResponse(client)
    answer.begin()
    answer.read()
    return answer.status
