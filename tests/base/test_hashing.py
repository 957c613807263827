"""HashingRetriever: codes in everything that takes embeddings."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skxmr
from skxmr import CCA, Pairs, PerModality, RetrieverEnsemble
from skxmr.inspection import explain
from skxmr.metrics import RetrievalScorer, RetrievalScores, SharedLabels, Similarity, mean_average_precision
from skxmr.testing import retriever_checks
from tests.base.toy import RandomCodes


@pytest.fixture
def model(small):
    return RandomCodes().fit(*small)


@pytest.mark.parametrize("check", [pytest.param(check, id=name) for name, check in retriever_checks(RandomCodes())])
def test_the_contract_holds_for_codes(check):
    check()


def test_codes_that_are_not_packed_do_not_pass_the_checks():
    class Unpacked(RandomCodes):
        def _encode_image(self, X):
            return (self._values(X, "image") > 0).astype(np.uint8)

        def _encode_text(self, X):
            return (self._values(X, "text") > 0).astype(np.uint8)

    with pytest.raises(AssertionError, match=r"shape \(120, 13\); \(120, 2\) is wanted"):
        dict(retriever_checks(Unpacked()))["codes_are_packed_bits"]()


def test_bits_are_set_where_values_are_above_0(model, small):
    pairs, _ = small
    bits = np.unpackbits(model.encode_text(pairs), axis=1, count=13)
    assert_array_equal(bits, model._values(pairs.text, "text") > 0)


def test_all_scorers_measure_the_hamming_distance(model, small):
    pairs, labels = small
    scores = Similarity(model.encode_image(pairs), model.encode_text(pairs), "hamming")
    i2t = mean_average_precision(scores, SharedLabels(labels))
    t2i = mean_average_precision(scores.T, SharedLabels(labels))
    assert model.score(pairs, labels) == pytest.approx((i2t + t2i) / 2, rel=1e-12)
    for metric in ("cosine", "hamming"):
        found = RetrievalScores(metric=metric)(make_pipeline(model), pairs, labels)
        assert found == pytest.approx({"i2t_map": i2t, "t2i_map": t2i, "map": (i2t + t2i) / 2}, rel=1e-12)
    with pytest.raises(ValueError, match=r"metric='euclidean' compares vectors.*makes codes; take 'hamming'"):
        RetrievalScorer(metric="euclidean")(model, pairs, labels)
    with pytest.raises(ValueError, match="query holds float64 values"):
        RetrievalScorer(metric="hamming")(CCA(3).fit(pairs, labels), pairs, labels)


def test_similarity_is_the_same_through_a_pipeline(small):
    pairs, labels = small
    steps = PerModality(image=StandardScaler(), text=StandardScaler())
    pipeline = make_pipeline(steps, RandomCodes()).fit(pairs, labels)
    expected = pipeline[-1].similarity(pipeline[0].transform(pairs))
    assert_array_equal(skxmr.similarity(pipeline, pairs), expected)
    where = np.eye(len(pairs), dtype=bool)
    assert_array_equal(skxmr.similarity(pipeline, pairs, where=where).diagonal(), expected.diagonal())


def test_an_ensemble_averages_the_cosines_of_signs(small):
    pairs, labels = small
    members = [("codes", RandomCodes()), ("vectors", CCA(3))]
    ensemble = RetrieverEnsemble(members, weights=[1, 3]).fit(pairs, labels)
    parts = [fitted.similarity(pairs) for fitted in ensemble.estimators_]
    assert_allclose(ensemble.similarity(pairs), 0.25 * parts[0] + 0.75 * parts[1], atol=1e-6)


def test_an_explanation_has_the_similarity_of_the_codes(model, small):
    pairs, _ = small
    found = explain(model, Pairs(pairs.image[:1]), Pairs(text=pairs.text[:1]))
    assert found.similarity == pytest.approx(model.similarity(pairs[:1])[0, 0], abs=1e-6)


def test_models_are_saved_and_loaded(model, small, tmp_path):
    pairs, _ = small
    skxmr.save(model, tmp_path / "model")
    loaded = skxmr.load(tmp_path / "model", trusted=[RandomCodes])
    assert loaded.n_bits_ == 13
    assert_array_equal(loaded.encode_image(pairs), model.encode_image(pairs))


def test_onnx_files_are_refused(model, tmp_path):
    pytest.importorskip("onnxscript")
    with pytest.raises(TypeError, match="RandomCodes"):
        skxmr.export_onnx(model, tmp_path / "encoders")
