"""Explanations by methods with label graphs, and by those that compare regions with words."""

import numpy as np
import pytest

from skxmr import DAGNN, RACG, SCAN, Pairs, Regions, Sentences
from skxmr.datasets import make_captioned_scenes
from skxmr.inspection import explain

SMALL = {"word_width": 8, "batch_size": 20, "max_epochs": 1, "random_state": 0}


@pytest.fixture(scope="module")
def scenes():
    made = make_captioned_scenes(12, random_state=0)
    images = Regions(made.regions, made.boxes, mask=made.mask)
    return Pairs(images, Sentences(made.tokens, made.tags, made.heads), image_index=made.image_index)


@pytest.mark.slow
def test_labels_and_the_graph_of_a_deep_method(small):
    pairs, labels = small
    chain = np.eye(8) + np.eye(8, k=1)
    model = DAGNN(n_components=8, width=8, hidden=8, max_epochs=1, random_state=0, graph=chain).fit(pairs, labels)
    found = explain(model, pairs.image[0], pairs.text[1], query_labels=[0], item_labels=[2])
    assert found.similarity == pytest.approx(model.similarity(pairs.image[:1], pairs.text[1:2])[0, 0], abs=1e-6)
    table = found.to_frame()
    assert table["query_score"].tolist() == pytest.approx(model.decision_function(image=pairs.image[:1])[0].tolist())
    assert found.path == [0, 1, 2]
    assert "features" not in found.tables


@pytest.mark.parametrize(
    "method",
    [
        SCAN(8, **SMALL),
        pytest.param(SCAN(8, attention="image_to_text", **SMALL), marks=pytest.mark.slow),
        pytest.param(RACG(8, n_heads=4, **SMALL), marks=pytest.mark.slow),
    ],
)
def test_regions_and_words_that_attend_to_each_other(method, scenes):
    model = method.fit(scenes)
    text = Pairs(text=scenes.text[3:4])
    image = Pairs(scenes.image[3:4])
    found = explain(model, text, image)
    assert found.similarity == pytest.approx(model.similarity(image.image, text.text)[0, 0])
    table = found.to_frame()
    words = scenes.text.tokens(3)
    assert len(table) == len(words) * table["region"].nunique() and table["attention"].is_monotonic_decreasing
    assert [words[place] for place in table["place"]] == table["word"].tolist()
    if isinstance(method, SCAN):
        whose = "place" if method.attention == "text_to_image" else "region"
        assert table.groupby(whose)["attention"].sum().tolist() == pytest.approx([1] * table[whose].nunique(), abs=1e-5)
    else:
        (relations,) = model.relations(scenes[3:4])
        r = relations.n_regions
        both = (relations.attention[:r, r:] + relations.attention[r:, :r].T) / 2
        assert table["attention"].sum() == pytest.approx(both.sum(), abs=1e-5)
    assert "region" in found.text and found.plot(n_largest=2).ax_.patches
    with pytest.raises(ValueError, match="both of the modality 'text'"):
        explain(model, text, text)
