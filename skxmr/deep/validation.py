"""How the validation rows are scored."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Validation(NamedTuple):
    """How the validation rows are scored after an epoch: the function, and the name of the score that chooses."""

    score: Callable[[], dict[str, float]]
    chooses: str
