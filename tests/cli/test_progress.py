"""Bars are shown where somebody looks, and what they show does not stay in the model."""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skxmr import CCA, Pairs, PerModality
from skxmr.cli import progress
from skxmr.cli.extraction import compute_features
from skxmr.features import ImageFeatures, TextFeatures


def pipeline(image, text=None):
    return Pipeline([("features", PerModality(image=image, text=text or TfidfVectorizer())), ("model", CCA())])


class Lengths:
    """Stands in for an encoder of sentences."""

    def encode(self, sentences):
        return np.array([[len(sentence), 1.0] for sentence in sentences])


def colours(images):
    """Stand in for a network."""
    return np.stack([np.asarray(image.resize((2, 2)), dtype=float).ravel() for image in images])


def test_parts_show_their_progress_and_are_silent_again():
    model = pipeline(make_pipeline(ImageFeatures(), StandardScaler()))
    silent = progress.talkative(model)
    assert model.get_params()["features__image__imagefeatures__verbose"] == 1
    assert model.set_params(**silent).get_params()["features__image__imagefeatures__verbose"] == 0


def test_features_are_computed_before_the_fit_where_a_cache_keeps_them(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(progress, "wanted", lambda quiet: not quiet)
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    features = ImageFeatures(colours, cache=tmp_path / "cache", cache_key="colours")
    texts = TextFeatures(Lengths(), cache=tmp_path / "texts", cache_key="lengths")
    pairs = Pairs(images, ["a", "bb", "a"])
    compute_features(pipeline(make_pipeline(features, StandardScaler()), texts), pairs, 3, quiet=False)
    assert list((tmp_path / "cache").iterdir()) and list((tmp_path / "texts").iterdir())
    shown = capsys.readouterr().err
    assert "image/s" in shown and "text/s" in shown
    compute_features(pipeline(features, texts), pairs, 3, quiet=True)
    assert capsys.readouterr().err == ""


def test_a_search_without_a_cache_is_told_of_it(capsys):
    pairs = Pairs(np.zeros((2, 4, 4, 3), dtype=np.uint8), ["a", "b"])
    model = pipeline(ImageFeatures(colours), make_pipeline(TextFeatures(Lengths()), StandardScaler()))
    compute_features(model, pairs, 3, quiet=True)
    shown = capsys.readouterr().err
    assert "cache = './features' under [image]" in shown and "cache = './features' under [text]" in shown
    compute_features(model, pairs, 0, quiet=True)
    assert capsys.readouterr().err == ""


def test_rows_are_counted_in_blocks(capsys, monkeypatch):
    assert list(progress.blocks(300, "image", quiet=False)) == [slice(0, 256), slice(256, 300)]
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "wanted", lambda quiet: not quiet)
    assert len(list(progress.blocks(300, "image", quiet=False))) == 2
    assert "300/300" in capsys.readouterr().err
