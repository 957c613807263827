"""The rule of every image mode, pixel by pixel, and what is said about images that cannot be read."""

import io

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from PIL import Image
from torchvision.transforms import v2

from skxmr import Pairs
from skxmr.features.images import image_rows, read_image

GREY = np.array([[0, 128, 255]], np.uint8)
COLOUR = np.arange(36, dtype=np.uint8).reshape(3, 4, 3) * 7
WHITE, BLACK, RED = (255, 255, 255), (0, 0, 0), (255, 0, 0)


def pixels(row):
    image = read_image(row)
    assert image.mode == "RGB"
    return np.asarray(image)


def with_alpha(mode, *values):
    image = Image.new(mode, (len(values), 1))
    image.putdata(values)
    return image


def palette(transparent=None):
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *BLACK])
    image.putpixel((1, 0), 1)
    if transparent is not None:
        image.info["transparency"] = transparent
    return image


def saved(image, kind, **options):
    """Through a file's bytes and back, as PIL opens it."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return Image.open(file)


def sixteen(mode, values):
    return Image.frombytes(mode, (len(values), 1), np.array(values, ">u2" if mode.endswith("B") else "<u2").tobytes())


RULES = {
    "RGB": (Image.fromarray(COLOUR), COLOUR.tolist()),
    "grey": (Image.fromarray(GREY), [[[v] * 3 for v in (0, 128, 255)]]),
    "1-bit": (Image.fromarray(GREY > 0), [[BLACK, WHITE, WHITE]]),
    "palette": (palette(), [[RED, BLACK]]),
    "palette, transparent entry": (saved(palette(), "GIF", transparency=1), [[RED, WHITE]]),
    "palette, alpha per entry": (palette(bytes([255, 128])), [[RED, (127,) * 3]]),
    "RGBA": (with_alpha("RGBA", (*RED, 255), (*RED, 0), (*BLACK, 128)), [[RED, WHITE, (127,) * 3]]),
    "LA": (saved(with_alpha("LA", (0, 255), (0, 0), (0, 128)), "PNG"), [[BLACK, WHITE, (127,) * 3]]),
    "RGB with a key": (saved(Image.new("RGB", (1, 1), RED), "PNG", transparency=RED), [[WHITE]]),
    "CMYK": (with_alpha("CMYK", (0, 0, 0, 0), (0, 255, 255, 0), (0, 0, 0, 255)), [[WHITE, RED, BLACK]]),
    "CMYK JPEG": (saved(Image.new("CMYK", (1, 1)), "JPEG"), [[WHITE]]),
    "YCbCr": (with_alpha("YCbCr", (255, 128, 128), (0, 128, 128)), [[WHITE, BLACK]]),
    "LAB": (Image.new("LAB", (1, 1), (255, 128, 128)), [[(254, 255, 254)]]),
    "I;16": (sixteen("I;16", [0, 257 * 100, 65535]), [[BLACK, (100,) * 3, WHITE]]),
    "I;16B": (sixteen("I;16B", [0, 257 * 100, 65535]), [[BLACK, (100,) * 3, WHITE]]),
    "16-bit PNG": (saved(sixteen("I;16", [257 * 3, 65535]), "PNG"), [[(3,) * 3, WHITE]]),
    "I": (Image.fromarray(np.array([[257, 65535]], np.int32)), [[(1,) * 3, WHITE]]),
    "F": (Image.fromarray(np.array([[0.2, 1.0]], np.float32)), [[(51,) * 3, WHITE]]),
    "1 x 1": (Image.new("L", (1, 1), 7), [[(7, 7, 7)]]),
    "array": (COLOUR, COLOUR.tolist()),
    "array of floats": (COLOUR / 255, COLOUR.tolist()),
    "array of float16": (np.ones((1, 1), np.float16), [[WHITE]]),
    "array of 16 bits": (np.array([[0, 65535, 257 * 9]], np.uint16), [[BLACK, WHITE, (9,) * 3]]),
    "array of booleans": (np.array([[True, False]]), [[WHITE, BLACK]]),
    "array with one channel": (GREY[..., None], [[[v] * 3 for v in (0, 128, 255)]]),
    "array with four channels": (np.array([[[0, 0, 0, 0], [0, 0, 0, 255]]], np.uint8), [[WHITE, BLACK]]),
    "array with strides": (COLOUR[::-1, ::2], COLOUR[::-1, ::2].tolist()),
}


@pytest.mark.parametrize("mode", RULES)
def test_every_mode_has_its_rule(mode):
    image, expected = RULES[mode]
    assert_array_equal(pixels(image), expected)


@pytest.mark.parametrize("mode", ["palette, transparent entry", "LA", "RGBA", "16-bit PNG", "grey", "1-bit"])
def test_files_follow_the_same_rules(mode, tmp_path):
    image, expected = RULES[mode]
    image.save(tmp_path / "image.png")
    assert_array_equal(pixels(tmp_path / "image.png"), expected)
    assert_array_equal(pixels(str(tmp_path / "image.png")), expected)


def test_exif_turns_the_image(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held to the right
    Image.fromarray(COLOUR).save(tmp_path / "turned.png", exif=exif)
    assert_array_equal(pixels(tmp_path / "turned.png"), np.rot90(COLOUR, -1))
    with Image.open(tmp_path / "turned.png") as image:
        assert_array_equal(pixels(image), np.rot90(COLOUR, -1))


def test_an_animation_is_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (2, 2), colour) for colour in (RED, BLACK)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert_array_equal(pixels(tmp_path / "moving.gif"), [[RED, RED]] * 2)


def test_images_are_not_modified():
    image = Image.fromarray(COLOUR)
    read_image(image).putpixel((0, 0), WHITE)
    assert_array_equal(np.asarray(image), COLOUR)
    array = COLOUR.copy()
    read_image(array).putpixel((0, 0), WHITE)
    assert_array_equal(array, COLOUR)


@pytest.mark.parametrize(("size", "left"), [((1, 9999), (1, 17)), ((9998, 1), (16, 1)), ((20, 2), (20, 2))])
def test_very_long_images_keep_their_centre(size, left):
    ramp = np.arange(max(size)).reshape(size[::-1]) if min(size) == 1 else np.zeros(size[::-1])
    image = read_image((ramp % 256).astype(np.uint8))
    assert image.size == left
    if min(size) == 1:
        start = (max(size) - max(left)) // 2
        assert_array_equal(np.asarray(image)[..., 0].ravel(), np.arange(start, start + max(left)) % 256)


def test_cutting_long_images_does_not_show():
    ramp = Image.fromarray((np.indices((3, 200))[1] % 50 * 5).astype(np.uint8)).convert("RGB")
    prepare = v2.Compose([v2.Resize(256), v2.CenterCrop(224)])
    difference = np.asarray(prepare(ramp), float) - np.asarray(prepare(read_image(ramp)), float)
    assert np.abs(difference).max() <= 1


def broken(tmp_path, name):
    path = tmp_path / name
    content = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)).save(content, name[-3:])
    path.write_bytes({"e": b"", "t": b"not an image", "c": content.getvalue()[:900]}[name[0]])
    return path


@pytest.mark.parametrize("name", ["empty.png", "text.png", "cut.png", "cut.bmp", "cut.gif", "cut.ppm"])
def test_broken_files_are_named(name, tmp_path):
    path = broken(tmp_path, name)
    with pytest.raises(ValueError, match=rf"row 7 of X, '.*{name}', cannot be read as an image \(.*replace it or drop"):
        read_image(path, "row 7 of X")


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"row 2 of X, '.*no\.png', does not exist; correct the path or drop"):
        read_image(tmp_path / "no.png", "row 2 of X")
    with pytest.raises(FileNotFoundError, match="is a folder"):
        read_image(str(tmp_path))


def test_images_with_too_many_pixels_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    Image.new("L", (30, 10)).save(tmp_path / "large.png")
    message = r"row 3 of X, '.*large\.png', has 30 x 10 pixels, 0.0 million, and max_pixels allows 0.000299 million"
    with pytest.raises(ValueError, match=message):
        read_image(tmp_path / "large.png", "row 3 of X", max_pixels=299)
    assert read_image(tmp_path / "large.png", "row 3 of X", max_pixels=300).size == (30, 10)
    with Image.open(tmp_path / "large.png") as image, pytest.raises(ValueError, match=r"row 3 of X has 30 x 10 pixels"):
        read_image(image, "row 3 of X", max_pixels=299)
    # The limit that PIL has for the whole process is not asked, and not changed.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)
    assert read_image(tmp_path / "large.png", "row 3 of X", max_pixels=300).size == (30, 10)
    assert Image.MAX_IMAGE_PIXELS == 40


@pytest.mark.parametrize(
    ("row", "error", "message"),
    [
        (None, TypeError, "row 4 of X is a NoneType; an image is an array, a PIL image or a path"),
        (float("nan"), TypeError, "row 4 of X is a float"),
        (b"a.png", TypeError, "row 4 of X is a bytes"),
        (np.zeros((3, 8, 9)), ValueError, r"shape \(3, 8, 9\).*Channels come last: np.moveaxis"),
        (np.zeros((8, 9, 2)), ValueError, r"shape \(8, 9, 2\); an image is \(height, width\)"),
        (np.zeros((0, 9)), ValueError, r"shape \(0, 9\)"),
        (np.zeros(9), ValueError, r"shape \(9,\)"),
        (np.full((2, 2), 255.0), ValueError, "floats go from 0 to 1: divide by 255"),
        (np.full((2, 2), np.nan), ValueError, "float64 from nan to nan"),
        (np.full((2, 2), -0.1), ValueError, "from -0.1"),
        (np.zeros((2, 2), np.int64), ValueError, "row 4 of X holds int64; pass uint8"),
        (np.full((2, 2), "a"), ValueError, "holds <U1"),
        (Image.fromarray(np.full((2, 2), 70000, np.int32)), ValueError, "row 4 of X holds int32"),
        (Image.new("La", (2, 2)), ValueError, "has the mode 'La', which PIL cannot turn into RGB"),
    ],
)
def test_what_is_no_image_is_named(row, error, message):
    with pytest.raises(error, match=message):
        read_image(row, "row 4 of X")


@pytest.mark.parametrize(
    "X",
    [
        ["a.png", "b.png"],
        np.array(["a.png", "b.png"]),
        pd.Series(["a.png", "b.png"], index=[5, 9]),
        Pairs(["a.png", "b.png"]).image,
        [Image.new("L", (2, 2))] * 2,
        (np.zeros((2, 2)), np.zeros((3, 3))),
        np.zeros((2, 5, 5)),
        np.zeros((2, 5, 5, 3), np.uint8),
    ],
    ids=lambda X: type(X).__name__,
)
def test_rows_come_in_many_containers(X):
    assert len(image_rows(X)) == 2


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ([], ValueError, "X is empty; at least one image"),
        (np.zeros((0, 4, 4)), ValueError, "X is empty"),
        (None, TypeError, "X is a NoneType; pass an array or a list of images"),
        ("a.png", TypeError, r"X is a str; .* a single one as \[image\]"),
        (Image.new("L", (2, 2)), TypeError, "X is a Image"),
        ((path for path in "ab"), TypeError, "X is a generator"),
        (sp.csr_array((3, 4)), TypeError, "X is a csr_array"),
        (Pairs(["a.png"]), TypeError, r"put the extractor into PerModality\(image=ImageFeatures\(\)\)"),
        (pd.DataFrame({"path": ["a.png"]}), ValueError, r"pass the column .* X\['path'\]"),
        (np.zeros((3, 4096)), ValueError, r"shape \(3, 4096\).*use 'passthrough'"),
        (np.zeros((32, 32, 3)), ValueError, r"of one colour image.*pass X\[None\]"),
        (np.zeros((2, 4, 4, 3), object), ValueError, "pass the list of images itself"),
    ],
)
def test_what_is_no_list_of_images_is_named(X, error, message):
    with pytest.raises(error, match=message):
        image_rows(X)
