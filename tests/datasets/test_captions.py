"""Regions with captions in the published layout: every variant of the files reads the same, every mistake is named."""

import os
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

from skxmr import CCA, MeanRegions, PerModality
from skxmr._data.kinds import memory_map
from skxmr.datasets import load_captioned_regions, make_captioned_scenes

N, EACH, R, D = 10, 5, 4, 6
RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(N, R, D)).astype(np.float32)
CAPTIONS = [f"Caption {j} of image {i}: a café." for i in range(N) for j in range(EACH)]
LOW = RNG.uniform(0, 0.5, size=(N, R, 2))
BOXES = np.concatenate([LOW, LOW + RNG.uniform(0, 0.5, size=(N, R, 2))], axis=2)
SIZES = RNG.integers(200, 500, size=(N, 2))
PIXELS = BOXES * np.tile(SIZES, 2)[:, None]
IDS = [f"{i}.jpg" for i in range(N)]


@pytest.fixture
def folder(tmp_path):
    """Features and captions of a dev subset, in their folder."""
    (tmp_path / "set").mkdir()
    np.save(tmp_path / "set" / "dev_ims.npy", FEATURES)
    captions(tmp_path / "set", CAPTIONS)
    return tmp_path / "set"


def captions(folder, lines):
    (folder / "dev_caps.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def load(folder, **options):
    return load_captioned_regions("set", "dev", data_home=folder.parent, **options)


def test_images_are_held_once_on_disk(folder):
    loaded = load(folder)
    pairs, regions = loaded.pairs, loaded.pairs.image.view
    assert len(pairs) == N * EACH and regions.shape == (N, R, D)
    assert memory_map(regions.features) is not None and regions.dtype == np.float32
    assert_array_equal(regions.features, FEATURES)
    assert_array_equal(pairs.groups, np.repeat(np.arange(N), EACH))
    assert pairs.text.tokens(7) == ["caption", "2", "of", "image", "1", "a", "café"]
    assert loaded.image_ids is None and regions.boxes is None and regions.mask.all()
    assert loaded.DESCR == "Regions and captions of set, dev images; 5 captions per image."


def test_images_that_are_repeated_are_taken_once(folder):
    """As in some distributions: every image once for each of its captions, and its boxes and identifiers as well."""
    np.save(folder / "dev_boxes.npy", BOXES)
    (folder / "dev_ids.txt").write_text("\n".join(IDS))
    once = load(folder)
    np.save(folder / "dev_ims.npy", np.repeat(FEATURES, EACH, axis=0))
    for again in (False, True):
        twice = load(folder)
        assert memory_map(twice.pairs.image.view.features) is not None
        assert_array_equal(twice.pairs.image.view.features, FEATURES)
        assert_array_equal(twice.pairs.image.view.boxes, once.pairs.image.view.boxes)
        assert_array_equal(twice.pairs.groups, once.pairs.groups)
        assert twice.image_ids.tolist() == once.image_ids.tolist() == IDS
        if not again:
            np.save(folder / "dev_boxes.npy", np.repeat(BOXES, EACH, axis=0))
            (folder / "dev_ids.txt").write_text("\n".join(np.repeat(IDS, EACH)) + "\n")


def test_one_caption_an_image_is_no_repetition(folder):
    captions(folder, CAPTIONS[:N])
    loaded = load(folder)
    assert len(loaded.pairs) == N and loaded.pairs.image.view.shape == (N, R, D)
    assert_array_equal(loaded.pairs.groups, np.arange(N))
    same_first = FEATURES.copy()
    same_first[:5] = FEATURES[0]  # five that look alike are no proof
    np.save(folder / "dev_ims.npy", same_first)
    assert load(folder).pairs.image.view.shape == (N, R, D)
    captions(folder, CAPTIONS[: 3 * N])
    assert_array_equal(load(folder).pairs.groups, np.repeat(np.arange(N), 3))


def dictionaries(sizes):
    return np.array([{"image_w": int(w), "image_h": h} for w, h in sizes], dtype=object)


@pytest.mark.parametrize("kind", ["array", "floats", "dictionaries", "a row per caption"])
def test_boxes_in_pixels_are_divided_by_the_size(folder, kind):
    sizes = {
        "array": SIZES,
        "floats": SIZES.astype(np.float32),
        "dictionaries": dictionaries(SIZES),
        "a row per caption": np.repeat(SIZES, EACH, axis=0),
    }
    np.save(folder / "dev_img_sizes.npy", sizes[kind], allow_pickle=True)
    np.save(folder / "dev_boxes.npy", PIXELS.astype(np.float32))
    found = load(folder).pairs.image.view.boxes
    assert found.dtype == np.float32
    assert_allclose(found, BOXES, atol=1e-6)
    assert load(folder, boxes=False).pairs.image.view.boxes is None


def test_boxes_may_be_rounded_beyond_the_edge(folder):
    pixels = PIXELS.copy()
    pixels[3, 1] = [-0.6, 0, SIZES[3, 0] + 0.5, SIZES[3, 1] + 1]
    np.save(folder / "dev_boxes.npy", pixels)
    np.save(folder / "dev_img_sizes.npy", SIZES)
    assert_array_equal(load(folder).pairs.image.view.boxes[3, 1], [0, 0, 1, 1])


def test_captions_are_read_as_they_are_written(folder):
    text = "\ufeff" + "\r\n".join([" Ein Hund \u2028 läuft. ", *CAPTIONS[1:]])  # marked as UTF-8, lines of Windows
    (folder / "dev_caps.txt").write_bytes(text.encode())
    pairs = load(folder).pairs
    assert len(pairs) == N * EACH and pairs.text.tokens(0) == ["ein", "hund", "läuft"]


def test_the_folder_may_come_from_the_environment(folder, monkeypatch):
    monkeypatch.setenv("SKXMR_DATA", str(folder.parent))
    assert len(load_captioned_regions("set", "dev").pairs) == N * EACH
    assert len(load_captioned_regions("set", "dev", data_home=str(folder.parent)).pairs) == N * EACH


def test_what_is_loaded_can_be_learned_from(tmp_path):
    made = make_captioned_scenes(60, min_digits=3, max_digits=3, random_state=0)
    (tmp_path / "set").mkdir()
    np.save(tmp_path / "set" / "dev_ims.npy", made.regions)
    np.save(tmp_path / "set" / "dev_boxes.npy", made.boxes)
    captions(tmp_path / "set", made.sentences)
    pairs = load(tmp_path / "set").pairs
    assert list(pairs.text) == made.sentences.tolist()
    assert_array_equal(pairs.image.view.boxes, made.boxes)
    model = make_pipeline(PerModality(image=MeanRegions(), text=TfidfVectorizer()), CCA(5)).fit(pairs)
    assert model.score(pairs) > 0.4


@pytest.mark.parametrize("name", ["dev_ims.npy", "dev_caps.txt"])
def test_missing_files_are_named(folder, name, monkeypatch):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} does not exist; .* holds 'set'. Where to get it: .*SCAN"):
        load(folder)
    monkeypatch.delenv("SKXMR_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="no folder to read 'f30k_precomp' from; pass data_home="):
        load_captioned_regions()
    with pytest.raises(ValueError, match=re.escape("subset must be one of ['train', 'dev', 'test', 'testall']")):
        load_captioned_regions("set", "all", data_home=folder.parent)


class Crafted:
    """Is a type whose field lies far outside of it, which numpy would read there."""

    def __reduce__(self):
        state = (3, "|", None, ("a",), {"a": (np.dtype("i4"), 2**20)}, 8, 1, 0)
        return np.dtype, ("V8", False, True), state


class Runs:
    """What runs code when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("broken in",)


def save(folder, name, array):
    np.save(folder / f"dev_{name}.npy", array, allow_pickle=True)


BROKEN = {
    "a caption too few": (
        lambda folder: captions(folder, CAPTIONS[:-1]),
        r"dev_ims\.npy has 10 images for 49 captions; every image needs the same number",
    ),
    "fewer captions than images": (lambda folder: captions(folder, CAPTIONS[:5]), "10 images for 5 captions"),
    "no captions": (lambda folder: captions(folder, []), "10 images for 0 captions"),
    "an empty line": (
        lambda folder: captions(folder, [*CAPTIONS[:6], " ", *CAPTIONS[7:]]),
        r"line 7 of .*dev_caps\.txt has no words",
    ),
    "a line of signs": (lambda folder: captions(folder, [*CAPTIONS[:49], "..."]), "line 50 of .* has no words"),
    "latin letters": (
        lambda folder: (folder / "dev_caps.txt").write_bytes("\n".join(CAPTIONS).encode("latin1")),
        r"dev_caps\.txt is not in UTF-8: .*; save it in that encoding",
    ),
    "one vector per image": (
        lambda folder: save(folder, "ims", FEATURES[:, 0]),
        r"dev_ims\.npy holds float32 of shape \(10, 6\); numbers of shape \(images, regions, features\)",
    ),
    "no numbers": (lambda folder: save(folder, "ims", FEATURES.astype(str)), r"dev_ims\.npy holds <U32 of shape"),
    "objects": (lambda folder: save(folder, "ims", np.array([Runs()])), r"dev_ims\.npy cannot be read as a \.npy file"),
    "no array": (lambda folder: (folder / "dev_ims.npy").write_bytes(b"no array"), r"dev_ims\.npy cannot be read"),
    "a broken archive": (
        lambda folder: (folder / "dev_ims.npy").write_bytes(b"PK\x03\x04" + bytes(40)),
        r"dev_ims\.npy cannot be read as a \.npy file",
    ),
    "an archive": (
        lambda folder: (np.savez(folder / "all.npz", FEATURES), (folder / "all.npz").rename(folder / "dev_ims.npy")),
        r"dev_ims\.npy cannot be read as a \.npy file of numbers, as np.save writes it: it is an archive of numpy",
    ),
    "boxes of other images": (
        lambda folder: save(folder, "boxes", BOXES[:-1]),
        r"dev_boxes\.npy has 9 rows, but there are 10 images with 5 captions each; one per image",
    ),
    "boxes of other regions": (
        lambda folder: save(folder, "boxes", BOXES[:, 1:]),
        r"boxes are float64 of shape \(10, 3, 4",
    ),
    "boxes of five numbers": (
        lambda folder: save(folder, "boxes", np.ones((N, R, 5))),
        r"dev_boxes\.npy is of shape \(10, 4, 5\); \(images, regions, 4\) is wanted",
    ),
    "no sizes": (
        lambda folder: save(folder, "boxes", PIXELS),
        r"in pixels, but there is no dev_img_sizes\.npy with width and height.*or pass boxes=False",
    ),
    "boxes that leave": (
        lambda folder: (save(folder, "boxes", PIXELS), save(folder, "img_sizes", SIZES // 3)),
        r"boxes of image \d in .* lie between \[.*\] and \[.*\], but dev_img_sizes\.npy says that it is \d+ wide",
    ),
    "boxes left of it": (
        lambda folder: (save(folder, "boxes", PIXELS - 9 * (PIXELS < 9)), save(folder, "img_sizes", SIZES)),
        r"boxes of image \d in .* lie between \[-",
    ),
    "sizes of other images": (
        lambda folder: (save(folder, "boxes", PIXELS), save(folder, "img_sizes", SIZES[1:])),
        r"dev_img_sizes\.npy has 9 rows, but there are 10 images",
    ),
    "sizes of three numbers": (
        lambda folder: (save(folder, "boxes", PIXELS), save(folder, "img_sizes", np.ones((N, 3)))),
        r"dev_img_sizes\.npy is of shape \(10, 3\); positive widths and heights",
    ),
    "sizes of nothing": (
        lambda folder: (save(folder, "boxes", PIXELS), save(folder, "img_sizes", 0 * SIZES)),
        "positive widths and heights",
    ),
    "other dictionaries": (
        lambda folder: (save(folder, "boxes", PIXELS), save(folder, "img_sizes", np.array([{"w": 1}] * N))),
        r"cannot be read as widths and heights: 'image_w'\. An array \(images, 2\) is wanted",
    ),
    "sizes that run code": (
        lambda folder: (save(folder, "boxes", PIXELS), save(folder, "img_sizes", np.array([Runs()] * N))),
        r"cannot be read as widths and heights: it holds a \w+\.mkdir",
    ),
    "sizes that numpy must not make": (
        lambda folder: (save(folder, "boxes", PIXELS), save(folder, "img_sizes", np.array([Crafted()] * N))),
        "cannot be read as widths and heights",
    ),
    "sizes without a header": (
        lambda folder: (save(folder, "boxes", PIXELS), (folder / "dev_img_sizes.npy").write_bytes(b"")),
        "cannot be read as widths and heights",
    ),
    "identifiers of others": (
        lambda folder: (folder / "dev_ids.txt").write_text("1\n2\n"),
        r"dev_ids\.txt has 2 rows, but there are 10 images",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_mistakes_name_the_file_and_the_way_out(what, folder, monkeypatch):
    monkeypatch.chdir(folder)
    change, message = BROKEN[what]
    change(folder)
    with pytest.raises(ValueError, match=message):
        load(folder)
    assert not (folder / "broken in").exists()
