"""Whatever is sent to the page is answered: rightly, or by one sentence and a status that is no error of the server."""

import asyncio
import contextlib
import json
import re
import socket
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from skxmr.app.application import application
from skxmr.app.operations import OPERATIONS
from skxmr.app.parameters import PARAMETERS
from skxmr.app.settings import Settings
from tests.app.conftest import HOSTILE, running
from tests.drawn import drawn

HOST = (b"host", b"127.0.0.1:8000")
REFUSALS = {400, 401, 403, 404, 405, 413, 415, 431, 505}
HEADERS_OF_SECURITY = (b"content-security-policy", b"x-content-type-options")


class Answer:
    """A status, headers and a body."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body


@pytest.fixture(scope="module")
def app(served):
    return application(served, Settings(max_bytes=20_000, max_pixels=100_000))


async def asked_of(app, scope, parts):
    """Return what an application answers to a request that comes in parts."""
    sent = []
    coming = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    coming.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive():
        return coming.pop(0) if coming else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    start = sent[0]
    return Answer(start["status"], dict(start["headers"]), b"".join(each.get("body", b"") for each in sent[1:]))


def ask(app, method="GET", path="/", query=b"", headers=(), parts=()):
    """Call an application as a server does."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("utf-8", "replace"),
        "root_path": "",
        "query_string": query,
        "headers": [HOST, *headers],
        "client": ("127.0.0.1", 9),
        "server": ("127.0.0.1", 8000),
    }
    return asyncio.run(asked_of(app, scope, parts))


def is_told(answer):
    """Check that an answer is what the API promises, whatever was asked."""
    assert all(name in answer.headers for name in HEADERS_OF_SECURITY)
    kind = answer.headers.get(b"content-type", b"").decode()
    assert b"Traceback" not in answer.body
    if answer.status == 200:
        assert kind.startswith(("application/json", "image/jpeg", "text/"))
        if kind == "application/json":
            json.loads(answer.body, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
        return
    assert answer.status in REFUSALS, (answer.status, answer.body)
    # JSON, which no browser reads as a page, whatever of the request stands in it.
    assert kind == "application/json" and answer.headers[b"x-content-type-options"] == b"nosniff"
    if answer.body:
        found = json.loads(answer.body)
        assert set(found) == {"error"} and found["error"].endswith((".", "?"))
        assert len(found["error"]) < 900 and "\n" not in found["error"]


ODD_TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from([HOSTILE, "", " ", "\0", "a" * 2001, "row 0", "red_bird_0.png", "../../etc/passwd", "red;bird"]),
    st.sampled_from(["nan", "inf", "-1", "1e3", "0x10", "1_0", "9" * 50, "0" * 39 + "12", "1" + " " * 40 + "x", "٣"]),
    st.sampled_from(["image", "text", "red", "bird", "0.5", "24", "0", "1", "true", "null", "[]"]),
)
PATHS = st.one_of(
    st.sampled_from([*(operation.path for operation in OPERATIONS), "/", "/page.js", "/page.css"]),
    st.sampled_from(["/api", "/api/", "/api/search/", "//api/search", "/api/../page.js", "/API/search", "", "*", "\0"]),
    st.text(max_size=8).map(lambda text: f"/api/{text}"),
    st.text(max_size=8),
)
METHODS = st.one_of(
    st.sampled_from(["GET", "POST", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "PATCH"]),
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=5),
)
NAMES = st.one_of(st.sampled_from(list(PARAMETERS)), st.text(max_size=4))


def as_query(pairs):
    """Write names and values as they stand in an address."""
    return "&".join(f"{quote_plus(name, errors='replace')}={quote(value, errors='replace')}" for name, value in pairs)


QUERIES = st.one_of(
    st.lists(st.tuples(NAMES, ODD_TEXTS), max_size=4).map(lambda pairs: as_query(pairs).encode()),
    st.binary(max_size=20),
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"origin", b"content-type", b"content-length", b"authorization", b"accept", b"cookie", b"x"]),
        st.one_of(
            st.binary(max_size=12),
            st.sampled_from(
                [b"http://127.0.0.1:8000", b"null", b"gzip", b"Bearer \xff", b"-1", b"multipart/form-data"]
            ),
        ),
    ),
    max_size=3,
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.sampled_from([10**400, 2**53]), st.floats(), ODD_TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=5,
)
OBJECTS = st.dictionaries(NAMES, JSON, max_size=4)
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc000000301010018dd8db00000000049454e44ae426082"
)
FORM = b'--x\r\nContent-Disposition: form-data; name="f"; filename="<b>.png"\r\n\r\n' + PICTURE + b"\r\n--x--"


@st.composite
def bodies(draw):
    """Draw a type and a body: JSON, a picture that is damaged, a form, or any bytes, often under a false name."""
    kind = draw(st.sampled_from(["application/json", "image/png", "image/svg+xml", "application/octet-stream"]))
    kind = draw(st.one_of(st.just(kind), st.sampled_from(["", "text/html", "application/json; charset=utf-16", "/"])))
    start = draw(st.integers(0, len(PICTURE)))
    body = draw(
        st.one_of(
            st.one_of(OBJECTS, JSON).map(lambda value: json.dumps(value).encode()),
            st.just(PICTURE),
            st.binary(max_size=8).map(lambda other: PICTURE[:start] + other + PICTURE[start + len(other) :]),
            st.just(
                b'--x\r\nContent-Disposition: form-data; name="f"; filename="<b>.png"\r\n\r\n' + PICTURE + b"\r\n--x--"
            ),
            st.binary(max_size=40),
            st.sampled_from([b"[" * 60_000, b'{"a":' * 10_000, b"x" * 70_000, HOSTILE.encode()]),
        )
    )
    cut = draw(st.integers(0, len(body)))
    return (b"content-type", kind.encode()), [body[:cut], body[cut:]]


def answers_rightly(app):
    """Check that the server still finds what it is to find."""
    found = json.loads(ask(app, path="/api/search", query=b"text=a+red+bird&limit=3&modality=text").body)
    assert [hit["caption"] for hit in found["hits"]] == ["a red bird"] * 3 and found["total"] == 36


@drawn(60)
@given(METHODS, PATHS, QUERIES, HEADERS, bodies())
def test_any_request_is_answered(app, method, path, query, headers, body):
    kind, parts = body
    answer = ask(app, method, path, query, [*headers, kind] if method == "POST" else headers, parts)
    is_told(answer)
    answers_rightly(app)


@drawn(60)
@given(st.sampled_from(OPERATIONS), st.data())
def test_any_parameters_are_answered(app, operation, data):
    """Most requests of the first property fail early, so that these name what there is."""
    names = st.sampled_from(operation.parameters or ("text",))
    given_values = data.draw(st.dictionaries(names, st.one_of(ODD_TEXTS, JSON), max_size=3))
    if "POST" in operation.methods and data.draw(st.booleans()):
        body = json.dumps(given_values).encode()
        answer = ask(app, "POST", operation.path, headers=[(b"content-type", b"application/json")], parts=[body])
    else:
        query = as_query((name, str(value)) for name, value in given_values.items())
        answer = ask(app, "GET", operation.path, query.encode())
    is_told(answer)
    if answer.status == 200 and operation.name == "search":
        found = json.loads(answer.body)
        limit = given_values.get("limit", 24)
        assert len(found["hits"]) <= int(limit) and len(found["hits"]) <= found["total"] <= 72
    answers_rightly(app)


@drawn(20)
@given(
    st.one_of(st.text(max_size=10), st.sampled_from([HOSTILE, "<b>", '"><svg onload=alert(1)>'])),
    st.sampled_from(["text", "like", "tag", "modality", "limit", "prefix", "x"]),
)
def test_no_answer_is_a_page_that_holds_what_was_sent(app, text, name):
    assume(text.strip())
    for path in ("/api/search", "/api/tags", "/api/why", "/api/picture", f"/{quote(text, errors='replace')}", "/"):
        answer = ask(app, path=path, query=f"{name}={quote(text, errors='replace')}".encode())
        is_told(answer)
        kind = answer.headers[b"content-type"]
        if kind.startswith(b"text/html") and re.search("[<>]", text):
            assert text.encode("utf-8", "replace") not in answer.body


@pytest.fixture(scope="module")
def port(app):
    """The port of a server that runs in a thread."""
    with running(app) as found:
        yield found


def sent(port, data, ends):
    """Send bytes and return what comes back; `ends` says that no more come."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        found = b""
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
            if ends:
                connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65_536):
                found += part
        return found


LINES = st.one_of(
    st.sampled_from(
        [b"GET /api/search?text=a HTTP/1.1", b"POST /api/search HTTP/1.1", b"GET / HTTP/9.9", b"GET /", b""]
    ),
    st.binary(max_size=30),
)
FIELDS = st.one_of(
    st.sampled_from(
        [b"Host: 127.0.0.1", b"Host: a", b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: 9" + b"9" * 30,
         b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip", b"Expect: 100-continue", b"Upgrade: websocket",
         b"Connection: close", b"Content-Type: application/json", b"LONG: ", b"bad header", b": "]
    ),
    st.binary(max_size=20),
)  # fmt: skip


@drawn(20)
@given(
    LINES,
    st.lists(FIELDS, max_size=4),
    st.one_of(st.binary(max_size=20), st.sampled_from([b"{}", b"5\r\nhello\r\n0\r\n\r\n"])),
)
def test_any_bytes_on_the_socket_are_answered_or_ended(port, app, line, fields, body):
    # Written out here, because hypothesis shows what it has drawn.
    fields = [field.replace(b"LONG", b"X" * 70_000) for field in fields]
    found = sent(port, b"\r\n".join([line, *fields, b"", body]), ends=True)
    for status in re.findall(rb"^HTTP/1\.1 (\d+)", found, re.MULTILINE):
        assert int(status) in REFUSALS | {100, 200}, found
    assert b"Traceback" not in found
    answer = sent(port, b"GET /api/about HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", ends=False)
    assert answer.startswith(b"HTTP/1.1 200") and b'"items":72' in answer
