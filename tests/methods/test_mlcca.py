import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose

from skxmr import CCA, MLCCA
from skxmr.datasets import make_multilabel_pairs
from tests import reference

WEIGHTS = {
    "dot": lambda a, b: float(a @ b),
    "cosine": lambda a, b: reference.cosine(a, b),
    "exponential": lambda a, b: np.exp(-np.sqrt(((a - b) ** 2).sum()) / 2),
    "squared_exponential": lambda a, b: np.exp(-((a - b) ** 2).sum() / 2),
}


def data():
    pairs, labels = make_multilabel_pairs(40, n_image_features=6, n_text_features=5, n_labels=4, random_state=1)
    labels[0] = 0  # a row without labels
    return pairs, labels


def weights_by_loop(labels, weights):
    return np.array([[WEIGHTS[weights](a, b) for b in labels] for a in labels])


def expected_weights(pairs, W, ridge=0.25):
    """Correlations and directions of the n^2 definition; 4 labels relate rows in 4 directions, and others are noise."""
    covariances = reference.weighted_covariances(pairs.image, pairs.text, W)
    correlations, image, text = reference.canonical_directions(*covariances, ridge)
    some = correlations > 1e-12
    return correlations[some], image[:, some], text[:, some]


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("block", [1024, 3])
def test_equals_the_sum_over_all_pairs(weights, block):
    class InBlocks(MLCCA):
        def _aggregated(self, views, Z):
            return super()._aggregated(views, Z, block)

    pairs, labels = data()
    found = expected_weights(pairs, weights_by_loop(labels, weights))
    fitted = InBlocks(weights=weights, sigma=2.0, correlation_power=0).fit(pairs, labels)
    correlations, image, text = found
    assert_allclose(fitted.correlations_, correlations, atol=1e-12)
    k = 3
    assert_allclose(fitted.image_projection_[:, :k], (image / np.linalg.norm(image, axis=0))[:, :k], atol=1e-9)
    assert_allclose(fitted.text_projection_[:, :k], (text / np.linalg.norm(text, axis=0))[:, :k], atol=1e-9)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_nearest_neighbours_share_ties(weights):
    """Each image keeps k texts; where several tie for the last places, they share them."""
    pairs, labels = data()
    W = weights_by_loop(labels, weights)
    k = 7
    kept = np.zeros_like(W)
    for i, row in enumerate(np.round(W, 12)):
        last = np.sort(row)[-k]
        share = (k - (row > last).sum()) / (row == last).sum()
        kept[i] = W[i] * ((row > last) + share * (row == last))
    correlations, _, _ = expected_weights(pairs, kept)
    fitted = MLCCA(weights=weights, sigma=2.0, n_neighbors=k).fit(pairs, labels)
    assert_allclose(fitted.correlations_, correlations, atol=1e-10)


def test_all_neighbours_is_no_restriction():
    pairs, labels = data()
    everything = MLCCA(weights="cosine").fit(pairs, labels)
    for k in (40, 10_000):
        assert_allclose(
            MLCCA(weights="cosine", n_neighbors=k).fit(pairs, labels).correlations_,
            everything.correlations_,
            atol=1e-12,
        )


def test_a_label_for_every_row_is_cca():
    """w = identity: only a row's own pair counts."""
    pairs, _ = data()
    ours = MLCCA(weights="dot", ridge=0, correlation_power=0).fit(pairs, np.arange(40))
    cca = CCA(ridge=0, correlation_power=0).fit(pairs)
    assert_allclose(ours.correlations_, cca.correlations_, atol=1e-10)
    assert_allclose(ours.image_projection_, cca.image_weights_ / np.linalg.norm(cca.image_weights_, axis=0), atol=1e-8)


def test_rows_order_does_not_matter():
    pairs, labels = data()
    order = np.random.default_rng(0).permutation(40)
    for options in ({}, {"n_neighbors": 5}, {"weights": "exponential"}):
        a, b = (
            MLCCA(n_components=3, **options).fit(pairs[i], labels[i]).image_projection_ for i in (slice(None), order)
        )
        assert_allclose(a, b, atol=1e-9)


def test_projections_have_unit_length_times_correlation():
    pairs, labels = data()
    fitted = MLCCA(correlation_power=1).fit(pairs, labels)
    for projection in (fitted.image_projection_, fitted.text_projection_):
        assert_allclose(np.linalg.norm(projection, axis=0), fitted.correlations_, rtol=1e-12)


def test_sparse_text_equals_dense():
    pairs, labels = data()
    for options in ({}, {"weights": "exponential"}):
        dense = MLCCA(**options).fit(pairs, labels)
        sparse = MLCCA(**options).fit(pairs.replace(text=sp.csr_array(pairs.text)), labels)
        assert_allclose(sparse.correlations_, dense.correlations_, atol=1e-12)


def test_all_rows_with_one_label_set_leave_nothing_to_relate():
    """Every pair is related alike, so the weighted cross-covariance of centred views is zero."""
    pairs, _ = data()
    with pytest.raises(ValueError, match=r"MLCCA finds no component: .* or the two are not related"):
        MLCCA().fit(pairs, np.ones((40, 2)))


def test_rows_without_any_label_are_an_error():
    pairs, _ = data()
    with pytest.raises(ValueError, match="no label in any row"):
        MLCCA().fit(pairs, np.zeros((40, 3)))


@pytest.mark.parametrize("options", [{"weights": "tanimoto"}, {"sigma": 0}, {"n_neighbors": 0}, {"ridge": -1}])
def test_bad_parameters_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        MLCCA(**options).fit(*data())
