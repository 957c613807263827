"""Queries and what comes first for them."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.testing import assert_allclose
from PIL import Image
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skxmr import CCA, Pairs, PerModality, similarity
from skxmr.inspection import LabelGraphDisplay, RetrievalDisplay

WORDS = ["a blue sea", "the green sea", "one red car", "costs $5, not $6", "a_b __c", "שלום 😀🦄"]


@pytest.fixture
def collection():
    """Six pictures, which share two captions each, labels, and a model of them."""
    pictures = np.random.default_rng(0).integers(0, 256, (6, 8, 12, 3), dtype=np.uint8)
    pairs = Pairs(pictures, WORDS, groups=[0, 0, 1, 2, 3, 4])
    labels = [["sea"], ["sea"], ["car"], ["price"], ["code"], []]
    views = PerModality(image=FunctionTransformer(lambda X: X.reshape(len(X), -1) / 255), text=TfidfVectorizer())
    return make_pipeline(views, CCA(2)).fit(pairs, labels), pairs, labels


def test_pictures_for_words(collection):
    model, pairs, labels = collection
    display = RetrievalDisplay.from_estimator(model, pairs, labels, queries=[0, 2], k=3)
    wanted = np.argsort(-similarity(model, pairs).T[[0, 2]], axis=1)[:, :3]
    assert display.queries == [WORDS[0], WORDS[2]]
    for row, best in zip(display.results, wanted, strict=True):
        assert all((found == pairs.image[i]).all() for found, i in zip(row, best, strict=True))
    assert display.relevant == [
        [bool(set(labels[q]) & set(labels[i])) for i in row] for q, row in zip([0, 2], wanted, strict=True)
    ]
    styles = {(frame.get_linestyle() == "-", frame.get_linewidth()) for frame in display.frames_}
    assert styles == {(True, 3.0), (False, 1.5)}, "right and wrong differ in more than their colours"
    signs = "".join(text.get_text() for text in display.texts_)
    assert "✓" in signs and "✗" in signs and all(text.get_fontsize() >= 8 for text in display.texts_)


def test_words_for_pictures_without_their_own(collection):
    model, pairs, labels = collection
    display = RetrievalDisplay.from_estimator(
        model, pairs, labels, direction="image_to_text", exclude_self=True, k=10, name="$a$ _b"
    )
    assert [len(row) for row in display.results] == [4, 4, 5, 5]
    assert not {WORDS[0], WORDS[1]} & set(display.results[0])
    written = [text.get_text() for text in display.texts_]
    assert any("costs $5, not $6" in line for line in written) and any("😀:unicorn face:" in line for line in written)
    display.figure_.canvas.draw()


def test_features_are_shown_by_their_numbers_or_by_what_is_given(fitted, tmp_path):
    model, pairs, labels = fitted
    display = RetrievalDisplay.from_estimator(model, pairs, labels, queries=[7], k=2)
    assert display.queries == ["text 7"] and all(item.startswith("image ") for item in display.results[0])
    for i in range(40):
        Image.new("RGB", (5, 9), (i, 0, 0)).save(tmp_path / f"{i}.png")
    paths = [str(tmp_path / f"{i}.png") for i in range(40)]
    captions = [["word", str(i)] for i in range(40)]
    shown = RetrievalDisplay.from_estimator(model, pairs, labels, queries=[7], k=2, images=paths, texts=captions)
    assert shown.queries == ["word 7"] and all(isinstance(item, Path) for item in shown.results[0])
    assert_allclose(shown.scores, display.scores)
    Path(shown.results[0][0]).unlink()
    before = plt.get_fignums()
    with pytest.raises(FileNotFoundError, match=r"the picture, .* does not exist"):
        shown.plot()
    assert plt.get_fignums() == before
    with pytest.raises(ValueError, match="images has 3 rows, but 40 are wanted"):
        RetrievalDisplay.from_estimator(model, pairs, labels, images=paths[:3])


def test_texts_of_one_image_belong_together(collection):
    model, pairs, _ = collection
    shared = Pairs(pairs.image[:3], WORDS, image_index=[0, 0, 1, 1, 2, 2])
    shared_model = model.fit(shared)
    display = RetrievalDisplay.from_estimator(
        shared_model, shared, direction="image_to_text", queries=[1], exclude_self=True
    )
    assert set(display.results[0]) == {WORDS[i] for i in (0, 1, 4, 5)} and display.relevant == [[False] * 4]


def test_predictions_of_one_query_without_relevance():
    display = RetrievalDisplay.from_predictions([[0.5, 0.5]], query_items=["q"], gallery_items=["first", "second"])
    assert display.results == [["first", "second"]] and display.relevant is None
    _, ax = plt.subplots(figsize=(1, 1))
    assert display.plot(ax).ax_ is ax


def test_what_cannot_be_shown_is_refused(ranked):
    items = {"query_items": ["q"] * 6, "gallery_items": ["g"] * 9}
    with pytest.raises(ValueError, match="queries must be row numbers from 0 to 5"):
        RetrievalDisplay.from_predictions(*ranked, queries=[6], **items)
    with pytest.raises(ValueError, match="gallery_items has 2 rows, but 9 are wanted"):
        RetrievalDisplay.from_predictions(*ranked, query_items=["q"] * 6, gallery_items=["g"] * 2)
    with pytest.raises(ValueError, match="scores contains NaN"):
        RetrievalDisplay.from_predictions([[np.nan, 0]], query_items=["q"], gallery_items=["a", "b"])
    with pytest.raises(ValueError, match="relevant must have one value per result"):
        RetrievalDisplay(queries=["q"], results=[["a"]], relevant=[[True, False]]).plot()
    with pytest.raises(TypeError, match="item 0 is a int; what is shown is a string"):
        RetrievalDisplay(queries=["q"], results=[[3]]).plot()


@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_words_are_told_from_the_background_in_every_style(style):
    with plt.style.context(style):
        found = RetrievalDisplay(queries=["q"] * 2, results=[["a", "b"]] * 2, relevant=[[True, False]] * 2).plot()
        unknown = RetrievalDisplay(queries=["q"], results=[["a"]]).plot()
        behind = np.array(to_rgb(found.figure_.get_facecolor()))
    graph = LabelGraphDisplay(labels="ab", graphs={"g": [[0, 1], [1, 0]]})
    with plt.style.context(style):
        names = graph.plot(kind="network").axes_[0].texts
    for text in [*found.texts_, *unknown.texts_]:
        assert contrast(to_rgb(text.get_color()), behind) > 4.5
    for text in names:
        assert contrast(to_rgb(text.get_color()), to_rgb(text.get_bbox_patch().get_facecolor())) > 4.5


def contrast(colour, other):
    """Return the contrast of two colours as the guidelines for accessible web content define it."""
    lights = []
    for rgb in (np.array(colour), np.array(other)):
        linear = np.where(rgb <= 0.03928, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        lights.append(linear @ [0.2126, 0.7152, 0.0722] + 0.05)
    return max(lights) / min(lights)
