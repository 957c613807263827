"""Retrievers that are given plain strings and a parser: what they learn from, how often a text is parsed, files."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, GroupKFold

spacy = pytest.importorskip("spacy")

from spacy.language import Language  # noqa: E402

import skxmr  # noqa: E402
from skxmr import RACG, SCAN, Pairs, Regions, RetrieverEnsemble, Sentences, parse_sentences  # noqa: E402
from skxmr.datasets import make_captioned_scenes  # noqa: E402
from skxmr.metrics import RecallScores  # noqa: E402

SEEN = []
TAGS = {"a": "DET", "an": "DET", "the": "DET", "of": "ADP", "to": "ADP", "thick": "ADJ", "thin": "ADJ"}
SMALL = {"batch_size": 10, "max_epochs": 1, "schedule": "constant", "validation_fraction": 0, "random_state": 0}
MODEL = RACG(16, word_width=8, n_heads=4, **SMALL)


@Language.component("skxmr_scenes")
def scenes_grammar(doc):
    """Tag by a table, attach every word to the one before it, and write down what was parsed."""
    SEEN.append(doc.text)
    for token in doc:
        token.pos_ = TAGS.get(token.lower_, "NOUN")
        token.head = doc[max(token.i - 1, 0)]
        token.dep_ = "dep" if token.i else "ROOT"
    return doc


@pytest.fixture
def pipeline():
    english = spacy.blank("en")
    english.add_pipe("skxmr_scenes")
    return english


@pytest.fixture
def folder(pipeline, tmp_path):
    pipeline.to_disk(tmp_path / "pipeline")
    SEEN.clear()
    return str(tmp_path / "pipeline")


@pytest.fixture(scope="module")
def told():
    made = make_captioned_scenes(6, random_state=0)
    return Pairs(Regions(made.regions, made.boxes, made.mask), made.sentences, image_index=made.image_index)


def test_strings_with_a_parser_are_parsed_sentences(folder, told):
    parsed = told.replace(text=parse_sentences(told.text, folder))
    wanted = clone(MODEL).fit(parsed).similarity(parsed)
    by_strings = clone(MODEL).set_params(parser=folder).fit(told)
    assert by_strings.network_.vocabulary.parsed and by_strings.network_.vocabulary.tags.keys() >= {"DET", "NOUN"}
    assert_array_equal(by_strings.similarity(told), wanted)
    # Sentences stay as they are, so that a model learns from parsed ones and is asked in words.
    both = clone(MODEL).set_params(parser=folder).fit(parsed)
    assert_array_equal(both.similarity(told), wanted)
    assert np.abs(clone(MODEL).fit(told).similarity(told) - wanted).max() > 1e-4


def test_searches_ensembles_and_scores_parse_no_text_twice(folder, told):
    model = SCAN(8, word_width=4, parser=folder, **SMALL)
    search = GridSearchCV(model, {"margin": [0.1, 0.2]}, cv=GroupKFold(2), scoring=RecallScores(ks=(1, 3)), refit="mr")
    search.fit(told, groups=told.groups)
    both = RetrieverEnsemble([(name, clone(model).set_params(attention=name)) for name in ATTENTIONS]).fit(told)
    both.score(told)
    assert sorted(SEEN) == sorted(set(told.text))


ATTENTIONS = ("text_to_image", "image_to_text")


def test_what_comes_without_tags_to_a_model_with_tags_is_refused(folder, told):
    fitted = clone(MODEL).fit(told.replace(text=parse_sentences(told.text, folder)))
    for texts in (told.text, Sentences(told.text)):
        with pytest.raises(ValueError, match=r"fitted on sentences with tags, .* parse_sentences or parser="):
            fitted.similarity(told.image.view, texts)


def test_a_pipeline_without_parts_is_named_in_fit(told):
    with pytest.raises(
        ValueError, match=r"the parser gave text 0, 'a .*, no part-of-speech tags .* and no dependencies"
    ):
        clone(MODEL).set_params(parser=spacy.blank("en")).fit(told)


def test_a_model_is_saved_with_the_name_of_its_pipeline_not_with_the_pipeline(pipeline, folder, told, tmp_path):
    fitted = SCAN(8, word_width=4, parser=pipeline, **SMALL).fit(told)
    with pytest.raises(TypeError, match=r"loaded pipeline of spaCy.*: model\.set_params\(parser="):
        skxmr.save(fitted, tmp_path / "model")
    skxmr.save(fitted.set_params(parser=folder), tmp_path / "model")
    again = skxmr.load(tmp_path / "model")
    assert again.parser == folder
    assert_array_equal(again.similarity(told), fitted.similarity(told))
