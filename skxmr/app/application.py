"""The application: routes of the page and of its API, and what watches the folder of the index."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.resources import files

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from skxmr.app.current import Current
from skxmr.app.desk import Desk, Handler
from skxmr.app.guard import Guard
from skxmr.app.json_answer import JSONAnswer
from skxmr.app.operations import OPERATIONS, description
from skxmr.app.settings import Settings

# The page: its address, its file and its type. These three files are all that there is.
_FILES = (
    ("/", "page.html", "text/html"),
    ("/page.js", "page.js", "text/javascript"),
    ("/page.css", "page.css", "text/css"),
)
# Seconds between two looks at the folder.
_EVERY = 1.0


def application(current: Current, settings: Settings) -> ASGIApp:
    """Return the application that serves an index."""
    desk = Desk(current, settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        watching = asyncio.create_task(_watch(current))
        yield
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        desk.workers.close()

    api = description(settings.max_bytes)

    async def openapi(request: Request) -> Response:
        return JSONAnswer(api)

    routes = [Route(address, _file(name, kind)) for address, name, kind in _FILES]
    routes += [Route(each.path, desk.handler(each), methods=list(each.methods)) for each in OPERATIONS]
    routes.append(Route("/api/openapi.json", openapi))
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: _unknown})
    app.router.redirect_slashes = False
    return Guard(app, settings)


async def _watch(current: Current) -> None:
    """Look for new versions as long as the server runs."""
    while True:
        await asyncio.sleep(_EVERY)
        await asyncio.to_thread(current.refresh)


def _file(name: str, kind: str) -> Handler:
    """Return what answers with a file of the page, which is read once."""
    content = (files("skxmr.app") / "static" / name).read_bytes()

    async def handle(request: Request) -> Response:
        return Response(content, media_type=kind, headers={"Cache-Control": "no-cache"})

    return handle


async def _unknown(request: Request, error: Exception) -> Response:
    """Answer requests for which there is no route."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    sentence = {
        404: "There is nothing at this address; /api/openapi.json describes what there is.",
        405: "This address is not asked in this way; /api/openapi.json describes how.",
    }.get(status, "The request cannot be answered.")
    return JSONAnswer.refusal(status, sentence, headers)
