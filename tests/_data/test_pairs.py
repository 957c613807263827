import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from PIL import Image
from sklearn.model_selection import GroupKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import _safe_indexing

from skxmr import LabelGraph, Pairs, PerModality, SemanticMatching

IMAGE = np.arange(12.0).reshape(6, 2)
VIEWS = {
    "dense": np.arange(18.0).reshape(6, 3),
    "csr": sp.csr_array(np.arange(18.0).reshape(6, 3)),
    "csc": sp.csc_matrix(np.arange(18.0).reshape(6, 3)),
    "frame": pd.DataFrame(np.arange(18.0).reshape(6, 3), columns=list("abc")),
    "captions": [f"caption {i}" for i in range(6)],
    "objects": np.array([{"id": i} for i in range(6)], dtype=object),
    "tokens": [["a"] * i for i in range(6)],
    "equal tokens": [["a", "b"]] * 6,
}


def rows_of(view):
    if sp.issparse(view):
        return view.toarray().tolist()
    return (view.to_numpy() if hasattr(view, "iloc") else view).tolist()


@pytest.mark.parametrize("kind", VIEWS)
@pytest.mark.parametrize(
    "key",
    [
        slice(1, 5, 2),
        np.array([4, 0, 0]),
        np.array([True, False, True, False, False, True]),
        [5, 1],
        [False, True, False, False, False, False],
        -1,
        [],
    ],
    ids=str,
)
def test_views_slice_together(kind, key):
    pairs = Pairs(IMAGE, VIEWS[kind])
    picked = np.arange(6)[key if not isinstance(key, list) or key else slice(0)]
    for part in (pairs[key], pairs[key, ...]):
        assert_array_equal(part.image, IMAGE[np.atleast_1d(picked)])
        everything = rows_of(pairs.text)
        assert rows_of(part.text) == [everything[i] for i in np.atleast_1d(picked)]
        assert part.shape == (len(part),) == (len(np.atleast_1d(picked)),)


@pytest.mark.parametrize("kind", VIEWS)
def test_concatenation_undoes_splitting(kind):
    pairs = Pairs(IMAGE, VIEWS[kind])
    whole = Pairs.concatenate([pairs[:2], pairs[2:]])
    assert rows_of(whole.text) == rows_of(pairs.text)
    assert type(whole.text) is type(pairs.text)
    assert [rows_of(row.text)[0] for row in pairs] == rows_of(pairs.text)


@pytest.mark.parametrize("kind", VIEWS)
def test_pickles_and_hashes(kind, tmp_path):
    pairs = Pairs(IMAGE, VIEWS[kind])
    joblib.dump(pairs, tmp_path / "pairs")
    for copy in (pickle.loads(pickle.dumps(pairs)), joblib.load(tmp_path / "pairs")):
        assert rows_of(copy.text) == rows_of(pairs.text)
        assert repr(copy) == repr(pairs)
    assert joblib.hash(pairs) == joblib.hash(Pairs(IMAGE, VIEWS[kind]))


def test_images_of_every_kind_are_rows():
    """PIL images are not unpacked, and arrays of different scales are not stacked into one."""
    pictures = [Image.new("RGB", (4, 3)), "a.png", Path("b.png"), np.zeros((3, 4, 3), np.uint8)]
    pairs = Pairs(pictures, list("abcd"))
    assert list(pairs.image) == pictures and list(pairs[[2, 0]].image) == [pictures[2], pictures[0]]
    assert list(Pairs.concatenate([pairs[:1], pairs[1:]]).image) == pictures
    assert Pairs([Image.new("RGB", (4, 3))] * 2).image.shape == (2,)
    assert Pairs([np.zeros((3, 4, 3), np.uint8)] * 2).image.shape == (2, 3, 4, 3)
    mixed = Pairs([np.full((3, 4), 255, np.uint8), np.ones((3, 4))])
    assert mixed.image.shape == (2,) and [row.dtype for row in mixed.image] == [np.uint8, np.float64]
    assert "a.png" in pairs._repr_html_() and repr(pickle.loads(pickle.dumps(pairs))) == repr(pairs)


def test_one_view_is_enough():
    text = Pairs(text=["a", "b"])
    assert len(text) == 2 and text.image is None and text[1:].text.tolist() == ["b"]
    assert len(Pairs.concatenate([text, text])) == 4


def test_slices_keep_the_whole_label_graph():
    graph = LabelGraph(kind="identity").fit(None, [["a"], ["b"]])
    pairs = Pairs(IMAGE, VIEWS["dense"], graph)
    assert pairs[:2].label_graph is graph and pairs.replace(text=None).label_graph is graph
    assert Pairs.concatenate([pairs, pairs]).label_graph is graph
    assert len(Pairs.concatenate(part for part in (pairs, pickle.loads(pickle.dumps(pairs))))) == 12  # equal graphs
    assert pairs.replace(label_graph=None).label_graph is None
    assert "label_graph" in repr(pairs)
    with pytest.warns(UserWarning, match="has seen the labels of the held-out rows"):
        pairs[np.arange(3), ...]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pairs[np.arange(3)]  # only scikit-learn's splitters ask with an Ellipsis
    with pytest.raises(ValueError, match="different label graphs"):
        Pairs.concatenate([pairs, pairs.replace(label_graph=None)])


def test_nothing_is_copied():
    pairs = Pairs(IMAGE, VIEWS["dense"])
    assert pairs.image is IMAGE and pairs[1:4].image.base is not None
    assert pairs.replace(text=None).image is IMAGE


def test_whatever_offers_an_array_becomes_one():
    class Tensor:
        def __array__(self, dtype=None, copy=None):
            return IMAGE

    assert Pairs(Tensor(), IMAGE).image is IMAGE


def test_lists_of_numbers_become_matrices():
    assert Pairs([[1, 2], [3, 4]], [[1.5], [2.5]]).text.dtype == np.float64
    assert Pairs([[1, 2], [3, 4]]).image.shape == (2, 2)


def test_representations():
    pairs = Pairs(IMAGE, sp.csr_array(np.eye(6)))
    assert repr(pairs) == "Pairs(image=(6, 2) float64, text=(6, 6) csr float64)"
    page = Pairs(IMAGE, ["<b>bold</b>"] * 6)._repr_html_()
    assert "&lt;b&gt;" in page and "<b>" not in page and page.count("<tr>") == 4
    for kind in VIEWS:
        assert "<table>" in Pairs(IMAGE, VIEWS[kind])._repr_html_()


def test_indexes_that_contradict_are_refused():
    image = pd.DataFrame(IMAGE, index=list("abcdef"))
    text = pd.DataFrame(IMAGE, index=list("fedcba"))
    with pytest.raises(ValueError, match="the indexes of image and text differ"):
        Pairs(image, text)
    Pairs(image, text.loc[image.index])


NAMES = list("abcdef")
FRAMES = Pairs(pd.DataFrame(IMAGE, index=NAMES), pd.DataFrame(IMAGE, index=NAMES))
SCALED = PerModality(StandardScaler(), StandardScaler())
SHUFFLED = pd.DataFrame({"x": [1, 0, 1, 0, 1, 0], "y": [0, 1, 0, 1, 0, 1]}, index=NAMES[::-1])


@pytest.mark.parametrize(
    "ask",
    [
        lambda: make_pipeline(SCALED, SemanticMatching()).fit(FRAMES, SHUFFLED),
        lambda: make_pipeline(SCALED, LabelGraph(), SemanticMatching()).fit(FRAMES, SHUFFLED),
        lambda: LabelGraph().fit(SCALED.fit_transform(FRAMES)[::-1], SHUFFLED.loc[NAMES]),
        lambda: LabelGraph().fit(FRAMES, SHUFFLED),
        lambda: SCALED.fit(FRAMES, SHUFFLED),
        lambda: FRAMES[pd.Series([True] * 3 + [False] * 3, index=NAMES[::-1])],
        lambda: SCALED.fit_transform(FRAMES).replace(text=FRAMES.text[::-1]),
    ],
)
def test_row_names_are_compared_also_after_a_transformer_made_arrays(ask):
    with pytest.raises(ValueError, match=r"the index of .* differs from that of the views"):
        ask()


def test_row_names_in_the_same_order_are_no_contradiction():
    fitted = make_pipeline(SCALED, SemanticMatching()).fit(FRAMES, SHUFFLED.loc[NAMES])
    assert fitted.score(FRAMES[[5, 0, 2, 3]], SHUFFLED.loc[["f", "a", "c", "d"]]) > 0
    both = Pairs.concatenate([FRAMES[:2], FRAMES[2:]])
    LabelGraph(tau=0.0).fit(both, SHUFFLED.loc[NAMES])
    assert len(FRAMES[pd.Series([True] * 3 + [False] * 3, index=NAMES)]) == 3
    assert FRAMES.replace(image=IMAGE, text=IMAGE)._index is not None


SHARED = Pairs(IMAGE[:3], [f"text {i}" for i in range(6)], image_index=[0, 0, 1, 1, 2, 2])


def test_splitting_the_texts_of_one_image_is_warned_of_once():
    shared = SHARED.replace()
    with pytest.warns(UserWarning, match=r"GroupKFold or GroupShuffleSplit with groups=pairs.groups") as caught:
        train_test_split(shared, test_size=0.5, random_state=0)
    assert len(caught) == 1


def test_splits_by_image_and_slices_are_not_warned_of():
    shared = SHARED.replace()
    for train, _ in GroupKFold(3).split(shared, groups=shared.groups):
        _safe_indexing(shared, train)
    assert len(shared[:1]) == 1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Pairs(), ValueError, "both None"),
        (lambda: Pairs(IMAGE, IMAGE[:3]), ValueError, "text has 3 rows but image has 6"),
        (lambda: Pairs("caption"), TypeError, "image is a str"),
        (lambda: Pairs(3), TypeError, "image is a int"),
        (lambda: Pairs({"a", "b"}), TypeError, "image is a set"),
        (
            lambda: Pairs.concatenate([Pairs(VIEWS["frame"]), Pairs(VIEWS["frame"].rename(columns={"a": "z"}))]),
            ValueError,
            "columns of image differ",
        ),
        (
            lambda: Pairs.concatenate([Pairs(IMAGE, VIEWS["dense"]), Pairs(IMAGE, IMAGE)]),
            ValueError,
            r"rows of text have the shapes \[\(2,\), \(3,\)\] in the parts",
        ),
        (
            lambda: Pairs.concatenate([Pairs(VIEWS["csr"]), Pairs(sp.csr_array(IMAGE))]),
            ValueError,
            "rows of image have the shapes",
        ),
        (
            lambda: Pairs.concatenate([Pairs(VIEWS["frame"]["a"]), Pairs(VIEWS["frame"])]),
            ValueError,
            "rows of image have the shapes",
        ),
        (lambda: Pairs(np.array(3)), ValueError, "single value"),
        (lambda: Pairs(Pairs(IMAGE)), TypeError, "itself a Pairs"),
        (lambda: Pairs(IMAGE)[:, 0], IndexError, "by rows only"),
        (lambda: Pairs(IMAGE)[6], IndexError, "out of range"),
        (lambda: np.asarray(Pairs(IMAGE)), TypeError, "PerModality"),
        (lambda: Pairs.concatenate([]), ValueError, "empty"),
        (lambda: Pairs.concatenate([Pairs(IMAGE, IMAGE), Pairs(IMAGE)]), ValueError, "text is missing in some"),
        (
            lambda: Pairs.concatenate([Pairs(IMAGE), Pairs(sp.csr_array(IMAGE))]),
            ValueError,
            "image is of different kinds",
        ),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ([1.0, 2.0], "got float64 of shape"),
        (["a"], "row numbers or by one True or False per row; got <U1"),
        (pd.Series([True, None] * 3, dtype="boolean"), "got object"),
        (np.array([True, False] * 3, dtype=object), "got object"),
        (np.zeros((2, 2), int), r"got int64 of shape \(2, 2\)"),
        (pd.DataFrame({"a": [True] * 6}), r"got bool of shape \(6, 1\)"),
        ([True, False], "a mask of 2 values cannot pick from 6 rows"),
        (True, r"got bool of shape \(\)"),
        (None, "got object"),
    ],
    ids=str,
)
def test_bad_keys_are_named(key, message):
    with pytest.raises(IndexError, match=message):
        Pairs(IMAGE, IMAGE)[key]


@pytest.mark.parametrize("key", [pd.Series([4, 1]), pd.Series([4, 1], dtype="Int64"), pd.Index([4, 1]), [4, 1]])
def test_row_numbers_have_no_names(key):
    """Frames take row numbers by position, whatever their own index."""
    named = Pairs(pd.DataFrame(IMAGE, index=list("uvwxyz")), IMAGE)
    assert_array_equal(named[key].image.to_numpy(), IMAGE[[4, 1]])


def test_an_image_index_in_another_order_is_refused():
    text = pd.DataFrame(IMAGE, index=list("uvwxyz"))
    image_index = pd.Series([0, 0, 1, 1, 2, 2], index=list("uvwxyz"))
    assert Pairs(IMAGE[:3], text, image_index=image_index).groups.tolist() == [0, 0, 1, 1, 2, 2]
    with pytest.raises(ValueError, match="the indexes of text and image_index differ"):
        Pairs(IMAGE[:3], text, image_index=image_index[::-1])


def test_pairs_are_imported_without_the_libraries_that_they_recognise():
    heavy = {"pandas", "sklearn", "torch", "dask"}
    code = f"import sys, skxmr; skxmr.Pairs([[1.0]], ['a']); print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
