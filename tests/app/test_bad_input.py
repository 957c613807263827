"""Whatever is wrong with a request is answered by one sentence and a status that says what kind of error it is."""

import json
import threading

import pytest

from skxmr import RetrievalIndex
from skxmr.app.refusal import RefusalError
from tests.app.conftest import HOSTILE, TRUSTED, client_of, image_bytes

PNG = {"content-type": "image/png"}


def refused(answer, status, *words):
    assert answer.status_code == status, answer.text
    found = answer.json()
    assert set(found) == {"error"} and found["error"].endswith((".", "?")) and "Traceback" not in found["error"]
    assert len(found["error"]) < 700
    for word in words:
        assert word in found["error"], found["error"]
    return found["error"]


@pytest.mark.parametrize(
    ("query", "status", "word"),
    [
        ("text=", 400, "text is empty"),
        ("text=%20%09", 400, "text is empty"),
        ("text=a&text=b", 400, "given 2 times"),
        ("txt=a", 400, "did you mean 'text'"),
        ("modality=sound", 400, "image and text"),
        ("offset=-1", 400, "from 0 to 999"),
        ("offset=1e3", 400, "from 0 to 999"),
        ("offset=990&limit=24", 400, "at most 1,000"),
        ("limit=0", 400, "from 1 to 100"),
        ("limit=101", 400, "from 1 to 100"),
        ("limit=2.5", 400, "a whole number"),
        ("limit=nan", 400, "a whole number"),
        ("limit=1_0", 400, "a whole number"),
        ("limit=%D9%A3", 400, "a whole number"),
        ("limit=1" + "%20" * 40 + "x", 400, "a whole number"),
        ("limit=" + "0" * 39 + "101", 400, "from 1 to 100"),
        ("limit=" + "9" * 5000, 400, "from 1 to 100"),
        ("weight=2&text=a", 400, "a number from 0 to 1"),
        ("weight=x&text=a", 400, "a number from 0 to 1"),
        ("text=" + "x" * 2001, 413, "2,000"),
        ("like=nothing", 404, "There is no item 'nothing'"),
        ("like=../../etc/passwd", 404, "There is no item"),
        ("like=red_bird_0.png&text=a", 400, "one of them"),
        ("&".join(f"tag=t{i}" for i in range(1000)), 400, "1000 times; at most 20"),
    ],
)
def test_a_bad_query(client, query, status, word):
    refused(client.get(f"/api/search?{query}"), status, word)


def test_zeros_in_front_of_a_number_mean_nothing(client):
    assert len(client.get("/api/search?limit=" + "0" * 60 + "12").json()["hits"]) == 12


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"{", 400, "no JSON"),
        (b"[]", 400, "no object"),
        (b"\xff", 400, "no JSON"),
        (b"[" * 60_000, 400, "no JSON"),
        (b'{"text": 3}', 400, "a text is wanted"),
        (b'{"text": null}', 400, "a text is wanted"),
        (b'{"text": "\\ud800"}', 400, "Unicode"),
        (b'{"tag": [1]}', 400, "a text is wanted"),
        (b'{"tag": {}}', 400, "a text is wanted"),
        (b'{"limit": true}', 400, "a whole number"),
        (b'{"limit": 1e999}', 400, "a whole number"),
        (json.dumps({"text": "x" * 10_000_000}).encode(), 413, "65,536 bytes"),
    ],
)
def test_bad_json(client, body, status, word):
    refused(client.post("/api/search", content=body, headers={"content-type": "application/json"}), status, word)


def test_bad_pictures(served):
    client = client_of(served, max_bytes=200_000, max_pixels=1_000_000)

    def send(body, kind="image/png"):
        return client.post("/api/search", content=body, headers={"content-type": kind})

    refused(send(b""), 400, "no picture in the request")
    refused(send(b"nonsense"), 400, "no picture that can be read")
    whole = image_bytes(300, 300, "JPEG")
    refused(send(whole[: len(whole) // 2]), 400, "no picture that can be read")
    refused(send(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), 400, "no picture that can be read")
    # A small file that becomes large in memory.
    for side in (6_000, 14_000):
        bomb = image_bytes(side, side, mode="1")
        assert len(bomb) < 100_000
        refused(client_of(served).post("/api/search", content=bomb, headers=PNG), 413, "30 million")
    refused(send(image_bytes(1001, 1000)), 413, "1 million")
    refused(send(b"x" * 200_001), 413, "200,000 bytes")
    refused(send(b"x", "multipart/form-data; boundary=x"), 415, "multipart/form-data")
    refused(client.post("/api/search"), 415, "of no type")
    assert send(image_bytes(40, 30, "WEBP"), "image/webp").status_code == 200


def test_a_refused_picture_is_not_called_by_where_it_lies_meanwhile(served, picture, monkeypatch):
    def refuse(model, image, text, weight):
        raise ValueError(f"row 0 of X, {image[0]!r}, has too many pixels.")

    monkeypatch.setattr("skxmr.app.snapshot.query_vectors", refuse)
    answer = client_of(served).post("/api/search", content=picture, headers=PNG)
    assert "skxmr-" not in refused(answer, 400, "row 0 of X, 'the picture', has too many pixels.")


def test_other_addresses_and_ways(client):
    refused(client.get("/api/why"), 400, "id is missing")
    refused(client.get("/api/why?id=row%200"), 400, "What was searched for?")
    refused(client.get("/api/picture?id=row%200"), 404, "has no picture")
    refused(client.get("/api/picture?id=..%2F..%2Fetc%2Fpasswd"), 404, "There is no item")
    for path in ("/nothing", "/static/page.js", "/page.js/../../cli/app.py", "/..%2f..%2fcli/app.py", "//etc/passwd"):
        refused(client.get(path), 404, "nothing at this address")
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        refused(client.request(method, "/api/about"), 405, "not asked in this way")


def test_a_request_that_takes_too_long_is_given_up(served, monkeypatch):
    waiting = threading.Event()
    monkeypatch.setattr("skxmr.app.answers.about", lambda *asked: waiting.wait(10))
    client = client_of(served, timeout=0.05, workers=1, max_waiting=0)
    refused(client.get("/api/about"), 503, "after 0.05 s")
    # Its thread is busy still, and nobody may wait.
    refused(client.get("/api/search"), 503, "busy")
    waiting.set()


def test_an_error_of_the_server_is_a_sentence_and_stands_in_its_log(served, monkeypatch, caplog):
    def broken(*asked):
        raise KeyError("secret")

    monkeypatch.setattr("skxmr.app.answers.about", broken)
    assert "secret" not in refused(client_of(served).get("/api/about"), 500, "its log says why")
    assert "KeyError: 'secret'" in caplog.text


def test_ids_are_taken_letter_by_letter(served, tmp_path):
    from skxmr.app.current import Current

    ids = [" ", " a", "a ", "\x01", "#?&=%2f..", "\u2028\U0001f40e"]
    index = RetrievalIndex(served.snapshot.index.model)
    index.add(text=["a red bird"] * len(ids), ids=ids)
    # As files with odd names have in indexes that older versions wrote.
    index._items.state.table.ids.rows[-1] = "caf\udce9"
    index.save(tmp_path / "odd")
    client = client_of(Current(tmp_path / "odd", TRUSTED))
    found = client.get("/api/search").json()["hits"]
    assert [hit["id"] for hit in found] == [*ids[:-1], "caf\udce9"]
    for value in ids[:-1]:
        like = client.get("/api/search", params={"like": value})
        assert value not in [hit["id"] for hit in like.json()["hits"]]
        assert client.get("/api/why", params={"id": value, "text": "red"}).json()["id"] == value
    refused(client.get("/api/search?like="), 400, "like is empty")


def test_ids_that_are_numbers_are_sent_back_as_they_came(served, tmp_path):
    from skxmr.app.current import Current

    index = RetrievalIndex(served.snapshot.index.model)
    index.add(text=["a red bird", "a blue boat"], ids=[7, 0])
    index.save(tmp_path / "numbers")
    client = client_of(Current(tmp_path / "numbers", TRUSTED))
    assert client.post("/api/search", json={"like": 7}).json()["hits"][0]["id"] == 0
    assert client.post("/api/why", json={"id": 0, "text": "red"}).json()["id"] == 0
    refused(client.post("/api/search", json={"like": True}), 400, "a text is wanted")


def test_what_strangers_wrote_stays_text(changing):
    from skxmr.app.current import Current

    client = client_of(Current(changing(HOSTILE, tags=HOSTILE, note="\ud800")))
    answer = client.get("/api/search", params={"tag": HOSTILE[:500]})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["hits"][0]["caption"] == HOSTILE and answer.json()["hits"][0]["about"] == {"note": "\ud800"}


def test_a_refusal_keeps_its_sentence():
    assert str(RefusalError(400, "No.")) == "No." and RefusalError(400, "No.").headers == {}
