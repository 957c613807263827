"""Paths as users write them."""

from __future__ import annotations

import os
from pathlib import Path


def expanded(path: str | os.PathLike[str]) -> Path:
    """Return a path in which ``~`` stands for the home; ``~1.png`` stays as it is unless a user is called so."""
    return Path(os.path.expanduser(path))
