"""Desk: takes requests over HTTP, has them computed, and answers each from one version of the index."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from skxmr.app import answers, bodies, parameters
from skxmr.app.answers import Asked
from skxmr.app.current import Current
from skxmr.app.json_answer import JSONAnswer
from skxmr.app.operations import Operation
from skxmr.app.pictures import MEDIA_TYPE
from skxmr.app.refusal import RefusalError
from skxmr.app.settings import Settings
from skxmr.app.snapshot import Snapshot
from skxmr.app.workers import Workers

LOGGER = logging.getLogger(__name__)
# The header that names the version of every answer, also of pictures.
VERSION = "X-Index-Version"
# Seconds for which a browser may keep a picture, whose address names the version.
_KEPT = "private, max-age=300"

Compute: TypeAlias = Callable[[Snapshot, Asked, Settings], Any]
Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


class Desk:
    """Handlers of requests, which share the index, the threads and the limits."""

    def __init__(self, current: Current, settings: Settings) -> None:
        self.current = current
        self.settings = settings
        self.workers = Workers(settings.workers, settings.max_waiting)

    def handler(self, operation: Operation) -> Handler:
        """Return what answers the requests of an operation; an error becomes one sentence."""
        compute: Compute = getattr(answers, operation.name)

        async def handle(request: Request) -> Response:
            try:
                async with asyncio.timeout(self.settings.timeout):
                    asked = await self._asked(request, operation)
                    return await self._answer(compute, asked)
            except RefusalError as refusal:
                return JSONAnswer.refusal(refusal.status, refusal.sentence, refusal.headers)
            except TimeoutError:
                sentence = f"The answer was not ready after {self.settings.timeout:g} s; ask for less, or try again."
                return JSONAnswer.refusal(503, sentence, {"Retry-After": "5"})
            except Exception:
                LOGGER.exception("%s %s could not be answered", request.method, request.url.path)
                return JSONAnswer.refusal(500, "The server could not answer this; its log says why.")

        return handle

    async def _asked(self, request: Request, operation: Operation) -> Asked:
        """Return the checked parameters of a request, and the picture that it holds."""
        pairs: list[tuple[str, Any]] = list(request.query_params.multi_items())
        body: bytes | None = None
        if request.method == "POST":
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind == "application/json":
                pairs += bodies.read_json(await bodies.read_body(request, parameters.MAX_JSON)).items()
            elif kind.startswith("image/") or kind == "application/octet-stream":
                body = await bodies.read_body(request, self.settings.max_bytes)
            else:
                await bodies.read_body(request, self.settings.max_bytes)
                raise RefusalError(
                    415,
                    f"The body is {kind or 'of no type'}; send JSON as application/json, or a picture as image/png.",
                )
        return parameters.read(pairs, operation.parameters) | {"picture": body}

    async def _answer(self, compute: Compute, asked: Asked) -> Response:
        """Compute an answer from the present version, and once more if that has been replaced meanwhile."""
        snapshot = self.current.snapshot
        try:
            found = await self.workers.run(compute, snapshot, asked, self.settings)
        except RefusalError as refusal:
            refusal.headers[VERSION] = snapshot.version
            raise
        except Exception:
            # What an engine reads may be gone with the old folder.
            await asyncio.to_thread(self.current.refresh)
            if self.current.snapshot is snapshot:
                raise
            snapshot = self.current.snapshot
            found = await self.workers.run(compute, snapshot, asked, self.settings)
        headers = {VERSION: snapshot.version}
        if isinstance(found, bytes):
            return Response(found, headers=headers | {"Cache-Control": _KEPT}, media_type=MEDIA_TYPE)
        named = {"version": snapshot.version, "problem": self.current.problem}
        return JSONAnswer(named | found, headers=headers)
