"""JSONAnswer: an answer as JSON that every client can read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse


class JSONAnswer(JSONResponse):
    """JSON in ASCII, because a caption may hold what is no Unicode, and without NaN, which is no JSON."""

    def render(self, content: Any) -> bytes:
        """Return the bytes of an answer."""
        return json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")

    @classmethod
    def refusal(cls, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> JSONAnswer:
        """Return the answer to what cannot be served."""
        return cls({"error": sentence}, status, headers)
