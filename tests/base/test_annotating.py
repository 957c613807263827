"""Tags of one modality, by a retriever and by pipelines and searches around it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import skxmr
from skxmr import CCA, SCAN, Pairs, PerModality, Regions, SemanticMatching
from skxmr.datasets import make_captioned_scenes
from skxmr.metrics import RetrievalScorer

NAMES = np.array(["bird", "cat", "dog", "sea", "sky", "sofa", "sun", "tree"])


@pytest.fixture
def tagged(small):
    pairs, labels = small
    return pairs, [NAMES[row == 1].tolist() for row in labels]


@pytest.mark.parametrize("model", [None, LogisticRegression()])
def test_semantic_matching_scores_labels_by_its_predictions(tagged, model):
    pairs, tags = tagged
    fitted = SemanticMatching(image=model, text=model).fit(pairs, tags)
    assert_array_equal(fitted.decision_function(text=pairs.text), fitted.encode_text(pairs.text))
    assert_array_equal(fitted.decision_function(Pairs(text=pairs.text)), fitted.encode_text(pairs.text))
    best = [row[0] for row in fitted.annotate(image=pairs.image, k=1, threshold=-np.inf)]
    assert best == [fitted.classes_[j] for j in fitted.encode_image(pairs.image).argmax(axis=1)]
    assert np.mean([tag in row for tag, row in zip(best, tags, strict=True)]) > 0.6


def test_more_labels_than_there_are_is_all_of_them_best_first(tagged):
    pairs, tags = tagged
    fitted = SemanticMatching().fit(pairs, tags)
    for k in (None, 8, 9, 1000, np.int64(10)):
        rows, scores = fitted.annotate(image=pairs.image[:4], k=k, threshold=-np.inf, return_scores=True)
        assert [sorted(row) for row in rows] == [NAMES.tolist()] * 4
        assert all(row == sorted(row, reverse=True) for row in scores)


def test_a_threshold_leaves_out_labels_that_score_less(tagged):
    pairs, tags = tagged
    fitted = SemanticMatching().fit(pairs, tags)
    scores = fitted.decision_function(image=pairs.image)
    threshold = float(scores[3].max())
    rows, found = fitted.annotate(image=pairs.image, threshold=threshold, return_scores=True)
    for row, values, expected in zip(rows, found, scores, strict=True):
        assert set(row) == set(fitted.classes_[expected >= threshold])
        assert_allclose(values, np.sort(expected[expected >= threshold])[::-1])
    assert len(rows[3]) == 1 and min(map(len, rows)) == 0
    assert max(map(len, fitted.annotate(image=pairs.image, k=2, threshold=-10))) == 2
    assert fitted.annotate(image=pairs.image, threshold=threshold) == rows


def test_equal_scores_stand_in_the_order_of_the_labels(small):
    pairs, _ = small
    fitted = SemanticMatching().fit(pairs, np.ones((120, 3)))
    assert fitted.annotate(text=pairs.text[:1]) == [[0, 1, 2]]


def around(model):
    captions = PerModality(image=StandardScaler(), text=TfidfVectorizer())
    pipeline = make_pipeline(captions, model)
    return pipeline, GridSearchCV(pipeline, {"permodality__text__min_df": [1]}, cv=2)


def test_pipelines_and_searches_annotate_and_compare(tagged):
    pairs, tags = tagged
    raw = pairs.replace(text=[" ".join(row) or "nothing" for row in tags])
    for model in around(SemanticMatching()):
        fitted = model.fit(raw, tags)
        inner = getattr(fitted, "best_estimator_", fitted)
        seen = inner[:-1].transform(raw)
        images = inner[-1].annotate(image=seen.image, k=2)
        for asked in (fitted, inner, FrozenEstimator(fitted)):
            assert skxmr.annotate(asked, image=raw.image, k=2) == images
            assert skxmr.annotate(asked, Pairs(raw.image), k=2) == images
            assert skxmr.annotate(asked, text=["sea", "sky dog"], threshold=-9, return_scores=True)
            found = skxmr.similarity(asked, raw.image[:7], raw.text[:5])
            assert_allclose(found, inner[-1].similarity(seen.image[:7], seen.text[:5]))
            assert_allclose(skxmr.similarity(asked, raw[:7]), inner[-1].similarity(seen[:7]))
        where = np.eye(7, 5)
        assert_allclose(skxmr.similarity(fitted, raw.image[:7], raw.text[:5], where).toarray(), found * where)
        assert_allclose(fitted.decision_function(Pairs(text=raw.text)), inner[-1].decision_function(text=seen.text))
        with pytest.raises(ValueError, match="image is a Pairs of both views"):
            fitted.decision_function(raw)


def test_whatever_holds_a_retriever_is_asked(tagged):
    """Steps that do nothing behind it or before it, pipelines within pipelines, a frozen one, searches of searches."""
    pairs, tags = tagged
    plain = SemanticMatching(ridge=1.0)
    grid = {"ridge": [1.0]}
    model = clone(plain).fit(pairs, tags)
    names = model.annotate(image=pairs.image[:3], k=2)
    similar = model.similarity(pairs[:4])
    inner = GridSearchCV(plain, grid, cv=2)
    holders = [
        FrozenEstimator(model),
        make_pipeline(plain, "passthrough"),
        Pipeline([("nothing", None), ("inner", make_pipeline("passthrough", plain)), ("end", None)]),
        make_pipeline(PerModality(), inner),
        GridSearchCV(inner, {"estimator__ridge": [1.0]}, cv=2),
        HalvingGridSearchCV(plain, grid, cv=2, min_resources=60),
    ]
    for holder in holders:
        holder.fit(pairs, tags)
        assert skxmr.annotate(holder, image=pairs.image[:3], k=2) == names
        assert_allclose(skxmr.similarity(holder, pairs[:4]), similar, rtol=1e-6)
        assert RetrievalScorer()(holder, pairs, tags) == pytest.approx(model.score(pairs, tags))


def test_a_bare_retriever_is_asked_directly(tagged):
    pairs, tags = tagged
    fitted = SemanticMatching().fit(pairs, tags)
    assert skxmr.annotate(fitted, text=pairs.text, k=3) == fitted.annotate(text=pairs.text, k=3)
    assert_array_equal(skxmr.similarity(fitted, pairs), fitted.similarity(pairs))


def test_images_that_rows_share_are_one_row_of_the_similarity():
    scenes = make_captioned_scenes(20, random_state=0)
    pairs = Pairs(Regions(scenes.regions, mask=scenes.mask), scenes.sentences, image_index=scenes.image_index)
    model = SCAN(**SCAN._get_test_params()[0]).fit(pairs)
    assert_allclose(skxmr.similarity(model, pairs), model.similarity(pairs))
    assert skxmr.similarity(model, pairs).shape == (20, 100)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m, p: skxmr.annotate(m, image=p.image), TypeError, "CCA scores no labels, .* use SemanticMatching"),
        (lambda m, p: skxmr.annotate(CCA, image=p.image), TypeError, "model must be a retriever.* got the class CCA"),
        (lambda m, p: skxmr.annotate(SemanticMatching()), ValueError, "give either image= or text="),
        (lambda m, p: skxmr.annotate(SemanticMatching(), image=p), ValueError, "image is a Pairs of both views"),
        (lambda m, p: skxmr.similarity(StandardScaler(), p), TypeError, "model must be a retriever"),
        (
            lambda m, p: skxmr.annotate(SemanticMatching().fit(p, [["a"]] * 120), image=p.image, return_scores="no"),
            ValueError,
            "return_scores must be True or False; got 'no'",
        ),
        (lambda m, p: skxmr.annotate(PerModality().fit(p), image=p.image), TypeError, "PerModality scores no labels"),
        (lambda m, p: skxmr.annotate(FrozenEstimator(CCA().fit(p)), image=p.image), TypeError, "scores no labels"),
        (lambda m, p: skxmr.similarity(m, p.image, p), TypeError, r"^text is a Pairs; pass its texts, pairs\.text, or"),
        (lambda m, p: CCA().fit(p).similarity(p, p), TypeError, r"^text is a Pairs; pass its texts, pairs\.text, or"),
        (lambda m, p: skxmr.similarity(m, p.image), ValueError, "text is missing; similarity needs both views"),
    ],
)
def test_bad_questions_are_named(small, call, error, message):
    pairs, labels = small
    with pytest.raises(error, match=message):
        call(make_pipeline(PerModality(), CCA()).fit(pairs, labels), pairs)
