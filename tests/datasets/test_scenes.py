"""Scenes of digits: what is told is true, of this scene alone where it has a twin."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from skxmr.datasets import make_captioned_scenes
from skxmr.datasets._digits import NAMES

WORDS = {"left": "left", "right": "right", "above": "above", "over": "above", "top": "above"}
WORDS |= {"below": "below", "under": "below", "underneath": "below"}


def told(tokens):
    """Read a sentence: digits with their attributes, and the relations between neighbours."""
    digits, attributes, relations, attribute = [], [], [], ""
    for token in tokens:
        if token in NAMES:
            digits.append(NAMES.index(token))
            attributes.append(attribute)
            attribute = ""
        elif token in ("thick", "thin"):
            attribute = token
        elif token in WORDS:
            relations.append(WORDS[token])
    return digits, attributes, relations


def holds(relation, a, b):
    """Tell whether box a stands so to box b: their intervals on that axis are apart in that order."""
    axis = 0 if relation in ("left", "right") else 1
    first, second = (a, b) if relation in ("left", "above") else (b, a)
    middle = (first[axis] + first[axis + 2]) / 2, (second[axis] + second[axis + 2]) / 2
    return middle[1] - middle[0] > 7.5 / 36


def is_true(tokens, digits, boxes):
    """Whether some assignment of the scene's digits to those of the sentence makes all relations true."""
    named, _, relations = told(tokens)

    def assign(done):
        k = len(done)
        if k == len(named):
            return True
        candidates = (i for i, d in enumerate(digits) if d == named[k] and i not in done)
        return any(
            assign([*done, i]) for i in candidates if k == 0 or holds(relations[k - 1], boxes[done[-1]], boxes[i])
        )

    return assign([])


@pytest.mark.parametrize("twins", [False, True])
def test_sentences_are_true(twins):
    scenes = make_captioned_scenes(60, twins=twins, random_state=0)
    for tokens, i in zip(scenes.tokens, scenes.image_index, strict=True):
        m = scenes.mask[i]
        named, _, relations = told(tokens)
        assert sorted(named) == sorted(scenes.digits[i, m])  # all of them, no others
        assert len(relations) == m.sum() - 1
        assert is_true(tokens, scenes.digits[i, m], scenes.boxes[i, m])


def test_what_is_told_of_a_twin_is_false_of_the_other():
    scenes = make_captioned_scenes(60, twins=True, random_state=1)
    assert_array_equal(scenes.twin[scenes.twin], np.arange(60))
    for tokens, i in zip(scenes.tokens, scenes.image_index, strict=True):
        other = scenes.twin[i]
        assert_array_equal(scenes.regions[i], scenes.regions[other])
        assert not is_true(tokens, scenes.digits[other, scenes.mask[other]], scenes.boxes[other, scenes.mask[other]])


def test_attributes_are_those_of_the_ink():
    scenes = make_captioned_scenes(300, subset="all", random_state=0)
    source = load_digits()
    ink = source.data.mean(axis=1)
    for word, q, sign in (("thick", 0.8, 1), ("thin", 0.2, -1)):
        seen = 0
        for tokens, i in zip(scenes.tokens, scenes.image_index, strict=True):
            for digit, attribute in zip(*told(tokens)[:2], strict=True):
                bound = np.quantile(ink[source.target == digit], q)
                own = scenes.regions[i, scenes.digits[i] == digit].mean(axis=1)
                if attribute == word:
                    seen += 1
                    assert (sign * own > sign * bound).any()
        assert seen > 50


def test_regions_are_what_stands_in_their_boxes():
    scenes = make_captioned_scenes(20, max_digits=6, random_state=0)
    assert scenes.regions.shape == (20, 6, 64) and scenes.images.shape == (20, 36, 36)
    for image, regions, boxes, mask in zip(scenes.images, scenes.regions, scenes.boxes, scenes.mask, strict=True):
        left = image.copy()
        for region, box in zip(regions[mask], boxes[mask], strict=True):
            x, y, right, bottom = np.round(box * 36).astype(int)
            assert_allclose(image[y:bottom, x:right].ravel(), region)
            left[y:bottom, x:right] = 0
        assert (left == 0).all() and (regions[~mask] == 0).all() and (boxes[~mask] == 0).all()
    assert (scenes.mask.sum(axis=1) >= 2).all() and (scenes.digits[~scenes.mask] == -1).all()
    assert_array_equal(scenes.labels[3], np.isin(np.arange(10), scenes.digits[3]))


def test_grammar_comes_with_the_sentences():
    scenes = make_captioned_scenes(30, random_state=0)
    for text, tokens, tags, heads in zip(scenes.sentences, scenes.tokens, scenes.tags, scenes.heads, strict=True):
        assert text.split() == tokens and len(tokens) == len(tags) == len(heads)
        assert heads.count(-1) == 1 and tags[heads.index(-1)] == "NOUN"
        for i, (token, tag, head) in enumerate(zip(tokens, tags, heads, strict=True)):
            assert head < len(tokens) and head != i
            assert (tag == "ADJ") == (token in ("thick", "thin")) and (token not in NAMES or tag == "NOUN")
        assert " a eight" not in f" {text}"


def test_scenes_repeat_and_subsets_share_no_digit():
    a, b, c = (make_captioned_scenes(15, random_state=seed) for seed in (3, 3, 4))
    assert_array_equal(a.images, b.images)
    assert a.sentences.tolist() == b.sentences.tolist() != c.sentences.tolist()
    rows = {tuple(row) for row in make_captioned_scenes(40, subset="test", random_state=0).regions.reshape(-1, 64)}
    train = {tuple(row) for row in load_digits().data[:1347]}
    assert len(rows & train) == 0 and len(rows) > 50


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_scenes": 0}, "n_scenes must be a positive integer; got 0"),
        ({"n_sentences": 0}, "n_sentences must be a positive integer"),
        ({"min_digits": 3, "max_digits": 2}, "min_digits=3 and max_digits=2"),
        ({"n_scenes": 1.5}, "n_scenes must be a positive integer; got 1.5"),
        ({"max_digits": 10}, "<= 9 is needed"),
        ({"n_scenes": 5, "twins": True}, "even number of scenes"),
        ({"n_scenes": 4, "min_digits": 1, "twins": True}, "two digits or more"),
        ({"subset": "valid"}, "subset must be one of"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        make_captioned_scenes(**options)
