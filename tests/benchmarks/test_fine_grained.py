"""The benchmark of regions against words: what it measures, that it repeats nothing, and what stands on its page."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from skxmr import Sentences
from skxmr.datasets import make_captioned_scenes

ROOT = Path(__file__).parents[2]
NAMES = ("common", "scenes", "fine_grained_report", "captions", "fine_grained", "parsing")


@pytest.fixture(scope="module")
def modules(module):
    return SimpleNamespace(**{name: module(name) for name in NAMES})


@pytest.fixture
def small(modules, monkeypatch):
    for name, value in {"N_TRAIN": 60, "N_TEST": 20, "N_TWO_STAGE": 30, "N_TWINS": 10, "TOP": 3}.items():
        monkeypatch.setattr(modules.fine_grained, name, value)
    for setting in (modules.scenes.OF_RACG, modules.scenes.OF_SCAN, modules.scenes.OF_VSEPP):
        for name, value in {"n_components": 32, "word_width": 16, "max_epochs": 1}.items():
            monkeypatch.setitem(setting, name, value)
    return modules


@pytest.mark.slow
def test_a_method_is_measured_once_and_tabled(small, tmp_path, capsys):
    file = tmp_path / "finished"
    assert small.fine_grained.reproduce(["CCA", "SCAN t2i"], 1, 1, file, False, False) == 0
    shown = capsys.readouterr().out
    assert "2 fits to do, 0 known" in shown and "## Methods" in shown
    assert [json.loads(line)["name"] for line in file.read_text().splitlines()] == ["CCA", "SCAN t2i"]
    small.fine_grained.reproduce(["CCA", "SCAN t2i"], 1, 1, file, False, False)
    assert "0 fits to do, 2 known" in capsys.readouterr().out


@pytest.mark.slow
def test_methods_are_measured_once_and_tabled(small, tmp_path, capsys, monkeypatch):
    # A fold of these has more regions than the kernel features have landmarks.
    for name, value in {"N_TRAIN": 170, "N_TEST": 30, "N_TWO_STAGE": 60}.items():
        monkeypatch.setattr(small.fine_grained, name, value)
    names = [
        "CCA",
        "MLCCA",
        "CCA on kernel means",
        "VSEPP",
        "SCAN t2i",
        "VSEPP, then SCAN t2i",
        "RACG",
        "without heads",
    ]
    file = tmp_path / "finished"
    assert small.fine_grained.reproduce(names, 1, 1, file, False, False) == 0
    shown = capsys.readouterr().out
    assert "8 fits to do, 0 known" in shown
    for title in ("## Methods", "## RACG without its parts", "## Two-stage search", "## Re-ranking"):
        assert title in shown
    records = {record["name"]: record for record in map(json.loads, file.read_text().splitlines())}
    assert set(records) == set(names)
    assert all(0 <= record[key] <= 1 for record in records.values() for key in ("i2t_r1", "t2i_r1", "mr", "twins"))
    assert 0 < records["RACG"]["share"] < 0.2 and "share" not in records["SCAN t2i"]
    small.fine_grained.reproduce(names, 1, 1, file, False, False)
    assert "0 fits to do, 8 known" in capsys.readouterr().out
    small.scenes.OF_RACG["max_epochs"] = 2  # other parameters: other fits
    assert {record["name"] for record in small.fine_grained.finished(file)} == set(names) - {"RACG", "without heads"}


def test_test_scenes_show_other_digits_and_twins_the_same(modules):
    train, test = modules.scenes.scenes(50, "train", 0), modules.scenes.scenes(50, "test", 0)
    known = {row.tobytes() for row in train.pairs.image.view.features.reshape(-1, 64) if row.any()}
    assert not known & {row.tobytes() for row in test.pairs.image.view.features.reshape(-1, 64) if row.any()}
    twins = modules.scenes.scenes(10, "test", 0, twins=True)
    views = twins.pairs.image.view.features
    assert all(np.array_equal(views[i], views[twins.twin[i]]) for i in range(10))


def test_twins_look_equal_to_what_sees_no_positions(modules):
    rows = modules.scenes.scenes(40, "train", 0)
    model = modules.scenes.EMBEDDING["CCA"](0)[0].fit(rows.pairs)
    assert modules.fine_grained.twin_accuracy(model, modules.scenes.scenes(20, "test", 1, twins=True)) == 0.5


@pytest.mark.slow
def test_captions_in_the_published_layout_are_learned_and_tested(modules, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "f30k_precomp"
    folder.mkdir()
    for subset, n in (("train", 12), ("test", 6)):
        made = make_captioned_scenes(n, min_digits=4, random_state=n)
        np.save(folder / f"{subset}_ims.npy", made.regions.astype(np.float32))
        np.save(folder / f"{subset}_boxes.npy", made.boxes)
        (folder / f"{subset}_caps.txt").write_text("\n".join(made.sentences) + "\n")
    monkeypatch.setenv("SKXMR_DATA", str(tmp_path))
    tiny = {"n_components": 64, "word_width": 8, "batch_size": 20, "max_epochs": 1}
    assert modules.captions.of_captions("f30k_precomp", "cpu", 1, **tiny) == 0
    shown = capsys.readouterr().out
    for name in ("SCAN, both", "RACG, sparse", "RACG, dense", "RACG, both"):
        assert f"| {name} |" in shown
    assert "mR 82.3 (RACG (bi-GRU, single)) | [peng2022], Table I |" in shown
    assert modules.captions.of_captions("elsewhere", "cpu", 1) == 1
    assert "does not exist" in capsys.readouterr().err


def test_the_page_says_what_was_measured(modules):
    tables = modules.fine_grained_report.page(modules.fine_grained.finished(modules.fine_grained.FINISHED))
    assert "## RACG without its parts" in tables
    hint = "run benchmarks/fine_grained.py --only-cached --docs"
    assert tables in (ROOT / "docs" / "fine_grained.md").read_text(encoding="utf-8"), hint


def test_sentences_come_with_the_true_grammar_or_without(modules):
    """The words of a method without grammar are those of the others."""
    true, bare = (modules.fine_grained.shown(name, 5, "train", 0) for name in ("RACG", "RACG, words without grammar"))
    assert true.pairs.text.tagged and true.pairs.text.parsed
    assert not bare.pairs.text.tagged and not bare.pairs.text.parsed
    assert list(true.pairs.text) == list(bare.pairs.text)


def test_sentences_may_be_parsed_or_bring_vectors(modules, monkeypatch):
    monkeypatch.setattr(modules.scenes, "parse_sentences", lambda texts, parser: Sentences([[parser]] * len(texts)))
    monkeypatch.setattr(modules.scenes, "word_vectors", lambda rows: [np.full((len(row), 2), 7.0) for row in rows])
    parsed, with_vectors = (
        modules.fine_grained.shown(name, 5, "train", 0).pairs.text
        for name in ("RACG, parsed sentences", "RACG, vectors of MiniLM")
    )
    assert parsed.tokens(3) == [modules.scenes.PIPELINE]
    assert with_vectors.parsed and with_vectors.width == 2 and (with_vectors.packed()[0].vectors == 7).all()


def grammar(modules, words, tags, heads):
    return modules.parsing.Grammar(words.split(), tags.split(), heads)


def test_the_grammar_of_a_parser_is_compared_word_by_word(modules):
    truth = [
        grammar(modules, "a two over a seven", "DET NOUN ADP DET NOUN", [1, -1, 1, 4, 2]),
        grammar(modules, "a six", "DET NOUN", [1, -1]),
    ]
    found = [
        grammar(modules, "a two over a seven", "DET NUM ADP DET VERB", [1, 2, -1, 4, 2]),
        grammar(modules, "a-six", "X", [-1]),
    ]
    record = modules.parsing.compared(truth, found)
    assert record["n_sentences"] == 2 and record["n_words"] == 5 and record["same_words"] == 0.5
    # Of five words, two have other tags, one of which touches no region, and two have other heads.
    assert (record["tags"], record["anchors"], record["heads"]) == (0.6, 0.8, 0.6)
    # The edge between "two" and "over" has another direction, which a graph over words does not see.
    assert record["edges"] == record["whole_as_usual"] == 1
    assert record["by_tag"]["NOUN"] == {
        "n": 2,
        "tags": {"NUM": 1, "VERB": 1},
        "heads": 1,
        "wrong": {"over": 1},
    }
    table = modules.parsing.page([{"seed": 0} | record])
    assert "| NOUN | 2 | NUM 50.0 %, VERB 50.0 % | 50.0 % | over 50.0 % |" in table


def test_to_the_left_of_is_read_as_treebanks_do(modules):
    words = "a one to the left of a six on top of a two"
    chained = grammar(modules, words, " ".join(["X"] * 13), [1, -1, 1, 2, 3, 4, 7, 5, 7, 8, 9, 12, 10])
    usual = chained.as_usual()
    assert usual.heads == [1, -1, 1, 4, 2, 4, 7, 5, 7, 8, 9, 12, 10] and chained.heads[3:5] == [2, 3]
    record = modules.parsing.compared([chained], [usual])
    assert record["heads"] == 11 / 13 and record["edges"] == 11 / 12
    assert record["heads_as_usual"] == record["edges_as_usual"] == 1


def test_a_parser_is_measured_once_per_seed(modules, tmp_path, monkeypatch):
    made = make_captioned_scenes(4, random_state=1)
    monkeypatch.setattr(
        modules.parsing, "parse_sentences", lambda texts, parser: Sentences(made.tokens, made.tags, made.heads)
    )
    for _ in range(2):
        modules.parsing.measure(1, tmp_path / "finished", n_scenes=4)
    (record,) = modules.parsing.finished(tmp_path / "finished")
    assert record["tags"] == record["heads"] == record["edges"] == record["same_words"] == 1
    assert record["n_sentences"] == 20
