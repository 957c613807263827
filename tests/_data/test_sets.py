"""Images as sets of regions, texts as sequences of words: what they hold, how they slice, and what they refuse."""

import copy
import pickle
import re
import tracemalloc

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline

from skxmr import CCA, MeanRegions, Pairs, PerModality, Regions, Sentences
from skxmr._data.kinds import memory_map
from skxmr.datasets import make_captioned_scenes

RNG = np.random.default_rng(0)
COUNTS = (3, 1, 2, 3, 1)
LISTED = [RNG.normal(size=(r, 4)) for r in COUNTS]
BOXED = [np.tile([0.1, 0.2, 0.5, 0.9], (r, 1)) * RNG.uniform(0.9, 1, size=(r, 1)) for r in COUNTS]
TEXTS = ["A thick three.", "It's one!", "two", "a seven left of a two", "well-known café, 2nd"]
WORDS = [
    ["a", "thick", "three"],
    ["it's", "one"],
    ["two"],
    "a seven left of a two".split(),
    ["well-known", "café", "2nd"],
]
TAGS = [["X"] * len(words) for words in WORDS]
HEADS = [[-1, *range(len(words) - 1)] for words in WORDS]
VECTORS = [RNG.normal(size=(len(words), 3)) for words in WORDS]
KEYS = [
    slice(1, 4),
    slice(None, None, -2),
    [3, 0, 0],
    np.array([4, -5]),
    np.arange(5) % 2 == 0,
    [True] + [False] * 4,
    [],
]


def whole_sentences():
    return Sentences(TEXTS, TAGS, HEADS, VECTORS)


def contents(sentences):
    """Return words, tags, heads and vectors of each sentence, read from the shared memory."""
    packed, rows = sentences.packed()
    parts = [slice(packed.offsets[i], packed.offsets[i + 1]) for i in rows]
    return [[None if flat is None else flat[part].tolist() for flat in packed[1:]] for part in parts]


def test_a_list_of_regions_is_packed_and_masked():
    regions = Regions(LISTED, BOXED)
    assert regions.shape == (5, 3, 4) == (len(regions), *regions.features.shape[1:])
    assert_array_equal(regions.mask.sum(axis=1), COUNTS)
    for i, (features, boxes) in enumerate(zip(LISTED, BOXED, strict=True)):
        assert_array_equal(regions[i], features)
        assert_array_equal(regions[i - 5], features)
        assert_array_equal(regions.features[i, COUNTS[i] :], 0)
        assert_array_equal(regions.boxes[i][regions.mask[i]], boxes)
    assert [len(image) for image in regions] == list(COUNTS)


@pytest.mark.parametrize(
    "listed",
    [
        tuple(LISTED),
        [rows.tolist() for rows in LISTED],
        pd.Series(LISTED, index=list("vwxyz")),
        np.array([*LISTED, None], dtype=object)[:-1],
    ],
    ids=["tuple", "lists", "column", "object array"],
)
def test_every_kind_of_list_is_packed_the_same(listed):
    assert_array_equal(Regions(listed).features, Regions(LISTED).features)
    assert_array_equal(Regions(listed).mask, Regions(LISTED).mask)


def test_equal_lengths_and_types_are_kept():
    array = RNG.normal(size=(2, 3, 4)).astype(np.float16)
    for features in (list(array), array):
        regions = Regions(features)
        assert regions.dtype == np.float16 and regions.mask.all()
        assert_array_equal(regions.features, array)
    assert Regions(array).features is array
    assert Regions([np.ones((1, 2), np.float32), np.ones((2, 2), np.float32)]).dtype == np.float32
    nothing = Regions([])
    assert len(nothing) == 0 and nothing.shape == (0, 0, 0) and MeanRegions().transform(nothing).shape == (0, 0)
    assert Regions(np.zeros((0, 36, 8))).shape == (0, 36, 8)


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_regions_slice_like_arrays(key):
    regions = Regions(LISTED, BOXED)
    part, rows = regions[key], np.arange(5)[key]
    for name in ("features", "mask", "boxes"):
        assert_array_equal(getattr(part, name), getattr(regions, name)[rows])
    assert part.shape == (len(rows), 3, 4) and part.ndim == 3
    assert [image.tolist() for image in part[::-1]] == [LISTED[i].tolist() for i in rows[::-1]]  # slices of slices
    assert Regions(LISTED)[key].boxes is None


def test_slices_look_into_the_same_memory():
    regions, sentences = Regions(LISTED, BOXED), whole_sentences()
    for name in ("features", "mask", "boxes"):
        assert np.shares_memory(getattr(regions[1:3], name), getattr(regions, name))
    assert sentences[[3, 1]][:1].packed()[0] is sentences.packed()[0]


@pytest.fixture
def mapped(tmp_path):
    """Regions of six images as a memory map."""
    np.save(tmp_path / "ims.npy", RNG.normal(size=(6, 3, 4)).astype(np.float32))
    return np.load(tmp_path / "ims.npy", mmap_mode="r")


def test_a_memory_map_stays_on_disk(mapped):
    regions = Regions(mapped, np.tile([0, 0, 1, 1], (6, 3, 1)))
    pairs = Pairs(regions, Sentences(["a b"] * 12), image_index=np.repeat(np.arange(6), 2))
    for part in (regions, regions[::2], pairs.image.view, pairs[[7, 1]].image.view, pairs[4:9].distinct_images()[0]):
        assert memory_map(part.features) is not None and np.shares_memory(part.features, mapped)
    assert_allclose(MeanRegions().transform(regions), np.asarray(mapped).mean(axis=1), rtol=1e-6)
    again = pickle.loads(pickle.dumps(pairs))
    assert_array_equal(again.image.view.features, mapped)


def test_slicing_takes_no_memory(tmp_path):
    """The file, a hole on disk, has 1.2 GB; slices and picks by image_index take less than a hundredth."""
    shape = (4000, 36, 2048)
    features = np.lib.format.open_memmap(tmp_path / "ims.npy", mode="w+", dtype=np.float32, shape=shape)
    tracemalloc.start()
    pairs = Pairs(Regions(features), text=Sentences(["a b"] * 20_000), image_index=np.repeat(np.arange(4000), 5))
    parts = [pairs[RNG.permutation(len(pairs))[:9000]], pairs[5000:], Pairs.concatenate([pairs[:9], pairs[99:]])]
    rest = pairs[5000:].distinct_images()[0]
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [len(part) for part in parts] == [9000, 15_000, 19_910] and rest.shape == (3000, 36, 2048)
    assert used < 1.2e7


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16, np.uint8, bool])
def test_mean_regions_leave_out_masked_regions(kind):
    listed = [np.round(50 + 100 * np.abs(rows)).astype(kind) for rows in LISTED]
    out = MeanRegions().fit_transform(Regions(listed))
    assert out.dtype == (np.float32 if kind in (np.float16, np.float32) else np.float64)
    assert_allclose(out, [rows.astype(float).mean(axis=0) for rows in listed], rtol=1e-6)
    assert_array_equal(MeanRegions().transform(listed), out)


def test_masked_regions_may_hold_anything():
    features = np.stack([LISTED[0], np.full((3, 4), np.nan)])
    features[1, 2] = 1.5
    out = MeanRegions().transform(Regions(features, mask=[[1, 1, 1], [0, 0, 1]]))
    assert_allclose(out, [LISTED[0].mean(axis=0), np.full(4, 1.5)])
    boxes = np.tile([np.nan] * 4, (2, 3, 1))
    boxes[0], boxes[1, 2] = [0.0, 0.0, 1.0, 1.0], [0.0, 0.5, 0.0, 0.5]  # a point is a box
    assert_array_equal(Regions(features, boxes, [[1, 1, 1], [0, 0, 1]]).boxes, boxes)


def test_mean_regions_of_shared_images_and_of_many():
    array = RNG.normal(size=(2500, 2, 3))
    assert_allclose(MeanRegions().transform(array), array.mean(axis=1))  # more than a block
    pairs = Pairs(Regions(array), text=["a"] * 4, image_index=[5, 5, 2000, 7])
    assert_allclose(MeanRegions().transform(pairs.image), array[[5, 5, 2000, 7]].mean(axis=1))


def test_boxes_of_masked_regions_are_given_or_left_out():
    """A list of boxes has one for every region, or one for every region that there is, in order."""
    mask = np.array([[False, True, True], [True, True, False]])
    full, features = RNG.uniform(0, 0.5, size=(2, 3, 4)), np.ones((2, 3, 2))
    full[:, :, 2:] += 0.5
    for boxes in (full, list(full), [full[0][mask[0]], full[1][mask[1]]], [full[0], full[1][mask[1]]]):
        assert_array_equal(Regions(features, boxes, mask).boxes[mask], full[mask])


def test_text_becomes_words():
    sentences = Sentences(TEXTS)
    assert [sentences.tokens(i) for i in range(-5, 0)] == WORDS
    assert list(sentences) == [" ".join(words) for words in WORDS] == np.asarray(sentences).tolist()
    assert_array_equal(sentences.lengths, [len(words) for words in WORDS])
    assert sentences.shape == (5,) == (len(sentences),) and sentences.readable
    assert not (sentences.tagged or sentences.parsed) and sentences.width is None


@pytest.mark.parametrize(
    "texts",
    [
        np.array(TEXTS),
        np.array(TEXTS, dtype=object),
        pd.Series(TEXTS, index=list("vwxyz")),
        pd.Series(TEXTS, dtype="string"),
        tuple(TEXTS),
        iter(TEXTS),
        WORDS,
        [np.array(words) for words in WORDS],
        Sentences(TEXTS),
    ],
    ids=lambda texts: type(texts).__name__,
)
def test_every_kind_of_text_is_the_same(texts):
    sentences = Sentences(texts)
    assert contents(sentences) == contents(Sentences(TEXTS))
    assert {type(word) for word in sentences.packed()[0].words} == {str}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Grüße, Zoë!", ["grüße", "zoë"]),
        ("cafe\u0301 CAF\u00c9", ["caf\u00e9", "caf\u00e9"]),  # accents of their own and composed ones
        ("\u0130stanbul", ["i\u0307stanbul"]),
        ("кошка 猫 हिन्दी, \u0645\u06cc\u200c\u0631", ["кошка", "猫", "हिन्दी", "\u0645\u06cc\u200c\u0631"]),
        ("I \u2764\ufe0f it", ["i", "it"]),  # a sign without a letter is none
        ("the dog\u2019s toy - it's X-ray 3.5", ["the", "dog\u2019s", "toy", "it's", "x-ray", "3", "5"]),
        ("cat", ["cat"]),
    ],
)
def test_words_of_every_script(text, words):
    assert Sentences([text]).tokens(0) == words


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_sentences_slice_like_arrays(key):
    sentences = whole_sentences()
    part, rows = sentences[key], np.arange(5)[key]
    everything = contents(sentences)
    assert everything[3] == [WORDS[3], TAGS[3], HEADS[3], VECTORS[3].tolist()]
    assert contents(part) == [everything[i] for i in rows]
    assert contents(part[::-1]) == [everything[i] for i in rows[::-1]]
    assert list(part) == [" ".join(WORDS[i]) for i in rows] and part.shape == (len(rows),)
    assert_array_equal(part.lengths, [len(WORDS[i]) for i in rows])


def test_vectors_alone_are_enough():
    sentences = Sentences(vectors=VECTORS)
    assert_array_equal(sentences.lengths, [3, 2, 1, 6, 3])
    assert sentences.width == 3 and not sentences.readable
    assert repr(sentences[1:3]) == "Sentences(2 texts, 3 words, with vectors)"
    for read in (
        lambda: sentences.tokens(0),
        lambda: sentences[0],
        lambda: list(sentences),
        lambda: np.array(sentences),
    ):
        with pytest.raises(ValueError, match="vectors only; pass texts as well"):
            read()


def test_vectors_of_equal_lengths_are_not_copied(tmp_path):
    np.save(tmp_path / "states.npy", RNG.normal(size=(4, 3, 2)).astype(np.float16))
    states = np.load(tmp_path / "states.npy", mmap_mode="r")
    for sentences in (Sentences(vectors=states), Sentences(["a b c"] * 4, vectors=states)):
        packed, _ = sentences[2:].packed()
        assert np.shares_memory(packed.vectors, states) and packed.vectors.dtype == np.float16
        assert contents(sentences[[2]])[0][3] == states[2].tolist()
    assert len(Sentences(vectors=np.zeros((0, 3, 2)))) == len(Sentences([])) == len(Sentences([], [], [], [])) == 0


def test_heads_are_whole_numbers_of_every_type():
    for heads in ([[-1, 0]], [np.array([-1, 0], np.int8)], np.array([[-1, 0]]), [(np.int64(-1), np.uint8(0))]):
        packed, _ = Sentences(["a b"], heads=heads).packed()
        assert packed.heads.dtype == np.int64 and packed.heads.tolist() == [-1, 0]
    own, _ = Sentences(["a b", "c"], heads=[[0, 1], [0]]).packed()  # a root that names itself
    assert own.heads.tolist() == [0, 1, 0]


@pytest.fixture
def pairs():
    index = np.array([0, 0, 1, 2, 2, 2, 4, 3])
    texts = Sentences([TEXTS[i] for i in index], [TAGS[i] for i in index], [HEADS[i] for i in index])
    return Pairs(Regions(LISTED, BOXED), texts, image_index=index)


@pytest.mark.parametrize("key", [slice(1, 7), [5, 0, 5], np.arange(8) % 3 == 0, -1, (slice(2, 4), ...), []], ids=str)
def test_pairs_of_sets_slice_together(pairs, key):
    part, rows = pairs[key], np.atleast_1d(np.arange(8)[key[0] if isinstance(key, tuple) else key]).astype(int)
    assert [image.tolist() for image in part.image.expanded()] == [LISTED[i].tolist() for i in pairs.groups[rows]]
    assert list(part.text) == [" ".join(WORDS[i]) for i in pairs.groups[rows]]
    assert part.image.view is pairs.image.view and part.text.tagged
    images, index = part.distinct_images()
    assert [images[i].tolist() for i in index] == [LISTED[i].tolist() for i in pairs.groups[rows]]


def test_pairs_of_sets_without_an_index():
    pairs = Pairs(Regions(LISTED), whole_sentences())
    assert_array_equal(pairs.groups, np.arange(5))
    assert_array_equal(pairs[[3, 1]].image[0], LISTED[3])
    assert pairs[[3, 1]].text[1] == "it's one"
    other = pairs.replace(text=Sentences(TEXTS[::-1]))
    assert other.image is pairs.image and other.text.tokens(4) == WORDS[0]
    with pytest.raises(ValueError, match="text has 5 rows but image has 4"):
        Pairs(Regions(LISTED)[:4], whole_sentences())
    with pytest.raises(ValueError, match=r"text has 10 rows but image has 5.*image_index=\.\.\."):
        Pairs(Regions(LISTED), Sentences(TEXTS * 2))


def test_folds_keep_the_sentences_of_an_image_together(pairs):
    for train, test in GroupKFold(3).split(pairs, groups=pairs.groups):
        assert not set(pairs[train].groups) & set(pairs[test].groups)
        assert len(pairs[train].text) + len(pairs[test].text) == 8


def test_concatenation_puts_sets_one_after_the_other():
    a = Pairs(Regions(LISTED, BOXED), whole_sentences())
    b = Pairs(Regions(LISTED[1:3], BOXED[1:3]), Sentences(TEXTS[1:3], TAGS[1:3], HEADS[1:3]))  # two regions at most
    joined = Pairs.concatenate([a[3:], b, a[:0]])
    rows = [3, 4, 1, 2]
    assert [image.tolist() for image in joined.image] == [LISTED[i].tolist() for i in rows]
    assert_array_equal(joined.image.boxes[joined.image.mask], np.concatenate([BOXED[i] for i in rows]))
    assert contents(joined.text) == [[WORDS[i], TAGS[i], HEADS[i], None] for i in rows]  # vectors: not all have them
    bare = Pairs.concatenate([a, Pairs(Regions(LISTED), Sentences(TEXTS))])
    assert bare.image.boxes is None and not bare.text.tagged
    everything = Pairs.concatenate([a[[4, 0]], a[:2]]).text
    assert contents(everything) == [contents(a.text)[i] for i in (4, 0, 0, 1)]


def test_concatenation_of_shared_sets_holds_each_image_once(pairs):
    other = Pairs(Regions(LISTED[:2], BOXED[:2]), Sentences(["x", "y", "z"]), image_index=[1, 0, 0])
    joined = Pairs.concatenate([pairs[:4], other, pairs[4:]])
    assert len(joined.image.view) == 7 and len(joined) == 11
    own = np.concatenate([pairs.groups[:4], [11, 10, 10], pairs.groups[4:]])
    assert_array_equal(joined.groups[:, None] == joined.groups, own[:, None] == own)
    assert [image.tolist() for image in joined.image.expanded()] == [LISTED[i % 10].tolist() for i in own]
    assert Pairs.concatenate([pairs[:4], pairs[4:]]).image.view is pairs.image.view


def test_sets_pickle_and_hash_by_what_they_hold(pairs, tmp_path):
    joblib.dump(pairs, tmp_path / "pairs")
    for again in (pickle.loads(pickle.dumps(pairs)), joblib.load(tmp_path / "pairs"), copy.deepcopy(pairs)):
        assert repr(again) == repr(pairs) and contents(again.text) == contents(pairs.text)
        assert [image.tolist() for image in again.image.view] == [image.tolist() for image in pairs.image.view]
        assert_array_equal(again.image.view.boxes, pairs.image.view.boxes)
    one, same = whole_sentences()[[1, 3]], Sentences(TEXTS[1:4:2], TAGS[1:4:2], HEADS[1:4:2], VECTORS[1:4:2])
    assert joblib.hash(one) == joblib.hash(same) != joblib.hash(whole_sentences()[[3, 1]])
    assert joblib.hash(Regions(LISTED)) == joblib.hash(Regions([rows.copy() for rows in LISTED]))
    many = Sentences(["some words of a sentence"] * 5000, vectors=np.ones((5000, 5, 8)))
    assert len(pickle.dumps(many[7:9])) < 5000  # the pickle of a slice holds only its own sentences
    assert contents(pickle.loads(pickle.dumps(many[7:9]))) == contents(many[7:9])


def test_representations(pairs):
    assert repr(Regions(LISTED, BOXED)) == "Regions(5 images, up to 3 regions of 4 features, with boxes)"
    assert repr(whole_sentences()[1:]) == "Sentences(4 texts, 12 words, with tags, heads, vectors)"
    assert repr(pairs) == (
        "Pairs(image=8 rows of Regions(5 images, up to 3 regions of 4 features, with boxes), "
        "text=Sentences(8 texts, 20 words, with tags, heads))"
    )
    page = pairs._repr_html_()
    assert "a thick three" in page and page.count("<tr>") == 4 and f"{LISTED[0][0, 0]:.3f}" in page
    assert "Sentences(1 texts, 3 words, with vectors)" in Pairs(text=Sentences(vectors=VECTORS))._repr_html_()
    assert "&lt;b&gt;" in Pairs(text=Sentences([["<b>"]]))._repr_html_()


def scenes(n, seed):
    made = make_captioned_scenes(n, random_state=seed)
    regions = Regions(made.regions, made.boxes, made.mask)
    return made, Pairs(regions, Sentences(made.tokens, made.tags, made.heads), image_index=made.image_index)


def test_methods_without_sets_get_means_and_words():
    """A pipeline of MeanRegions and TfidfVectorizer does what is done by hand on arrays and strings."""
    made, pairs = scenes(80, 0)
    model = make_pipeline(PerModality(image=MeanRegions(), text=TfidfVectorizer()), CCA(5))
    means = np.stack([image[m].mean(axis=0) for image, m in zip(made.regions, made.mask, strict=True)])
    by_hand = TfidfVectorizer().fit(made.sentences)
    plain = Pairs(means, by_hand.transform(made.sentences), image_index=made.image_index)
    retriever = CCA(5).fit(plain)
    model.fit(pairs)
    assert_allclose(model[-1].image_projection_, retriever.image_projection_, rtol=1e-6, atol=1e-9)
    test_made, test = scenes(30, 1)
    test_means = np.stack([image[m].mean(axis=0) for image, m in zip(test_made.regions, test_made.mask, strict=True)])
    plain_test = Pairs(test_means, by_hand.transform(test_made.sentences), image_index=test_made.image_index)
    assert_allclose(model.score(test), retriever.score(plain_test))
    assert model.score(test) > 3 / 30  # chance is about (1 + ... + 1/30) / 30 = 0.13
    search = GridSearchCV(model, {"cca__ridge": [0.1, 1.0]}, cv=GroupKFold(2)).fit(pairs, groups=pairs.groups)
    assert 0 < search.best_score_ < 1


def test_methods_that_cannot_take_sets_say_what_to_do():
    pairs = Pairs(Regions(LISTED), Sentences(TEXTS))
    with pytest.raises(TypeError, match=re.escape("put PerModality(image=MeanRegions()) in front of a method")):
        CCA(1).fit(pairs)
    with pytest.raises(ValueError, match=re.escape("PerModality(text=TfidfVectorizer()) for captions")):
        CCA(1).fit(pairs.replace(image=np.ones((5, 2))))


BOX = [0.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"features": np.ones((3, 2))}, r"an array \(n, regions, d\), or a list .* got float64 of shape \(3, 2\)"),
        ({"features": np.full((1, 2, 3), "a")}, "features must be real numbers; got <U1"),
        ({"features": np.ones((1, 2, 3), complex)}, "features must be real numbers; got complex128"),
        ({"features": LISTED, "mask": np.ones((5, 3))}, "mask is given with a list of features"),
        ({"features": np.ones((2, 3, 1)), "mask": np.ones((3, 2))}, r"\(3, 2\), but features want \(2, 3\)"),
        ({"features": np.ones((2, 3, 1)), "mask": [[0, 1, 0], [0, 0, 0]]}, "image 1 has no region; drop it"),
        ({"features": np.ones((2, 0, 4))}, "image 0 has no region"),
        ({"features": [LISTED[0], np.zeros((0, 4))]}, "image 1 has no region"),
        ({"features": [LISTED[0], []]}, "features of image 1 are empty; drop the image"),
        ({"features": [LISTED[0], np.ones(4)]}, r"features of image 1 are float64 of shape \(4,\)"),
        ({"features": [np.ones((1, 2)), np.ones((1, 3))]}, r"of image 1 are of shape \(1, 3\), those of image 0 of"),
        ({"features": ["a cat"]}, r"features of image 0 are <U5 of shape \(\)"),
        ({"features": [[[1.0], [1.0, 2.0]]]}, "features of image 0: its regions are of different lengths"),
        ({"features": LISTED, "boxes": BOXED[:4]}, "boxes has 4 entries, but there are 5 images"),
        ({"features": LISTED, "boxes": [*BOXED[:4], [BOX] * 2]}, r"image 4 are of shape \(2, 4\); \(1, 4\) is wanted"),
        ({"features": LISTED, "boxes": [*BOXED[:4], [BOX[:3]]]}, r"image 4 are of shape \(1, 3\); \(1, 4\) is wanted"),
        ({"features": [[[1.0]]], "boxes": np.ones((1, 4))}, r"numbers of shape \(1, 1, 4\) are wanted: left, top"),
        ({"features": [[[1.0]]], "boxes": np.full((1, 1, 4), "0")}, "boxes are <U1 of shape"),
        (
            {"features": [[[1.0]]], "boxes": [[[0, 0, 7, 9]]]},
            r"region 0 of image 0, \[0, 0, 7, 9\], leaves \[0, 1\]; div",
        ),
        ({"features": [[[1.0]]], "boxes": [[[-0.1, 0, 1, 1]]]}, r"leaves \[0, 1\]"),
        ({"features": [[[1.0]]], "boxes": [[[0, 0, np.nan, 1]]]}, r"\[0\.0, 0\.0, nan, 1\.0\], is not known; give the"),
        (
            {"features": [[[1.0]]], "boxes": [[[0, 0.5, 1, 0.2]]]},
            "has its edges in the wrong order, which is left, top, right, bottom",
        ),
        ({"features": [[[1.0]], [[1.0]]], "boxes": [[BOX], [[0.5, 0, 0.2, 1]]]}, "region 0 of image 1, .* wrong order"),
    ],
)
def test_bad_regions_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Regions(**arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, ValueError, "texts and vectors are both None"),
        ({"texts": "a cat"}, TypeError, r"texts is a str; put one text into a list, \[text\]"),
        ({"texts": {"a cat"}}, TypeError, "texts is a set; pass a list"),
        ({"texts": {0: "a cat"}}, TypeError, "texts is a dict"),
        ({"texts": 3}, TypeError, "texts is a int"),
        ({"texts": pd.DataFrame({"caption": TEXTS})}, TypeError, "texts is a DataFrame; .* one column of strings"),
        ({"texts": ["a", None]}, TypeError, "text 1 is a NoneType; a string or a list of words"),
        ({"texts": pd.Series(["a", np.nan])}, TypeError, "text 1 is a float"),
        ({"texts": [["a", 3]]}, TypeError, "text 0 is a list; a string or a list of words"),
        ({"texts": ["a", "..."]}, ValueError, "text 1 has no words; drop it"),
        ({"texts": ["a", []]}, ValueError, "text 1 has no words"),
        ({"vectors": [np.ones((0, 2))]}, ValueError, "text 0 has no words"),
        ({"texts": ["a", "b"], "tags": [["X"]]}, ValueError, "tags has 1 rows, but there are 2 texts; one per text"),
        ({"texts": ["a b"], "tags": [["X"]]}, ValueError, "tags of text 0 has 1 entries for 2 words; one per word"),
        ({"texts": ["a b"], "tags": ["XY"]}, TypeError, "tags of text 0 is a str; a list with one entry per word"),
        ({"texts": ["a b"], "tags": [None]}, TypeError, "tags of text 0 is a NoneType"),
        ({"texts": ["a b"], "heads": [[-1]]}, ValueError, "heads of text 0 has 1 entries for 2 words"),
        ({"texts": ["a", "b c"], "heads": [[-1], [-1, 2]]}, ValueError, "heads of text 1 name word 2, .* words 0 to 1"),
        ({"texts": ["a", "b c"], "heads": [[-2], [-1, 0]]}, ValueError, "heads of text 0 name word -2"),
        ({"texts": ["a b"], "heads": [[-1, 0.5]]}, TypeError, "heads are indices of words, .*'float'"),
        ({"texts": ["a b"], "heads": [["ROOT", "a"]]}, TypeError, "heads are indices of words, .*'str'"),
        ({"texts": ["a b"], "vectors": [np.ones((3, 2))]}, ValueError, "vectors of text 0 has 3 entries for 2 words"),
        ({"vectors": np.ones((3, 2))}, ValueError, r"vectors of text 0 are float64 of shape \(2,\); .* \(words, d\)"),
        ({"vectors": [1.0]}, ValueError, r"vectors of text 0 are float64 of shape \(\)"),
        (
            {"vectors": [np.ones((1, 2)), np.ones((1, 3))]},
            ValueError,
            r"vectors of text 1 are float64 of shape \(1, 3\)",
        ),
        ({"vectors": [[["a", "b"]]]}, ValueError, "vectors of text 0 are <U1"),
        ({"texts": ["a"], "vectors": []}, ValueError, "vectors has 0 rows, but there are 1 texts"),
    ],
)
def test_bad_sentences_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        Sentences(**arguments)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: np.asarray(Regions(LISTED)), TypeError, r"PerModality\(image=MeanRegions\(\)\)"),
        (lambda: Regions(LISTED)[:, 0], IndexError, r"indexed by images only, as in regions\[rows\]"),
        (lambda: Regions(LISTED)[0, 1, 2], IndexError, "indexed by images only"),
        (lambda: Regions(LISTED)[None], IndexError, "indexed by images only"),
        (lambda: Regions(LISTED)[9], IndexError, "out of bounds"),
        (lambda: Sentences(TEXTS)[0, 1], IndexError, r"indexed by texts only, as in sentences\[rows\]"),
        (lambda: Sentences(TEXTS)[None], IndexError, "indexed by texts only"),
        (lambda: Sentences(TEXTS)[[True, False]], IndexError, "boolean index did not match"),
        (lambda: MeanRegions().transform(np.ones((2, 3))), TypeError, "MeanRegions got a ndarray; pass Regions"),
        (lambda: MeanRegions().transform(pd.DataFrame(np.ones((2, 3)))), TypeError, "MeanRegions got a DataFrame"),
        (lambda: MeanRegions().transform(Sentences(TEXTS)), TypeError, "MeanRegions got a Sentences"),
        (
            lambda: Pairs.concatenate([Pairs(Regions(LISTED)), Pairs(Regions(np.ones((1, 2, 3))))]),
            ValueError,
            r"rows of image have the shapes \[\(3,\), \(4,\)\] in the parts",
        ),
        (
            lambda: Pairs.concatenate([Pairs(Regions(LISTED)), Pairs(np.ones((5, 3, 4)))]),
            ValueError,
            r"image is of different kinds in the parts: \['Regions', 'ndarray'\]",
        ),
        (
            lambda: Pairs.concatenate([Pairs(text=Sentences(TEXTS)), Pairs(text=Sentences(vectors=VECTORS))]),
            ValueError,
            "some parts have words only and others vectors only",
        ),
        (
            lambda: Pairs.concatenate([Pairs(text=Sentences(vectors=np.ones((1, 1, d)))) for d in (2, 3)]),
            ValueError,
            r"vectors of words have \[2, 3\] columns in the parts",
        ),
    ],
)
def test_bad_uses_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
