"""Guard: what holds for every request, whatever is asked for: who may ask, and which headers an answer has."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skxmr.app.json_answer import JSONAnswer
from skxmr.app.settings import Settings, is_loopback

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# What servers in front of this one say of their clients, who may be anywhere.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")
# What is behind it holds something of the index; the page itself does not.
_GUARDED = "/api"


class Guard:
    """An application that is reached only by those who may, and whose answers have the headers of security.

    Without a token the server is for this machine only, and not for clients of a server in front of it. Then the name
    by which it is called must be one of this machine: a page of a stranger could otherwise let its own name lead
    here, and read the answers.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refused = self._refusal(Headers(scope=scope), scope["path"])
        await (self.app if refused is None else refused)(scope, receive, send_with_headers)

    def _refusal(self, headers: Headers, path: str) -> JSONAnswer | None:
        host = headers.get("host", "")
        origin = headers.get("origin")
        if self.settings.token is None and not _is_this_machine(host):
            sentence = "This server answers requests to localhost only; call it by this name, or start it with a token."
            return JSONAnswer.refusal(403, sentence)
        if self.settings.token is None and any(name in headers for name in _FORWARDED):
            return JSONAnswer.refusal(
                403, "This server is behind another one, and then it needs a token; set SKXMR_TOKEN."
            )
        if origin is not None and not _is_of(origin, host):
            return JSONAnswer.refusal(403, "This server answers no requests of pages from elsewhere.")
        if not path.startswith(_GUARDED) or self._has_token(headers.get("authorization", "")):
            return None
        sentence = "A token is needed; send it as the header Authorization: Bearer TOKEN."
        return JSONAnswer.refusal(401, sentence, {"WWW-Authenticate": "Bearer"})

    def _has_token(self, authorization: str) -> bool:
        if self.settings.token is None:
            return True
        kind, _, token = authorization.partition(" ")
        # The comparison takes equally long whatever the token is, so that nobody learns it letter by letter.
        return kind.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self.settings.token.encode())


def _is_of(origin: str, host: str) -> bool:
    """Tell whether a page with this origin comes from the address that is called."""
    try:
        return urlsplit(origin).netloc == host
    except ValueError:
        return False


def _is_this_machine(host: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False
