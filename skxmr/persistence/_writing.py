"""A file that is written as a whole or not at all."""

from __future__ import annotations

import os
import uuid
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a text; if that fails, what was there stays as it was."""
    new = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with new.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except OSError as error:
        raise OSError(f"{str(path)!r} could not be written ({error.strerror}); what was there is unchanged.") from error
    finally:
        # Once it has the name that was asked for, nothing is left under this one.
        new.unlink(missing_ok=True)
