"""VSEPP: its losses as loops over single numbers, what changes nothing, both kinds of images, two stages, an index."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, GroupKFold
from torch.autograd import gradcheck

import skxmr
from skxmr import SCAN, VSEPP, MeanRegions, Pairs, Regions, RetrievalIndex, RetrieverEnsemble, Sentences, TwoStage
from skxmr.datasets import make_captioned_scenes
from skxmr.inspection import explain
from skxmr.methods.vsepp import VSEPPObjective
from skxmr.metrics import RecallScores
from skxmr.nn import Outputs, contrastive
from skxmr.pairwise import SetBatch

TINY = {
    "n_components": 16, "word_width": 8, "lr": 1e-3, "batch_size": 12, "max_epochs": 2, "schedule": "constant",
    "random_state": 0,
}  # fmt: skip


def scenes(n=12, seed=0):
    made = make_captioned_scenes(n, random_state=seed)
    images = Regions(made.regions, made.boxes, made.mask)
    return Pairs(images, Sentences(made.tokens), image_index=made.image_index)


@pytest.fixture(scope="module")
def told():
    return scenes()


@pytest.fixture(scope="module")
def fitted(told):
    return VSEPP(**TINY).fit(told)


def hinge(x):
    return max(x, 0.0)


def loops(S, alike, margin):
    """Eqs. 5 and 6 summed over the pairs, as the paper writes them: the sum of hinges, and the largest of them."""
    summed = 0.0
    hardest = 0.0
    for i in range(len(S)):
        others = [j for j in range(len(S)) if j != i and not alike[i, j]]
        of_texts = [hinge(margin - S[i, i] + S[i, j]) for j in others]
        of_images = [hinge(margin - S[i, i] + S[j, i]) for j in others]
        summed += sum(of_texts) + sum(of_images)
        hardest += max(of_texts, default=0.0) + max(of_images, default=0.0)
    return {"all": summed, "hardest": hardest}


def embeddings(n, d=5, seed=0):
    g = torch.Generator().manual_seed(seed)
    rows = torch.randn(2, n, d, dtype=torch.float64, generator=g)
    image, text = torch.nn.functional.normalize(rows, dim=2)
    return image, text


@pytest.mark.parametrize("negatives", ["all", "hardest"])
@pytest.mark.parametrize("groups", [[0, 1, 2, 3, 4], [0, 0, 1, 2, 2], [0, 0, 0, 0, 0], [0]])
def test_the_losses_are_equations_5_and_6(negatives, groups):
    image, text = embeddings(len(groups))
    batch = SetBatch(None, None, torch.tensor(groups))
    objective = VSEPPObjective(0.2, negatives)
    found = objective.triplets(Outputs({"image": image, "text": text}), batch)
    S = (image @ text.T).numpy()
    assert_allclose(found.item(), loops(S, batch.same_image.numpy(), 0.2)[negatives], rtol=1e-12, atol=1e-14)


def test_the_sum_of_hinges_has_the_right_gradient():
    S = torch.randn(4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    alike = torch.eye(4, dtype=torch.bool)
    alike[0, 1] = alike[1, 0] = True
    assert gradcheck(lambda S: contrastive.summed_triplets(S, alike), (S,))


def test_with_one_negative_the_sum_is_the_hardest():
    S = torch.randn(2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    alike = torch.zeros(2, 2, dtype=torch.bool)
    assert_allclose(contrastive.summed_triplets(S, alike), contrastive.hardest_triplets(S, alike), rtol=1e-12)


def test_the_similarity_is_the_cosine_of_the_embeddings(fitted, told):
    images, texts = told.distinct_images()[0], told.text
    image = fitted.encode_image(images)
    text = fitted.encode_text(texts)
    assert_allclose(np.linalg.norm(image, axis=1), 1, atol=1e-6)
    assert_allclose(np.linalg.norm(text, axis=1), 1, atol=1e-6)
    assert_allclose(fitted.similarity(told), image @ text.T, atol=1e-6)
    both = fitted.transform(told)
    assert_array_equal(both.image, image[told.image.index])
    assert both.image.dtype == both.text.dtype == np.float32


def test_an_embedding_depends_neither_on_its_company_nor_on_padding(fitted, told):
    whole = fitted.encode_text(told.text)
    for i in (0, 17, 59):
        assert_allclose(fitted.encode_text(told.text[i : i + 1])[0], whole[i], atol=1e-6)
    order = np.random.default_rng(0).permutation(len(told))
    assert_allclose(fitted.encode_text(told.text[order]), whole[order], atol=1e-6)
    longest = Sentences([told.text[0].split(), ["a"] * 100])
    assert_allclose(fitted.encode_text(longest)[0], whole[0], atol=1e-6)
    images = told.distinct_images()[0]
    assert_allclose(fitted.encode_image(images[3:4])[0], fitted.encode_image(images)[3], atol=1e-6)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_order_of_the_words_matters_and_that_of_the_regions_does_not(bidirectional, told):
    model = VSEPP(**TINY, bidirectional=bidirectional).fit(told)
    words = ["a", "thick", "three", "above", "a", "seven"]
    there, back = model.encode_text(Sentences([words, words[::-1]]))
    assert np.abs(there - back).max() > 1e-2
    images = told.distinct_images()[0]
    turned = Regions(images.features[:, ::-1], mask=images.mask[:, ::-1])
    assert_allclose(model.encode_image(turned), model.encode_image(images), atol=1e-6)


def test_equal_seeds_give_equal_fits(fitted, told):
    again = clone(fitted).fit(told)
    assert_array_equal(again.encode_image(told), fitted.encode_image(told))
    assert_array_equal(again.encode_text(told), fitted.encode_text(told))
    other = clone(fitted).set_params(random_state=1).fit(told)
    assert np.abs(other.encode_text(told) - fitted.encode_text(told)).max() > 1e-2


@pytest.mark.parametrize("filling", [np.nan, np.inf, 1e30])
def test_masked_regions_may_hold_anything(filling, fitted, told):
    images = told.image.view
    assert not images.mask.all()
    features = np.where(images.mask[:, :, None], images.features, filling)
    other = Pairs(Regions(features, mask=images.mask), told.text, image_index=told.image.index)
    model = clone(fitted).fit(other)
    assert_array_equal(model.encode_image(other), fitted.encode_image(told))
    assert_array_equal(model.encode_text(told), fitted.encode_text(told))


def test_images_may_be_one_vector_each(fitted, told):
    images = told.distinct_images()[0]
    vectors = MeanRegions().fit_transform(images)
    kinds = [vectors, vectors[:, None], sp.csr_array(vectors), pd.DataFrame(vectors).add_prefix("f")]
    for image in kinds:
        pairs = Pairs(image, told.text, image_index=told.image.index)
        model = clone(fitted).fit(pairs)
        assert_allclose(model.encode_text(told), fitted.encode_text(told), atol=1e-6)
        # Either kind of images is taken afterwards.
        for asked in (images, image):
            assert_allclose(model.encode_image(asked), fitted.encode_image(images), atol=1e-6)
    expanded = Pairs(vectors[told.image.index], told.text)
    assert clone(fitted).fit(expanded).encode_image(expanded).shape == (60, 16)
    single = fitted.encode_image(vectors.astype(np.float32))
    assert_allclose(single, fitted.encode_image(vectors), atol=1e-5)


def test_names_of_columns_are_kept(told):
    vectors = MeanRegions().fit_transform(told.image.view)
    frame = pd.DataFrame(vectors).add_prefix("f")
    model = VSEPP(**TINY).fit(Pairs(frame, told.text, image_index=told.image.index))
    assert model.feature_names_in_["image"].tolist() == frame.columns.tolist()
    assert model.get_feature_names_out().tolist() == [f"vsepp{i}" for i in range(16)]
    with pytest.raises(ValueError, match="columns of image"):
        model.encode_image(frame[frame.columns[::-1]])


def test_words_may_bring_their_vectors(told):
    g = np.random.default_rng(0)
    table = {word: g.normal(size=6) for row in told.text for word in row.split()}
    texts = Sentences(vectors=[[table[word] for word in row.split()] for row in told.text])
    pairs = Pairs(told.image.view, texts, image_index=told.image.index)
    model = VSEPP(**TINY).fit(pairs)
    assert model.n_features_ == {"image": 64, "text": 6} and model.network_.text_encoder.gru.input_size == 6
    assert_allclose(model.encode_text(texts[5:6])[0], model.encode_text(texts)[5], atol=1e-6)
    with pytest.raises(ValueError, match="fitted on vectors of width 6, but text has no vectors"):
        model.encode_text(told.text)


@pytest.mark.parametrize(
    "changes", [{}, pytest.param({"negatives": "all", "bidirectional": True}, marks=pytest.mark.slow)], ids=str
)
def test_it_knows_what_it_was_shown(changes, told):
    settings = {"n_components": 64, "word_width": 32, "max_epochs": 25, "lr": 3e-3, "batch_size": 15}
    found = RecallScores()(VSEPP(**TINY | settings | changes).fit(told), told)
    # chance is .08
    assert found["i2t_r1"] > 0.6 and found["t2i_r1"] > 0.4


@pytest.mark.slow
def test_it_learns():
    model = VSEPP(**TINY | {"n_components": 128, "word_width": 64, "batch_size": 32, "max_epochs": 12})
    found = RecallScores(ks=(1, 10))(model.fit(scenes(600)), scenes(100, seed=1))
    # chance is .01 and .1
    assert found["i2t_r10"] > 0.4 and found["t2i_r10"] > 0.4


def test_the_validation_rows_choose_the_epoch_by_their_recalls(told):
    model = VSEPP(**TINY, validation_fraction=0.2)
    with pytest.warns(match="validation rows choose the epoch"):
        model.fit(told)
    assert model.best_epoch_ == model.history_["validation_mr"].argmax() + 1
    assert {"triplets", "validation_i2t_r1", "validation_t2i_r1"} <= set(model.history_.columns)


def test_it_can_be_searched(told):
    scoring = RecallScores(ks=(1,))
    search = GridSearchCV(
        VSEPP(**TINY), {"negatives": ["hardest", "all"]}, cv=GroupKFold(2), scoring=scoring, refit="mr"
    )
    search.fit(told, groups=told.groups)
    assert np.isfinite(search.cv_results_["mean_test_mr"]).all()
    assert_allclose(skxmr.similarity(search, told), search.best_estimator_.similarity(told), atol=1e-6)


def test_it_goes_on_learning(told):
    model = VSEPP(**TINY, warm_start=True).fit(told)
    before = model.encode_text(told)
    assert len(model.fit(told).history_) == 4
    assert np.abs(model.encode_text(told) - before).max() > 1e-3


def test_it_is_the_first_stage_of_two(fitted, told):
    second = SCAN(**TINY)
    model = TwoStage(first=VSEPP(**TINY), second=second, k=3).fit(told)
    assert_array_equal(model.first_.encode_text(told), fitted.encode_text(told))
    near = model.candidates(told).toarray()
    S = fitted.similarity(told)
    assert (near.sum(axis=1) >= 3).all() and near[np.arange(12), S.argmax(axis=1)].all()
    alone = clone(second).fit(told).similarity(told)
    assert_allclose(model.similarity(told)[near], alone[near], atol=1e-5)


def test_its_embeddings_are_indexed(fitted, told):
    images = told.distinct_images()[0]
    index = RetrievalIndex(fitted)
    index.add(image=images)
    hits = index.search(text=told.text[:4], k=3)
    S = fitted.similarity(images, told.text[:4]).T
    assert_array_equal(hits.ids, np.argsort(-S, axis=1)[:, :3])
    assert_allclose(hits.scores, np.sort(S, axis=1)[:, ::-1][:, :3], atol=1e-6)
    both = TwoStage(first=index, second=SCAN(**TINY), k=4).fit(told)
    assert both.search(images, text=told.text[:2], k=2).ids.shape == (2, 2)


def test_several_of_them_have_one_embedding(fitted, told):
    members = [(str(seed), VSEPP(**TINY | {"random_state": seed})) for seed in (0, 1)]
    both = RetrieverEnsemble(members).fit(told)
    mean = np.mean([member.similarity(told) for member in both.estimators_], axis=0)
    assert both.encode_text(told).shape == (60, 32)
    assert_allclose(both.similarity(told), mean, atol=1e-6)


def test_the_constants_of_the_paper():
    model = VSEPP.paper()
    wanted = {
        "word_width": 300, "n_components": 1024, "lr": 2e-4, "batch_size": 128, "max_epochs": 30, "schedule": 15,
        "margin": 0.2, "clip": 2.0, "weight_decay": 0.0, "standardize": False, "negatives": "hardest",
        "bidirectional": False,
    }  # fmt: skip
    assert wanted.items() <= model.get_params().items()
    assert VSEPP.paper("coco", negatives="all").negatives == "all"
    with pytest.raises(ValueError, match="got 'imagenet'"):
        VSEPP.paper("imagenet")


def test_wrong_input_is_named(fitted, told):
    images, texts = told.distinct_images()[0], told.text
    vectors = MeanRegions().fit_transform(images)
    cases = [
        (lambda: fitted.encode_text(vectors), r"text has shape \(12, 64\), but words are compared here"),
        (lambda: fitted.encode_image(vectors[:, 1:]), "image has 63 features but 64 were seen in fit"),
        (lambda: fitted.encode_image(Regions(images.features[:, :, 1:])), "image has regions of 63 features"),
        (lambda: fitted.encode_image(vectors[0]), "image must be 2-D"),
        (lambda: fitted.encode_image(vectors * np.nan), "image contains 768 NaN"),
        (lambda: VSEPP(**TINY).fit(vectors[:1], texts[:1]), "image has 1 sample"),
        (lambda: VSEPP(**TINY).fit(told[:5]), "all texts are about one image"),
        (lambda: VSEPP(**TINY, min_count=999).fit(told), "no word comes min_count=999 times"),
        (lambda: VSEPP(**TINY, negatives="some").fit(told), "negatives"),
        (lambda: VSEPP(**TINY, margin=-1.0).fit(told), "margin"),
    ]
    for call, message in cases:
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.warns(match="1 of 1 texts hold no word that was seen in fit"):
        fitted.encode_text(["unheard"])


def test_what_it_cannot_be_asked_for_is_said(fitted, told, tmp_path):
    with pytest.raises(TypeError, match=r"VSEPP embeds sentences word by word.*skxmr\.save"):
        skxmr.export_onnx(fitted, tmp_path / "encoders")
    found = explain(fitted, told.distinct_images()[0][:1], told.text[:1])
    assert_allclose(found.similarity, fitted.similarity(told)[0, 0], atol=1e-6)
