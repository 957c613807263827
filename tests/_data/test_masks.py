"""What lies under a mask is read nowhere, whatever holds the mask."""

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skxmr
from skxmr import CCA, DAGNN, AlignedEmbeddings, Pairs, PerModality, RetrieverEnsemble
from skxmr.datasets import make_multilabel_pairs
from skxmr.metrics import SameGroup, SharedLabels, Similarity, cross_modal_map, mean_average_precision, near_duplicates

PAIRS, LABELS = make_multilabel_pairs(30, n_labels=3, random_state=0)
IMAGE = np.ma.masked_greater(PAIRS.image, 1.0)
TEXT = PAIRS.text
NAMED = pd.DataFrame(LABELS, columns=list("abc"))
VECTORS = np.ma.masked_greater(np.eye(3), 0.5)
CODES = np.ma.masked_equal(np.arange(30) % 3, 1)
KEY = np.ma.array(np.arange(30) > 9, mask=np.arange(30) > 25)
SCORES = np.ma.masked_greater(np.eye(30), 0.5)
SEEN = SCORES.data > 0
FITTED = AlignedEmbeddings().fit(IMAGE.data, IMAGE.data)
# What is asked, and the name of the argument.
READERS = {
    "fit": (lambda: CCA(2).fit(IMAGE, TEXT), "image"),
    "fit of a list of rows": (lambda: CCA(2).fit(list(IMAGE), TEXT), "image"),
    "encode": (lambda: FITTED.encode_image(list(IMAGE)), "image"),
    "similarity": (lambda: FITTED.similarity(IMAGE.data, list(IMAGE)), "text"),
    "a step": (lambda: make_pipeline(PerModality(StandardScaler()), CCA(2)).fit(Pairs(IMAGE, TEXT)), "image"),
    "captions": (lambda: Pairs(PAIRS.image, np.ma.array(["a"] * 30, dtype=object, mask=KEY.mask)), "text"),
    "image_index": (lambda: Pairs(PAIRS.image, TEXT, image_index=CODES), "image_index"),
    "a key": (lambda: Pairs(PAIRS.image, TEXT)[KEY], "the key"),
    "label_embedding": (lambda: DAGNN(max_epochs=1, label_embedding=VECTORS).fit(PAIRS, NAMED), "label_embedding"),
    "its rows": (lambda: DAGNN(max_epochs=1, label_embedding=list(VECTORS)).fit(PAIRS, NAMED), "label_embedding"),
    "weights": (
        lambda: RetrieverEnsemble([("a", CCA(2)), ("b", CCA(1))], weights=np.ma.masked_equal([1, 2], 2)).fit(PAIRS),
        "weights",
    ),
    "labels": (lambda: SharedLabels(np.ma.masked_equal(LABELS, 1)), "query_labels"),
    "groups": (lambda: SameGroup(CODES, CODES.data), "query_groups"),
    "rows of Similarity": (lambda: Similarity(list(IMAGE), IMAGE.data), "query"),
    "scores": (lambda: mean_average_precision(SCORES, SEEN), "scores"),
    "rows of scores": (lambda: mean_average_precision(list(SCORES), SEEN), "scores"),
    "relevance": (lambda: mean_average_precision(SCORES.data, np.ma.masked_equal(SEEN, True)), "relevance"),
    "embeddings": (lambda: cross_modal_map(IMAGE, IMAGE.data, LABELS), "image"),
    "where": (lambda: skxmr.similarity(FITTED, IMAGE.data, IMAGE.data, where=SCORES), "where"),
    "rows of where": (lambda: skxmr.similarity(FITTED, IMAGE.data, IMAGE.data, where=list(SCORES)), "where"),
    "duplicates": (lambda: near_duplicates(Pairs(PAIRS.image), Pairs(list(IMAGE))), "image"),
}


@pytest.mark.parametrize("name", READERS)
def test_masked_values_are_refused(name):
    ask, argument = READERS[name]
    with pytest.raises(ValueError, match=f"^{argument} is (an array|a list) with masked values; fill or drop them"):
        ask()


def test_a_mask_of_nothing_is_read():
    unmasked = np.ma.masked_array(PAIRS.image)
    expected = CCA(2).fit(PAIRS).similarity(PAIRS)
    for image in (unmasked, list(unmasked)):
        assert (CCA(2).fit(image, TEXT).similarity(image, TEXT) == expected).all()
    assert Pairs(unmasked)[np.ma.array([True] * 30)].shape == (30,)
