"""A small library in the layout of Open Clip Art: SVG files that say what they are, and their pictures."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skxmr.datasets import _openclipart, load_openclipart
from skxmr.datasets._svg_metadata import read_metadata

PUBLIC = "http://web.resource.org/cc/PublicDomain"
SVG = """<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:cc="http://web.resource.org/cc/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><metadata><rdf:RDF><cc:Work rdf:about="">
<dc:title>{title}</dc:title><dc:description>{description}</dc:description>
<dc:subject><rdf:Bag>{keywords}</rdf:Bag></dc:subject>
<dc:creator><cc:Agent><dc:title>Somebody</dc:title></cc:Agent></dc:creator>
<cc:license rdf:resource="{licence}"/></cc:Work></rdf:RDF></metadata><rect/></svg>"""


def picture(seed):
    colours = np.random.default_rng(seed).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize((60, 72), Image.Resampling.BICUBIC)


def add(root, name, title, keywords, *, image=None, description="", licence=PUBLIC):
    """Write a drawing; its picture is made from a seed."""
    svg = root / "svg" / f"{name}.svg"
    svg.parent.mkdir(parents=True, exist_ok=True)
    items = "".join(f"<rdf:li>{word}</rdf:li>" for word in keywords)
    svg.write_text(SVG.format(title=title, description=description, keywords=items, licence=licence))
    if image is not None:
        png = root / "png" / f"{name}.png"
        png.parent.mkdir(parents=True, exist_ok=True)
        picture(image).save(png)


@pytest.fixture
def library(tmp_path, monkeypatch):
    """Forty drawings of four kinds, and some that must not come."""
    monkeypatch.setattr(_openclipart, "_FEWEST", 5)
    kinds = (("cats", "animals"), ("flag", "hash(0x86a0bb0)"), ("food", "unsorted", "11"), ("animal", "tree_frog"))
    for i in range(40):
        words = kinds[i % 4]
        add(tmp_path, f"kind{i % 4}/d{i:02d}", f"drawing {chr(97 + i % 26) * 3}{i // 26 * 'x'}", words, image=i)
    add(tmp_path, "kind0/cat", "cat", ["cat"], image=100)
    for i in range(5):
        add(tmp_path, f"kind1/series{i}", f"series {i}", ["flag"], image=200 + i, description="hash(0x85caca8)")
    for i in range(2):
        add(tmp_path, f"kind2/same{i}", f"{'ab'[i]} meal", ["food"], image=300)
    add(
        tmp_path,
        "kind2/private",
        "private",
        ["food"],
        image=400,
        licence="http://creativecommons.org/licenses/GPL/2.0/",
    )
    add(tmp_path, "kind2/blind", "no picture", ["food"])
    add(tmp_path, "kind2/rare", "rare", ["walrus"], image=401)
    add(tmp_path, "kind2/mute", "", ["food"], image=402)
    add(tmp_path, "shapes/stars/star", "star", ["food"], image=403)
    (tmp_path / "svg" / "kind2" / "broken.svg").write_text("<svg><metadata>")
    (tmp_path / "png" / "kind2" / "broken.png").write_bytes(b"")
    (tmp_path / "svg" / "kind2" / "link.svg").symlink_to("same0.svg")
    picture(300).save(tmp_path / "png" / "kind2" / "link.png")
    return tmp_path


def test_drawings_come_with_their_words_and_labels(library):
    found = load_openclipart(library, "all")
    assert found.label_names.tolist() == ["animal", "cat", "flag", "food", "tree frog"]
    names = found.names.tolist()
    assert {"kind0/d00", "kind0/cat", "kind2/same1"} <= set(names)
    assert not {f"kind2/{name}" for name in ("private", "blind", "rare", "mute", "broken", "link")} & set(names)
    assert not any("star" in name for name in names) and found.left_out == []
    row = names.index("kind0/d00")
    # The plural of a keyword that is there as a singular is the same label.
    assert found.label_names[found.labels[row] == 1].tolist() == ["animal", "cat"]
    # Labels, words about the order of the library, numbers of a program and addresses are no text.
    assert found.pairs.text[row] == "drawing aaa" and found.pairs.text[names.index("kind2/d02")] == "drawing ccc 11"
    assert found.labels.sum(axis=1).min() >= 1 and all(os.path.isfile(path) for path in found.pairs.image)
    assert "public domain" in found.attribution


def test_near_duplicates_are_grouped_and_few_are_kept(library):
    found = load_openclipart(library, "all")
    group = dict(zip(found.names.tolist(), found.groups.tolist(), strict=True))
    series = [name for name in group if "series" in name]
    assert series == ["kind1/series0", "kind1/series1", "kind1/series2"] and len({group[s] for s in series}) == 1
    assert group["kind2/same0"] == group["kind2/same1"]
    assert len(set(group.values())) == len(group) - 3 == len(set(found.pairs.groups.tolist()))


def test_parts_share_no_group(library):
    train = load_openclipart(library)
    test, labels = load_openclipart(str(library), "test", return_X_y=True)
    assert len(train.pairs) + len(test) == len(load_openclipart(library, "all").pairs) and 7 <= len(test) <= 11
    assert not set(train.pairs.image) & set(test.image) and labels.sum(axis=0).min() >= 1


def test_pictures_may_lie_beside_the_drawings(library):
    for file in (library / "png").rglob("*.png"):
        file.rename(library / "svg" / file.relative_to(library / "png"))
    assert len(load_openclipart(library / "svg", "all").pairs) == len(load_openclipart(library, "all").pairs) > 40


def test_pictures_that_cannot_be_opened_are_left_out_and_named(library, monkeypatch):
    (library / "png" / "kind0" / "d00.png").write_bytes(b"\x89PNG")
    picture(9).resize((600, 600)).save(library / "png" / "kind0" / "d04.png")
    # Pillow warns above this number and refuses above twice as many.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200_000)
    found = load_openclipart(library, "all")
    assert [Path(message.split(" cannot be read as an image")[0]).name for message in found.left_out] == [
        "d00.png",
        "d04.png",
    ]
    assert not {"kind0/d00", "kind0/d04"} & set(found.names.tolist())


def test_a_folder_without_the_library_says_where_to_get_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no SVG files .* openclipart-png and openclipart-svg"):
        load_openclipart(tmp_path / "nowhere")
    add(tmp_path, "a/b", "title", ["food"])
    with pytest.raises(FileNotFoundError, match="1 SVG files, but none with a PNG file"):
        load_openclipart(tmp_path)
    with pytest.raises(ValueError, match="subset must be one of"):
        load_openclipart(tmp_path, "dev")


def test_metadata_of_a_drawing(tmp_path):
    add(tmp_path, "a", " a\n title ", ["Tree_Frog", "tree frog", " ", "hash"], description="HASH(0x85caca8)")
    about = read_metadata(tmp_path / "svg" / "a.svg")
    assert about == ("a title", "", ("tree frog",), PUBLIC)
    (tmp_path / "b.svg").write_text("<svg/>")
    assert read_metadata(tmp_path / "b.svg") is None


@pytest.mark.slow
def test_the_library_of_debian():
    root = Path("/usr/share/openclipart")
    if not (root / "svg").is_dir():
        pytest.skip("Debian's packages openclipart-png and openclipart-svg are not installed")
    found = load_openclipart(root, "all")
    assert 2300 < len(found.pairs) < 2700 and 55 < len(found.label_names) < 85
    assert {"animal", "flag", "food", "people"} <= set(found.label_names)
    # Drawings of 105 to 623 megapixels.
    assert 10 < len(found.left_out) < 25 and np.bincount(found.groups).max() == 3


def test_a_few_drawings_are_no_library(tmp_path):
    for i in range(3):
        add(tmp_path, f"few/d{i}", f"drawing {i}", ["cat"], image=i)
    with pytest.raises(FileNotFoundError, match=r"no keyword is that of 20 drawings, .* the whole library is wanted"):
        load_openclipart(tmp_path)
    for i in range(20):
        add(tmp_path, f"few/d{i}", f"drawing {i}", ["cat"], image=i)
        (tmp_path / "png" / "few" / f"d{i}.png").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match="and 20 pictures cannot be opened; the whole library is wanted"):
        load_openclipart(tmp_path)


@pytest.mark.parametrize("encoding", ["foo", "utf-7", "undefined"])
def test_encodings_that_python_does_not_know_are_no_error(tmp_path, encoding):
    file = tmp_path / "drawing.svg"
    file.write_text(f"<?xml version='1.0' encoding='{encoding}'?><svg><metadata/></svg>")
    assert read_metadata(file) is None
