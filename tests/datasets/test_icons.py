"""Icons as pictures with words and labels."""

import builtins
import importlib.util

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skxmr.datasets import _icons, load_icons

pytest.importorskip("fontawesomefree")
pytest.importorskip("yaml")


def test_all_icons_with_their_words_and_labels():
    icons = load_icons("all")
    assert icons.pairs.image.shape == (1395, 64, 64) and icons.pairs.image.dtype == np.uint8
    assert icons.labels.shape == (1395, 64) == (1395, len(icons.label_names))
    assert icons.labels.sum(axis=0).min() >= 10 and icons.labels.sum(axis=1).mean() == pytest.approx(2.0, abs=0.05)
    assert all(isinstance(words, str) and words for words in icons.pairs.text)
    dog = icons.names.tolist().index("dog")
    assert "puppy" in icons.pairs.text[dog] and icons.label_names[icons.labels[dog] == 1].tolist() == ["Animals"]
    assert "CC BY 4.0" in icons.attribution and "Font Awesome Free" in icons.attribution


def test_every_icon_is_drawn_whole_in_the_middle():
    images = load_icons("all").pairs.image
    ink = images < 128
    assert ink.any(axis=(1, 2)).all()
    edge = np.concatenate([images[:, [0, -1]], images[:, :, [0, -1]].swapaxes(1, 2)], axis=1)
    assert edge.min() > 200
    rows = ink.any(axis=2)
    columns = ink.any(axis=1)
    for used in (rows, columns):
        first = used.argmax(axis=1)
        last = used.shape[1] - 1 - used[:, ::-1].argmax(axis=1)
        assert np.abs(first + last - 63).max() <= 3
    # Two icons differ only in where their makers put them.
    assert len(np.unique(images.reshape(len(images), -1), axis=0)) >= len(images) - 1


def test_no_group_is_in_both_parts_and_labels_are_in_both():
    train = load_icons("train")
    test = load_icons("test")
    everything = load_icons("all")
    assert sorted([*train.names, *test.names]) == everything.names.tolist()
    assert 0.24 < len(test.names) / 1395 < 0.26
    assert not set(train.groups) & set(test.groups)
    shares = test.labels.sum(axis=0) / everything.labels.sum(axis=0)
    assert 0.15 < shares.min() and shares.max() < 0.35
    group_of = dict(zip(everything.names, everything.groups, strict=True))
    assert group_of["heart-circle-plus"] == group_of["heart-circle-minus"] != group_of["dog"]
    known = everything.pairs.groups
    assert len(set(zip(known, everything.groups, strict=True))) == len(set(known)) == len(set(everything.groups))
    assert 0.03 < np.mean(np.bincount(everything.groups)[everything.groups] > 1) < 0.2


def test_the_size_changes_the_pictures_only():
    small = load_icons("test", size=24)
    large = load_icons("test", size=96)
    assert small.pairs.image.shape[1:] == (24, 24) and large.pairs.image.shape[1:] == (96, 96)
    assert_array_equal(small.names, large.names)
    assert_array_equal(small.groups, large.groups)
    shrunken = large.pairs.image.reshape(-1, 24, 4, 24, 4).mean(axis=(2, 4))
    assert np.corrcoef(shrunken.ravel(), small.pairs.image.ravel())[0, 1] > 0.85
    pairs, labels = load_icons("test", size=24, return_X_y=True)
    assert_array_equal(pairs.image, small.pairs.image)
    assert_array_equal(labels, small.labels)


def test_what_is_wrong_is_named(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="subset must be one of"):
        load_icons("dev")
    with pytest.raises(ValueError, match="size must be a positive integer; got 0"):
        load_icons(size=0)
    monkeypatch.setattr(_icons, "_package", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match=r"icon-families\.json does not exist; .*pip install 'skxmr\[demo\]'"):
        load_icons()


@pytest.mark.parametrize("missing", ["yaml", "PIL.ImageFont", "fontawesomefree"])
def test_a_missing_package_names_the_extra(missing, monkeypatch):
    find_spec = importlib.util.find_spec
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == missing:
            raise ModuleNotFoundError(f"No module named {missing!r}")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else find_spec(name))
    with pytest.raises(ImportError, match=rf"load_icons needs .*{missing}.*pip install 'skxmr\[demo\]'"):
        load_icons()
