"""Parsed sentences: words, tags and heads of spaCy's pipelines, here by rules, so that nothing is downloaded."""

import os
import sys

import numpy as np
import pandas as pd
import pytest

spacy = pytest.importorskip("spacy")

from spacy.language import Language  # noqa: E402

from skxmr import Sentences, parse_sentences  # noqa: E402
from skxmr._data import parsing  # noqa: E402

VERBS = {"runs", "barks", "sees"}
TAGS = {
    "the": "DET",
    "a": "DET",
    "big": "ADJ",
    "dog": "NOUN",
    "cat": "NOUN",
    "on": "ADP",
    **dict.fromkeys(VERBS, "VERB"),
}


@Language.component("skxmr_tags")
def tags(doc):
    for token in doc:
        token.pos_ = TAGS.get(token.lower_, "" if token.text[0].isalpha() else "PUNCT")
    return doc


@Language.component("skxmr_heads")
def heads(doc):
    """The first verb is the root; a token before it depends on the next one, a token behind it on the one before."""
    root = next((token.i for token in doc if token.lower_ in VERBS), len(doc) - 1)
    for token in doc:
        token.head = doc[token.i + np.sign(root - token.i)]
        token.dep_ = "ROOT" if token.i == root else "dep"
    return doc


@Language.component("skxmr_bare_heads")
def bare_heads(doc):
    """Heads without names of dependencies, which spaCy itself takes for none."""
    for token in heads(doc):
        token.dep_ = ""
    return doc


SEEN = []


@Language.component("skxmr_counts")
def counts(doc):
    """Write down which texts are parsed."""
    SEEN.append(doc.text)
    return doc


def rules(*components):
    pipeline = spacy.blank("en")
    for name in components:
        pipeline.add_pipe(name)
    return pipeline


@pytest.fixture(scope="module")
def english():
    return rules("skxmr_tags", "skxmr_heads")


def rows(sentences):
    """Per sentence its words, tags and heads, read from the packed form."""
    packed, order = sentences.packed()
    spans = [slice(packed.offsets[i], packed.offsets[i + 1]) for i in order]
    return [(list(packed.words[s]), list(packed.tags[s]), packed.heads[s].tolist()) for s in spans]


def test_words_tags_and_heads(english):
    sentences = parse_sentences(["The big Dog RUNS", "a cat"], english)
    assert isinstance(sentences, Sentences) and sentences.tagged and sentences.parsed
    assert rows(sentences) == [
        (["the", "big", "dog", "runs"], ["DET", "ADJ", "NOUN", "VERB"], [1, 2, 3, -1]),
        (["a", "cat"], ["DET", "NOUN"], [1, -1]),
    ]


def test_words_that_depend_on_dropped_tokens_attach_to_the_next_one_above(english):
    """Tokens: The , big - dog runs . " the   cat ! where every token but the verb depends on a neighbour."""
    sentences = parse_sentences(['The, big -- dog runs. " the  cat!'], english)
    assert [token.text for token in english('The, big -- dog runs. " the  cat!')][:6] == [
        "The",
        ",",
        "big",
        "--",
        "dog",
        "runs",
    ]
    ((words, found, above),) = rows(sentences)
    assert words == ["the", "big", "dog", "runs", "the", "cat"]
    assert found == ["DET", "ADJ", "NOUN", "VERB", "DET", "NOUN"]
    assert above == [1, 2, 3, -1, 3, 4]  # without the comma, the dash, the stop, the quote and the blanks


def test_words_below_a_dropped_root_become_roots(english):
    assert rows(parse_sentences(["the cat!"], english))[0][2] == [1, -1]  # the root is the exclamation mark


def test_heads_stay_inside_when_a_text_holds_several_sentences():
    """The default parser makes a root for each sentence; heads are places in the text all the same."""

    @Language.component("skxmr_two_roots")
    def two_roots(doc):
        for token in doc:
            token.head = doc[1] if token.i < 3 else doc[4]
            token.dep_ = "dep"
        return doc

    sentences = parse_sentences(["A dog. The cat!"], rules("skxmr_tags", "skxmr_two_roots"))
    assert rows(sentences) == [(["a", "dog", "the", "cat"], ["DET", "NOUN", "DET", "NOUN"], [1, -1, 3, -1])]


def test_a_word_without_a_tag_is_x(english):
    assert rows(parse_sentences(["the zebra runs", "7 runs"], english))[0][1] == ["DET", "X", "VERB"]


@pytest.mark.parametrize("kind", [tuple, np.array, pd.Series, lambda texts: (text for text in texts)])
def test_texts_of_every_kind_and_any_batches(english, kind):
    texts = ["The dog runs.", "a cat sees a dog", "Dog!"] * 5
    expected = rows(parse_sentences(texts, english))
    assert rows(parse_sentences(kind(texts), english, batch_size=2)) == expected
    assert len(parse_sentences([], english)) == 0


def test_processes_give_the_same(english):
    texts = ["The dog runs.", "a cat sees a dog", "Dog!"] * 4
    assert rows(parse_sentences(texts, english, n_jobs=2, batch_size=3)) == rows(parse_sentences(texts, english))


def test_a_pipeline_by_its_folder(english, tmp_path):
    english.to_disk(tmp_path)
    for folder in (tmp_path, str(tmp_path)):
        assert rows(parse_sentences(["The dog runs."], folder)) == rows(parse_sentences(["The dog runs."], english))


@pytest.fixture
def counting(tmp_path):
    """The folder of a pipeline that writes down what it parses."""
    SEEN.clear()
    rules("skxmr_counts", "skxmr_tags", "skxmr_heads").to_disk(tmp_path / "counting")
    return tmp_path / "counting"


def test_a_pipeline_by_its_folder_parses_no_text_twice(counting, english):
    texts = ["The dog runs.", "a cat", "The dog runs.", "a cat"]
    first = parse_sentences(texts, counting)
    assert SEEN == ["The dog runs.", "a cat"]
    again = parse_sentences(["a big cat", *texts], str(counting))
    assert SEEN == ["The dog runs.", "a cat", "a big cat"]
    assert rows(first) == rows(again)[1:] == rows(parse_sentences(texts, english))
    assert rows(again)[0] == rows(parse_sentences(["a big cat"], english))[0]


def test_a_text_without_words_is_named_by_its_place_among_all_texts(counting):
    parse_sentences(["a cat", "a dog"], counting)
    for _ in range(2):
        with pytest.raises(ValueError, match="text 2, '\\?!', has no words"):
            parse_sentences(["a cat", "a dog", "?!"], counting)


def test_only_so_many_texts_are_remembered(counting, english, monkeypatch):
    monkeypatch.setattr(parsing, "_REMEMBERED", 2)
    texts = ["a cat", "a dog", "a big dog", "a big cat"]
    for _ in range(2):
        assert rows(parse_sentences(texts, counting)) == rows(parse_sentences(texts, english))
    assert SEEN == [*texts, *texts[2:]]


def test_a_folder_that_was_written_anew_is_loaded_again(counting):
    assert rows(parse_sentences(["a cat"], counting))[0][1] == ["DET", "NOUN"]
    other = spacy.blank("en")
    other.add_pipe("attribute_ruler").add([[{"IS_ALPHA": True}]], {"POS": "X", "DEP": "dep"})
    other.to_disk(counting)
    os.utime(counting / "meta.json", ns=(1, 1))
    assert rows(parse_sentences(["a cat"], counting))[0][1] == ["X", "X"]


def test_a_loaded_pipeline_is_asked_every_time_because_it_may_have_changed():
    pipeline = rules("skxmr_tags", "skxmr_heads")
    assert rows(parse_sentences(["a cat"], pipeline))[0][1] == ["DET", "NOUN"]
    pipeline.add_pipe("attribute_ruler").add([[{"LOWER": "cat"}]], {"POS": "PROPN"})
    assert rows(parse_sentences(["a cat"], pipeline))[0][1] == ["DET", "PROPN"]


def test_a_letter_with_an_accent_is_one_character_as_in_sentences(english):
    for text in ("caf\u00e9", "cafe\u0301"):
        text = f"the {text}"
        assert parse_sentences([text], english).tokens(0) == Sentences([text]).tokens(0) == ["the", "caf\u00e9"]


def test_by_default_a_small_english_pipeline_is_loaded(english, monkeypatch):
    monkeypatch.setattr(spacy.util, "is_package", lambda name: name == "en_core_web_sm")
    loaded = []
    monkeypatch.setattr(spacy, "load", lambda name, exclude: loaded.append((name, exclude)) or english)
    assert rows(parse_sentences(["a cat"])) == rows(parse_sentences(["a cat"], "en_core_web_sm"))
    assert loaded == [("en_core_web_sm", ("ner", "lemmatizer")), ("en_core_web_sm", ())]


def test_a_bar_is_shown_when_asked_for(english, capsys):
    parse_sentences(["a cat"], english)
    assert capsys.readouterr().err == ""
    parse_sentences(["a cat", "a dog"], english, verbose=1)
    assert "2/2" in capsys.readouterr().err


def test_a_missing_spacy_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(ImportError, match=r'needs spaCy .*: pip install "skxmr\[text\]"'):
        parse_sentences(["a cat"])


@pytest.mark.parametrize(("parser", "name"), [("spacy", "en_core_web_sm"), ("de_core_news_sm", "de_core_news_sm")])
def test_a_missing_pipeline_says_how_to_install_it(parser, name, monkeypatch):
    monkeypatch.setattr(spacy.util, "is_package", lambda name: False)
    with pytest.raises(OSError, match=f"parser='{parser}' needs .* python -m spacy download {name}, or use Sentences"):
        parse_sentences(["a cat"], parser)


@pytest.mark.parametrize(
    ("components", "missing", "there"),
    [
        ((), "no part-of-speech tags .* and no dependencies", "nothing"),
        (("skxmr_tags",), r"no dependencies .* components are \['skxmr_tags'\]", "part-of-speech"),
        (("skxmr_tags", "skxmr_bare_heads"), r"no dependencies \(token.head and token.dep_;", "part-of-speech"),
        (("skxmr_heads",), r"no part-of-speech tags .* components are \['skxmr_heads'\]", "dependencies"),
    ],
)
def test_a_pipeline_without_tags_or_heads_is_named(components, missing, there):
    with pytest.raises(
        ValueError, match=f"the parser gave text 0, 'The dog runs.', {missing}.* or use Sentences"
    ) as raised:
        parse_sentences(["The dog runs."], rules(*components))
    assert f"no {there}" not in str(raised.value)


@pytest.mark.parametrize(
    ("texts", "options", "error", "message"),
    [
        ("a cat", {}, TypeError, r"texts is a str; .* as \[text\]"),
        (5, {}, TypeError, "texts is a int"),
        (["a cat", None], {}, TypeError, "text 1 is a NoneType; raw strings"),
        ([["a", "cat"]], {}, TypeError, r"text 0 is a list; .* Sentences\(words, tags, heads\)"),
        (["a cat", "?!"], {}, ValueError, "text 1, '\\?!', has no words; drop it"),
        (["a cat", ""], {}, ValueError, "text 1, '', has no words"),
        (["a cat", "!" * 100], {}, ValueError, "text 1, '!{60}', has no words"),
        (["a cat"], {"batch_size": 0}, ValueError, "batch_size must be a positive integer; got 0"),
        (["a cat"], {"n_jobs": 0}, ValueError, "n_jobs == 0"),
        (["a cat"], {"parser": 3}, TypeError, "parser is a int; pass 'spacy'"),
    ],
)
def test_bad_input_is_named(english, texts, options, error, message):
    with pytest.raises(error, match=message):
        parse_sentences(texts, **{"parser": english, **options})


def test_the_excluded_components_are_no_source_of_tags_or_heads():
    """SpaCy itself says what its components set."""
    for name in parsing._UNUSED:
        assigned = Language.get_factory_meta(name).assigns
        assert not {"token.pos", "token.head", "token.dep", "token.tag"} & set(assigned)
