"""Sentences with vectors of their words: read and never trained, without a vocabulary, and held once."""

import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

import skxmr
from skxmr import RACG, VSEPP, Pairs, Regions, Sentences, TwoStage
from skxmr.datasets import make_captioned_scenes
from skxmr.pairwise.sources import WordSource

WIDTH = 6
MODEL = RACG(
    16, n_heads=4, lr=1e-3, batch_size=20, max_epochs=1, schedule="constant", validation_fraction=0, random_state=0
)


def made(n=6, seed=0):
    return make_captioned_scenes(n, random_state=seed)


def vectors_of(tokens, dtype=np.float32, seed=0):
    """One vector per word, the same for equal words, that are exact in half precision."""
    rng = np.random.default_rng(seed)
    names = sorted({word for row in make_captioned_scenes(50, random_state=0).tokens for word in row})
    table = dict(zip(names, rng.normal(size=(len(names), WIDTH)).astype(np.float16), strict=True))
    return [np.array([table[word] for word in row], dtype=dtype) for row in tokens]


def pairs_of(scenes, **given):
    """Scenes whose sentences have tags, heads and vectors, but for what is given in their place."""
    sentences = {"texts": scenes.tokens, "tags": scenes.tags, "heads": scenes.heads}
    sentences |= {"vectors": vectors_of(scenes.tokens)} | given
    images = Regions(scenes.regions, scenes.boxes, scenes.mask)
    return Pairs(images, Sentences(**sentences), image_index=scenes.image_index)


@pytest.fixture(scope="module")
def told():
    return pairs_of(made())


@pytest.fixture(scope="module")
def fitted(told):
    return clone(MODEL).fit(told)


def test_vectors_are_read_and_not_trained(fitted, told):
    before = vectors_of(made().tokens)
    assert_array_equal(told.text.packed()[0].vectors, np.concatenate(before))
    encoder = fitted.network_.text_encoder
    trained = {name: tuple(values.shape) for name, values in encoder.named_parameters()}
    n_tags = len(fitted.network_.vocabulary.tags) + 1
    assert trained == {"tags.weight": (n_tags, 15), "linear.weight": (16, WIDTH + 15), "linear.bias": (16,)}
    others = pairs_of(made(), vectors=vectors_of(made().tokens, seed=1))
    assert np.abs(fitted.similarity(others) - fitted.similarity(told)).max() > 1e-3


def test_words_that_fit_has_not_seen_are_no_other_than_their_vectors(fitted, told):
    scenes = made()
    unseen = [[f"{word}!" for word in row] for row in scenes.tokens]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for texts in (unseen, None):
            assert_array_equal(fitted.similarity(pairs_of(scenes, texts=texts)), fitted.similarity(told))


def test_each_word_has_the_vector_of_its_own_place(fitted, told):
    """Vectors of equal words may differ, as those of a transformer do."""
    vectors = vectors_of(made().tokens)
    vectors[3] = vectors[3].copy()
    vectors[3][-1] += 1
    moved = fitted.similarity(pairs_of(made(), vectors=vectors)) != fitted.similarity(told)
    assert moved[:, 3].all() and not np.delete(moved, 3, axis=1).any()


def test_half_precision_gives_the_same_and_is_not_copied(fitted, told):
    half = pairs_of(made(), vectors=vectors_of(made().tokens, np.float16))
    assert_array_equal(clone(MODEL).fit(half).similarity(half), fitted.similarity(told))
    for pairs, dtype in ((half, np.float16), (told, np.float32)):
        packed, rows = pairs.text[3:].packed()
        source = WordSource(packed, rows, fitted.network_.vocabulary, torch.device("cpu"))
        held = np.asarray(source.vectors.view)
        assert np.shares_memory(held, packed.vectors) and held.dtype == dtype
        assert source.rows(torch.tensor([0])).vectors.dtype == torch.float32


def test_tensors_and_arrays_of_one_length_are_vectors_too(told):
    listed = vectors_of(made().tokens)
    tensors = Sentences(made().tokens, vectors=[torch.from_numpy(row) for row in listed])
    assert_array_equal(tensors.packed()[0].vectors, told.text.packed()[0].vectors)


@pytest.mark.parametrize("parts", [(), ("tags",), ("tags", "heads")])
def test_tags_and_heads_are_used_where_they_come_with_vectors(parts):
    scenes = made()
    pairs = pairs_of(scenes, **{name: None for name in ("tags", "heads") if name not in parts})
    fit = clone(MODEL).fit(pairs)
    assert bool(fit.network_.vocabulary.tags) == ("tags" in parts)
    assert fit.network_.vocabulary.parsed == ("heads" in parts)
    assert np.isfinite(fit.similarity(pairs)).all()


def test_a_saved_model_gives_the_same_and_holds_no_vectors(fitted, told, tmp_path):
    skxmr.save(fitted, tmp_path / "model")
    again = skxmr.load(tmp_path / "model")
    assert again.n_features_ == {"image": 64, "text": WIDTH}
    assert_array_equal(again.similarity(told), fitted.similarity(told))
    assert not again.network_.vocabulary.words


def test_both_stages_of_a_search_read_the_vectors(fitted, told):
    first = VSEPP(8, batch_size=20, max_epochs=1, validation_fraction=0, random_state=0)
    model = TwoStage(first=first, second=clone(MODEL), k=2).fit(told)
    asked = model.candidates(told).toarray()
    found = model.second_.similarity(told, where=asked)
    assert_allclose(found.toarray(), fitted.similarity(told) * asked, atol=1e-6)
    S = model.similarity(told)
    for i in range(len(S)):
        own = np.flatnonzero(asked[i])
        assert_array_equal(np.argsort(S[i, own]), np.argsort(fitted.similarity(told)[i, own]))


@pytest.mark.parametrize(
    ("vectors", "error", "message"),
    [
        ([np.ones((2, 3)), np.ones((2, 3))], ValueError, "vectors of text 1 has 2 entries for 1 words; one per word"),
        ([np.ones((2, 3))], ValueError, "vectors has 1 rows, but there are 2 texts"),
        ([np.ones((2, 3)), np.ones((1, 4))], ValueError, r"vectors of text 1 are float64 of shape \(1, 4\); .* same d"),
        ([np.ones(3), np.ones(3)], ValueError, r"vectors of text 0 are float64 of shape \(3,\); .* \(words, d\)"),
        ([[["a", "b"]] * 2, [["a", "b"]]], ValueError, "vectors of text 0 are <U1 of shape"),
        (np.ones((2, 3)), ValueError, r"vectors of text 0 are float64 of shape \(3,\)"),
    ],
)
def test_wrong_shapes_are_named(vectors, error, message):
    with pytest.raises(error, match=message):
        Sentences(["a dog", "cat"], vectors=vectors)


def test_vectors_of_another_width_are_refused(fitted, told):
    wider = pairs_of(made(), vectors=[np.ones((len(row), WIDTH + 1)) for row in made().tokens])
    with pytest.raises(ValueError, match=f"fitted on vectors of width {WIDTH}, but text has width {WIDTH + 1}"):
        fitted.similarity(wider)
    with pytest.raises(ValueError, match=f"fitted on vectors of width {WIDTH}, but text has no vectors"):
        fitted.similarity(told.image.view, ["a dog"])
