"""The server: an application on a socket, until somebody ends it."""

from __future__ import annotations

import errno
import signal
import socket
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from skxmr.app.patience import Patience

# Connections that are open at a time; whoever comes then is told that the server is busy.
_CONNECTIONS = 500
# Seconds for which requests may go on once the server is told to end.
_PATIENCE = 10
# Bytes of the first lines of a request, in which a long text may stand.
_HEAD = 65_536


def listening(host: str, port: int) -> socket.socket:
    """Return a socket on which clients may call; a port that is taken is one sentence."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=1024)
    except socket.gaierror as error:
        raise OSError(f"{host!r} is no address of this machine ({error.strerror}).") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise OSError(f"port {port} is taken by another program; pass another one, or 0 for any.") from error
        raise OSError(f"{host}:{port} cannot be listened on ({error.strerror or error}).") from error


def serve(app: ASGIApp, listener: socket.socket, timeout: float) -> None:
    """Answer requests until a signal comes; those that have begun are answered before the end."""
    config = uvicorn.Config(
        app,
        http=Patience,
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=max(_PATIENCE, int(timeout)),
        h11_max_incomplete_event_size=_HEAD,
    )
    # uvicorn sends itself the signal again once it has ended; an asked-for end is no error.
    before = signal.signal(signal.SIGTERM, _ended)
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        signal.signal(signal.SIGTERM, before)
        listener.close()


def _ended(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)
