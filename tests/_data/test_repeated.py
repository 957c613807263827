"""Several texts per image: images are held once, rows are texts."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skxmr import CCA, MLCCA, Pairs, PerModality
from skxmr._data.labels import encode_labels
from skxmr.deep.split import split_rows
from skxmr.metrics import RetrievalScores, SameGroup, SharedLabels, Similarity, mean_average_precision

RNG = np.random.default_rng(0)
INDEX = np.array([0, 2, 2, 1, 0, 2, 4, 4])  # image 3 has no text
IMAGE = np.arange(10.0).reshape(5, 2)
KINDS = {"array": IMAGE, "csr": sp.csr_array(IMAGE), "frame": pd.DataFrame(IMAGE, columns=["a", "b"])}


def dense(view):
    return view.toarray() if sp.issparse(view) else np.asarray(view)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_texts_with_their_images(kind):
    pairs = Pairs(KINDS[kind], list("abcdefgh"), image_index=INDEX)
    assert len(pairs) == 8 and pairs.shape == (8,)
    for key in (slice(2, 7), np.array([7, 1, 1]), INDEX == 2, (slice(1, 3), ...)):
        part, rows = pairs[key], np.arange(8)[key[0] if isinstance(key, tuple) else key]
        assert_array_equal(dense(part.image.expanded()), IMAGE[INDEX[rows]])
        assert part.text.tolist() == [list("abcdefgh")[i] for i in rows]
        assert part.image.view is pairs.image.view  # neither copied nor sliced
        assert_array_equal(part.groups, INDEX[rows])
    images, index = pairs.distinct_images()
    assert_array_equal(dense(images), IMAGE[[0, 1, 2, 4]])
    assert_array_equal(dense(images)[index], IMAGE[INDEX])
    again = pickle.loads(pickle.dumps(pairs))
    assert_array_equal(dense(again.image.expanded()), IMAGE[INDEX])
    assert "8 rows of (5, 2)" in repr(pairs) and "8 rows of (5, 2)" in pairs._repr_html_()


def test_pairs_without_an_index_have_their_own_groups():
    pairs = Pairs(IMAGE, list("abcde"))
    assert_array_equal(pairs.groups, np.arange(5))
    images, index = pairs.distinct_images()
    assert images is pairs.image and index.tolist() == list(range(5))


def test_concatenation_keeps_shared_images():
    pairs = Pairs(IMAGE, list("abcdefgh"), image_index=INDEX)
    joined = Pairs.concatenate([pairs[:3], pairs[3:]])
    assert joined.image.view is pairs.image.view
    assert_array_equal(joined.groups, INDEX)


@pytest.mark.parametrize("kind", KINDS)
def test_concatenation_of_other_images_holds_each_once(kind):
    view, texts = KINDS[kind], list("abcdefgh")
    pairs, others = (Pairs(view, texts, image_index=INDEX), Pairs(2 * view, texts[:2], image_index=[3, 3]))
    parts = [pairs[:3], others, Pairs(3 * view, texts[:5]), pairs[3:6], pairs[[]]]
    joined = Pairs.concatenate(parts)
    wanted = [IMAGE[INDEX[:3]], 2 * IMAGE[[3, 3]], 3 * IMAGE, IMAGE[INDEX[3:6]]]
    assert_array_equal(dense(joined.image.expanded()), np.concatenate(wanted))
    assert len(joined.distinct_images()[1]) == 13 and joined.image.view.shape[0] == 3 + 1 + 5  # those in use
    assert joined.text.tolist() == texts[:3] + texts[:2] + texts[:5] + texts[3:6]
    source = np.repeat([0, 1, 2, 0], [3, 2, 5, 3])
    own = np.concatenate([INDEX[:3], [3, 3], range(5), INDEX[3:6]])
    assert_array_equal(same(joined.groups), same(10 * source + own))


def same(groups):
    """Which rows are in one group with which."""
    return groups[:, None] == groups


def test_groups_survive_concatenation_where_images_are_expanded():
    pairs = Pairs(IMAGE, list("abcdefgh"), image_index=INDEX)
    expanded = pairs.replace(image=2 * np.asarray(pairs.image))
    plain = Pairs(3 * IMAGE, list("abcde"))
    joined = Pairs.concatenate([expanded, plain, pairs[:4], pairs[4:]])
    assert_array_equal(joined.image, np.concatenate([2 * IMAGE[INDEX], 3 * IMAGE, IMAGE[INDEX]]))
    own = np.concatenate([INDEX, range(10, 15), 20 + INDEX])
    assert_array_equal(same(joined.groups), same(own))
    assert_array_equal(joined[3:].groups, joined.groups[3:])
    for train, test in GroupKFold(3).split(joined, groups=joined.groups):
        assert not set(own[train]) & set(own[test])
    assert_array_equal(Pairs.concatenate([plain, plain]).groups, np.arange(10))  # no index, nothing is shared


def test_neighbouring_images_are_not_copied():
    pairs = Pairs(IMAGE, list("abcdefgh"), image_index=INDEX)
    for rows, copied in (([0, 3, 2], False), ([0, 6], True)):
        images, index = pairs[rows].distinct_images()
        assert np.shares_memory(images, IMAGE) != copied
        assert_array_equal(images[index], IMAGE[INDEX[rows]])


def test_more_texts_than_images_need_an_index():
    message = r"text has 8 rows but image has 5; row i .* Pairs\(image, text, image_index=\.\.\.\)"
    for call in (Pairs, CCA().fit):
        with pytest.raises(ValueError, match=message):
            call(IMAGE, np.ones((8, 2)))
    with pytest.raises(
        ValueError, match=r"text has 4 rows but image has 5; row i of both must describe the same item\.$"
    ):
        Pairs(IMAGE, list("abcd"))
    with pytest.raises(
        ValueError, match=r"text has 5 rows but image has 2; row i of both must describe the same item\.$"
    ):
        Pairs(IMAGE, list("abcde"), image_index=[0, 1])


@pytest.mark.parametrize(
    ("image", "index", "message"),
    [
        (IMAGE, [0, 5], r"image_index names images 0 to 5, but image has rows 0 to 4"),
        (IMAGE, [-1, 0], "image_index names images -1 to 0"),
        (IMAGE, [0.0, 1.0], "image_index must be integers of shape"),
        (IMAGE, [[0, 1]], r"got int64 of shape \(1, 2\)"),
        (IMAGE, [0, 1, 2], "text has 2 rows but image has 3"),
        (None, [0, 1], "image is missing"),
        (Pairs(IMAGE, ["a"], image_index=[0]).image, [0, 0], "image has an index already"),
    ],
)
def test_bad_indices_are_named(image, index, message):
    with pytest.raises(ValueError, match=message):
        Pairs(image, ["a", "b"], image_index=index)


def problem(n=60, each=3):
    Z = RNG.normal(size=(n, 4))
    index = np.repeat(np.arange(n), each)
    image = Z @ RNG.normal(size=(4, 12)) + 0.3 * RNG.normal(size=(n, 12))
    text = Z[index] @ RNG.normal(size=(4, 9)) + 0.5 * RNG.normal(size=(n * each, 9))
    return Pairs(image, text, image_index=index), (Z[index] > 0).astype(int)


def test_a_model_learns_from_the_expanded_rows():
    pairs, _ = problem()
    model, plain = CCA(3).fit(pairs), CCA(3).fit(np.asarray(pairs.image), pairs.text)
    assert_array_equal(model.image_projection_, plain.image_projection_)
    assert_array_equal(model.transform(pairs).image, plain.encode_image(np.asarray(pairs.image)))


def test_similarity_is_of_distinct_images_with_texts():
    pairs, _ = problem()
    part = pairs[np.r_[10:40, 100:110]]
    model = CCA(3).fit(pairs)
    images, _ = part.distinct_images()
    assert model.similarity(part).shape == (len(images), 40)
    assert_array_equal(model.similarity(part), model.similarity(images, part.text))
    assert_array_equal(model.similarity(part, part.text[:3]), model.similarity(images, part.text[:3]))


def test_column_names_of_images_are_remembered():
    frame = pd.DataFrame(RNG.normal(size=(6, 3)), columns=list("abc"))
    text, index = RNG.normal(size=(12, 3)), np.repeat(np.arange(6), 2)
    model = CCA(2).fit(Pairs(frame, text, image_index=index))
    with pytest.raises(ValueError, match="columns of image must be those seen in fit"):
        model.encode_image(frame[["c", "b", "a"]])


def test_the_index_is_the_pairs_own():
    index = np.array([0, 0, 1])
    pairs = Pairs(IMAGE, list("abc"), image_index=index)
    index[:] = 4
    assert pairs.groups.tolist() == [0, 0, 1]
    assert len(Pairs(IMAGE, [], image_index=[])) == 0
    assert_array_equal(pairs.image[2], IMAGE[1])
    with pytest.raises(TypeError, match="a sparse view with an image_index is no array"):
        np.asarray(Pairs(KINDS["csr"], list("abc"), image_index=[0, 0, 1]).image)


def test_groups_are_kept_when_images_are_expanded():
    pairs, _ = problem()
    expanded = pairs.replace(image=np.asarray(pairs.image))
    assert_array_equal(expanded[10:50].groups, pairs.groups[10:50])


@pytest.mark.parametrize("labelled", [False, True])
def test_held_out_rows_share_no_image_with_fitting_rows(labelled):
    pairs, labels = problem()
    pairs = pairs[RNG.permutation(len(pairs))]
    split = split_rows(
        pairs.replace(image=np.asarray(pairs.image)), encode_labels(labels) if labelled else None, 0.2, 0
    )
    held, kept = split.shared_images(split.validation), split.shared_images(split.fitting)
    assert not set(held) & set(kept)
    assert len(held) + len(kept) == 180 and 30 <= len(held) <= 36
    for groups, part in ((kept, split.fitting), (held, split.validation)):
        assert_array_equal(split.pairs.image[part.rows], pairs.image.view[groups])


def test_transformers_of_shared_images_are_checked():
    class Drops(FunctionTransformer):
        def transform(self, X):
            return X[1:]

    pairs, _ = problem()
    with pytest.raises(ValueError, match="transformer of image returned 59 rows for 60 images"):
        PerModality(image=Drops()).fit_transform(pairs)
    listed = PerModality(image=FunctionTransformer(lambda X: X.tolist())).fit_transform(pairs)
    assert_allclose(np.asarray(listed.image), np.asarray(pairs.image))


def test_chunked_texts_cannot_share_images():
    pairs, _ = problem()
    da = pytest.importorskip("dask.array")
    with pytest.raises(TypeError, match="image has an image_index, which dask arrays do not support"):
        CCA(2).fit(Pairs(pairs.image.view, da.from_array(pairs.text), image_index=pairs.groups))


def test_scores_count_an_image_once():
    pairs, labels = problem()
    order = RNG.permutation(len(pairs))
    part, Y = pairs[order[:90]], labels[order[:90]]
    images, index = part.distinct_images()
    model = CCA(3).fit(pairs)
    S = Similarity(model.encode_image(images), model.encode_text(part.text))
    relevance = SameGroup(np.arange(len(images)), index)
    wanted = [mean_average_precision(S, relevance), mean_average_precision(S.T, relevance.T)]
    assert_allclose(model.score(part), np.mean(wanted), rtol=1e-12)
    labelled = MLCCA(3).fit(pairs, labels)
    S = Similarity(labelled.encode_image(images), labelled.encode_text(part.text))
    first = [int(np.flatnonzero(index == i)[0]) for i in range(len(images))]
    relevance = SharedLabels(Y[first], Y)
    found = RetrievalScores()(labelled, part, Y)
    assert_allclose(found["i2t_map"], mean_average_precision(S, relevance), rtol=1e-12)
    assert_allclose(found["t2i_map"], mean_average_precision(S.T, relevance.T), rtol=1e-12)


def test_pipelines_and_searches_keep_an_image_in_one_fold():
    pairs, _ = problem()
    views = PerModality(image=StandardScaler(), text=StandardScaler())
    scaled = views.fit_transform(pairs)
    assert_allclose(scaled.image.view, StandardScaler().fit_transform(pairs.image.view))  # each image counts once
    assert_allclose(views.transform(pairs[5:9]).image.expanded(), scaled[5:9].image.expanded())
    model = Pipeline([("views", views), ("cca", CCA(3))])
    cv = GroupKFold(3)
    search = GridSearchCV(model, {"cca__ridge": [0.01, 0.1]}, cv=cv).fit(pairs, groups=pairs.groups)
    assert search.best_score_ > 0.3
    scores = cross_val_score(model, pairs, cv=cv, groups=pairs.groups)
    for (train, test), score in zip(cv.split(pairs, groups=pairs.groups), scores, strict=True):
        assert not set(pairs[train].groups) & set(pairs[test].groups)
        assert_allclose(model.fit(pairs[train]).score(pairs[test]), score)
