"""An index as the first stage of a search, and an ensemble that is put into an index."""

import numpy as np
import pytest

from skxmr import CCA, MLCCA, PLS, SCAN, Pairs, Regions, RetrievalIndex, RetrieverEnsemble, TwoStage
from skxmr.datasets import make_captioned_scenes, make_multilabel_pairs
from skxmr.metrics import Similarity


@pytest.fixture(scope="module")
def scenes():
    made = make_captioned_scenes(20, random_state=0)
    return Pairs(Regions(made.regions, mask=made.mask), made.sentences, image_index=made.image_index)


@pytest.fixture(scope="module")
def model(scenes):
    """Return a search by an index of images and of texts, and by SCAN."""
    scan = SCAN(8, word_width=4, batch_size=20, max_epochs=1, random_state=0)
    whole = TwoStage(first=CCA(4), second=scan).fit(scenes)
    images, _ = scenes.distinct_images()
    index = RetrievalIndex(whole.first_)
    index.add(
        image=images, ids=[f"i{i}" for i in range(len(images))], metadata={"even": np.arange(len(images)) % 2 == 0}
    )
    index.add(text=scenes.text, ids=[f"t{i}" for i in range(len(scenes))])
    return TwoStage(first=index, second=scan, k=6).fit(scenes)


def test_candidates_of_the_index_are_ordered_by_the_second_stage(scenes, model):
    images, _ = scenes.distinct_images()
    ids = [f"i{i}" for i in range(len(images))]
    texts = scenes.text[:9]
    hits = model.search(images, text=texts, ids=ids, k=4)
    own = model.second_.similarity(images, texts).T
    near = model.first_.search(text=texts, k=6, where={"modality": "image"}).ids
    for i in range(9):
        candidates = sorted(int(name[1:]) for name in near[i])
        wanted = sorted(candidates, key=lambda j, i=i: (-own[i, j], f"i{j}"))[:4]
        assert hits.ids[i].tolist() == [f"i{j}" for j in wanted]
        assert np.allclose(hits.scores[i], own[i, wanted], atol=1e-6)
    assert hits.to_frame().loc[0, "even"] == (int(hits.ids[0, 0][1:]) % 2 == 0)


def test_images_find_texts_and_conditions_hold(scenes, model):
    images, _ = scenes.distinct_images()
    hits = model.search(scenes.text, image=images[:3], ids=[f"t{i}" for i in range(len(scenes))], k=50)
    assert hits.shape == (3, 6) and all(name.startswith("t") for name in hits.ids.ravel())
    ids = [f"i{i}" for i in range(len(images))]
    even = model.search(images, text=scenes.text[:2], ids=ids, where={"even": True}, among=["i0", "i1", "i2"])
    assert {name for name in even.ids.ravel() if name} == {"i0", "i2"} and (even.scores[:, 2:] == -np.inf).all()
    assert model.similarity(scenes).shape == (20, len(scenes))


def test_what_is_wrong_is_named(scenes, model):
    images, _ = scenes.distinct_images()
    with pytest.raises(ValueError, match=r"the index finds 'i\d+', which is not among the items; pass all"):
        model.search(images, text=scenes.text[:2])
    with pytest.raises(TypeError, match="search wants an index as the first stage"):
        TwoStage(first=CCA(2), second=CCA(2)).fit(Pairs(np.eye(4), np.eye(4))).search(np.eye(4), text=np.eye(4))


def test_an_ensemble_of_methods_that_embed_is_one_embedding():
    pairs, labels = make_multilabel_pairs(200, random_state=0)
    parts = [("cca", CCA(4)), ("pls", PLS(5)), ("mlcca", MLCCA(3))]
    ensemble = RetrieverEnsemble(parts, weights=[1, 2, 5]).fit(pairs, labels)
    embedded = ensemble.transform(pairs)
    assert embedded.image.shape == (200, 12)
    assert np.allclose(np.linalg.norm(embedded.text, axis=1), 1)
    assert np.allclose(Similarity(embedded.image, embedded.text)[:], ensemble.similarity(pairs), atol=1e-6)
    image, text = ensemble.transform(pairs.image, pairs.text)
    assert np.array_equal(image, embedded.image) and np.array_equal(text, ensemble.encode_text(pairs))
    index = RetrievalIndex(ensemble)
    index.add(image=pairs.image)
    order = np.argsort(-ensemble.similarity(pairs), axis=0, kind="stable")[:5, :10].T
    assert np.array_equal(index.search(text=pairs.text[:10], k=5).ids, order)
    assert not hasattr(RetrieverEnsemble([("a", CCA()), ("b", SCAN())]), "transform")


def test_weights_are_chosen_on_rows_that_are_held_out():
    pairs, labels = make_multilabel_pairs(300, random_state=0)
    rng = np.random.default_rng(0)
    noise = Pairs(pairs.image + 20 * rng.standard_normal(pairs.image.shape), pairs.text)
    parts = [("good", MLCCA(4)), ("poor", PLS(1))]
    ensemble = RetrieverEnsemble(parts, weights="validation", random_state=0).fit(noise, labels)
    assert ensemble.weights_.sum() == pytest.approx(1) and (ensemble.weights_ >= 0).all()
    again = RetrieverEnsemble(parts, weights="validation", random_state=0).fit(noise, labels)
    assert np.array_equal(ensemble.weights_, again.weights_)
    alone = RetrieverEnsemble(parts, weights=[1, 0]).fit(pairs, labels)
    assert alone.score(pairs, labels) == pytest.approx(MLCCA(4).fit(pairs, labels).score(pairs, labels), abs=1e-9)
    with pytest.raises(ValueError, match="validation_fraction must be a share of the rows between 0 and 1; got 2"):
        RetrieverEnsemble(parts, weights="validation", validation_fraction=2).fit(pairs, labels)
