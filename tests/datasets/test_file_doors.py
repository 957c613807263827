"""Whatever a file holds, it is read as what was written to it, or refused by a message that names it."""

import gzip
import io
import warnings

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skxmr import load_word_vectors
from skxmr.datasets import load_captioned_regions, load_feature_files
from tests.drawn import drawn

bounded = drawn(60)

RNG = np.random.default_rng(0)
IMAGE = RNG.normal(size=(12, 3))
SPARSE = sp.csc_matrix(IMAGE * (IMAGE > 1))
WRITERS = {
    "npy": lambda file: np.save(file, IMAGE),
    "npz": lambda file: np.savez(file, train_img=IMAGE, other=IMAGE[:2]),
    "compressed npz": lambda file: np.savez_compressed(file, IMAGE),
    "sparse npz": lambda file: sp.save_npz(file, SPARSE),
    "mat": lambda file: scipy.io.savemat(file, {"train_img": IMAGE, "about": {"layer": "fc7"}}),
    "compressed mat": lambda file: scipy.io.savemat(file, {"train_img": IMAGE}, do_compression=True),
    "sparse mat": lambda file: scipy.io.savemat(file, {"train_img": SPARSE}),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder of features without images."""
    folder = tmp_path_factory.mktemp("doors")
    np.save(folder / "train_txt.npy", RNG.normal(size=(12, 4)))
    np.save(folder / "train_lab.npy", np.eye(12, 3, dtype=int))
    return folder


def written(kind):
    stream = io.BytesIO()
    WRITERS[kind](stream)
    return stream.getvalue()


def read_images(home, name, data):
    """Return the images, or None if the file was refused by a message that names it."""
    for file in home.glob("train_img.*"):
        file.unlink()
    (home / name).write_bytes(data)
    with warnings.catch_warnings():
        # Numbers that are not finite are warned of.
        warnings.simplefilter("ignore")
        try:
            images = load_feature_files(home).pairs.image
            return images.toarray() if sp.issparse(images) else images
        except (ValueError, MemoryError) as error:
            # A damaged file may announce more numbers than fit into memory.
            assert name in str(error) and "allow_pickle" not in str(error)
    return None


@pytest.mark.parametrize("kind", WRITERS)
def test_files_that_are_whole_are_read(kind, home):
    found = read_images(home, f"train_img.{kind[-3:]}", written(kind))
    assert_array_equal(found, SPARSE.toarray() if "sparse" in kind else IMAGE)


@pytest.mark.parametrize("kind", WRITERS)
@bounded
@given(data=st.data())
def test_damaged_arrays_are_read_or_named(kind, home, data):
    whole = written(kind)
    start = data.draw(st.integers(0, len(whole) - 1))
    change = data.draw(st.sampled_from(["cut", "hole", "bytes"]))
    if change == "cut":
        damaged = whole[:start]
    elif change == "hole":
        damaged = whole[:start] + bytes(len(whole[start : start + 64])) + whole[start + 64 :]
    else:
        other = data.draw(st.binary(min_size=1, max_size=8))
        damaged = whole[:start] + other + whole[start + len(other) :]
    found = read_images(home, f"train_img.{kind[-3:]}", damaged)
    # What was cut off may have been another variable.
    assert found is None or len(found) == 12
    if found is not None and change == "cut":
        assert_array_equal(found, SPARSE.toarray() if "sparse" in kind else IMAGE)


@pytest.mark.parametrize("suffix", ["npy", "npz", "mat"])
@bounded
@given(start=st.sampled_from([b"", *(written(kind)[:8] for kind in WRITERS)]), end=st.binary(max_size=200))
def test_any_bytes_are_no_array(suffix, home, start, end):
    assert read_images(home, f"train_img.{suffix}", start + end) is None


# No white space and no control characters, which separate words and lines.
WORDS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8)
NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@st.composite
def tables(draw):
    """Words and their vectors."""
    words = draw(st.lists(WORDS, min_size=1, max_size=6, unique=True))
    d = draw(st.integers(2, 5))
    vectors = [draw(st.lists(NUMBERS, min_size=d, max_size=d)) for _ in words]
    return words, np.array(vectors)


@st.composite
def texts(draw, words, vectors):
    """Write vectors as text, in one of the ways that are found on disk."""
    space = draw(st.sampled_from([" ", "\t", "  ", " \t"]))
    end = draw(st.sampled_from(["\n", "\r\n", " \n", "\r", "\n\n"]))
    lines = [space.join([word, *map(repr, row)]) for word, row in zip(words, vectors.tolist(), strict=True)]
    if draw(st.booleans()):
        lines.insert(0, f"{len(words)} {vectors.shape[1]}")
    text = end.join(lines) + end * draw(st.integers(0, 1))
    return text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig"])))


@bounded
@given(data=st.data(), table=tables(), packed=st.booleans())
def test_vectors_are_read_from_every_kind_of_text(home, data, table, packed):
    words, vectors = table
    text = data.draw(texts(words, vectors))
    file = home / "vectors.txt"
    file.write_bytes(gzip.compress(text) if packed else text)
    assert_array_equal(load_word_vectors(file, words), vectors)


@bounded
@given(table=tables(), end=st.sampled_from([b"", b"\n"]))
def test_vectors_are_read_from_binary_files(home, table, end):
    words, vectors = table
    entries = [
        word.encode() + b" " + row.astype("<f4").tobytes() + end for word, row in zip(words, vectors, strict=True)
    ]
    file = home / "vectors.bin"
    file.write_bytes(b"%d %d\n" % vectors.shape + b"".join(entries))
    assert_array_equal(load_word_vectors(file, words), vectors)


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_binary_numbers_that_are_letters_are_numbers(tmp_path, end):
    vectors = np.frombuffer(b"(EW(EW.xy ab", dtype="<f4").reshape(1, 3)
    file = tmp_path / "vectors.bin"
    file.write_bytes(b"1 3\nsky " + vectors.tobytes() + end)
    assert_array_equal(load_word_vectors(file, ["sky"]), vectors)


@bounded
@given(
    start=st.sampled_from([b"", b"2 2\n", b"\xef\xbb\xbf", b"sky 1 2\n", b"{", b"\x1f\x8b", b"\x80\x04", b"\xff\xfe"]),
    end=st.one_of(st.binary(max_size=60), st.text(st.sampled_from(" \n\tsky01.,;\r"), max_size=40).map(str.encode)),
)
def test_any_bytes_are_vectors_or_named(home, start, end):
    file = home / "vectors.txt"
    file.write_bytes(start + end)
    try:
        vectors = load_word_vectors(file, ["sky"])
    except ValueError as error:
        assert file.name in str(error)
    else:
        assert vectors.shape[0] == 1 and vectors.shape[1] > 0 and np.isfinite(vectors).all()


@bounded
@given(
    lines=st.lists(st.sampled_from(["", " ", "...", "\u00a0", "a dog", " two cats ", "café"]), min_size=1, max_size=8)
)
def test_captions_that_are_missing_are_left_out(home, lines):
    folder = home / "mine"
    folder.mkdir(exist_ok=True)
    np.save(folder / "test_ims.npy", np.ones((len(lines), 2, 3)) * np.arange(1, len(lines) + 1)[:, None, None])
    (folder / "test_caps.txt").write_bytes(("\n".join(lines) + "\n").encode())
    kept = [i for i, line in enumerate(lines) if any(letter.isalnum() for letter in line)]
    if kept:
        pairs = load_captioned_regions("mine", "test", data_home=home, missing_captions="skip").pairs
        assert list(pairs.text) == [lines[i].strip() for i in kept]
        assert pairs.groups.tolist() == kept
    if len(kept) < len(lines):
        with pytest.raises(ValueError, match=r"line \d* ?of .*test_caps\.txt has (no )?words"):
            load_captioned_regions("mine", "test", data_home=home)
