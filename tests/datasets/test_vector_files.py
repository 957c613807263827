"""Files of word vectors as they are found on disk: each variant reads the same, and what cannot be read is named."""

import gzip
import io
import json
import pickle
import re
import struct
import tarfile
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skxmr import IGNN, load_word_vectors
from skxmr.datasets import load_captioned_regions, load_feature_files, load_wikipedia, make_multilabel_pairs

LINES = ["New York 7 8", "plant 1 0", "life 0 1", "café 2.5 -2e-1", "sky 3 4"]
NAMES = ["New York", "plant", "café", "sky"]
VECTORS = [[7, 8], [1, 0], [2.5, -0.2], [3, 4]]
TEXT = "\n".join(LINES) + "\n"


def word2vec(words, vectors, end=b"", announced=None):
    """Return a file as word2vec writes it with -binary 1."""
    vectors = np.asarray(vectors, dtype="<f4")
    entries = [
        word.replace(" ", "_").encode() + b" " + row.tobytes() + end for word, row in zip(words, vectors, strict=True)
    ]
    return b"%d %d\n" % (announced or len(words), vectors.shape[1]) + b"".join(entries)


def zipped(**files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.txt", text)
    return stream.getvalue()


def tarred():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("vectors.txt"))
    return stream.getvalue()


SAME = {
    "GloVe": TEXT.encode(),
    "no last line break": TEXT.rstrip("\n").encode(),
    "word2vec or fastText": f"5 2\n{TEXT}".encode(),
    "a header with tabs": f"5\t2 \r\n{TEXT}".encode(),
    "lines of Windows": TEXT.replace("\n", "\r\n").encode(),
    "lines of an old Mac": TEXT.replace("\n", "\r").encode(),
    "marked as UTF-8": b"\xef\xbb\xbf" + TEXT.encode(),
    "marked, with a header": b"\xef\xbb\xbf5 2\n" + TEXT.encode(),
    "a space at the end of lines": TEXT.replace("\n", " \n").encode(),
    "tabs": re.sub(r" (-?\d)", r"\t\1", TEXT).encode(),
    "one tab": re.sub(r" (-?[\d.e-]+ -?[\d.e-]+\n)", r"\t\1", TEXT).encode(),
    "aligned columns": re.sub(r" (-?\d)", r"   \1", TEXT).encode(),
    "empty lines": TEXT.replace("\n", "\n\n").encode(),
    "gzip": gzip.compress(f"5 2\n{TEXT}".encode()),
    "words that are numbers": (TEXT + "".join(f"{i} {i} 1\n" for i in range(9)) + "win 95 1 1\n").encode(),
    "words in other encodings": TEXT.encode() + "naïve 1 1\n".encode("latin-1"),
    "white space that is a word": TEXT.encode() + " 1 1\n\u00a0 2 2\n\u0085 3 3\n\u2028 1 1\n".encode(),
    "the first of two": (TEXT + "sky 9 9\n").encode(),
    "word2vec binary": word2vec(["life", *NAMES], [[0, 1], *VECTORS]),
    "word2vec binary with line breaks": word2vec(NAMES, VECTORS, end=b"\n"),
    "word2vec binary by gzip": gzip.compress(word2vec(NAMES, VECTORS)),
}
# A word of word2vec's binary format ends at its first space.
SAME_NAMES = {kind: NAMES[1:] if kind.startswith("word2vec binary") else NAMES for kind in SAME}


@pytest.mark.parametrize("kind", SAME)
def test_every_variant_reads_the_same(kind, tmp_path):
    file = tmp_path / "vectors.vec"
    file.write_bytes(SAME[kind])
    names = SAME_NAMES[kind]
    assert_allclose(load_word_vectors(file, names), VECTORS[len(NAMES) - len(names) :], rtol=1e-7)


@pytest.mark.parametrize("d", [1, 3, 300])
def test_binary_vectors_are_those_that_were_written(d, tmp_path):
    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(500)]
    vectors = rng.normal(size=(500, d)).astype(np.float32)
    file = tmp_path / "GoogleNews.bin"
    for end in (b"", b"\n"):
        file.write_bytes(word2vec(words, vectors, end))
        assert_array_equal(load_word_vectors(file, words[::-1]), vectors[::-1])


def test_small_binary_files_are_not_taken_for_text(tmp_path):
    file = tmp_path / "vectors.bin"
    rng = np.random.default_rng(0)
    for _ in range(200):
        vector = rng.normal(size=(1, 2)).astype(np.float32)
        file.write_bytes(word2vec(["sky"], vector))
        assert_array_equal(load_word_vectors(file, ["sky"]), vector)


def test_vectors_of_one_number_have_no_header(tmp_path):
    file = tmp_path / "vectors.txt"
    file.write_text("sky 1.5\nsea 2\n")
    assert_array_equal(load_word_vectors(file, ["sky", "sea"]), [[1.5], [2]])


CSV = "sky,1,2\nsea,3,4\n"
BINARY = word2vec(["sky", "sea"], [[1, 2], [3, 4]])
REFUSED = {
    "an empty file": (b"", "it is empty"),
    "empty lines": (b"\n\n \n", "it is empty"),
    "commas": (CSV.encode(), r"line 1 of vectors.txt is no word vector: .*separated by ','.*pandas.read_csv"),
    "commas and spaces": (CSV.replace(",", ", ").encode(), "separated by ','"),
    "semicolons": (CSV.replace(",", ";").encode(), "separated by ';'"),
    "decimal commas": (b"sky 0,5 0,25\nsea 1,5 2\n", "line 1 of .* is no word vector: it ends with 0 numbers"),
    "json": (json.dumps({"sky": [1, 2]}, indent=1).encode(), "it is text that looks like JSON"),
    "json lists": (json.dumps([["sky", 1, 2]]).encode(), "it is text that looks like JSON"),
    "a web page": (b"\n<!DOCTYPE html>\n<html><body>404", "it is a web page, which a failed download often leaves"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 9\n", "pointer of Git LFS"),
    "prose": (b"The sky is blue.\nSo is the sea.\n", "line 1 of .* is no word vector: it ends with 0 numbers"),
    "words only": (b"sky\nsea\n", "line 1 of .* is no word vector"),
    "UTF-16": ("sky 1 2\n".encode("utf-16"), "it is text in UTF-16; save it in UTF-8"),
    "UTF-32": ("sky 1 2\n".encode("utf-32"), "it is text in UTF-32; save it in UTF-8"),
    "holes": (b"sky 1 2\n" + bytes(9), r"it is text that starts with 'sky 1 2' but holds the byte b'.x00', as damaged"),
    "zip": (zipped(glove_50d="sky 1 2", glove_300d="sky 1"), r"a zip archive with glove_50d.txt, glove_300d.txt"),
    "tar by gzip": (gzip.compress(tarred()), "a gzip archive of a tar archive"),
    "fastText's binary": (struct.pack("<ii", 793712314, 12) + bytes(60), "binary model of fastText; take its .vec"),
    "a pickle": (pickle.dumps({"sky": [1, 2]}), "it is a pickle of Python"),
    "bytes": (b"\x01\x02\x00" * 99, "it is in a format that is not known; it starts with the bytes"),
    "a header alone": (b"2 3\n", "it has no line of numbers but '2 3'"),
    "a cut-off line": (
        b"sky 1 2 3\nsea 1 2 3\nlake 1 2\n",
        "line 3 of .* ends with 2 numbers where .* have 3, so",
    ),
    "a cut-off last line": (b"sky 1 2 3\nlake 1 2", "line 2 of .* ends with 2 numbers where other lines have 3"),
    "a cut-off file": (b"3 2\nsky 1 2\nsea 3 4\n", "announces 3 words, but 2 follow: it was cut off"),
    "a longer file": (b"1 2\nsky 1 2\nsea 3 4\n", "announces 1 words, but 2 follow"),
    "another width": (b"2 5\nsky 1 2\nsea 3 4\n", "announces 5 numbers per word, but the lines after it have 2"),
    "a header the other way round": (b"2 3\nsky 1 2\nsea 3 4\nlake 5 6\n", "announces 3 numbers per word, but"),
    "half a header": (
        b"2\nsky 1 2\nsea 3 4\n",
        "line 1 of .* 0 numbers where .* or this line is a wrong header",
    ),
    "cut-off gzip": (gzip.compress(TEXT.encode())[:-12], "it is cut off or damaged"),
    "damaged gzip": (gzip.compress(TEXT.encode())[:20] + bytes(30), "it is cut off or damaged"),
    "a cut-off binary file": (BINARY[:-3], "announces 2 words of 2 numbers in word2vec's binary format, but only 1"),
    "a longer binary file": (BINARY + BINARY, "it goes on after the 2 words"),
    "a header that is too large": (b"9" * 18 + b" " + b"9" * 18 + b"\n\x00\x01", "but only 0 are there"),
    "NaN": (b"sky nan 2\nsea 3 4\n", "line 1 of vectors.txt holds NaN or infinite numbers"),
    "infinity": (b"sea 3 4\nsky 1e999 1\n", "line 2 of vectors.txt holds NaN or infinite numbers"),
    "NaN in binary": (word2vec(["sky"], [[1, np.nan]]), "the vector of 'sky' in vectors.txt holds NaN"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_is_named(kind, tmp_path):
    data, message = REFUSED[kind]
    file = tmp_path / "vectors.txt"
    file.write_bytes(data)
    with pytest.raises(ValueError, match=f"vectors.txt.*{message}|{message}") as caught:
        load_word_vectors(file, ["sky"])
    assert file.name in str(caught.value) and "allow_pickle" not in str(caught.value)


def test_the_encoding_is_named_where_words_are_missing(tmp_path):
    file = tmp_path / "vectors.txt"
    file.write_bytes(TEXT.encode("latin-1"))
    assert_array_equal(load_word_vectors(file, ["sky"]), [[3, 4]])
    with pytest.raises(ValueError, match=r"for the labels \['café'\].*; line 4 of the file is not in UTF-8"):
        load_word_vectors(file, ["café", "sky"])
    with pytest.warns(UserWarning, match=r"no vector for \['café'\].*line 4 of the file is not in UTF-8"):
        load_word_vectors(file, ["café sky"])


def test_arrays_of_numpy_are_no_word_vectors(tmp_path):
    np.save(tmp_path / "vectors.npy", np.eye(2))
    with pytest.raises(ValueError, match=r"it is an array of numpy \(\.npy\); .* pass an array .* as label_embedding"):
        load_word_vectors(tmp_path / "vectors.npy", ["sky"])
    with pytest.raises(FileNotFoundError, match="is a folder, not a file; pass a word-vector file"):
        load_word_vectors(tmp_path, ["sky"])
    with pytest.raises(TypeError, match=r"labels is the string 'sky'; pass a list of label names, \['sky'\]"):
        load_word_vectors(tmp_path / "vectors.npy", "sky")


@pytest.mark.parametrize(
    "labels", [[0, 1], np.arange(2), ["sky", np.nan], ["sky", None], [b"sky"], [("sky",)]], ids=repr
)
def test_what_is_no_name_is_not_looked_up(labels, tmp_path):
    """Files have vectors of the words "0", "nan" and "none"."""
    file = tmp_path / "vectors.txt"
    file.write_text("sky 1 2\n0 3 4\n1 5 6\nnan 7 8\nNone 9 9\n")
    with pytest.raises(TypeError, match=r"^labels holds \[.*\], but names of labels are strings; only those can be"):
        load_word_vectors(file, labels)
    assert_array_equal(load_word_vectors(file, np.array(["sky", "nan"])), [[1, 2], [7, 8]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: load_word_vectors(None, ["sky"]), "^path must be a path, as a string or pathlib.Path; got None"),
        (lambda: load_word_vectors(3, ["sky"]), "^path must be a path"),
        (lambda: load_word_vectors(__file__, None), "^labels must be a list of label names; got None"),
        (lambda: load_feature_files(None), "^folder must be a path"),
        (lambda: load_feature_files({}), "^folder must be a path"),
        (lambda: load_captioned_regions(data_home=3), "^data_home must be a path"),
        (lambda: load_wikipedia(data_home=["data"]), "^data_home must be a path"),
    ],
)
def test_what_is_no_path_is_named(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def test_methods_name_the_file_as_well(tmp_path):
    pairs, labels = make_multilabel_pairs(60, random_state=0)
    tags = [[f"tag{j}" for j in np.flatnonzero(row)] for row in labels]
    file = tmp_path / "vectors.txt"
    file.write_text(CSV)
    with pytest.raises(ValueError, match=r"vectors\.txt cannot be read as word vectors: .*separated by ','"):
        IGNN(8, label_embedding=file, max_epochs=1).fit(pairs, tags)
