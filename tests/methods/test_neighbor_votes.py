"""NeighborVotes: its similarity as a loop, rows without labels, its place in pipelines, and that it helps."""

import math

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skxmr import (
    CCA,
    CVH,
    DSCMR,
    JRL,
    MLCCA,
    AlignedEmbeddings,
    NeighborVotes,
    Pairs,
    RetrieverEnsemble,
    SemanticMatching,
    annotate,
)
from skxmr.datasets import make_multilabel_pairs
from tests.reference import neighbour_votes


def data(n=40, unlabelled=0):
    """Return rows that are in one space already, and labels, of which the first ones are missing."""
    pairs, labels = make_multilabel_pairs(n, n_labels=3, random_state=1)
    labels[labels.sum(axis=1) == 0, 0] = 1
    space = CCA(4).fit(pairs)
    labels[:unlabelled] = 0
    return space.transform(pairs), labels


def unit(row):
    return [value / math.sqrt(sum(row * row)) for value in row]


@pytest.mark.parametrize("weight", [0.3, 1.0])
@pytest.mark.parametrize("k", [1, 7, 500])
def test_similarity_is_the_product_of_votes_and_the_cosine(k, weight):
    pairs, labels = data(unlabelled=5)
    fitted = NeighborVotes(n_votes=k, weight=weight).fit(pairs, labels)
    images, texts = ([unit(row) for row in view] for view in (pairs.image, pairs.text))
    voting = images[5:] + texts[5:]
    both = np.vstack([labels[5:], labels[5:]])
    found = fitted.similarity(pairs)
    for i in range(0, 40, 6):
        for j in range(0, 40, 7):
            of_image = neighbour_votes(images[i], voting, both, k)
            of_text = neighbour_votes(texts[j], voting, both, k)
            product = sum(a * b for a, b in zip(of_image, of_text, strict=True))
            cosine = sum(a * b for a, b in zip(images[i], texts[j], strict=True))
            assert_allclose(found[i, j], weight * product + (1 - weight) * cosine, atol=1e-9)
        assert_allclose(fitted.decision_function(pairs.image[i : i + 1])[0], of_image, atol=1e-9)
    assert_allclose(np.linalg.norm(fitted.encode_text(pairs), axis=1), 1, atol=1e-12)
    assert fitted.encode_text(pairs).shape == (40, 5 if weight == 1 else 9)


def test_as_many_vote_as_the_root_of_the_rows_with_labels():
    pairs, labels = data(40, unlabelled=4)
    fitted = NeighborVotes().fit(pairs, labels)
    assert fitted.n_votes_ == 6
    assert_array_equal(fitted.encode_image(pairs), NeighborVotes(n_votes=6).fit(pairs, labels).encode_image(pairs))
    assert fitted.set_params(n_votes=9).fit(pairs, labels).n_votes_ == 9


def test_rows_without_labels_do_not_vote():
    pairs, labels = data(unlabelled=10)
    every = NeighborVotes(n_votes=5).fit(pairs, labels)
    known = NeighborVotes(n_votes=5).fit(pairs[10:], labels[10:])
    assert_array_equal(every.encode_image(pairs), known.encode_image(pairs))


def test_lengths_of_rows_their_order_and_sparseness_change_nothing():
    pairs, labels = data()
    wanted = NeighborVotes(n_votes=5).fit(pairs, labels).similarity(pairs)
    order = np.random.default_rng(0).permutation(40)
    longer = pairs.replace(image=pairs.image * np.linspace(0.1, 9, 40)[:, None])
    assert_allclose(NeighborVotes(n_votes=5).fit(longer[order], labels[order]).similarity(longer), wanted, atol=1e-12)
    sparse = pairs.replace(text=sp.csr_array(pairs.text))
    assert_allclose(NeighborVotes(n_votes=5).fit(sparse, labels).similarity(sparse), wanted, atol=1e-12)
    single = Pairs(pairs.image.astype(np.float32), pairs.text.astype(np.float32))
    found = NeighborVotes(n_votes=5).fit(single, labels)
    assert found.encode_image(single).dtype == np.float32
    assert_allclose(found.similarity(single), wanted, atol=1e-5)


def test_a_row_at_the_origin_gets_the_votes_of_all():
    pairs, labels = data()
    fitted = NeighborVotes(n_votes=5).fit(pairs, labels)
    expected = (labels / np.sqrt(labels.sum(axis=1))[:, None]).mean(axis=0)
    assert_allclose(fitted.decision_function(text=np.zeros((1, 4)))[0], expected, atol=1e-9)


NETWORK = DSCMR(8, hidden=32, max_epochs=8, device="cpu", random_state=0)


@pytest.mark.parametrize(
    ("method", "seed"),
    [*((cls(), seed) for cls in (MLCCA, SemanticMatching) for seed in range(3)), (NETWORK, 0)],
    ids=str,
)
def test_it_raises_map_behind_methods_that_learn_from_labels(method, seed):
    pairs, labels = make_multilabel_pairs(600, n_labels=6, random_state=seed)
    fitting = pairs[:400], labels[:400]
    test = pairs[400:], labels[400:]
    alone = method.fit(*fitting).score(*test)
    assert make_pipeline(method, NeighborVotes()).fit(*fitting).score(*test) > alone


def test_it_is_searched_and_joined_like_other_methods():
    pairs, labels = make_multilabel_pairs(120, random_state=0)
    model = make_pipeline(MLCCA(3), NeighborVotes())
    search = GridSearchCV(model, {"neighborvotes__weight": [0.2, 0.8], "mlcca__ridge": [0.1, 1.0]}, cv=3)
    assert 0 < search.fit(pairs, labels).score(pairs, labels) <= 1
    ensemble = RetrieverEnsemble([("votes", model), ("jrl", JRL())]).fit(pairs, labels)
    votes, jrl = model.fit(pairs, labels), JRL().fit(pairs, labels)
    expected = (votes[-1].similarity(votes[0].transform(pairs)) + jrl.similarity(pairs)) / 2
    assert_allclose(ensemble.similarity(pairs), expected, atol=1e-9)
    names = annotate(model, image=pairs.image, k=2)
    assert {len(row) for row in names} == {2}


@pytest.mark.parametrize("cls", [NeighborVotes, AlignedEmbeddings])
def test_codes_of_bits_are_refused(small, cls):
    with pytest.raises(TypeError, match=f"image holds uint8, .* and {cls.__name__} compares columns"):
        make_pipeline(CVH(8), cls()).fit(*small)
    fitted = cls().fit(*data())
    with pytest.raises(TypeError, match="text holds uint8"):
        fitted.encode_text(np.zeros((2, 4), np.uint8))


def test_two_spaces_are_refused(small):
    with pytest.raises(ValueError, match="image has 20 features but text has 30; NeighborVotes finds neighbours among"):
        NeighborVotes().fit(*small)
