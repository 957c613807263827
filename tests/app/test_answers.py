"""What the API answers: items for words, pictures and items; conditions, pages, reasons and pictures."""

from io import BytesIO

import pytest
from PIL import Image

from skxmr import RetrievalIndex
from tests.app.conftest import TRUSTED, N, client_of


def hits(client, **parameters):
    answer = client.get("/api/search", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_words_find_what_the_index_finds(client, folder):
    found = hits(client, text="a red bird", limit=10)
    index = RetrievalIndex.load(folder / "index", trusted=TRUSTED)
    wanted = index.search(text="a red bird", k=10)
    assert [hit["id"] for hit in found["hits"]] == wanted.ids[0].tolist()
    assert [hit["score"] for hit in found["hits"]] == pytest.approx(wanted.scores[0].tolist(), abs=1e-6)
    assert [hit["rank"] for hit in found["hits"]] == list(range(1, 11)) and found["total"] == 2 * N


def test_a_picture_finds_itself_with_its_caption_and_columns(client, picture):
    found = client.post(
        "/api/search", params={"modality": "image"}, content=picture, headers={"content-type": "image/png"}
    )
    first = found.json()["hits"][0]
    assert first["id"].startswith("red_bird_") and first["caption"] == "a red bird" and first["tags"] == ["red", "bird"]
    # A number that JSON does not know is a word; the path of the file stays with the server.
    assert first["about"] == {"year": 1990 + int(first["id"][9:-4]), "weight": "inf"}


def test_words_and_a_picture_are_one_query(client, picture):
    kind = {"content-type": "image/png"}
    texts = [
        client.post("/api/search", params={"text": "blue boat", "weight": weight}, content=picture, headers=kind).json()
        for weight in (0, 1)
    ]
    assert set(texts[0]["hits"][0]["tags"]) == {"blue", "boat"} and set(texts[1]["hits"][0]["tags"]) == {"red", "bird"}


def test_json_asks_the_same(client):
    body = {"text": "a red bird", "tag": ["red"], "limit": 5}
    assert client.post("/api/search", json=body).json() == hits(client, text="a red bird", tag="red", limit=5)


def test_tags_and_kinds_are_conditions(client):
    found = hits(client, text="a bird", tag=["red", "bird"], modality="image")
    assert found["total"] == 4 and all(hit["tags"] == ["red", "bird"] for hit in found["hits"])
    assert {hit["modality"] for hit in found["hits"]} == {"image"}
    for nothing in ({"tag": ["red", "blue"]}, {"tag": "absent"}):
        assert hits(client, text="a bird", **nothing)["hits"] == []


def test_without_a_query_all_items_are_listed(client):
    found = hits(client, tag="blue", limit=5, offset=2)
    assert found["total"] == 24 and [hit["rank"] for hit in found["hits"]] == [3, 4, 5, 6, 7]
    assert all(hit["score"] is None and "blue" in hit["tags"] for hit in found["hits"])


def test_pages_are_pieces_of_one_list(client):
    for query in ({"text": "a red bird"}, {"like": "red_bird_0.png"}, {}):
        whole = hits(client, **query, limit=60)["hits"]
        pieces = [hit for offset in range(0, 60, 20) for hit in hits(client, **query, offset=offset, limit=20)["hits"]]
        assert pieces == whole and len({hit["id"] for hit in whole}) == 60


def test_more_like_an_item_leaves_it_out(client):
    found = hits(client, like="red_bird_0.png", limit=100)
    ids = [hit["id"] for hit in found["hits"]]
    assert "red_bird_0.png" not in ids and len(ids) == found["total"] == 2 * N - 1
    assert set(found["hits"][0]["tags"]) == {"red", "bird"}
    assert hits(client, like="red_bird_0.png", tag="blue")["total"] == 24


def test_unknown_words_are_called_so(client):
    found = hits(client, text="zyzzyva")
    assert "knows none of these words" in found["note"] and hits(client, text="red")["note"] is None


def test_why_names_tags_and_labels_of_both(client, picture):
    answer = client.get("/api/why", params={"id": "red_bird_9.png", "like": "red_boat_3.png"}).json()
    assert "Both have the tag red." in answer["sentences"] and answer["tables"][0]["rows"][0][0] == "red"
    by_words = client.get("/api/why", params={"id": "red_bird_9.png", "text": "a red bird"}).json()
    assert {row[0] for row in by_words["tables"][0]["rows"][:2]} == {"red", "bird"}
    found = hits(client, text="a red bird", limit=72)["hits"]
    assert by_words["score"] == next(hit["score"] for hit in found if hit["id"] == "red_bird_9.png")
    kind = {"content-type": "image/png"}
    by_picture = client.post("/api/why", params={"id": "row 0"}, content=picture, headers=kind).json()
    assert by_picture["tables"] and by_picture["id"] == "row 0"


def test_tags_are_counted_and_found_by_a_part(client):
    everything = client.get("/api/tags").json()
    assert everything["total"] == 6 and everything["tags"][0] == {"tag": "bird", "items": 24}
    assert [tag["tag"] for tag in client.get("/api/tags", params={"prefix": "BO"}).json()["tags"]] == ["boat"]


def test_about_says_what_there_is(client):
    found = client.get("/api/about").json()
    assert found["items"] == 2 * N and found["modalities"] == {"image": N, "text": N} and found["refuses"] == {}


def test_a_picture_of_an_item_is_made_small(client):
    address = hits(client, text="red", modality="image", limit=1)["hits"][0]["picture"]
    answer = client.get(f"{address}&size=16")
    assert answer.headers["content-type"] == "image/jpeg" and answer.headers["x-index-version"]
    assert Image.open(BytesIO(answer.content)).size == (16, 16)


def test_a_model_without_pictures_says_so(changing):
    from skxmr.app.current import Current

    client = client_of(Current(changing(tags=";".join(f"tag {i}" for i in range(1000)))))
    assert set(client.get("/api/about").json()["refuses"]) == {"image"}
    assert len(hits(client, text="first")["hits"][0]["tags"]) == 1000
    assert client.get("/api/tags").json()["total"] == 1000


def test_an_empty_index_is_served(tmp_path, served):
    RetrievalIndex(served.snapshot.index.model).save(tmp_path / "empty")
    from skxmr.app.current import Current

    client = client_of(Current(tmp_path / "empty", TRUSTED))
    for query in ({}, {"text": "a bird"}, {"tag": "red"}, {"modality": "image"}):
        assert hits(client, **query)["hits"] == []
    assert client.get("/api/about").json()["items"] == 0
