"""Features in the layout of the papers' codes: every way to write them reads the same, every mistake is named."""

import re
import struct

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp
from numpy.testing import assert_array_equal

from skxmr import MLCCA
from skxmr.datasets import load_corel5k_tags, load_feature_files, make_multilabel_pairs

SIZES = {"train": slice(0, 40), "test": slice(40, 60)}


@pytest.fixture
def arrays():
    pairs, labels = make_multilabel_pairs(60, random_state=0)
    views = {"img": pairs.image, "txt": pairs.text, "lab": labels.astype(np.uint8)}
    return {(subset, part): view[rows] for subset, rows in SIZES.items() for part, view in views.items()}


def write(folder, arrays, kind):
    for (subset, part), view in arrays.items():
        stem = f"{subset}_{part}"
        if kind == "mat":
            scipy.io.savemat(folder / f"{stem}.mat", {stem: view})
        elif kind == "npy":
            np.save(folder / f"{stem}.npy", view)
        elif kind == "npz":
            np.savez(folder / f"{stem}.npz", data=view)
    if kind == "bundle":
        np.savez(folder / "all.npz", **{f"{part}_{subset}": view for (subset, part), view in arrays.items()})


@pytest.mark.parametrize("kind", ["mat", "npy", "npz", "bundle"])
def test_every_kind_of_file_reads_the_same(kind, arrays, tmp_path):
    write(tmp_path, arrays, kind)
    for subset in SIZES:
        features = load_feature_files(tmp_path, subset)
        assert_array_equal(features.pairs.image, arrays[subset, "img"])
        assert_array_equal(features.pairs.text, arrays[subset, "txt"])
        assert_array_equal(features.labels, arrays[subset, "lab"])
        assert features.labels.dtype == np.int64 and features.label_embedding is None
        assert len(features.label_names) == 8
    everything, labels = load_feature_files(str(tmp_path), "all", return_X_y=True)
    assert_array_equal(everything.image, np.concatenate([arrays[subset, "img"] for subset in SIZES]))
    assert len(everything) == len(labels) == 60
    fitted = MLCCA().fit(*load_feature_files(tmp_path, return_X_y=True))
    assert fitted.score(*load_feature_files(tmp_path, "test", return_X_y=True)) > 0.3


@pytest.mark.parametrize("kind", ["mat", "npz", "npy"])
def test_label_vectors_are_read_where_there_are_any(kind, arrays, tmp_path):
    write(tmp_path, arrays, "mat")
    vectors = np.random.default_rng(0).normal(size=(8, 3))
    if kind == "mat":  # other variables do not matter where one is called inp
        scipy.io.savemat(tmp_path / "label_embedding.mat", {"inp": vectors, "adjacency": np.eye(8)})
    elif kind == "npz":
        np.savez(tmp_path / "label_embedding.npz", inp=vectors)
    else:
        np.save(tmp_path / "label_embedding.npy", vectors)
    assert_array_equal(load_feature_files(tmp_path, "test").label_embedding, vectors)


def test_label_vectors_must_fit_the_labels(arrays, tmp_path):
    write(tmp_path, arrays, "mat")
    np.save(tmp_path / "label_embedding.npy", np.ones((7, 3)))
    with pytest.raises(ValueError, match=r"label_embedding\.npy has 7 rows of label vectors, but there are 8 labels"):
        load_feature_files(tmp_path)


def test_rare_words_become_csr_and_counts_numbers(arrays, tmp_path):
    words = np.eye(40, 50, dtype=np.uint8)
    write(tmp_path, arrays | {("train", "txt"): words, ("train", "img"): np.arange(120).reshape(40, 3)}, "mat")
    pairs, _ = load_feature_files(tmp_path, return_X_y=True)
    assert sp.issparse(pairs.text) and pairs.text.dtype == pairs.image.dtype == np.float64
    assert_array_equal(pairs.text.toarray(), words)
    scipy.io.savemat(tmp_path / "train_txt.mat", {"train_txt": sp.csc_array(words.astype(float))})
    pairs, _ = load_feature_files(tmp_path, return_X_y=True)
    assert pairs.text.format == "csr" and (pairs.text.toarray() == words).all()


def test_one_class_a_row_is_flat(arrays, tmp_path):
    classes = np.arange(40).reshape(-1, 1) % 3 + 1
    write(tmp_path, arrays | {("train", "lab"): classes}, "mat")
    features = load_feature_files(tmp_path)
    assert_array_equal(features.labels, classes.ravel())
    assert features.label_names.tolist() == [1, 2, 3]


def test_a_name_decides_between_variables(arrays, tmp_path):
    write(tmp_path, arrays, "mat")
    image = arrays["train", "img"]
    scipy.io.savemat(tmp_path / "train_img.mat", {"train_img": image, "other": image[:5]})
    assert_array_equal(load_feature_files(tmp_path, return_X_y=True)[0].image, image)
    scipy.io.savemat(tmp_path / "train_img.mat", {"fc7": image, "layer": "fc7", "version": 2.0})  # one matrix only
    assert_array_equal(load_feature_files(tmp_path, return_X_y=True)[0].image, image)
    scipy.io.savemat(tmp_path / "train_img.mat", {"fc6": image, "fc7": image})
    with pytest.raises(ValueError, match=r"train_img\.mat has the variables \{'fc6': \(40.*'fc7': .*'train_img'"):
        load_feature_files(tmp_path)


def broken(folder, arrays, what):
    """Break one file; return what the message must say."""
    if what == "rows":
        np.save(folder / "train_txt.npy", arrays["train", "txt"][:-1])
        return r"train_txt\.npy has 39 rows but train_img\.npy has 40; row i"
    if what == "labels":
        np.save(folder / "train_lab.npy", 2 * arrays["train", "lab"])
        return r"train_lab\.npy holds other values than 0 and 1, from 0 to 2.*multi-hot"
    if what == "volume":
        np.save(folder / "train_img.npy", np.ones((40, 2, 2)))
        return r"train_img of .*train_img\.npy has shape \(40, 2, 2\); a matrix of numbers"
    if what == "strings":
        np.save(folder / "train_txt.npy", np.array(["a cat"] * 40))
        return r"train_txt of .* has shape \(40,\); a matrix of numbers"
    if what == "objects":
        np.save(folder / "train_txt.npy", np.array([None] * 40))
        return r"train_txt\.npy cannot be read as a \.npy file of numbers"
    if what == "two":
        np.savez(folder / "train_txt.npz", arrays["train", "txt"])
        return r"\['train_txt\.npz', 'train_txt\.npy'\]; leave one"
    (folder / "train_img.npy").unlink()
    if what == "hdf5":
        header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + struct.pack("<H", 0x0200) + b"IM"
        (folder / "train_img.mat").write_bytes(header + bytes(512))
        return r"train_img\.mat is a MATLAB 7\.3 \(HDF5\) file.*save\(\.\.\., '-v7'\).*np\.save\('train_img\.npy', h5py"
    if what == "no mat":
        (folder / "train_img.mat").write_bytes(b"not a matrix" * 50)
        return r"train_img\.mat cannot be read as a \.mat file"
    (folder / "train_img.npz").write_bytes(b"no archive")
    return r"train_img\.npz cannot be read as a \.npz file"


@pytest.mark.parametrize(
    "what", ["rows", "labels", "volume", "strings", "objects", "two", "hdf5", "no mat", "no archive"]
)
def test_mistakes_name_the_file_and_the_way_out(what, arrays, tmp_path):
    write(tmp_path, arrays, "npy")
    message = broken(tmp_path, arrays, what)
    with pytest.raises(ValueError, match=message):
        load_feature_files(tmp_path)


@pytest.mark.parametrize("kind", ["mat", "npz"])
@pytest.mark.parametrize("damaged", [lambda data: data[:1000], lambda data: data[:300] + bytes(300) + data[600:]])
def test_damaged_files_are_named(kind, damaged, arrays, tmp_path):
    write(tmp_path, arrays, "npy")
    (tmp_path / "train_img.npy").unlink()
    file = tmp_path / f"train_img.{kind}"
    if kind == "mat":
        scipy.io.savemat(file, {"train_img": arrays["train", "img"]}, do_compression=True)
    else:
        np.savez_compressed(file, train_img=arrays["train", "img"])
    file.write_bytes(damaged(file.read_bytes()))
    with pytest.raises(ValueError, match=rf"train_img\.{kind} cannot be read as a \.{kind} file of numbers"):
        load_feature_files(tmp_path)


def test_what_is_missing_is_named(arrays, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere is no folder; pass one that holds train_img"):
        load_feature_files(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"neither train_img, train_txt and train_lab .* nor one \.npz"):
        load_feature_files(tmp_path)
    write(tmp_path, arrays, "mat")
    (tmp_path / "test_lab.mat").unlink()
    assert len(load_feature_files(tmp_path).pairs) == 40
    with pytest.raises(FileNotFoundError, match=re.escape("has no test_lab; a .mat, .npz or .npy file")):
        load_feature_files(tmp_path, "test")
    with pytest.raises(ValueError, match="subset must be one of"):
        load_feature_files(tmp_path, "validation")


def test_training_and_test_rows_come_from_one_extraction(arrays, tmp_path):
    write(tmp_path, arrays | {("test", "img"): arrays["test", "img"][:, 1:]}, "npy")
    with pytest.raises(ValueError, match=r"training and test rows in .* have other widths"):
        load_feature_files(tmp_path, "all")


def test_two_bundles_are_ambiguous(arrays, tmp_path):
    write(tmp_path, arrays, "bundle")
    (tmp_path / "broken.npz").write_bytes(b"some other file")
    assert len(load_feature_files(tmp_path).pairs) == 40
    (tmp_path / "copy.npz").write_bytes((tmp_path / "all.npz").read_bytes())
    with pytest.raises(ValueError, match=r"img_train is in several files of .*\['all\.npz', 'copy\.npz'\]"):
        load_feature_files(tmp_path)
    (tmp_path / "copy.npz").unlink()
    np.savez(tmp_path / "all.npz", img_train=arrays["train", "img"], words=arrays["train", "txt"])
    with pytest.raises(ValueError, match=r"has the variables .* one matrix named 'txt_train'"):
        load_feature_files(tmp_path)


def test_a_research_set_in_one_file_reads_as_by_its_own_loader(data_home):
    features, corel = (
        load_feature_files(data_home / "corel5k_tags", "test"),
        load_corel5k_tags("test", data_home=data_home),
    )
    assert_array_equal(features.pairs.image, corel.pairs.image)
    assert_array_equal(features.pairs.text.toarray(), corel.pairs.text.toarray())
    assert_array_equal(features.labels, corel.labels)
