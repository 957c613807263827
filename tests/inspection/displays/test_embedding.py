"""Embeddings in two dimensions."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV

from skxmr import DAGNN, MLCCA
from skxmr.inspection import EmbeddingDisplay


def test_principal_components_of_both_modalities(fitted):
    model, pairs, labels = fitted
    display = EmbeddingDisplay.from_estimator(model, pairs, labels, n_groups=2)
    found = model.transform(pairs)
    stacked = np.concatenate([found.image, found.text])
    wanted = PCA(2).fit_transform(stacked / np.linalg.norm(stacked, axis=1, keepdims=True))
    assert_allclose(np.abs(display.points["image"]), np.abs(wanted[: len(pairs)]), atol=1e-6)
    frequent = np.argsort(-labels.sum(axis=0), kind="stable")[:2]
    assert set(display.groups) == {*frequent.tolist(), None}
    names = {str(marks.get_label()) for marks in display.scatter_}
    assert len(names) == 6 and f"{frequent[0]}, image" in names
    display.figure_.canvas.draw()


def test_a_label_called_other_is_a_group_of_its_own():
    vectors = np.random.default_rng(0).normal(size=(5, 3))
    tags = [["other"], ["other"], ["sky"], ["sky"], ["sea"]]
    display = EmbeddingDisplay.from_embeddings(vectors, labels=tags, n_groups=2)
    assert display.groups == ["other", "other", "sky", "sky", None]
    drawn = {str(marks.get_label()): len(marks.get_offsets()) for marks in display.scatter_}
    assert drawn == {"other, image": 2, "sky, image": 2, "other labels, image": 1}


def test_embeddings_that_are_given_are_drawn_in_part():
    vectors = np.random.default_rng(0).normal(size=(50, 5))
    display = EmbeddingDisplay.from_embeddings(vectors, labels=["a"] * 50, max_points=10)
    assert np.shape(display.points["image"]) == (10, 2) and len(display.groups) == 10
    near = EmbeddingDisplay.from_embeddings(text=vectors[:6], method="tsne", random_state=1)
    assert np.isfinite(near.points["text"]).all()
    one = EmbeddingDisplay.from_embeddings([[1.0, 2.0]], [[0.0, 0.0]])
    assert np.shape(one.points["text"]) == (1, 2)


def test_classifiers_of_labels_with_their_names(small):
    pairs, labels = small
    names = np.array(["$x_1$", "_b", "שלום", "🦄", "sky", "sea", "car", "c"])
    tags = [names[row == 1].tolist() for row in labels]
    model = DAGNN(4, hidden=8, width=8, n_layers=2, max_epochs=1, device="cpu", random_state=0).fit(pairs, tags)
    display = EmbeddingDisplay.from_estimator(model)
    shown = {text.get_text() for text in display.ax_.texts if "no room" not in text.get_text()}
    assert shown and shown <= {str(name).replace("🦄", ":unicorn face:") for name in model.classes_}
    display.figure_.canvas.draw()


def test_names_at_the_right_edge_stand_left_of_their_points():
    points = {"label": np.array([[0.0, 0.0], [1.0, 1.0], [0.5, 2.0]])}
    display = EmbeddingDisplay(points=points, names=["at the left", "at the right edge", "here"]).plot()
    display.figure_.canvas.draw()
    frame = display.ax_.get_window_extent()
    written = {text.get_text(): text for text in display.ax_.texts}
    assert set(written) == {"at the left", "at the right edge", "here"}
    assert all(
        frame.x0 < text.get_window_extent().x0 < text.get_window_extent().x1 < frame.x1 for text in written.values()
    )
    assert [written[name].get_ha() for name in ("at the left", "at the right edge")] == ["left", "right"]


def test_what_cannot_be_embedded_is_refused(fitted):
    model, pairs, labels = fitted
    with pytest.raises(TypeError, match="shows classifiers_, which MLCCA has not"):
        EmbeddingDisplay.from_estimator(model)
    with pytest.raises(ValueError, match="text is missing"):
        EmbeddingDisplay.from_estimator(model, np.ones((3, 20)))
    search = GridSearchCV(MLCCA(), {"ridge": [0.1]}, cv=2, refit=False).fit(pairs, labels)
    with pytest.raises(ValueError, match="fitted with refit=False"):
        EmbeddingDisplay.from_estimator(search, pairs, labels)
    with pytest.raises(ValueError, match="both None"):
        EmbeddingDisplay.from_embeddings()
    with pytest.raises(ValueError, match="embeddings of 'image' have the shape"):
        EmbeddingDisplay.from_embeddings([[np.nan, 1.0]])
    with pytest.raises(ValueError, match="the same width"):
        EmbeddingDisplay.from_embeddings([[1.0, 2.0]], [[1.0]])
    with pytest.raises(ValueError, match="needs at least 4 points"):
        EmbeddingDisplay.from_embeddings([[1.0, 2.0]], method="tsne")
    with pytest.raises(ValueError, match="only 8 marks"):
        EmbeddingDisplay.from_embeddings([[1.0, 2.0]], n_groups=9)
    with pytest.raises(ValueError, match="groups has 1 rows but there are 2 points"):
        EmbeddingDisplay(points={"text": np.eye(2)}, groups=["a"]).plot()
    with pytest.raises(ValueError, match="points is empty"):
        EmbeddingDisplay(points={}).plot()


def test_names_that_would_cover_others_are_left_out():
    points = [[0, 0], [0, 0.001], [5, 5]]
    display = EmbeddingDisplay(points={"label": points}, names=["first", "covered", "far away"]).plot()
    assert [text.get_text() for text in display.ax_.texts] == ["first", "far away", "1 of 3 names have no room"]
    with pytest.raises(ValueError, match="names has 1 entries but there are 3 points"):
        EmbeddingDisplay(points={"label": points}, names=["first"]).plot()


def test_long_names_of_groups_leave_room_for_the_points():
    groups = ["a label that goes on and on and on and on for ever"] * 2 + ["short"]
    display = EmbeddingDisplay(points={"image": np.eye(3)[:, :2]}, groups=groups).plot()
    assert [mark.get_label() for mark in display.scatter_] == ["a label that goes on…, image", "short, image"]
