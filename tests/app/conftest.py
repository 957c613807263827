"""A small index of coloured shapes and their captions, as an application."""

import socket
import threading
import time
from contextlib import contextmanager
from io import BytesIO

import numpy as np
import pytest
import uvicorn
from PIL import Image
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from starlette.testclient import TestClient

from skxmr import Pairs, PerModality, RetrievalIndex, SemanticMatching
from skxmr.app.application import application
from skxmr.app.current import Current
from skxmr.app.patience import Patience
from skxmr.app.settings import Settings
from tests.cli.conftest import COLOURS, write_pictures
from tests.cli.pixels import Pixels

TRUSTED = ("tests.cli.pixels.Pixels",)
N = 36
# What a stranger may have written into a caption or a tag.
HOSTILE = '<img src=x onerror="document.title=\'taken\'"><script>document.title="taken"</script>'


def captions_and_tags():
    captions = [f"a {list(COLOURS)[i % 3]} {['bird', 'boat', 'house'][i // 3 % 3]}" for i in range(N)]
    return captions, [caption.split()[1:] for caption in captions]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder with pictures and an index of them and of their captions, which tests only read."""
    place = tmp_path_factory.mktemp("app")
    write_pictures(place / "pictures", N)
    captions, tags = captions_and_tags()
    names = {int(path.stem.rpartition("_")[2]): path for path in (place / "pictures").glob("*.png")}
    files = [str(names[i]) for i in range(N)]
    views = PerModality(image=Pixels(), text=TfidfVectorizer())
    model = make_pipeline(views, SemanticMatching(tag_folds=None)).fit(Pairs(files, captions), tags)
    index = RetrievalIndex(model)
    joined = [";".join(row) for row in tags]
    columns = {"caption": captions, "tags": joined, "year": range(1990, 1990 + N), "weight": [float("inf")] * N}
    index.add(image=files, ids=[names[i].name for i in range(N)], metadata=columns)
    index.add(text=captions, ids=[f"row {i}" for i in range(N)], metadata={"tags": joined})
    index.save(place / "index")
    return place


@pytest.fixture(scope="session")
def served(folder):
    """The version that is served, which is opened once."""
    return Current(folder / "index", TRUSTED)


def client_of(current, **settings):
    """Return a client of an application; errors of the application are answers, as over the network."""
    app = application(current, Settings(**settings))
    return TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False)


@pytest.fixture(scope="session")
def client(served):
    return client_of(served)


@pytest.fixture
def picture(folder):
    """The bytes of a picture of a red bird."""
    return (folder / "pictures" / "red_bird_0.png").read_bytes()


@pytest.fixture
def changing(tmp_path):
    """A function that makes or replaces an index with one text, and returns its folder."""

    def save(text="first", **columns):
        captions = [text, "a red bird", "a blue boat"]
        model = make_pipeline(PerModality(text=TfidfVectorizer()), SemanticMatching(tag_folds=None)).fit(
            Pairs(np.eye(3, 4), captions), [["a"], ["b"], ["c"]]
        )
        index = RetrievalIndex(model)
        index.add(text=captions[:1], ids=["only"], metadata={name: [value] for name, value in columns.items()})
        index.save(tmp_path / "index", overwrite=True)
        return tmp_path / "index"

    return save


def image_bytes(width, height, kind="PNG", mode="RGB"):
    buffer = BytesIO()
    Image.new(mode, (width, height), "white").save(buffer, kind)
    return buffer.getvalue()


@contextmanager
def running(app):
    """Run an application on a socket in a thread, with the protocol of the page, and give its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=Patience, ws="none", log_level="critical", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
