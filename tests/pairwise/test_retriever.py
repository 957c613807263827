"""RACG and SCAN as estimators: they learn, what they do not look at changes nothing, searches, copies, bad input."""

import os
import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline

from skxmr import RACG, SCAN, Pairs, PerModality, Regions, Sentences
from skxmr._data.repeated import IndexedRows
from skxmr.datasets import make_captioned_scenes
from skxmr.metrics import RecallScores, SameGroup, retrieval_recalls
from skxmr.pairwise.scores import Limits, pair_scores, some_pair_scores
from skxmr.pairwise.sources import RegionSource, WordSource

pytestmark = pytest.mark.filterwarnings("ignore:. validation rows choose the epoch")

N_IMAGES = 12
N_TEXTS = 60
TINY = {
    "n_components": 16, "word_width": 8, "lr": 1e-3, "batch_size": 12, "max_epochs": 2, "schedule": "constant",
    "validation_fraction": 0.2, "random_state": 0,
}  # fmt: skip
METHODS = {
    "RACG": RACG(**TINY, n_heads=4),
    "RACG, dense": RACG(**TINY, n_heads=None, text_graph="dense", tag_width=0, position_width=0),
    "SCAN t2i": SCAN(**TINY),
    "SCAN i2t": SCAN(**TINY, attention="image_to_text", pooling="mean"),
}
IDEAS = {
    "RACG": {"n_heads": [2, None]},
    "RACG, dense": {"tau": [0.0, 0.2]},
    "SCAN t2i": {"sharpness": [4.0, "auto"]},
    "SCAN i2t": {"pooling": ["lse", "mean"]},
}


def pairs_of(n=N_IMAGES, seed=0, **options):
    made = make_captioned_scenes(n, random_state=seed, **options)
    images = Regions(made.regions, made.boxes, made.mask)
    return Pairs(images, Sentences(made.tokens, made.tags, made.heads), image_index=made.image_index)


@pytest.fixture(scope="module")
def told():
    return pairs_of()


@pytest.fixture(scope="module")
def fits(told):
    return {name: clone(model).fit(told) for name, model in METHODS.items()}


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.slow] * name.startswith("RACG")) for name in METHODS])
def name(request):
    return request.param


# Regions and words are compared with few steps per second, so the default suite wants what was shown to be known.
MEMORY = {
    "RACG": RACG(16, n_heads=4, word_width=16, position_width=8, batch_size=8, max_epochs=8),
    "SCAN": SCAN(16, word_width=16, batch_size=8, max_epochs=8),
}
# RACG stands still for some three hundred steps before it learns.
LEARNING = {
    "RACG": (RACG(64, n_heads=16, word_width=64, position_width=16, batch_size=32, max_epochs=6), 600),
    "SCAN": (SCAN(32, word_width=32, batch_size=30, max_epochs=6), 300),
}


@pytest.mark.parametrize("method", [pytest.param("RACG", marks=pytest.mark.slow), "SCAN"])
def test_it_knows_what_it_was_shown(method, told):
    model = clone(MEMORY[method]).set_params(lr=2e-3, schedule="constant", validation_fraction=0, random_state=0)
    found = RecallScores()(model.fit(told), told)
    # chance is .08
    assert found["i2t_r1"] > 0.4 and found["t2i_r1"] > 0.4


@pytest.mark.slow
@pytest.mark.parametrize("method", LEARNING)
def test_it_learns(method):
    model, n = LEARNING[method]
    model = clone(model).set_params(lr=2e-3, schedule="constant", random_state=0)
    found = RecallScores()(model.fit(pairs_of(n)), pairs_of(100, seed=1, subset="test"))
    # chance is .01
    assert found["i2t_r1"] > 0.3 and found["t2i_r1"] > 0.3


def test_similarity_does_not_depend_on_the_company(name, fits, told):
    model = fits[name]
    images, texts = told.distinct_images()[0], told.text
    S = model.similarity(images, texts)
    assert S.shape == (N_IMAGES, N_TEXTS) and S.dtype == np.float32
    assert_allclose(model.similarity(images[4:7], texts[10:11]), S[4:7, 10:11], atol=2e-6)
    order = np.random.default_rng(0).permutation(N_TEXTS)
    assert_allclose(model.similarity(images, texts[order]), S[:, order], atol=2e-6)
    assert_allclose(model.similarity(told), S, atol=2e-6)


def test_some_pairs_are_scored_as_all_are(name, fits, told):
    where = np.random.default_rng(0).uniform(size=(N_IMAGES, N_TEXTS)) < 0.1
    where[7] = False
    found = fits[name].similarity(told, where=where)
    assert found.nnz == where.sum()
    assert_allclose(found.toarray()[where], fits[name].similarity(told)[where], atol=2e-6)
    assert fits[name].similarity(told, where=np.zeros_like(where)).nnz == 0


def test_blocks_change_nothing(name, fits, told):
    wanted = fits[name].similarity(told)
    network, device = fits[name].network_, torch.device("cpu")
    images = RegionSource(IndexedRows(told.distinct_images()[0], np.arange(N_IMAGES)), device)
    texts = WordSource(*told.text.packed(), network.vocabulary, device)
    small = Limits(encoded=2**13, compared=2**15)
    assert len(small.image_blocks(torch.arange(N_IMAGES), network, images)) > 1
    assert len(small.text_blocks(torch.arange(N_TEXTS), network, texts)) > 1
    assert_allclose(pair_scores(network, images, texts, limits=small), wanted, atol=2e-6)
    where = np.zeros(wanted.shape, dtype=bool)
    where[::4] = True
    found = some_pair_scores(network, images, texts, sp.csr_array(where), limits=small).toarray()
    assert_allclose(found[::4], wanted[::4], atol=2e-6)


def test_region_order_and_hidden_regions_change_nothing(name, fits, told):
    view = told.image.view
    wanted = fits[name].similarity(told)
    order = np.array([2, 0, 3, 1])
    moved = Regions(view.features[:, order], view.boxes[:, order], view.mask[:, order])
    assert_allclose(fits[name].similarity(moved, told.text), wanted, atol=2e-6)
    features, boxes = view.features.copy(), view.boxes.copy()
    features[~view.mask], boxes[~view.mask] = 1e4, 0.5
    assert_allclose(fits[name].similarity(Regions(features, boxes, view.mask), told.text), wanted, atol=2e-6)


def test_what_is_masked_may_be_anything(name, told, fits):
    view = told.image.view
    features, boxes = view.features.copy(), view.boxes.copy()
    features[~view.mask], boxes[~view.mask] = np.nan, np.nan
    hidden = Pairs(Regions(features, boxes, view.mask), told.text, image_index=told.groups)
    assert_array_equal(fits[name].similarity(hidden), fits[name].similarity(told))
    assert_array_equal(clone(METHODS[name]).fit(hidden).similarity(told), fits[name].similarity(told))


def test_views_in_any_memory_are_taken(fits, told):
    view, wanted = told.image.view, fits["RACG"].similarity(told)
    assert_allclose(fits["RACG"].similarity(view[::-1], told.text), wanted[::-1], atol=2e-6)
    assert_allclose(fits["RACG"].similarity(told.image.view, told.text[::-1]), wanted[:, ::-1], atol=2e-6)
    others = view.features.astype(">f4"), view.boxes.astype(">f8"), view.mask.copy()
    for array in others:
        array.flags.writeable = False
    assert_allclose(fits["RACG"].similarity(Regions(*others), told.text), wanted, atol=2e-6)


def test_a_file_that_was_cut_off_is_an_error_not_the_end(tmp_path, told):
    np.save(tmp_path / "features.npy", told.image.view.features)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    os.truncate(tmp_path / "features.npy", 1000)
    with pytest.raises(ValueError, match="image is a memory map of the first"):
        clone(METHODS["SCAN t2i"]).fit(Pairs(Regions(mapped), told.text, image_index=told.groups))


def test_the_question_is_not_written_into(fits, told):
    where = sp.csr_array(
        (np.array([1.0, 2.0, 0.0, 1.0]), np.array([4, 1, 3, 1]), np.array([0, 2, 4] + [4] * (N_IMAGES - 2))),
        (N_IMAGES, N_TEXTS),
    )
    before = where.copy()
    found = fits["SCAN t2i"].similarity(told, where=where)
    assert found.nnz == 3
    for part in ("data", "indices", "indptr"):
        assert_array_equal(getattr(where, part), getattr(before, part))
    twice = sp.csr_array((np.ones(2), np.array([1, 1]), np.array([0, 2] + [2] * (N_IMAGES - 1))), (N_IMAGES, N_TEXTS))
    assert_allclose(fits["SCAN t2i"].similarity(told, where=twice).toarray()[0, 1], found.toarray()[0, 1])


def test_equal_seeds_give_equal_fits_and_leave_the_global_generators(name, fits, told):
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    again = clone(METHODS[name]).fit(told)
    assert_array_equal(again.similarity(told), fits[name].similarity(told))
    assert torch.equal(torch.get_rng_state(), torch_before) and (np.random.get_state()[1] == numpy_before).all()


def test_copies_agree(name, fits, told):
    copy = pickle.loads(pickle.dumps(fits[name]))
    assert_array_equal(copy.similarity(told), fits[name].similarity(told))
    assert copy.n_features_ == {"image": 64, "text": 0}


def test_the_history_holds_losses_and_recalls(name, fits):
    history = fits[name].history_
    terms = {"triplets", "absolute"} if name.startswith("RACG") else {"triplets"}
    assert terms <= set(history) and np.isfinite(history["loss"]).all()
    assert history["validation_mr"].between(0, 1).all()
    assert fits[name].best_epoch_ == history["validation_mr"].argmax() + 1


def test_validation_holds_out_whole_images(told):
    split = METHODS["SCAN t2i"]._split(METHODS["SCAN t2i"]._checked(told, None, None).pairs, None, 0)
    parts = split.fitting, split.validation
    fitting, held = (set(split.shared_images(part).tolist()) for part in parts)
    assert len(held) == 2 and not fitting & held


def test_shared_images_are_not_expanded(told):
    checked = METHODS["RACG"]._checked(told, None, None)
    assert np.shares_memory(checked.pairs.image.view.features, told.image.view.features)


@pytest.mark.parametrize("route", ["score", "scorer", "pipeline"])
def test_scores_are_those_of_the_similarity(name, fits, told, route):
    S = fits[name].similarity(told)
    expected = retrieval_recalls(S, SameGroup(np.arange(N_IMAGES), told.groups))
    if route == "score":
        assert 0 < fits[name].score(told) <= 1
    elif route == "scorer":
        found = RecallScores()(fits[name], told)
        assert_allclose([found[key] for key in expected], list(expected.values()))
    else:
        pipeline = Pipeline([("views", PerModality().fit(told)), ("model", fits[name])])
        assert RecallScores()(pipeline, told) == RecallScores()(fits[name], told)


def test_it_runs_in_a_grid_search_with_its_own_scorer(name, told):
    model = clone(METHODS[name]).set_params(max_epochs=1)
    # A fold has six images.
    scoring = RecallScores((1, 5))
    search = GridSearchCV(model, IDEAS[name], cv=GroupKFold(2), scoring=scoring, refit="mr", error_score="raise")
    search.fit(told, groups=told.groups)
    assert np.isfinite(search.cv_results_["mean_test_mr"]).all()
    assert RecallScores()(search, told)["mr"] > 0


def test_labels_decide_scores_but_not_the_fit(fits, told):
    labels = make_captioned_scenes(N_IMAGES, random_state=0).labels[told.groups]
    fitted = clone(METHODS["SCAN t2i"]).fit(told, labels)
    assert_array_equal(fitted.similarity(told), fits["SCAN t2i"].similarity(told))
    with pytest.raises(ValueError, match="fitted with labels"):
        fitted.score(told)
    assert fitted.score(told, labels) > fits["SCAN t2i"].score(told)


def test_strings_lists_and_arrays_are_taken(told):
    texts = [" ".join(told.text.tokens(i)) for i in range(N_TEXTS)]
    images = told.image.view.features
    model = clone(METHODS["RACG"])
    by_strings = model.fit(Pairs(images, texts, image_index=told.groups)).similarity(images, texts)
    by_tokens = clone(model).fit(Pairs(images, [text.split() for text in texts], image_index=told.groups))
    assert_array_equal(by_tokens.similarity(images, texts), by_strings)
    one_to_one = clone(model).set_params(validation_fraction=0).fit(images, texts[::5])
    assert one_to_one.similarity(images, texts[::5]).shape == (N_IMAGES, N_IMAGES)


@pytest.mark.slow
def test_without_tags_and_heads_every_word_is_an_anchor_and_all_are_connected(told):
    plain = Pairs(told.image.view, Sentences([told.text.tokens(i) for i in range(N_TEXTS)]), image_index=told.groups)
    sparse = clone(METHODS["RACG"]).fit(plain).similarity(plain)
    dense = clone(METHODS["RACG"]).set_params(text_graph="dense").fit(plain).similarity(plain)
    assert_array_equal(sparse, dense)
    assert clone(METHODS["RACG"]).fit(plain).network_.text_encoder.tags is None


def test_given_word_vectors_are_read_in_place_of_words(name, told):
    rng = np.random.default_rng(0)
    vectors = [rng.normal(size=(n, 6)).astype(np.float32) for n in told.text.lengths]
    with_vectors = told.replace(text=Sentences(vectors=vectors))
    fitted = clone(METHODS[name]).fit(with_vectors)
    assert fitted.n_features_["text"] == 6 and fitted.network_.text_encoder.gru is None
    assert fitted.similarity(with_vectors).shape == (N_IMAGES, N_TEXTS)
    with pytest.raises(ValueError, match="fitted on vectors of width 6, but text has no vectors"):
        fitted.similarity(told)


def test_memory_maps_give_what_arrays_give(tmp_path, told, fits):
    view = told.image.view
    stored = np.memmap(tmp_path / "features", dtype=np.float32, mode="w+", shape=view.features.shape)
    stored[:] = view.features
    on_disk = Pairs(Regions(stored, view.boxes, view.mask), told.text, image_index=told.groups)
    in_memory = Pairs(Regions(np.array(stored), view.boxes, view.mask), told.text, image_index=told.groups)
    found, wanted = (clone(METHODS["RACG"]).fit(pairs).similarity(pairs) for pairs in (on_disk, in_memory))
    assert_array_equal(found, wanted)


def test_warm_start_goes_on(told, fits):
    model = clone(METHODS["SCAN t2i"]).set_params(warm_start=True).fit(told)
    before = model.network_.image_encoder.of_features.weight.clone()
    model.fit(told)
    moved = (model.network_.image_encoder.of_features.weight - before).abs().max()
    assert 0 < moved < 0.1


@pytest.mark.slow
def test_warm_start_keeps_the_vocabulary(told):
    """Other rows, and other validation rows, have other words."""
    model = clone(METHODS["RACG"]).set_params(warm_start=True, random_state=None).fit(told)
    known = model.network_.vocabulary.words
    model.fit(told[:40]).fit(told)
    assert model.network_.vocabulary.words == known
    plain = told.replace(text=Sentences([told.text.tokens(i) for i in range(N_TEXTS)]))
    with pytest.raises(ValueError, match="fitted on sentences with tags, and text has none"):
        model.fit(plain)


def test_bfloat16_is_close(told, fits):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        coarse = clone(METHODS["RACG"]).set_params(precision="bf16").fit(told).similarity(told)
    assert np.abs(coarse - fits["RACG"].similarity(told)).mean() < 0.05


@pytest.mark.parametrize(
    ("cls", "dataset", "expected"),
    [
        (
            RACG,
            "flickr30k",
            {"lr": 2e-4, "batch_size": 80, "max_epochs": 25, "schedule": 10, "n_heads": 64, "tau": 0.2},
        ),
        (RACG, "coco", {"schedule": 15, "n_components": 1024, "word_width": 300, "tag_width": 15, "scale": 4.0}),
        (SCAN, "flickr30k", {"lr": 2e-4, "batch_size": 128, "max_epochs": 30, "schedule": 15, "clip": 2.0}),
        (SCAN, "coco", {"lr": 5e-4, "max_epochs": 20, "schedule": 10, "margin": 0.2}),
    ],
)
def test_the_papers_constants(cls, dataset, expected):
    parameters = cls.paper(dataset).get_params()
    assert {key: parameters[key] for key in expected} == expected
    with pytest.raises(ValueError, match="dataset must be one of"):
        cls.paper("wikipedia")


POOLED = {("flickr30k", "t"): 6.0, ("flickr30k", "i"): 5.0, ("coco", "t"): 6.0, ("coco", "i"): 20.0}


@pytest.mark.parametrize("dataset", ["flickr30k", "coco"])
@pytest.mark.parametrize("later", ["text_to_image", "image_to_text"])
@pytest.mark.parametrize("first", [{}, {"attention": "text_to_image"}, {"attention": "image_to_text"}])
def test_scan_pools_as_the_direction_wants_whenever_it_is_set(dataset, first, later, told):
    """Regions are pooled more sharply on MS-COCO."""
    small = {"n_components": 4, "word_width": 4, "max_epochs": 1, "batch_size": 10, "validation_fraction": 0}
    model = clone(SCAN.paper(dataset, **small | first)).set_params(attention=later)
    assert model.fit(told[:20]).network_.pooling == POOLED[dataset, later[0]]
    assert model.set_params(pooling_sharpness=3.0).fit(told[:20]).network_.pooling == 3.0
    assert model.set_params(pooling="mean").fit(told[:20]).network_.pooling is None


@pytest.mark.parametrize(
    "given", [{}, {"image_to_text": 5.0}, {"text_to_image": 0.0}, {"text_to_image": 6.0, "both": 1.0}]
)
def test_a_sharpness_for_each_direction_is_checked(given, told):
    with pytest.raises(ValueError, match=r"pooling_sharpness=.* attention='text_to_image'; its keys are direc"):
        SCAN(**TINY, pooling_sharpness=given).fit(told)


@pytest.mark.parametrize(
    ("choice", "touching"),
    [
        ("nouns", {"NOUN", "PROPN"}),
        ("nouns_and_attributes", {"NOUN", "PROPN", "ADJ", "NUM"}),
        ("all", {"NOUN", "PROPN", "ADJ", "NUM", "DET", "VERB", "ADP", "ADV"}),
    ],
)
def test_the_words_that_touch_regions_are_chosen_by_their_tags(choice, touching, told):
    """The three bars of Fig. 8."""
    model = clone(METHODS["RACG"]).set_params(cross_words=choice, max_epochs=1).fit(told)
    assert model.get_params()["cross_words"] == choice
    packed, _ = told.text.packed()
    some_word_is_left_out = False
    for i, found in enumerate(model.relations(told[:8])):
        tags = packed.tags[packed.offsets[i] : packed.offsets[i + 1]]
        from_regions = found.attention[: found.n_regions, found.n_regions :]
        assert [bool(column.any()) for column in from_regions.T] == [tag in touching for tag in tags]
        some_word_is_left_out |= not set(tags) <= touching
    assert some_word_is_left_out == (choice != "all")


def test_a_choice_of_words_without_effect_is_told(told):
    model = clone(METHODS["RACG"]).set_params(cross_words="nouns", max_epochs=1)
    plain = told.replace(text=Sentences([told.text.tokens(i) for i in range(N_TEXTS)]))
    with pytest.warns(UserWarning, match="cross_words='nouns' has no effect, because the words have no tags"):
        model.fit(plain)
    with pytest.warns(UserWarning, match="cross_words='nouns' has no effect with cross_graph=False"):
        clone(model).set_params(cross_graph=False).fit(told)
    verbs = Sentences([["runs"]] * N_TEXTS, [["VERB"]] * N_TEXTS)
    with pytest.raises(ValueError, match=r"no word is tagged as a noun, so none touches a region.*cross_words='all'"):
        clone(model).fit(told.replace(text=verbs))
    with pytest.raises(ValueError, match="'cross_words' parameter of RACG must be"):
        clone(model).set_params(cross_words="verbs").fit(told)


def test_nodes_and_attention_can_be_looked_at(told, fits):
    """Row by row, and the same as the graph of a pair alone."""
    model = fits["RACG"]
    rows = told[3:9]
    for i, found in enumerate(model.relations(rows)):
        r, n = found.n_regions, len(found.nodes)
        assert r == rows.image.view.mask[rows.image.index[i]].sum()
        assert n - r == len(rows.text.tokens(i))
        assert found.attention.shape == (n, n) and found.nodes.shape == found.within.shape == (n, 16)
        ones = found.attention[:, :r].sum(axis=1), found.attention[:, r:].sum(axis=1)
        assert_allclose(ones[0][:r], 1, rtol=1e-5)
        assert_allclose(ones[1][r:], 1, rtol=1e-5)
        for nodes in (found.within, found.integrated):
            assert_allclose(np.linalg.norm(nodes, axis=1), 1, rtol=1e-4)
        assert abs(found.within - found.integrated).max() > 1e-6
        again = model.relations(Pairs(rows.image[i : i + 1], rows.text[i : i + 1]))[0]
        assert_allclose(again.integrated, found.integrated, atol=1e-5)
    without = clone(METHODS["RACG"]).set_params(cross_graph=False).fit(told).relations(rows)[0]
    assert_array_equal(without.within, without.integrated)
    with pytest.raises(ValueError, match="text is missing; relations needs both views"):
        model.relations(Pairs(told.image))
    with pytest.raises(NotFittedError):
        clone(model).relations(rows)


def test_an_eighth_of_the_papers_nodes_is_position(told):
    assert RACG(1024).position_width == "auto"
    fitted = clone(METHODS["RACG"]).fit(told)
    assert fitted.network_.image_encoder.of_position.out_features == 2


def test_there_are_no_embeddings_but_a_way_out(name, fits, told):
    for asked in ("transform", "fit_transform", "encode_image", "encode_text"):
        for model in (fits[name], clone(METHODS[name])):
            assert not hasattr(model, asked)
            with pytest.raises(AttributeError, match=r"makes no embeddings.* TwoStage\(first=CCA\(\), second="):
                getattr(model, asked)
    with pytest.raises(NotFittedError):
        clone(METHODS[name]).similarity(told)


BAD = {
    "a matrix": (lambda p: p.replace(image=np.zeros((N_TEXTS, 4))), "regions are compared here"),
    "NaN": (lambda p: p.replace(image=Regions(np.full((N_TEXTS, 2, 4), np.nan))), "NaN or infinite"),
    "no columns": (lambda p: p.replace(image=Regions(np.zeros((N_TEXTS, 2, 0)))), "0 feature"),
    "a matrix of texts": (lambda p: p.replace(text=np.zeros((N_TEXTS, 4))), "words are compared here"),
    "one pair": (lambda p: p[:1], "at least 2"),
    "vectors with NaN": (
        lambda p: p.replace(text=Sentences(vectors=np.full((N_TEXTS, 3, 2), np.nan))),
        "vectors of text contain NaN",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(case, told):
    change, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        clone(METHODS["RACG"]).fit(change(told))


def test_one_string_is_no_list_of_texts(fits, told):
    for text in ("a dog", {"a": 1}, 7):
        with pytest.raises(TypeError, match=r"text is a .*pass a list of texts"):
            fits["SCAN t2i"].similarity(told.image.view, text)


def test_ragged_lists_are_packed(fits, told):
    view = told.image.view
    listed = [features[mask] for features, mask in zip(view.features, view.mask, strict=True)]
    wanted = fits["SCAN t2i"].similarity(told)
    assert_allclose(fits["SCAN t2i"].similarity(listed, told.text), wanted, atol=2e-6)
    fitted = clone(METHODS["SCAN t2i"]).fit(Pairs(listed, told.text, image_index=told.groups))
    assert_allclose(fitted.similarity(told), wanted, atol=2e-6)


def test_rows_that_are_not_used_are_not_looked_at(told):
    view = told.image.view
    features, vectors = view.features.copy(), [np.ones((n, 2)) for n in told.text.lengths]
    features[-1], vectors[-1] = np.nan, vectors[-1] * np.nan
    broken = Pairs(Regions(features, view.boxes, view.mask), Sentences(vectors=vectors), image_index=told.groups)
    with pytest.raises(ValueError, match="NaN or infinite values, first in image 11"):
        clone(METHODS["SCAN t2i"]).fit(broken)
    assert clone(METHODS["SCAN t2i"]).fit(broken[:50]).similarity(broken[:50]).shape == (10, 50)


def test_words_that_are_too_rare_leave_something(told):
    with pytest.raises(ValueError, match="no word comes min_count=100000 times"):
        clone(METHODS["SCAN t2i"]).set_params(min_count=100_000).fit(told)


def test_tags_in_lower_case_are_tags_and_unknown_ones_an_error(told, fits):
    tokens = [told.text.tokens(i) for i in range(N_TEXTS)]
    made = make_captioned_scenes(N_IMAGES, random_state=0)
    lower = [[tag.lower() for tag in tags] for tags in made.tags]
    fitted = clone(METHODS["RACG"]).fit(told.replace(text=Sentences(tokens, lower, made.heads)))
    texts = Sentences(tokens, lower, made.heads)
    assert_allclose(fitted.similarity(told.image.view, texts), fits["RACG"].similarity(told), atol=2e-6)
    other = Sentences(tokens, [["T1"] * len(row) for row in tokens], made.heads)
    with pytest.raises(ValueError, match="no word is tagged as a noun or an attribute"):
        clone(METHODS["RACG"]).fit(told.replace(text=other))
    clone(METHODS["RACG"]).set_params(cross_graph=False).fit(told.replace(text=other))


def test_long_texts_are_refused_not_cut(told):
    with pytest.raises(ValueError, match="words, but max_words=5; raise it, or shorten the text"):
        clone(METHODS["SCAN t2i"]).set_params(max_words=5).fit(told)


def test_queries_must_be_like_the_fitting_rows(fits, told):
    view, tokens = told.image.view, [told.text.tokens(i) for i in range(5)]
    model = fits["RACG"]
    with pytest.raises(ValueError, match="fitted with boxes"):
        model.similarity(Regions(view.features, mask=view.mask), told.text)
    with pytest.raises(ValueError, match="sentences with tags, and text has none"):
        model.similarity(view, tokens)
    with pytest.raises(ValueError, match="sentences with heads, and text has none"):
        model.similarity(view, Sentences(tokens, [["NOUN"] * len(t) for t in tokens]))
    with pytest.raises(ValueError, match="64 were seen in fit"):
        model.similarity(Regions(view.features[:, :, :9], view.boxes), told.text)
    with pytest.raises(ValueError, match="where has shape"):
        model.similarity(told, where=np.ones((3, 3)))
    assert model.similarity(view[:1], told.text[:1]).shape == (1, 1)


def test_texts_of_unknown_words_warn(fits, told):
    with pytest.warns(UserWarning, match="1 of 2 texts hold no word that was seen in fit"):
        S = fits["SCAN t2i"].similarity(told.image.view, ["zebras gallop", "a three"])
    assert np.isfinite(S).all()


def test_heads_and_positions_must_fit_the_width(told):
    with pytest.raises(ValueError, match="n_heads=5 does not divide the width 16"):
        clone(METHODS["RACG"]).set_params(n_heads=5).fit(told)
    with pytest.raises(ValueError, match="position_width=16 leaves nothing of n_components=16"):
        clone(METHODS["RACG"]).set_params(position_width=16).fit(told)


def test_verbose_shows_progress(fits, told, capsys):
    clone(METHODS["SCAN t2i"]).set_params(verbose=1).fit(told).similarity(told)
    shown = capsys.readouterr().err
    assert "mR=" in shown and "pair" in shown
