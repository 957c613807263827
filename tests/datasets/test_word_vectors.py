import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from skxmr import load_word_vectors
from skxmr.datasets import load_mirflickr_tags

LINES = ["plant 1 0", "life 0 1", "sky 2 2", "ice-cream 5 5", "New York 7 8", "the 0.5 -1e-2", "sky 9 9"]


@pytest.fixture(params=["glove", "word2vec"])
def file(request, tmp_path):
    header = [f"{len(LINES)} 2"] if request.param == "word2vec" else []
    path = tmp_path / "vectors.vec"
    path.write_text("\n".join([*header, *LINES]) + "\n", encoding="utf-8")
    return path


def test_words_are_found_whole_in_parts_and_in_lower_case(file):
    vectors = load_word_vectors(str(file), ["Sky", "plant_life", "ice-cream", "New York", "plant life"])
    assert_array_equal(vectors, [[2, 2], [0.5, 0.5], [5, 5], [7, 8], [0.5, 0.5]])


def test_missing_parts_are_reported(file):
    with pytest.warns(UserWarning, match=r"no vector for \['rare'\] of the label 'plant_rare'"):
        assert_array_equal(load_word_vectors(file, ["plant_rare"]), [[1, 0]])


def test_labels_without_any_word_are_an_error(file):
    with pytest.raises(ValueError, match=r"no vector for the labels \['zebra', 'gnu_emu'\]"):
        load_word_vectors(file, ["sky", "zebra", "gnu_emu"])


def test_mat_files(tmp_path):
    path = tmp_path / "inp.mat"
    scipy.io.savemat(path, {"inp": np.arange(6.0).reshape(2, 3)})
    assert_array_equal(load_word_vectors(path, ["a", "b"]), np.arange(6.0).reshape(2, 3))
    with pytest.raises(ValueError, match=r"shape \(2, 3\) for 3 labels"):
        load_word_vectors(path, ["a", "b", "c"])
    scipy.io.savemat(path, {"vectors": np.eye(2)})
    with pytest.raises(ValueError, match=r"has the keys \['vectors'\]"):
        load_word_vectors(path, ["a", "b"])


def test_bad_mat_files_are_named(tmp_path):
    path = tmp_path / "inp.mat"
    for bad, message in (
        (np.array([[1.0, np.nan], [0.0, 1.0]]), r"inp\.mat holds NaN or infinite numbers"),
        (np.array(["a", "b"]), "one row of numbers per label"),
        (np.array([[1.0], "b"], dtype=object), "one row of numbers per label"),
    ):
        scipy.io.savemat(path, {"inp": bad})
        with pytest.raises(ValueError, match=message):
            load_word_vectors(path, ["a", "b"])
    scipy.io.savemat(path, {"inp": sp.csc_array(np.eye(2))})
    assert_array_equal(load_word_vectors(path, ["a", "b"]), np.eye(2))
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(ValueError, match=r"inp\.mat cannot be read as a \.mat file"):
        load_word_vectors(path, ["a", "b"])


@pytest.mark.parametrize(("line", "message"), [("sky one 2", "line 1 .* is no word vector"), ("sky nan 2", "NaN")])
def test_broken_lines_are_named(tmp_path, line, message):
    path = tmp_path / "vectors.txt"
    path.write_text(line + "\n")
    with pytest.raises(ValueError, match=message):
        load_word_vectors(path, ["sky"])


def test_missing_files_and_labels(tmp_path, file):
    with pytest.raises(FileNotFoundError, match="pass a word-vector file"):
        load_word_vectors(tmp_path / "nothing.txt", ["sky"])
    with pytest.raises(ValueError, match="labels is empty"):
        load_word_vectors(file, [])


def test_the_real_label_vectors(data_home):
    names = load_mirflickr_tags("test", data_home=data_home).label_names
    vectors = load_word_vectors(data_home / "label_embeddings" / "mirflickr-inp-glove6B.mat", names)
    assert vectors.shape == (24, 300)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    order = names.tolist()
    sea, river, people = (unit[order.index(name)] for name in ("sea", "river", "people"))
    assert sea @ river > sea @ people  # the rows are in the order of the label names
    assert_allclose(unit @ unit.T, (unit @ unit.T).T)
