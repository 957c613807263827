"""Displays of what a model has learned: its training, label graphs, and attention."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.pipeline import make_pipeline

from skxmr import (
    ALGCN,
    CCA,
    DSCMR,
    IGNN,
    MLCCA,
    RACG,
    SCAN,
    LabelGraph,
    Pairs,
    PerModality,
    Regions,
    Sentences,
    TwoStage,
)
from skxmr.datasets import make_captioned_scenes
from skxmr.inspection import AttentionDisplay, LabelGraphDisplay, TrainingDisplay

NAMES = np.array(["$x_1$", "_b", "שלום", "🦄", "sky", "sea", "a" * 60, "c"])
NETWORK = {"hidden": 8, "max_epochs": 2, "validation_fraction": 0.2, "random_state": 0}
SETS = {"word_width": 8, "batch_size": 20, "max_epochs": 1, "random_state": 0}


@pytest.fixture(scope="module")
def tagged():
    from skxmr.datasets import make_multilabel_pairs

    pairs, labels = make_multilabel_pairs(120, random_state=0)
    return pairs, [NAMES[row == 1].tolist() for row in labels]


@pytest.fixture(scope="module")
def scenes():
    found = make_captioned_scenes(8, random_state=0)
    images = Regions(found.regions, found.boxes, found.mask)
    texts = Sentences(found.tokens, found.tags, found.heads)
    return found, Pairs(images, texts, image_index=found.image_index)


def test_the_training_of_a_model(tagged):
    model = DSCMR(4, **NETWORK).fit(*tagged)
    display = TrainingDisplay.from_estimator(model)
    assert len(display.axes_) == 2 and display.name == "DSCMR"
    assert_allclose(display.lines_["validation_map"].get_ydata(), model.history_["validation_map"])
    texts = [text.get_text() for text in display.axes_[1].get_legend().get_texts()]
    assert f"epoch {model.best_epoch_} is kept" in texts and "image→text mAP" in texts
    pipeline = make_pipeline(PerModality(), model)
    _, ax = plt.subplots()
    assert TrainingDisplay.from_estimator(pipeline, ax=ax, name="$found$").ax_ is ax
    with pytest.raises(TypeError, match="TrainingDisplay shows history_, which MLCCA has not"):
        TrainingDisplay.from_estimator(MLCCA(4).fit(*tagged))
    with pytest.raises(ValueError, match="history must be a DataFrame with the column 'epoch'"):
        TrainingDisplay(history=pd.DataFrame()).plot()


def test_one_epoch_with_nan_and_without_validation():
    history = pd.DataFrame({"epoch": [1], "loss": [np.nan], "a": [1.0], "b_c": [2.0], "note": ["x"], "seconds": [1.0]})
    display = TrainingDisplay(history=history, best_epoch=1).plot()
    assert list(display.lines_) == ["loss", "a", "b_c"] and display.axes_[0] is display.ax_
    display.figure_.canvas.draw()


@pytest.mark.parametrize(("cls", "attribute"), [(ALGCN, "adaptive_matrix_"), (IGNN, "learned_graph_")])
def test_learned_graphs_stand_beside_the_given_one(cls, attribute, tagged):
    model = cls(4, width=8, n_layers=2, **NETWORK).fit(*tagged)
    display = LabelGraphDisplay.from_estimator(model, kind="heatmap")
    assert list(display.graphs) == ["given", "learned"] and display.labels_ == model.classes_.tolist()
    shown = np.asarray(display.images_[1].get_array().filled(0))
    wanted = getattr(model, attribute).to_numpy(copy=True)
    np.fill_diagonal(wanted, 0)
    assert_allclose(shown, wanted, rtol=1e-6)
    assert not display.axes_[0].get_yticklabels()[0].get_parse_math()


def test_networks_of_two_graphs_have_the_names_of_the_labels():
    graphs = {"given": np.eye(8, k=1), "learned": np.eye(8, k=3)}
    network = LabelGraphDisplay(labels=NAMES, graphs=graphs).plot(kind="network")
    assert network.images_ == [] and "$x_1$" in [text.get_text() for text in network.axes_[0].texts]
    network.figure_.canvas.draw()


def test_names_in_a_network_do_not_cover_one_another():
    names = [f"a rather long name {i}" for i in range(14)]
    graph = np.random.default_rng(0).random((14, 14)) ** 4
    network = LabelGraphDisplay(labels=names, graphs={"given": graph, "learned": graph.T}).plot(kind="network")
    network.figure_.canvas.draw()
    for ax in network.axes_:
        boxes = [text.get_window_extent() for text in ax.texts if text.get_text() in names]
        assert len(boxes) > 5
        assert not any(box.overlaps(other) for i, box in enumerate(boxes) for other in boxes[:i])


def test_the_graph_of_a_step_and_without_edges(tagged):
    pairs, tags = tagged
    pipeline = make_pipeline(LabelGraph(tau=0.3), MLCCA(4)).fit(pairs, tags)
    display = LabelGraphDisplay.from_estimator(pipeline)
    assert_allclose(display.graphs["label graph"], pipeline[0].matrix_)
    alone = LabelGraphDisplay(labels=["a", "b"], graphs={"none": np.eye(2)}).plot(kind="network")
    assert [text.get_text() for text in alone.axes_[0].texts] == ["2 labels without such arrows"]
    with pytest.raises(TypeError, match="LabelGraphDisplay shows network_, which MLCCA has not"):
        LabelGraphDisplay.from_estimator(MLCCA(4).fit(pairs, tags))
    with pytest.raises(TypeError, match="estimator must be a retriever"):
        LabelGraphDisplay.from_estimator([LabelGraph()])
    with pytest.raises(TypeError, match="DSCMR has no label graph"):
        LabelGraphDisplay.from_estimator(DSCMR(4, **NETWORK).fit(pairs, tags))
    with pytest.raises(ValueError, match=r"has the shape \(2, 2\), but there are 3 labels"):
        LabelGraphDisplay(labels="abc", graphs={"g": np.eye(2)}).plot()
    with pytest.raises(TypeError, match="graphs is a ndarray; pass a dict of graphs by their titles"):
        LabelGraphDisplay(labels="ab", graphs=np.eye(2)).plot()
    with pytest.raises(ValueError, match="labels is empty, so there is nothing to draw"):
        LabelGraphDisplay(labels=[], graphs={"g": np.zeros((0, 0))}).plot()


def test_of_ten_thousand_labels_the_most_connected_are_shown():
    import scipy.sparse as sp

    edges = sp.csr_array(([5.0, 3.0, 1.0], ([7, 42, 9_999], [42, 7, 3])), shape=(10_000, 10_000))
    display = LabelGraphDisplay(labels=range(10_000), graphs={"sparse": edges}).plot(n_labels=3)
    assert display.labels_ == [3, 7, 42]
    assert display.axes_[0].get_title() == "sparse (3 of 10,000 labels)"


@pytest.mark.parametrize("cls", [SCAN, RACG])
def test_attention_of_words_to_regions(cls, scenes):
    found, pairs = scenes
    heads = {"n_heads": 4} if cls is RACG else {}
    model = cls(8, **heads, **SETS).fit(pairs)
    row = 6
    i = found.image_index[row]
    display = AttentionDisplay.from_estimator(model, pairs, row=row, picture=found.images[i] / 16, n_words=3)
    assert display.attention.shape == (len(found.tokens[row]), found.mask[i].sum())
    assert_allclose(display.boxes, found.boxes[i][found.mask[i]])
    assert len(display.axes_) == 3 and set(display.words_) <= set(found.tokens[row])
    # Every region has a frame.
    assert len(display.axes_[0].patches) == found.mask[i].sum()
    if cls is SCAN:
        assert_allclose(display.attention.sum(axis=1), 1, rtol=1e-5)


def test_attention_without_boxes_and_through_two_stages(scenes):
    found, _ = scenes
    pairs = Pairs(Regions(found.regions, mask=found.mask), found.sentences, image_index=found.image_index)
    model = TwoStage(first=CCA(2), second=SCAN(8, **SETS), k=5).fit(pairs)
    display = AttentionDisplay.from_estimator(model, pairs)
    assert display.boxes is None and len(display.axes_) == 1 and display.name == "SCAN"
    assert "loss" in TrainingDisplay.from_estimator(model).history
    with pytest.raises(ValueError, match="kind='boxes' needs boxes"):
        display.plot(kind="boxes")
    with pytest.raises(TypeError, match="AttentionDisplay shows attention, which CCA has not"):
        AttentionDisplay.from_estimator(CCA(1).fit([[1.0, 0], [0, 1]], [[1.0, 0], [0, 1]]), [[1.0, 0]], [[1.0, 0]])
    with pytest.raises(ValueError, match="there are 1 words"):
        AttentionDisplay(attention=[[0.1], [0.2]], words=["a"]).plot()
    with pytest.raises(ValueError, match=r"boxes has the shape \(2, 4\)"):
        AttentionDisplay(attention=[[0.1]], words=["a"], boxes=np.zeros((2, 4))).plot()
