"""Backends of an index: their options are typed and checked before anything is read, and a server keeps the vectors."""

import json

import pytest

from skxmr import RetrievalIndex
from skxmr.cli.backends import BACKENDS, backend_options
from skxmr.search import backends
from tests.cli.conftest import TRUST

URL = "http://localhost:6333"


@pytest.fixture
def index(call, tmp_path):
    def run(*arguments, out="index"):
        return call("index", "model", "pictures/table.csv", "--out", tmp_path / out, *TRUST, *arguments)

    return run


def found(call, folder):
    return json.loads(call("search", folder, "a red bird", "-k", "5", "--json", *TRUST).output)


@pytest.fixture
def server(monkeypatch):
    """A client in memory, which stands for a server."""
    qdrant = pytest.importorskip("qdrant_client")
    server = qdrant.QdrantClient(":memory:")
    nearest = server.query_points
    monkeypatch.setattr(server, "query_points", lambda *given, search_params, **options: nearest(*given, **options))
    monkeypatch.setattr(qdrant, "QdrantClient", lambda **options: server)
    return server


def test_the_command_knows_all_backends():
    assert BACKENDS == tuple(backends.BACKENDS)


def test_options_have_the_types_of_the_backend():
    given = ("kind=ivf", "n_lists=3", "n_probes=7")
    assert backend_options("faiss", given) == {"kind": "ivf", "n_lists": 3, "n_probes": 7}
    # A name of digits is a name, and only the first sign of equality parts.
    assert backend_options("qdrant", ("collection=2024", f"url={URL}/?a=b")) == {
        "collection": "2024",
        "url": f"{URL}/?a=b",
    }


def test_an_index_with_a_graph(index, call, made, tmp_path):
    pytest.importorskip("faiss")
    done = index("--backend", "faiss", "--option", "kind=hnsw", "--option", "ef=40")
    assert done.exit_code == 0, done.output
    opened = RetrievalIndex.load(tmp_path / "index", trusted=["tests.cli.pixels.Pixels"])
    assert opened.backend == "faiss" and opened.options == {"kind": "hnsw", "ef": 40}
    assert found(call, tmp_path / "index") == found(call, made / "index")
    assert "unchanged" in index("--update", "--option", "ef=40", "--option", "kind=hnsw").output
    done = index("--update", "--option", "ef=41")
    assert done.exit_code == 2 and "was made with the options {'kind': 'hnsw', 'ef': 40}" in done.output


@pytest.mark.slow
def test_an_index_in_a_server(index, call, made, server, tmp_path):
    options = ["--backend", "qdrant", "--option", f"url={URL}", "--option", "collection=pictures"]
    done = index(*options)
    assert done.exit_code == 0, done.output
    assert server.count("pictures").count == 36 and not (tmp_path / "index" / "vectors.npy").exists()
    assert found(call, tmp_path / "index") == found(call, made / "index")
    assert "unchanged" in index("--update").output
    # What is in the server belongs to the first index.
    for more in (["--overwrite"], []):
        done = index(*options, *more, out="index" if more else "other")
        assert done.exit_code == 1 and "has a collection 'pictures' already" in done.output
    assert server.count("pictures").count == 36
    assert found(call, tmp_path / "index") == found(call, made / "index")


def test_a_server_that_does_not_answer_is_named_before_anything_is_read(index, tmp_path):
    pytest.importorskip("qdrant_client")
    done = index("--backend", "qdrant", "--option", "url=http://127.0.0.1:9")
    assert done.exit_code == 1 and "the qdrant server at http://127.0.0.1:9 does not answer" in done.output
    assert len(done.output.splitlines()) == 1 and not (tmp_path / "index").exists()


WRONG = [
    (["--option", "kind"], "--option 'kind' is no option; write KEY=VALUE"),
    (["--option", "kind=flat"], "--option names 'kind', which backend='exact' does not have; it has ['dtype']"),
    (["--backend", "faiss", "--option", "probes=3"], "did you mean 'n_probes'?"),
    (["--backend", "faiss", "--option", "n_probes=many"], "n_probes is 'many', but a whole number is wanted"),
    (["--backend", "faiss", "--option", "ef=1", "--option", "ef=2"], "--option ef is given twice"),
    (["--backend", "faiss", "--option", "kind=tree"], "kind must be one of"),
    (["--backend", "faiss", "--option", "ef=0"], "ef must be a positive integer; got 0"),
    (["--backend", "qdrant", "--option", "url=ftp://x"], "Unknown scheme: ftp"),
]


@pytest.mark.parametrize(("arguments", "sentence"), WRONG)
def test_wrong_options_are_a_wrong_call(arguments, sentence, index):
    pytest.importorskip({"faiss": "faiss", "qdrant": "qdrant_client"}.get(arguments[1], "click"))
    done = index(*arguments)
    assert done.exit_code == 2 and sentence in done.output, done.output
