"""What is computed once stays computed: by content, across processes, and after whatever goes wrong."""

import os
import resource
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from numpy.testing import assert_array_equal
from PIL import Image
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from torch import nn

from skxmr import CCA, Pairs, PerModality
from skxmr._data.sealed import sealed
from skxmr.features import ImageFeatures, PadToSquare, TextFeatures
from skxmr.features.cache import FeatureCache


class Colours(nn.Module):
    """Six numbers per image; it counts the images that it sees, also those that its copies see."""

    seen = 0

    def __init__(self, scale=1.0):
        super().__init__()
        self.scale = scale
        self.layer = nn.Linear(3, 6)
        with torch.no_grad():
            self.layer.weight.copy_(torch.arange(18.0).reshape(6, 3))

    def forward(self, x):
        Colours.seen += len(x)
        return self.scale * self.layer(x.mean((2, 3)))


@pytest.fixture(autouse=True)
def nothing_seen():
    Colours.seen = 0


@pytest.fixture
def files(tmp_path):
    """Eight images in files."""
    folder = tmp_path / "images"
    folder.mkdir()
    for i in range(8):
        Image.new("RGB", (9, 6), (30 * i, 255 - 30 * i, 7)).save(folder / f"{i}.png")
    return [str(folder / f"{i}.png") for i in range(8)]


@pytest.fixture
def extractor(tmp_path):
    return ImageFeatures(module(), prepare=PadToSquare(8), cache=tmp_path / "cache", batch_size=3)


def module(**options):
    torch.manual_seed(0)
    return Colours(**options)


def kept(extractor):
    """How many vectors are in the cache."""
    total = 0
    for file in Path(extractor.cache).iterdir():
        with FeatureCache(extractor.cache, file.stem) as cache:
            total += cache._connection.execute("SELECT count(*) FROM features").fetchone()[0]
    return total


def test_every_image_is_computed_once(extractor, files):
    expected = extractor.set_params(cache=None).transform(files)
    Colours.seen = 0
    extractor.set_params(cache=Path(files[0]).parents[1] / "cache")
    for _ in range(3):
        assert_array_equal(clone(extractor).fit_transform(files), expected)
    assert Colours.seen == 8
    assert_array_equal(extractor.transform(files[::-1] + files), expected[[*range(7, -1, -1), *range(8)]])
    assert Colours.seen == 8


def test_equal_images_are_computed_once(extractor, files):
    features = extractor.transform([files[0]] * 5 + [files[1]])
    assert Colours.seen == 2 and (features[:5] == features[0]).all()


def test_the_content_decides_and_not_the_name(extractor, files):
    before = extractor.transform(files)
    Path(files[0]).rename(files[0] + ".moved")
    Path(files[1]).replace(files[0])
    assert_array_equal(extractor.transform([files[0], files[0] + ".moved"]), before[[1, 0]])
    assert Colours.seen == 8
    pixels = [np.asarray(Image.open(file)) for file in files[2:4]]
    pictures = [Image.fromarray(image) for image in pixels]
    # An array and a PIL image with the same pixels are the same image.
    assert_array_equal(extractor.transform(pixels), extractor.transform(pictures))
    assert Colours.seen == 10


def test_the_network_and_its_preparation_decide(extractor, files):
    extractor.transform(files)
    for change in (
        {"model": module(scale=2.0)},
        {"prepare": PadToSquare(8, fill="black")},
        {"layer": "layer"},
        {"cache_key": "mine"},
    ):
        seen = Colours.seen
        other = clone(extractor).set_params(**change)
        other.transform(files)
        assert Colours.seen == seen + 8, change
        other.transform(files)
        assert Colours.seen == seen + 8, change
    weights = module()
    with torch.no_grad():
        weights.layer.bias += 1
    seen = Colours.seen
    clone(extractor).set_params(model=weights).transform(files)
    assert Colours.seen == seen + 8
    # The mode of a module, and other batches, make no other network.
    clone(extractor).set_params(model=module().train(), batch_size=2).transform(files)
    assert Colours.seen == seen + 8


def test_searches_and_scores_compute_nothing_again(extractor, files):
    pairs = Pairs(files, np.random.default_rng(0).normal(size=(8, 3)))
    model = make_pipeline(PerModality(image=extractor), CCA())
    search = GridSearchCV(model, {"cca__ridge": [0.1, 1.0]}, cv=2, error_score="raise").fit(pairs)
    assert np.isfinite(search.score(pairs)) and Colours.seen == 8


def transformed(extractor, files):
    return extractor.transform(files)


@pytest.mark.slow
def test_threads_and_processes_share_a_cache(extractor, files, copied_processes):
    expected = clone(extractor).set_params(cache=None).transform(files)
    orders = [files[i:] + files[:i] for i in range(4)]
    parts = Parallel(2, "threading")(delayed(clone(extractor).transform)(order) for order in orders)
    other = clone(extractor).set_params(cache_key="processes")
    with copied_processes.Pool(2) as pool:
        parts += pool.starmap(transformed, [(clone(other), order) for order in orders])
    for i, part in enumerate(parts):
        np.testing.assert_allclose(np.roll(part, i % 4, axis=0), expected, rtol=1e-6)
    assert kept(extractor) == 16


def test_what_was_done_before_an_interruption_is_kept(extractor, files):
    class Stops:
        calls = 0

        def __call__(self, batch):
            Stops.calls += 1
            if Stops.calls == 3:
                raise KeyboardInterrupt
            return batch.mean((2, 3))

    interrupted = clone(extractor).set_params(model=Stops(), cache_key="stops")
    with pytest.raises(KeyboardInterrupt):
        interrupted.transform(files)
    assert kept(interrupted) == 6
    assert interrupted.transform(files).shape == (8, 3)
    assert Stops.calls == 4


def test_a_file_that_vanishes_on_the_way_is_named_and_nothing_is_lost(extractor, files):
    class Deletes:
        def __call__(self, batch):
            Path(files[7]).unlink(missing_ok=True)
            return batch.mean((2, 3))

    deleting = clone(extractor).set_params(model=Deletes(), cache_key="deletes")
    with pytest.raises(FileNotFoundError, match=r"row 7 of X, '.*7\.png', does not exist; correct the path or drop"):
        deleting.transform(files)
    assert kept(deleting) == 6


def test_a_file_that_changes_on_the_way_is_kept_by_what_was_read(extractor, files):
    class Changes:
        def __call__(self, batch):
            Image.new("RGB", (9, 6), "white").save(files[7])
            return batch.mean((2, 3))

    changing = clone(extractor).set_params(model=Changes(), cache_key="changes")
    changing.transform(files)
    white = changing.transform([np.full((9, 6, 3), 255, np.uint8)])
    assert_array_equal(changing.transform(files[7:]), white)


def test_bad_rows_are_named_before_the_network_runs(extractor, files, tmp_path):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "empty.png").touch()
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "drawing.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    # PIL would open whatever lies within this one, of any format and size.
    fields = [(3, 60, b"\1\0"), (3, 20, b"\0 "), (3, 30, b"\0 "), (8, 10, b"%!PS")]
    parts = [bytes([28, record, number, 0, len(data)]) + data for record, number, data in fields]
    (tmp_path / "iptc.jpg").write_bytes(b"".join(parts))
    Image.new("1", (5000, 5000)).save(tmp_path / "large.png")
    wrong = {
        "folder.png": (FileNotFoundError, "is a folder; correct the path or drop the row"),
        "empty.png": (ValueError, r"cannot be read as an image \(the file is empty, 0 bytes\)"),
        "loop.png": (FileNotFoundError, "is a symbolic link that leads back to itself"),
        "dangling.png": (FileNotFoundError, "is a symbolic link to a file that does not exist"),
        "pipe.png": (FileNotFoundError, "is a device, a pipe or a socket"),
        "drawing.eps": (ValueError, "cannot be read as an image .*PIL knows no such format"),
        "iptc.jpg": (ValueError, "cannot be read as an image .*PIL knows no such format"),
        "large.png": (ValueError, "has 5000 x 5000 pixels, 25.0 million, and max_pixels allows 10 million"),
        "no\0file.png": (FileNotFoundError, "is not the path of a file .*null (byte|character)"),
        "n" * 300: (FileNotFoundError, "is not the path of a file .*too long"),
    }
    for cached in (extractor, clone(extractor).set_params(cache=None)):
        cached.set_params(max_pixels=10_000_000)
        for name, (error, message) in wrong.items():
            with pytest.raises(error, match=f"row 2 of X, .*{message}"):
                cached.transform([*files[:2], str(tmp_path / name), files[2]])
        with pytest.raises(ValueError, match=r"row 1 of X, .*empty, 0 bytes.* 2 more rows .* either: \[3, 4\]"):
            cached.transform([files[0], *[str(tmp_path / "empty.png"), files[1]], *[str(tmp_path / "loop.png")] * 2])
    assert Colours.seen == 0


@contextmanager
def files_up_to(size):
    """While inside, no file of this process can grow beyond a size in bytes, as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [100, 40_000])
def test_a_full_disk_costs_the_cache_and_nothing_else(tmp_path, size):
    class Encoder:
        calls = 0

        def encode(self, texts):
            Encoder.calls += len(texts)
            return np.array([[len(text)] * 300 for text in texts], float)

    texts = ["a" * i for i in range(40)]
    features = TextFeatures(Encoder(), cache=tmp_path, cache_key="e", batch_size=4)
    message = "the features computed from here on are not kept, because .* those kept before are safe"
    with pytest.warns(UserWarning, match=message) as warned, files_up_to(size):
        vectors = features.transform(texts)
    assert len(warned) == 1 and Encoder.calls == 40
    assert_array_equal(vectors[:, 0], range(40))
    assert (kept(features) > 0) == (size > 100)
    # With room again, only what is missing is computed.
    missing = 40 - kept(features)
    assert_array_equal(features.transform(texts), vectors)
    assert Encoder.calls == 40 + missing and kept(features) == 40


def test_damaged_and_unusable_caches_are_named(extractor, files, tmp_path):
    extractor.transform(files)
    (file,) = Path(extractor.cache).iterdir()
    content = file.read_bytes()
    for damaged in (b"something else" * 999, content[:2000] + bytes(len(content) - 2000)):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"cache: .*\.sqlite is damaged, or not a file of skxmr .*; delete it"):
            extractor.transform(files)
    for vector in ("text", b"", b"12345", None, 7):
        file.write_bytes(content)
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("UPDATE features SET vector = ?", (vector,))
        with pytest.raises(ValueError, match=r"cache: .*\.sqlite is damaged, .* than was kept\); delete it"):
            extractor.transform(files)
    file.unlink()
    extractor.transform(files)
    with pytest.raises(OSError, match=r"cache='.*0\.png' is no folder to write in .*; pass another one"):
        extractor.set_params(cache=files[0]).transform(files)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE features SET vector = (SELECT max(vector) FROM features)",
        "UPDATE features SET vector = CAST(zeroblob(4) || substr(vector, 5) AS BLOB)",
        "UPDATE features SET vector = zeroblob(length(vector))",
        "UPDATE features SET vector = substr(vector, 5)",
    ],
)
def test_other_vectors_than_were_kept_are_never_returned(extractor, files, change):
    extractor.transform(files)
    (file,) = Path(extractor.cache).iterdir()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(change)
    with pytest.raises(ValueError, match=r"cache: .*\.sqlite is damaged, .* than was kept\); delete it"):
        extractor.transform(files)


@pytest.mark.parametrize("found", [[(b"another", b"")], [(b"key", b"")] * 2])
def test_keys_that_a_damaged_table_makes_up_are_no_answer(tmp_path, found):
    class Cursor:
        def execute(self, *_):
            return self

        def fetchall(self):
            vector = np.zeros(2, "<f4").tobytes()
            return [(key, sealed(key, vector)) for key, _ in found]

        def close(self):
            pass

    class Connection:
        cursor = Cursor

    cache = FeatureCache(tmp_path, "network")
    cache._connection.close()
    cache._connection = Connection()
    with pytest.raises(ValueError, match="is damaged"):
        list(cache.read([b"key"]))


def test_what_cannot_be_told_by_its_content_needs_a_name(extractor, files):
    def local(image):
        return torch.zeros(3, 4, 4)

    for prepare in (lambda image: torch.zeros(3, 4, 4), local):
        with pytest.raises(ValueError, match=r"cache is set, but the network or its preparation holds .* cache_key="):
            extractor.set_params(prepare=prepare).transform(files)
    assert extractor.set_params(cache_key="zeros").transform(files).shape == (8, 6)


class Letters:
    """Encodes a text by how often it has three letters."""

    calls = 0

    def encode(self, texts):
        Letters.calls += len(texts)
        return np.array([[text.count(letter) for letter in "abc"] for text in texts])


def test_texts_are_encoded_once(tmp_path):
    Letters.calls = 0
    texts = ["abba", "", "cab", "abba"]
    features = TextFeatures(Letters(), cache=tmp_path)
    expected = np.array([[2, 2, 0], [0, 0, 0], [1, 1, 1], [2, 2, 0]], np.float32)
    for rows in (texts, np.array(texts), np.array(texts, object)):
        found = clone(features).fit_transform(rows)
        assert found.dtype == np.float32
        assert_array_equal(found, expected)
    assert Letters.calls == 3
    assert_array_equal(features.transform(["b", "cab"]), [[0, 1, 0], [1, 1, 1]])
    assert Letters.calls == 4
    assert list(features.get_feature_names_out()) == ["textfeatures0", "textfeatures1", "textfeatures2"]
    pairs = Pairs(np.eye(4), texts)
    assert_array_equal(PerModality(text=features).fit_transform(pairs).text, expected)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("abc", TypeError, r"X is a str, but a list of texts is wanted; pass a single text as \[text\]"),
        (Pairs(text=["a"]), TypeError, r"put it into PerModality\(text="),
        ([], ValueError, "X is empty; at least one text"),
        (["a", None], TypeError, "row 1 of X is a NoneType, not a text"),
        (["a", float("nan")], TypeError, "row 1 of X is a float, not a text"),
        (np.array([["a", "b"]]), ValueError, r"X has the shape \(1, 2\); pass one text per row"),
    ],
)
def test_what_is_no_list_of_texts_is_named(X, error, message):
    with pytest.raises(error, match=message):
        TextFeatures(Letters()).fit(X)


def test_a_string_is_no_encoder():
    with pytest.raises(
        TypeError, match=r"model is the string 'all-minilm', .* such as SentenceTransformer\('all-minilm'\)"
    ):
        TextFeatures("all-minilm").fit(["a"])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(2), r"Fixed\.encode returns float64 of shape \(2,\) for 2 rows; numbers of shape \(2, d\)"),
        (np.zeros((3, 4)), r"of shape \(3, 4\) for 2 rows"),
        (np.full((2, 4), np.nan), r"Fixed\.encode is not finite"),
        (np.full((2, 4), "a"), r"returns <U1"),
    ],
)
def test_encoders_that_give_no_vectors_are_named(values, message):
    class Fixed:
        def encode(self, texts):
            return values

    with pytest.raises(ValueError, match=message):
        TextFeatures(Fixed()).transform(["a", "b"])


@pytest.mark.slow
def test_a_real_sentence_encoder_knows_what_is_alike(tmp_path):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    package = pytest.importorskip("all_minilm_l6_v2")
    model = sentence_transformers.SentenceTransformer(str(package.extract_model(tmp_path / "model")), device="cpu")
    texts = ["a red bird in a tree", "a robin on a branch", "the price of oil"]
    features = TextFeatures(model, cache=tmp_path / "cache", cache_key="all-MiniLM-L6-v2")
    vectors = features.fit_transform(texts)
    assert vectors.shape == (3, 384)
    cosines = vectors @ vectors.T / np.outer(np.linalg.norm(vectors, axis=1), np.linalg.norm(vectors, axis=1))
    assert cosines[0, 1] > cosines[0, 2] + 0.2
    assert_array_equal(features.transform(texts), vectors)
    assert kept(features) == 3
