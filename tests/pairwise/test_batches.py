"""What methods that compare sets make of rows: vocabulary and batches; rates that fall, gradients that are cut."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from skorch.callbacks import Callback, GradientNormClipping

from skxmr import RACG, SCAN, Pairs, Regions, Sentences
from skxmr._data.repeated import IndexedRows
from skxmr.datasets import make_captioned_scenes
from skxmr.pairwise.sources import RegionSource, WordSource, edges_of
from skxmr.pairwise.vocabulary import Vocabulary, is_anchor, places_of

CPU = torch.device("cpu")
TEXTS = Sentences(
    [["a", "thick", "three"], ["a", "seven"], ["left", "of", "a", "three"]],
    [["DET", "ADJ", "NOUN"], ["DET", "NOUN"], ["ADV", "ADP", "DET", "NOUN"]],
    [[2, 2, -1], [1, -1], [-1, 0, 3, 1]],
)


def test_words_are_numbered_by_frequency_and_0_is_unknown():
    words = Vocabulary(TEXTS, 1, ())
    assert words.words == {"a": 1, "three": 2, "left": 3, "of": 4, "seven": 5, "thick": 6}
    assert words.word_ids(np.array(["three", "zebra"], dtype=object)).tolist() == [2, 0]
    assert Vocabulary(TEXTS, 2, ()).words == {"a": 1, "three": 2}
    assert Vocabulary(TEXTS[1:2], 1, ()).words == {"a": 1, "seven": 2}


def test_tags_and_heads_are_known_where_they_are_used():
    assert Vocabulary(TEXTS, 1, ()).tags == {} and not Vocabulary(TEXTS, 1, ()).parsed
    both = Vocabulary(TEXTS, 1, ("tags", "heads"))
    assert both.tags == {"DET": 1, "NOUN": 2, "ADJ": 3, "ADP": 4, "ADV": 5} and both.parsed
    assert not Vocabulary(Sentences([["a"]]), 1, ("tags", "heads")).parsed


@pytest.mark.filterwarnings("ignore:6 validation rows choose the epoch")
def test_the_vocabulary_is_that_of_the_fitting_rows():
    made = make_captioned_scenes(20, random_state=0)
    words = [[*tokens, f"scene{i}"] for tokens, i in zip(made.tokens, made.image_index, strict=True)]
    pairs = Pairs(Regions(made.regions, mask=made.mask), words, image_index=made.image_index)
    fitted = SCAN(8, word_width=4, batch_size=20, max_epochs=1, validation_fraction=0.3, random_state=0).fit(pairs)
    seen = [word for word in fitted.network_.vocabulary.words if word.startswith("scene")]
    assert len(seen) == 14


@pytest.mark.parametrize("tag", ["NOUN", "PROPN", "ADJ", "NUM", "NN", "NNS", "NNP", "JJ", "JJR", "CD"])
def test_nouns_and_attributes_touch_regions(tag):
    assert is_anchor(tag)


@pytest.mark.parametrize("tag", ["VERB", "DET", "ADP", "PRON", "ADV", "VBZ", "IN", "DT", "X", ""])
def test_other_words_do_not(tag):
    assert not is_anchor(tag)


def test_places_are_those_of_the_words():
    packed, _ = TEXTS.packed()
    assert places_of(packed.offsets, np.array([2, 0])).tolist() == [5, 6, 7, 8, 0, 1, 2]
    assert places_of(packed.offsets, np.array([], dtype=int)).tolist() == []


def test_a_batch_is_filled_up_to_its_longest_text():
    source = WordSource(*TEXTS[[2, 1, 0]].packed(), Vocabulary(TEXTS, 1, ("tags", "heads")), CPU)
    batch = source.rows(torch.tensor([1, 2]))
    assert batch.mask.tolist() == [[True, True, False], [True, True, True]]
    assert batch.ids[0, :2].tolist() == [1, 5] and batch.ids[1].tolist() == [1, 6, 2]
    assert batch.anchors.tolist() == [[False, True, False], [False, True, True]]
    assert batch.lengths.tolist() == [2, 3]
    assert batch.edges[0].nonzero().tolist() == [[0, 1], [1, 0]]
    assert batch.edges[1].nonzero().tolist() == [[0, 2], [1, 2], [2, 0], [2, 1]]
    assert source.rows(torch.tensor([0])).mask.shape == (1, 4)


def test_edges_join_words_and_heads_in_both_directions():
    heads = torch.tensor([[1, -1, 1, 0]])
    edges = edges_of(heads, torch.tensor([[True, True, True, False]]))
    assert edges[0].nonzero().tolist() == [[0, 1], [1, 0], [1, 2], [2, 1]]


def test_images_of_rows_are_looked_up_not_held_again():
    features = np.arange(24, dtype=np.float32).reshape(3, 2, 4)
    view = Regions(features, np.zeros((3, 2, 4)), np.array([[1, 0], [1, 1], [1, 1]]))
    source = RegionSource(IndexedRows(view, np.array([2, 2, 0])), CPU)
    batch = source.rows(torch.tensor([0, 2]))
    assert_array_equal(batch.features.numpy(), features[[2, 0]])
    assert batch.mask.tolist() == [[True, True], [True, False]] and batch.boxes.shape == (2, 2, 4)
    assert np.shares_memory(source.features.view.numpy(), features)


def rates(told, **options):
    seen = []

    class Watch(Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.append(net.optimizer_.param_groups[0]["lr"])

    SCAN(8, word_width=4, batch_size=20, lr=0.1, validation_fraction=0, random_state=0, callbacks=[Watch()],
         **options).fit(told)  # fmt: skip
    return seen


@pytest.fixture(scope="module")
def told():
    made = make_captioned_scenes(8, random_state=0)
    return Pairs(Regions(made.regions, mask=made.mask), made.sentences, image_index=made.image_index)


def test_a_number_is_the_epochs_to_a_tenth_of_the_rate(told):
    assert_allclose(rates(told, max_epochs=5, schedule=2), [0.1, 0.01, 0.01, 0.001, 0.001])
    assert_allclose(rates(told, max_epochs=2, schedule="constant"), [0.1, 0.1])


def test_long_gradients_are_cut_to_length():
    layer = torch.nn.Linear(3, 1, bias=False)
    layer.weight.grad = torch.tensor([[3.0, 4.0, 0.0]])
    for longest, expected in ((10.0, 5.0), (2.0, 2.0)):
        GradientNormClipping(longest).on_grad_computed(None, named_parameters=layer.named_parameters())
        assert torch.linalg.vector_norm(layer.weight.grad).item() == pytest.approx(expected, rel=1e-5)


def test_clipping_is_asked_of_the_training_loop(told):
    options = {"word_width": 4, "batch_size": 20, "max_epochs": 1, "optimizer": "sgd", "lr": 1.0, "random_state": 0}
    before, after = (
        SCAN(8, clip=clip, validation_fraction=0, schedule="constant", **options).fit(told).network_.text_encoder
        for clip in (1e-9, None)
    )
    assert (before.gru.weight_hh_l0 - after.gru.weight_hh_l0).abs().max() > 1e-4


def test_some_texts_are_those_of_the_whole():
    vocabulary = Vocabulary(TEXTS, 1, ("tags", "heads"))
    whole, some = (WordSource(*texts.packed(), vocabulary, CPU) for texts in (TEXTS, TEXTS[[2, 0]]))
    for mine, part in ((0, 2), (1, 0)):
        a, b = some.rows(torch.tensor([mine])), whole.rows(torch.tensor([part]))
        for name in ("ids", "tags", "anchors", "edges", "mask"):
            assert torch.equal(getattr(a, name), getattr(b, name))
    assert torch.equal(whole.of(slice(1, 3)).rows(torch.tensor([1])).ids, whole.rows(torch.tensor([2])).ids)


def test_only_images_in_use_are_moved():
    view = Regions(np.arange(40, dtype=np.float64).reshape(5, 2, 4))
    source = RegionSource(IndexedRows(view, np.array([4, 1, 4])), CPU)
    assert len(source.features) == 2 and source.mask.shape == (2, 2)
    assert_array_equal(source.rows(torch.arange(3)).features.numpy(), view.features[[4, 1, 4]])
    again = source.of(IndexedRows(view, np.array([1])))
    assert_array_equal(again.rows(torch.arange(1)).features.numpy(), view.features[[1]])
    assert again.features is source.features


@pytest.mark.filterwarnings("ignore:2 validation rows choose the epoch")
@pytest.mark.parametrize("fraction", [0, 0.3])
def test_texts_of_one_image_are_no_negatives_also_where_images_were_expanded(fraction):
    made = make_captioned_scenes(8, random_state=0)
    told = Pairs(Regions(made.regions, mask=made.mask), made.sentences, image_index=made.image_index)
    expanded = told.replace(image=told.image.expanded())
    options = {"batch_size": 14, "max_epochs": 1, "validation_fraction": fraction, "standardize": False}
    model = RACG(8, n_heads=2, word_width=4, random_state=0, **options)
    history = model.fit(told).history_
    again = model.fit(expanded).history_
    assert_allclose(again["loss"], history["loss"], rtol=1e-5)


def test_one_image_has_nothing_to_be_told_from(told):
    alone = Pairs(told.image.view[:1], told.text[:5], image_index=np.zeros(5, dtype=int))
    with pytest.raises(ValueError, match="all texts are about one image"):
        SCAN(8, word_width=4, batch_size=5, validation_fraction=0).fit(alone)
