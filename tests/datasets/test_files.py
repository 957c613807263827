"""Files of arrays, wherever they are read: messages name the file, what was wanted, and what was found instead."""

import io
import pickle
import re
import warnings
import zipfile
from contextlib import suppress

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp
from numpy.testing import assert_array_equal

from skxmr import MLCCA
from skxmr.datasets import (
    load_captioned_regions,
    load_corel5k_tags,
    load_feature_files,
    load_mirflickr_tags,
    load_wikipedia,
    make_multilabel_pairs,
)

PAIRS, LABELS = make_multilabel_pairs(60, random_state=0)
VIEWS = {"img": PAIRS.image, "txt": PAIRS.text, "lab": LABELS}
SIZES = {"train": slice(0, 40), "test": slice(40, 60)}


@pytest.fixture
def home(tmp_path):
    """A folder of features in .npy files."""
    for subset, rows in SIZES.items():
        for part, view in VIEWS.items():
            np.save(tmp_path / f"{subset}_{part}.npy", view[rows])
    return tmp_path


def replaced(home, name, data):
    """Write bytes in place of the images of the training rows."""
    (home / "train_img.npy").unlink()
    (home / name).write_bytes(data)


def saved(home, save, suffix):
    """Return what a function writes to a file."""
    file = home / f"written{suffix}"
    save(file)
    data = file.read_bytes()
    file.unlink()
    return data


WRITTEN = {
    "npy": lambda home: saved(home, lambda file: np.save(file, PAIRS.image[:40]), ".npy"),
    "npz": lambda home: saved(home, lambda file: np.savez(file, a=PAIRS.image[:40]), ".npz"),
    "mat": lambda home: saved(home, lambda file: scipy.io.savemat(file, {"a": PAIRS.image[:40]}), ".mat"),
    "hdf5": lambda home: b"\x89HDF\r\n\x1a\n" + bytes(99),
    "a pickle": lambda home: pickle.dumps(PAIRS.image),
    "a web page": lambda home: b"<!DOCTYPE html><html><title>404 Not Found</title>",
    "a pointer": lambda home: b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 9\n",
    "json": lambda home: b'{"img": [[1, 2]]}',
    "csv": lambda home: b"a,b\n1,2\n",
    "gzip": lambda home: b"\x1f\x8b\x08" + bytes(60),
    "nothing": lambda home: b"",
}
IS = {
    "npy": r"it is an array of numpy \(\.npy\)",
    "npz": r"it is an archive of numpy \(\.npz\)",
    "mat": "it is a MATLAB file",
    "hdf5": "it is an HDF5 file",
    "a pickle": "it is a pickle of Python, which could run code",
    "a web page": "it is a web page, which a failed download often leaves",
    "a pointer": "it is a pointer of Git LFS",
    "json": "it is text that looks like JSON",
    "csv": "it is text that starts with 'a,b'",
    "gzip": "it is a gzip archive",
    "nothing": "it is empty",
}


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".mat"])
@pytest.mark.parametrize("kind", IS)
def test_a_file_of_another_kind_is_named(suffix, kind, home):
    if f".{kind}" == suffix or (kind, suffix) == ("hdf5", ".mat"):
        return
    replaced(home, f"train_img{suffix}", WRITTEN[kind](home))
    with pytest.raises(
        ValueError, match=rf"train_img\{suffix} cannot be read as a \{suffix} file .*: ({IS[kind]})"
    ) as caught:
        load_feature_files(home)
    assert "allow_pickle" not in str(caught.value)


@pytest.mark.parametrize("kind", ["npy", "npz", "mat"])
@pytest.mark.parametrize("part", [0.02, 0.1, 0.5, 0.9, 0.999])
def test_a_download_that_ended_early_is_named(kind, part, home):
    data = WRITTEN[kind](home)
    replaced(home, f"train_img.{kind}", data[: int(part * len(data))])
    with pytest.raises(
        ValueError, match=rf"train_img\.{kind} cannot be read as a \.{kind} file of numbers, as .* writes"
    ):
        load_feature_files(home)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize(
    "objects", [np.array([None] * 40), np.array([[1, "a"]] * 40, dtype=object), sp.csr_array(np.eye(40))]
)
def test_objects_are_named_and_not_loaded(suffix, objects, home):
    (home / "train_img.npy").unlink()
    if suffix == ".npy":
        np.save(home / "train_img.npy", objects, allow_pickle=True)
    else:
        np.savez(home / "train_img.npz", data=objects)
    with pytest.raises(
        ValueError, match=r"holds Python objects instead of numbers; .* scipy\.sparse\.save_npz"
    ) as caught:
        load_feature_files(home)
    assert f"train_img{suffix}" in str(caught.value) and "pickle" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("compressed", [False, True])
def test_variables_of_every_kind_may_stand_beside_the_matrix(compressed, home):
    image = PAIRS.image[:40]
    cells = np.array([["a", np.eye(2)], [1 + 2j, sp.csc_matrix(np.eye(3))]], dtype=object)
    others = {
        "a": "text",
        "b": {"x": 1, "y": {"z": [1, 2]}},
        "c": cells,
        "d": image + 1j,
        "e": np.zeros((0, 3)),
        "f": True,
    }
    (home / "train_img.npy").unlink()
    scipy.io.savemat(home / "train_img.mat", {**others, "train_img": image, "s": sp.eye(3)}, do_compression=compressed)
    assert_array_equal(load_feature_files(home).pairs.image, image)
    scipy.io.savemat(home / "train_img.mat", {"train_img": image.astype("f4")}, format="4")
    assert_array_equal(load_feature_files(home).pairs.image, image.astype("f4"))


@pytest.mark.parametrize("view", [PAIRS.image[:40], sp.csc_matrix(PAIRS.image[:40])], ids=["dense", "sparse"])
def test_holes_in_matlab_files_do_not_end_the_process(view, home):
    (home / "train_img.npy").unlink()
    file = home / "train_img.mat"
    scipy.io.savemat(file, {"train_img": view, "a": {"x": [1, 2]}})
    data = file.read_bytes()
    for start in range(128, 320, 4):
        file.write_bytes(data[:start] + bytes(8) + data[start + 8 :])
        with suppress(ValueError):
            load_feature_files(home)
    file.write_bytes(data[:176] + bytes(400) + data[576:])
    with pytest.raises(ValueError, match=r"train_img\.mat cannot be read .* byte [0-9]+ begins an element of type 0"):
        load_feature_files(home)


def test_objects_beside_the_matrix_do_no_harm(home):
    (home / "train_img.npy").unlink()
    np.savez(home / "train_img.npz", fc7=PAIRS.image[:40], names=np.array(["a", None] * 20, dtype=object))
    assert_array_equal(load_feature_files(home).pairs.image, PAIRS.image[:40])


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr", "dia"])
def test_sparse_matrices_of_scipy_are_read(kind, home):
    for part, view in VIEWS.items():
        (home / f"train_{part}.npy").unlink()
        sp.save_npz(home / f"train_{part}.npz", sp.csr_matrix(view[:40]).asformat(kind))
    sp.save_npz(home / "label_embedding.npz", sp.csr_array(np.eye(8)).asformat(kind))
    loaded = load_feature_files(home)
    assert loaded.pairs.text.format == "csr"
    assert_array_equal(loaded.pairs.image, PAIRS.image[:40])
    assert_array_equal(loaded.pairs.text.toarray(), PAIRS.text[:40])
    assert_array_equal(loaded.labels, LABELS[:40])
    assert_array_equal(loaded.label_embedding, np.eye(8))


@pytest.mark.parametrize("indices", [[0, 1, 99], [0, 1, -1]])
def test_sparse_matrices_with_wrong_indices_are_refused(indices, home):
    (home / "train_txt.npy").unlink()
    matrix = {"indices": indices, "indptr": np.r_[0, np.full(40, 3)], "data": np.ones(3), "shape": (40, 30)}
    np.savez(home / "train_txt.npz", format=b"csr", **matrix)
    with pytest.raises(ValueError, match=r"train_txt\.npz cannot be read .*: it is cut off or damaged"):
        load_feature_files(home)


@pytest.mark.parametrize("rare", [0.08, 0.12])
def test_all_parts_are_sparse_or_none_is(rare, home):
    text = {"train": np.zeros((40, 50)), "test": np.zeros((20, 50))}
    text["train"].flat[: int(0.09 * 2000)] = 1
    text["test"].flat[: int((0.08 if rare < 0.1 else 0.14) * 1000)] = 1
    for subset, view in text.items():
        np.save(home / f"{subset}_txt.npy", view)
    for _ in range(2):
        everything = load_feature_files(home, "all")
        whole = np.concatenate(list(text.values()))
        assert sp.issparse(everything.pairs.text) == (np.count_nonzero(whole) < 0.1 * whole.size)
        assert_array_equal(np.asarray(sp.csr_array(everything.pairs.text).toarray()), whole)
        # The same the other way round.
        text = {"train": np.vstack([text["test"], text["test"]]), "test": text["train"][:20]}
        for subset, view in text.items():
            np.save(home / f"{subset}_txt.npy", view)


def test_a_sparse_file_beside_a_dense_one_makes_both_sparse(home):
    (home / "train_txt.npy").unlink()
    sp.save_npz(home / "train_txt.npz", sp.csr_array(PAIRS.text[:40]))
    text = load_feature_files(home, "all").pairs.text
    assert text.format == "csr"
    assert_array_equal(text.toarray(), PAIRS.text)


@pytest.mark.parametrize("subset", ["train", "test", "all"])
def test_wide_sparse_images_stay_sparse(subset, home):
    """An array of so many hashed features would need terabytes."""
    places = np.arange(60), np.arange(60) * 2**28
    wide = sp.csr_array((np.arange(1, 61, dtype=np.float32), places), shape=(60, 2**34))
    for name, rows in SIZES.items():
        (home / f"{name}_img.npy").unlink()
        sp.save_npz(home / f"{name}_img.npz", wide[rows])
    image = load_feature_files(home, subset).pairs.image
    assert image.format == "csr" and image.dtype == np.float32
    assert (image != {**{name: wide[rows] for name, rows in SIZES.items()}, "all": wide}[subset]).nnz == 0


def test_images_of_all_parts_are_sparse_or_none_is(home):
    """A sparse file beside a dense one is read as the one or the other kind, whichever suits both."""
    (home / "train_img.npy").unlink()
    sp.save_npz(home / "train_img.npz", sp.csr_array(VIEWS["img"][:40]))
    image = load_feature_files(home, "all").pairs.image
    assert isinstance(image, np.ndarray)
    assert_array_equal(image, PAIRS.image)
    rare = np.where(np.arange(1200).reshape(60, 20) % 13 == 0, PAIRS.image, 0)
    sp.save_npz(home / "train_img.npz", sp.csr_array(rare[:40]))
    np.save(home / "test_img.npy", rare[40:])
    image = load_feature_files(home, "all").pairs.image
    assert image.format == "csr"
    assert_array_equal(image.toarray(), rare)
    # An array on disk stays one, and stays on disk.
    assert isinstance(load_feature_files(home, "test").pairs.image, np.memmap)


def test_sparse_labels_that_do_not_fit_into_memory_are_named(home):
    labels = sp.csr_array(([1], ([0], [0])), shape=(40, 2**45))
    (home / "train_lab.npy").unlink()
    sp.save_npz(home / "train_lab.npz", labels)
    with pytest.raises(MemoryError, match=r"train_lab\.npz is a sparse matrix of shape \(40, \d+\), .* needs .* GiB"):
        load_feature_files(home)


def test_a_model_takes_the_one_form_after_the_other():
    fitted = MLCCA().fit(PAIRS, LABELS)
    wanted = fitted.score(PAIRS, LABELS)
    assert fitted.score(PAIRS.replace(text=sp.csr_array(PAIRS.text)), LABELS) == pytest.approx(wanted)


@pytest.mark.parametrize("part", ["img", "txt"])
def test_nan_in_views_is_named(part, home):
    view = VIEWS[part][:40].copy()
    view[3, :2] = np.nan, np.inf
    np.save(home / f"train_{part}.npy", view)
    with pytest.warns(UserWarning, match=rf"train_{part}\.npy holds 2 NaN or infinite numbers, which.*SimpleImputer"):
        pairs, _ = load_feature_files(home, return_X_y=True)
    assert len(pairs) == 40


def test_nan_in_labels_and_their_vectors_is_refused(home):
    labels = LABELS[:40].astype(float)
    labels[5, 0] = np.nan
    np.save(home / "train_lab.npy", labels)
    with pytest.raises(ValueError, match=r"train_lab\.npy holds 1 NaN or infinite numbers; labels are multi-hot"):
        load_feature_files(home)
    np.save(home / "label_embedding.npy", np.full((8, 2), np.inf))
    with pytest.raises(ValueError, match=r"label_embedding\.npy holds 16 NaN or infinite numbers"):
        load_feature_files(home, "test")


def test_what_a_folder_holds_is_named(home):
    (home / "train_img.npy").rename(home / "train_img.csv")
    with pytest.raises(
        FileNotFoundError, match=r"has no train_img; a \.mat, \.npz or \.npy .* It holds .*train_img\.csv"
    ):
        load_feature_files(home)
    (home / "train_img.npy").mkdir()
    with pytest.raises(FileNotFoundError, match=r"has no train_img; .*train_img\.npy \(a folder\)"):
        load_feature_files(home)
    with pytest.raises(FileNotFoundError, match=r"train_lab\.npy is no folder; pass one that holds train_img"):
        load_feature_files(home / "train_lab.npy")


def test_a_damaged_archive_is_named_where_the_only_one_is_missing(tmp_path):
    (tmp_path / "all.npz").write_bytes(b"PK\x03\x04" + bytes(90))
    with pytest.raises(FileNotFoundError, match=r"nor one \.npz .* It holds all\.npz \(.*\)"):
        load_feature_files(tmp_path)
    (tmp_path / "all.npz").unlink()
    with pytest.raises(FileNotFoundError, match="It holds nothing"):
        load_feature_files(tmp_path)


def test_suffixes_in_capitals_are_read(home):
    (home / "train_img.npy").rename(home / "train_img.NPY")
    assert_array_equal(load_feature_files(home).pairs.image, PAIRS.image[:40])


TAGS = {
    "corel5k_tags/corel5k_tags.npz": load_corel5k_tags,
    "mirflickr_tags/mirflickr_tagsplit.npz": load_mirflickr_tags,
}
ARRAYS = {f"{part}_{subset}": np.eye(6, 24) for subset in SIZES for part in VIEWS}


@pytest.mark.parametrize("name", TAGS)
def test_files_of_tags_are_named(name, tmp_path):
    file = tmp_path / name
    file.parent.mkdir()
    np.savez(file, **ARRAYS)
    assert len(TAGS[name]("all", data_home=tmp_path).pairs) == 12
    data = file.read_bytes()
    for wrong in (data[:-50], b"<html>", b"", b"\x80\x04N."):
        file.write_bytes(wrong)
        with pytest.raises(ValueError, match=rf"{file.name} cannot be read as a \.npz file of numbers") as caught:
            TAGS[name](data_home=tmp_path)
        assert "allow_pickle" not in str(caught.value)
    np.savez(file, **{key: value for key, value in ARRAYS.items() if key != "txt_test"})
    with pytest.raises(ValueError, match=rf"{file.name} has the variables .* one matrix named 'txt_test'"):
        TAGS[name](data_home=tmp_path)
    np.savez(file, **{**ARRAYS, "lab_test": np.eye(5, 24)})
    with pytest.raises(ValueError, match=rf"lab_test of {file.name} has 5 rows but img_test of {file.name} has 6"):
        TAGS[name](data_home=tmp_path)
    file.unlink()
    file.mkdir()
    with pytest.raises(FileNotFoundError, match=f"{file.name} is a folder, not a file"):
        TAGS[name](data_home=tmp_path)


def wikipedia(home):
    folder = home / "wikipedia"
    folder.mkdir()
    views = {f"{view}_{part}": np.ones((4, 3)) for view in ("I", "T", "T_tfidf") for part in ("tr", "te")}
    scipy.io.savemat(folder / "raw_features_with_tfidf.mat", views)
    for subset in SIZES:
        (folder / f"{subset}set_txt_img_cat.list").write_text("a\tb\t1\nc\td\t2\n" * 2)
    (folder / "categories.list").write_text("art\nmusic\n")
    return folder


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("raw_features_with_tfidf.mat", b"<html>", r"raw_features_with_tfidf\.mat cannot be read as a \.mat file"),
        (
            "trainset_txt_img_cat.list",
            b"a\tb\n",
            r"line 1 of .*trainset_txt_img_cat\.list is 'a.*tb'; .* class from 1 to 2",
        ),
        ("trainset_txt_img_cat.list", b"a\tb\t3\n", "line 1 of .* a class from 1 to 2"),
        ("testset_txt_img_cat.list", b"a\tb\tx\n", r"line 1 of .*testset_txt_img_cat\.list"),
        ("testset_txt_img_cat.list", b"a\tb\t1\n", r"testset_txt_img_cat\.list has 1 rows but I_te has 4"),
        ("categories.list", "caf\xe9".encode("latin-1"), r"categories\.list is not in UTF-8"),
    ],
)
def test_files_of_wikipedia_are_named(name, data, message, tmp_path):
    folder = wikipedia(tmp_path)
    assert load_wikipedia(data_home=tmp_path).labels.tolist() == ["art", "music"] * 2
    (folder / name).write_bytes(data)
    with pytest.raises(ValueError, match=message):
        load_wikipedia("all", data_home=tmp_path)


def test_a_variable_that_is_missing_in_wikipedia_is_named(tmp_path):
    folder = wikipedia(tmp_path)
    scipy.io.savemat(folder / "raw_features_with_tfidf.mat", {"I_tr": np.ones((4, 3))})
    with pytest.raises(ValueError, match=r"raw_features_with_tfidf\.mat has the variables .* one matrix named 'T_tr'"):
        load_wikipedia(data_home=tmp_path)


def regions(home, lines, n=4):
    folder = home / "mine"
    folder.mkdir(exist_ok=True)
    np.save(folder / "test_ims.npy", np.random.default_rng(0).normal(size=(n, 2, 3)))
    (folder / "test_caps.txt").write_text("".join(f"{line}\n" for line in lines))
    return folder


def test_missing_captions_are_named_or_skipped(tmp_path):
    lines = ["a dog", "", "two cats", "...", " ", "\t", "a cow", "a hen"]
    regions(tmp_path, lines)
    with pytest.raises(
        ValueError,
        match=r"line 2 of .*test_caps\.txt has no words \(neither have 3 more lines, such as 4\).*missing_captions=",
    ):
        load_captioned_regions("mine", "test", data_home=tmp_path)
    with pytest.raises(ValueError, match=re.escape("missing_captions must be one of ['error', 'skip']")):
        load_captioned_regions("mine", "test", data_home=tmp_path, missing_captions="ignore")
    pairs = load_captioned_regions("mine", "test", data_home=tmp_path, missing_captions="skip").pairs
    assert list(pairs.text) == ["a dog", "two cats", "a cow", "a hen"]
    assert pairs.groups.tolist() == [0, 1, 3, 3]
    assert pairs.image.view.shape == (4, 2, 3)


def test_skipping_changes_nothing_where_no_caption_is_missing(tmp_path):
    regions(tmp_path, [f"caption {i}" for i in range(8)])
    found = [
        load_captioned_regions("mine", "test", data_home=tmp_path, missing_captions=missing).pairs
        for missing in ("error", "skip")
    ]
    assert list(found[0].text) == list(found[1].text)
    assert found[0].groups.tolist() == found[1].groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    "end", [b"\n\n\n", b"\r\n\r\n", b"\n \n\t\n", b"\n"], ids=["blank", "Windows", "white space", "none"]
)
@pytest.mark.parametrize("missing", ["error", "skip"])
def test_lines_after_the_last_caption_are_none(end, missing, tmp_path):
    folder = regions(tmp_path, [])
    (folder / "test_caps.txt").write_bytes(b"\n".join(b"caption %d" % i for i in range(8)) + end)
    pairs = load_captioned_regions("mine", "test", data_home=tmp_path, missing_captions=missing).pairs
    assert list(pairs.text) == [f"caption {i}" for i in range(8)]


def test_the_last_caption_may_be_missing(tmp_path):
    regions(tmp_path, [*(f"caption {i}" for i in range(7)), ""])
    with pytest.raises(ValueError, match=r"line 8 of .*test_caps\.txt has no words; line i is caption i"):
        load_captioned_regions("mine", "test", data_home=tmp_path)
    pairs = load_captioned_regions("mine", "test", data_home=tmp_path, missing_captions="skip").pairs
    assert pairs.groups.tolist() == [0, 0, 1, 1, 2, 2, 3]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_every_system_are_captions(end, tmp_path):
    folder = regions(tmp_path, [])
    sentences = ["a\u2028b", "a\x0bb", *(f"caption {i}" for i in range(6))]
    (folder / "test_caps.txt").write_bytes(b"\xef\xbb\xbf" + end.join(sentences).encode())
    assert list(load_captioned_regions("mine", "test", data_home=tmp_path).pairs.text)[2:] == sentences[2:]


def test_other_arguments_and_ids_of_captions_are_named(tmp_path):
    folder = regions(tmp_path, [f"caption {i}" for i in range(8)])
    with pytest.raises(ValueError, match="boxes must be True or False; got 'no'"):
        load_captioned_regions("mine", "test", data_home=tmp_path, boxes="no")
    with pytest.raises(TypeError, match="name must be a path, as a string"):
        load_captioned_regions(None, "test", data_home=tmp_path)
    (folder / "test_ids.txt").write_text("1\n\n3\n4\n")
    with pytest.raises(ValueError, match=r"image 1 has an empty id in .*test_ids\.txt"):
        load_captioned_regions("mine", "test", data_home=tmp_path)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"<!DOCTYPE html><html></html>", "a web page, which a failed download often leaves"),
        (b"version https://git-lfs.github.com/spec/v1\noid 1\n", "a pointer of Git LFS"),
        (b'["a dog", "a cat"]', "text that looks like JSON"),
        (b"\x80\x04K\x00.", "a pickle of Python"),
    ],
)
def test_what_is_no_file_of_captions_is_named(data, what, tmp_path):
    folder = regions(tmp_path, [])
    (folder / "test_caps.txt").write_bytes(data)
    with pytest.raises(ValueError, match=rf"test_caps\.txt is {what}.*, but lines of text in UTF-8 are wanted"):
        load_captioned_regions("mine", "test", data_home=tmp_path)
    (folder / "test_caps.txt").write_bytes("caf\xe9\n".encode("latin-1"))
    with pytest.raises(
        ValueError, match=r"test_caps\.txt is not in UTF-8: .* position 3.*; save it in that encoding\.$"
    ):
        load_captioned_regions("mine", "test", data_home=tmp_path)


def test_archives_that_do_not_fit_into_memory_are_not_called_damaged(home, monkeypatch):
    (home / "train_img.npy").unlink()
    np.savez(home / "train_img.npz", train_img=PAIRS.image[:40])

    def no_memory(opened, **options):
        raise MemoryError("Unable to allocate 9 TiB")

    monkeypatch.setattr(np.lib.format, "read_array", no_memory)
    with pytest.raises(MemoryError, match=r"train_img\.npz is too large for the memory.* a \.npy file stay on disk"):
        load_feature_files(home)


def test_an_archive_with_fewer_numbers_than_announced_is_damaged(home):
    (home / "train_img.npy").unlink()
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**12, 3)})
    with zipfile.ZipFile(home / "train_img.npz", "w") as archive:
        archive.writestr("train_img.npy", header.getvalue() + bytes(100))
    with pytest.raises(ValueError, match=r"train_img\.npz cannot be read .*: it is cut off or damaged .*fewer numbers"):
        load_feature_files(home)


def test_files_of_captions_are_named(tmp_path):
    folder = regions(tmp_path, ["a dog"] * 8)
    (folder / "test_caps.txt").write_bytes(b"\x1f\x8b\x08\xff" + bytes(50))
    with pytest.raises(ValueError, match=r"test_caps\.txt is a gzip archive, but lines of text in UTF-8 are wanted"):
        load_captioned_regions("mine", "test", data_home=tmp_path)
    (folder / "test_caps.txt").write_bytes("a dog\n".encode("utf-16"))
    with pytest.raises(ValueError, match=r"test_caps\.txt is text in UTF-16; save it in UTF-8"):
        load_captioned_regions("mine", "test", data_home=tmp_path)
    (folder / "test_caps.txt").unlink()
    (folder / "test_caps.txt").mkdir()
    with pytest.raises(FileNotFoundError, match=r"test_caps\.txt is a folder, not a file"):
        load_captioned_regions("mine", "test", data_home=tmp_path)


def test_reading_gives_no_warning(home):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_feature_files(home, "all")
