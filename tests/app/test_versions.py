"""Another process saves to the folder: the server notices, and every answer comes from one version and names it."""

import errno
import json
import shutil
import threading
import time
from unittest import mock

import pytest
from starlette.testclient import TestClient

from skxmr.app.application import application
from skxmr.app.current import Current
from skxmr.app.settings import Settings
from tests.app.conftest import client_of


def answered(client):
    answer = client.get("/api/search")
    found = answer.json()
    assert answer.status_code == 200 and answer.headers["x-index-version"] == found["version"]
    return found


def test_a_new_version_is_served_and_an_old_one_is_read_to_the_end(changing):
    current = Current(changing("first"))
    client = client_of(current)
    old = current.snapshot
    before = answered(client)
    assert not current.refresh()
    changing("second")
    assert current.refresh() and not current.refresh()
    after = answered(client)
    assert before["version"] != after["version"] == current.snapshot.version
    assert [found["hits"][0]["caption"] for found in (before, after)] == ["first", "second"]
    assert old.about("only")["item"] == "first" and old.vector_of("only").any()


def test_a_folder_that_vanishes_is_named_and_the_old_version_is_served(changing):
    folder = changing("first")
    current = Current(folder)
    client = client_of(current)
    shutil.rmtree(folder)
    assert not current.refresh() and not current.refresh()
    found = answered(client)
    assert found["hits"][0]["caption"] == "first"
    assert "cannot be read any more" in found["problem"] and found["version"] in found["problem"]
    changing("back")
    assert current.refresh() and answered(client)["problem"] is None


def test_a_damaged_version_is_named_and_tried_once(changing, monkeypatch, caplog):
    folder = changing("first")
    current = Current(folder)
    changing("second")
    vectors = (folder / "vectors.npy").read_bytes()
    (folder / "vectors.npy").write_bytes(vectors[:-4] + b"xxxx")
    for _ in range(2):
        assert not current.refresh()
    found = answered(client_of(current))
    assert found["hits"][0]["caption"] == "first" and "is damaged" in found["problem"]
    assert len(caplog.records) == 1
    changing("third")
    assert current.refresh() and answered(client_of(current))["hits"][0]["caption"] == "third"


def test_a_version_is_tried_again_where_the_machine_was_at_fault(changing, monkeypatch):
    current = Current(changing("first"))
    changing("second")
    for error in (OSError(errno.EMFILE, "Too many open files"), MemoryError("no memory")):
        with monkeypatch.context() as patch:
            patch.setattr(current, "_opened", mock.Mock(side_effect=error))
            assert not current.refresh() and not current.refresh()
            assert current._opened.call_count == 2
        assert "cannot be opened" in answered(client_of(current))["problem"]
    assert current.refresh() and answered(client_of(current))["problem"] is None


def test_without_room_for_a_file_words_are_searched_for_and_pictures_refused(served, picture, changing, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.write_bytes", full)
        patch.setattr("PIL.Image.Image.save", full)
        client = client_of(served)
        answer = client.post("/api/search", content=picture, headers={"Content-Type": "image/png"})
        assert client.get("/api/search?text=bird").status_code == 200
        # A version that is opened meanwhile is served, too.
        assert "image" not in Current(changing("first")).snapshot.refuses
    assert answer.status_code == 503 and "no room for the picture (No space left on device)" in answer.json()["error"]
    assert client.post("/api/search", content=picture, headers={"Content-Type": "image/png"}).status_code == 200


def test_an_index_that_is_gone_at_the_start_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        Current(tmp_path / "nothing")


def test_what_an_engine_cannot_read_any_more_is_answered_from_the_new_version(changing, monkeypatch):
    current = Current(changing("first"))
    old = current.snapshot
    changing("second")

    def gone(*asked):
        raise OSError("the file is gone")

    monkeypatch.setattr(old, "count", gone)
    assert answered(client_of(current))["hits"][0]["caption"] == "second"


def test_answers_are_of_one_version_while_others_save(changing):
    folder = changing("text 0", tags="tag 0")
    current = Current(folder)
    captions = {current.snapshot.version: "0"}
    ended = threading.Event()

    def save():
        for number in range(1, 4):
            changing(f"text {number}", tags=f"tag {number}")
            config = json.loads((folder / "config.json").read_text())
            captions[config["token"][:12]] = str(number)
        ended.set()

    client = client_of(current)
    writer = threading.Thread(target=save)
    writer.start()
    seen = []
    while not ended.is_set() or current.refresh():
        current.refresh()
        seen.append(answered(client))
    writer.join()
    seen.append(answered(client))
    for found in seen:
        hit = found["hits"][0]
        assert hit["caption"] == f"text {captions[found['version']]}" and hit["tags"] == [
            f"tag {captions[found['version']]}"
        ]
    assert seen[-1]["hits"][0]["caption"] == "text 3"


def test_the_server_notices_within_five_seconds(changing):
    app = application(Current(changing("first")), Settings())
    with TestClient(app, base_url="http://localhost") as client:
        assert answered(client)["hits"][0]["caption"] == "first"
        changing("second")
        start = time.monotonic()
        while answered(client)["hits"][0]["caption"] == "first":
            assert time.monotonic() - start < 5
            time.sleep(0.1)
