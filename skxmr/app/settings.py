"""Settings of a server: what it shows, and how much it takes."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")


@dataclass(frozen=True)
class Settings:
    """What a server is told when it starts.

    Parameters
    ----------
    token : str or None, default=None
        What every request must name; None is for an address that only this machine reaches.
    root : Path or None, default=None
        Where paths of pictures begin; then no picture outside is shown. None is the current folder, and every picture
        that the index names.
    timeout : float, default=30.0
        Seconds after which a request is given up.
    max_bytes : int, default=10_000_000
        The largest picture that somebody may send.
    max_pixels : int, default=30_000_000
        The most pixels that it may have, because a small file may hold a huge picture.
    workers : int
        Requests that are computed at a time; as many as there are cores unless given, and two at least.
    max_waiting : int, default=200
        Requests that may wait for their turn; further ones are refused.
    """

    token: str | None = None
    root: Path | None = None
    timeout: float = 30.0
    max_bytes: int = 10_000_000
    max_pixels: int = 30_000_000
    workers: int = max(2, os.cpu_count() or 1)
    max_waiting: int = 200


def is_loopback(host: str) -> bool:
    """Tell whether an address is one that only this machine reaches."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_token(token: str) -> bool:
    """Tell whether a string can be sent as a token."""
    return _TOKEN.fullmatch(token) is not None
