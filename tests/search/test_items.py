"""Folders and files: what is added, what is left out the second time, and what is wrong with a path."""

import base64
import io
import os
import re

import numpy as np
import pytest
from PIL import Image
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import make_pipeline

from skxmr import AlignedEmbeddings, Pairs, PerModality, RetrievalIndex
from skxmr.features.images import read_image


class Colours(TransformerMixin, BaseEstimator):
    """The mean colour of every image; `seen` counts those that were read."""

    seen = 0

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        type(self).seen += len(X)
        return np.array([np.asarray(read_image(row, f"row {i} of X")).mean(axis=(0, 1)) + 1 for i, row in enumerate(X)])


@pytest.fixture
def folder(tmp_path):
    for i, name in enumerate(("red", "green", "blue")):
        place = tmp_path / "pictures" / ("deep" if i == 2 else "")
        place.mkdir(parents=True, exist_ok=True)
        paint(place / f"{name}.png", i)
    (tmp_path / "pictures" / "notes.txt").write_text("no image")
    return tmp_path / "pictures"


def paint(file, channel, value=200):
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[..., channel] = value
    Image.fromarray(pixels).save(file)


@pytest.fixture
def index(folder):
    model = make_pipeline(PerModality(image=Colours()), AlignedEmbeddings())
    model.fit(Pairs([np.zeros((4, 4, 3), np.uint8)] * 2, np.eye(3)[:2]))
    return RetrievalIndex(model)


def test_a_folder_is_added_once(index, folder, monkeypatch):
    assert index.add(image=folder).tolist() == ["deep/blue.png", "green.png", "red.png"]
    hits = index.search(image=folder / "red.png", k=1)
    assert hits.ids.tolist() == [["red.png"]] and hits.to_frame()["item"][0] == str(folder / "red.png")
    assert hits._repr_html_().count("data:image/jpeg;base64") == 1
    before = Colours.seen
    assert index.add(image=str(folder)).tolist() == []
    monkeypatch.chdir(folder.parent)
    assert index.add(image="pictures").tolist() == []
    assert Colours.seen == before
    paint(folder / "green.png", 0, 77)
    paint(folder / "new.png", 1)
    assert index.add(image=folder).tolist() == ["green.png", "new.png"]
    assert Colours.seen == before + 2 and len(index) == 4
    assert index.search(text=np.eye(3)[1:2], k=1).ids.tolist() == [["new.png"]]


def test_files_with_other_metadata_are_not_unchanged(index, folder):
    files = sorted(folder.glob("*.png"))
    assert index.add(image=files, metadata={"tag": ["a", "b"]}).tolist() == [str(file) for file in files]
    assert index.add(image=files, metadata={"tag": ["a", "c"]}).tolist() == [str(files[1])]
    assert index.add(image=files).tolist() == []
    os.utime(files[0], ns=(1, 1))
    assert index.add(image=files).tolist() == [str(files[0])]
    found = index.search(image=files, k=1).to_frame()
    assert found["tag"].tolist() == ["a", "c"] and found["id"].tolist() == [str(file) for file in files]


def test_files_may_have_ids_of_their_own(index, folder):
    files = sorted(folder.glob("*.png"))
    index.add(image=files, ids=[5, 6])
    assert index.add(image=files, ids=[5, 6]).tolist() == []
    with pytest.raises(ValueError, match="ids holds 5, which the index has already"):
        index.add(image=files[1:], ids=[5])
    assert index.search(image=files[:1], k=1).ids.tolist() == [[5]]


def test_items_may_take_the_place_of_those_with_their_ids(index, folder, tmp_path):
    names = ["blue", "red"]
    files = [folder / "deep" / "blue.png", folder / "red.png"]
    index.add(image=files, ids=names, metadata={"year": [1, 2]})
    moved = tmp_path / "moved.png"
    files[0].rename(moved)
    files[0] = moved
    with pytest.raises(ValueError, match=r"has already; replace these items by update\(\) or replace=True"):
        index.add(image=files, ids=names)
    nothing = {"place": [None, None]}
    assert index.add(image=files, ids=names, metadata=nothing, replace=True).tolist() == ["blue"]
    assert index.add(image=files, ids=names, metadata=nothing, replace=True).tolist() == []
    hits = index.search(image=moved, k=1, where={"year": 1}).to_frame()
    assert hits["item"].tolist() == [str(moved)] and len(index) == 2
    # Of vectors nothing is kept that could be compared.
    assert index.add(text=np.eye(3)[:2], ids=["red", "new"], replace=True).tolist() == ["red", "new"]
    assert len(index) == 3 and index.search(text=np.eye(3)[:1], k=1).to_frame()["modality"].tolist() == ["text"]


def test_what_is_wrong_with_files_is_named_and_nothing_is_added(index, folder, tmp_path):
    (folder / "broken.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"row 0 of X, '.*broken.png', cannot be read as an image"):
        index.add(image=folder)
    (folder / "broken.png").unlink()
    (folder / "a_loop.png").symlink_to(folder / "a_loop.png")
    with pytest.raises(FileNotFoundError, match=r"row 0 of image, '.*a_loop.png', cannot be read \(Too many levels"):
        index.add(image=folder)
    (folder / "a_loop.png").unlink()
    (folder / "up").symlink_to(folder)
    with pytest.raises(FileNotFoundError, match=r"row 1 of image, 'missing.png', cannot be read \(No such file"):
        index.add(image=[folder / "red.png", "missing.png"])
    with pytest.raises(ValueError, match=r"holds no images; they end in \.bmp"):
        (tmp_path / "void").mkdir()
        index.add(image=tmp_path / "void")
    with pytest.raises(ValueError, match="ids is given with a folder, whose files have their paths as ids"):
        index.add(image=folder, ids=[1, 2, 3])
    (folder / "folder.png").mkdir()
    with pytest.raises(FileNotFoundError, match=r"row 0 of image, '.*folder\.png', is a folder"):
        index.add(image=[folder / "folder.png"])
    assert len(index) == 0
    # A link to a folder is not followed, so that a loop of links ends.
    assert len(index.add(image=folder)) == 3


def test_names_of_files_that_no_table_could_hold_are_refused(index, folder, monkeypatch):
    odd = os.fsdecode(os.fsencode(folder) + b"/caf\xe9.png")
    (folder / "red.png").rename(odd)
    for image in (folder, [odd]):
        with pytest.raises(
            ValueError, match=r"image holds .*caf.udce9\.png' in row \d, which is no text .* rename the"
        ):
            index.add(image=image)
    assert len(index) == 0 and index.add(image=[odd], ids=["coffee"]).tolist() == ["coffee"]
    with pytest.raises(FileNotFoundError, match=r"row 0 of image, 'a.x00b\.png', cannot be read \(.*embedded null"):
        index.add(image=["a\0b.png"])
    # No user is called so.
    monkeypatch.chdir(folder)
    (folder / "green.png").rename("~1.png")
    assert index.add(image=["~1.png"]).tolist() == ["~1.png"]


def test_small_pictures_are_those_that_a_network_sees(index, folder):
    Image.new("LA", (8, 8), (0, 0)).save(folder / "clear.png")
    index.add(image=folder)
    page = index.search(image=folder / "clear.png", k=1)._repr_html_()
    data = base64.b64decode(re.search('base64,([^"]*)"', page)[1])
    assert Image.open(io.BytesIO(data)).getpixel((4, 4)) == (255, 255, 255)


def test_a_file_that_vanishes_while_others_are_read(index, folder, monkeypatch):
    first = Colours.transform

    def vanish(self, X):
        (folder / "red.png").unlink()
        return first(self, X)

    monkeypatch.setattr(Colours, "transform", vanish)
    with pytest.raises(FileNotFoundError, match=r"red.png', does not exist; correct the path or drop the row"):
        index.add(image=folder)
    assert len(index) == 0


def test_images_in_memory_have_thumbnails_while_the_index_lives(index):
    pictures = np.zeros((3, 8, 8, 3), np.uint8)
    for i in range(3):
        pictures[i, ..., i] = 255
    index.add(image=pictures, ids=list("rgb"))
    hits = index.search(text=np.eye(3)[:1], k=2)
    assert hits.ids[0, 0] == "r" and hits._repr_html_().count("data:image/jpeg;base64") == 2
    index.add(image=[Image.fromarray(pictures[0])], ids=["pil"])
    assert index.search(image=Image.fromarray(pictures[0]), k=2).ids.tolist() == [["pil", "r"]]
