"""Who may ask, which headers every answer has, and what the API says of itself."""

import re
from importlib.resources import files

import pytest
from starlette.testclient import TestClient

from skxmr.app.application import application
from skxmr.app.operations import OPERATIONS, description
from skxmr.app.parameters import PARAMETERS
from skxmr.app.settings import Settings, is_loopback, is_token
from tests.app.conftest import client_of

STATIC = files("skxmr.app") / "static"


def test_every_answer_has_the_headers_of_security(client):
    for path in ("/", "/page.js", "/page.css", "/api/about", "/api/openapi.json", "/nothing", "/api/search?text="):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "script-src 'self';" in policy and "img-src 'self' blob: data:;" in policy and "unsafe" not in policy
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "[::1", "10.0.0.1"]
)
def test_without_a_token_only_names_of_this_machine_are_answered(client, host):
    assert client.get("/api/about", headers={"host": host}).status_code == 403
    assert client.get("/", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:1", "LOCALHOST", "127.0.0.1", "[::1]:8000", "127.1.2.3:80"])
def test_names_of_this_machine(client, host):
    assert client.get("/api/about", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_a_server_in_front_needs_a_token(client, served, name):
    refused = client.get("/api/about", headers={name: "8.8.8.8"})
    assert refused.status_code == 403 and "SKXMR_TOKEN" in refused.text
    app = TestClient(application(served, Settings(token="a-long-random-word")), base_url="http://pictures.example")
    headers = {name: "8.8.8.8", "authorization": "Bearer a-long-random-word"}
    assert app.get("/api/about", headers=headers).status_code == 200


def test_pages_from_elsewhere_are_not_answered(client):
    for origin in ("http://evil.example", "null", "http://127.0.0.1:9999", "http://[", "http://[::1"):
        assert client.get("/api/about", headers={"origin": origin}).status_code == 403
    assert client.get("/api/about", headers={"origin": "http://127.0.0.1:8000"}).status_code == 200


def test_a_token_opens_the_api_under_any_name(served):
    app = application(served, Settings(token="a-long-random-word"))
    client = TestClient(app, base_url="http://pictures.example")
    for wrong in ({}, {"authorization": "Bearer other"}, {"authorization": "Basic a-long-random-word"}):
        answer = client.get("/api/about", headers=wrong)
        assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
    assert client.get("/api/about?token=a-long-random-word").status_code == 401
    assert client.get("/api/about", headers={"authorization": "Bearer a-long-random-word"}).status_code == 200
    # The page itself holds nothing of the index, and asks for the token.
    assert client.get("/").status_code == 200


def test_what_is_loopback_and_what_is_a_token():
    for host in ("127.0.0.1", "localhost", "::1", "[::1]", "127.9.9.9"):
        assert is_loopback(host), host
    for host in ("0.0.0.0", "::", "", "192.168.0.1", "example.org", "localhost.example.org"):
        assert not is_loopback(host), host
    assert is_token("Abc-9") and not any(map(is_token, ("", "a b", "a\n", "ä", "a;b")))


def test_only_pictures_within_the_root_are_shown(served, folder, tmp_path):
    address = "/api/picture?id=red_bird_0.png"
    assert client_of(served, root=folder / "pictures").get(address).status_code == 200
    answer = client_of(served, root=tmp_path).get(address)
    assert answer.status_code == 404 and "outside" in answer.json()["error"] and str(folder) not in answer.text
    # Nor is one looked at to say why it was found.
    elsewhere = client_of(served, root=tmp_path)
    found = elsewhere.get("/api/why?id=red_bird_0.png&text=a+red+bird").json()
    assert found["tables"] == [] and "No more than the vector of this item is at hand." in found["sentences"]
    found = elsewhere.get("/api/why?id=row%200&text=a+red+bird").json()
    assert found["tables"]


def test_the_description_is_that_of_the_routes(client):
    found = client.get("/api/openapi.json").json()
    assert found["openapi"].startswith("3.1") and found["components"]["schemas"]["Error"]
    assert set(found["paths"]) == {f"/api/{operation.name}" for operation in OPERATIONS}
    for operation in OPERATIONS:
        assert set(operation.parameters) <= set(PARAMETERS)
        assert {method.upper() for method in found["paths"][operation.path]} == set(operation.methods)
        for described in found["paths"][operation.path].values():
            assert [each["name"] for each in described["parameters"]] == list(operation.parameters)
            assert described["responses"]["200"]["content"] and "default" in described["responses"]
    assert found == description(Settings().max_bytes)


@pytest.mark.parametrize(
    ("path", "parameters"),
    [("about", {}), ("tags", {}), ("search", {"text": "red"}), ("why", {"id": "row 0", "text": "red"})],
)
def test_answers_have_the_fields_that_are_described(client, path, parameters):
    answer = client.get(f"/api/{path}", params=parameters).json()
    response = description(1)["paths"][f"/api/{path}"]["get"]["responses"]["200"]
    properties = response["content"]["application/json"]["schema"]["properties"]
    assert set(answer) == set(properties)
    if path == "search":
        assert set(answer["hits"][0]) == set(properties["hits"]["items"]["properties"])


def test_the_page_asks_nobody_else_and_never_writes_html():
    names = sorted(file.name for file in STATIC.iterdir())
    assert names == ["page.css", "page.html", "page.js"]
    for name in names:
        text = (STATIC / name).read_text(encoding="utf-8")
        assert not re.search(r"https?://|//[a-z]+\.|@import|url\(", text), name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|\son\w+=", text), name
    page = (STATIC / "page.html").read_text(encoding="utf-8")
    assert "<style" not in page and not re.search(r"<script(?! src=)", page) and 'lang="en"' in page
