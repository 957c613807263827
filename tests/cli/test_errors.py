"""Whatever is wrong is one sentence, with the exit code that says what kind of error it is."""

import re
import warnings

import pytest

from skxmr.cli import names
from tests.cli.conftest import RUN, TRUST


def replaced(old, new):
    assert old in RUN
    return RUN.replace(old, new)


WRONG_RUNS = [
    (replaced('name = "Pixels"', 'name = "os.system"'), "'os.system' is no estimator that a run may use"),
    (replaced('name = "Pixels"', 'name = "subprocess.Popen"'), "'subprocess.Popen' is no estimator that a run may use"),
    (replaced('name = "Pixels"', 'name = "sklearn.svm.PCA"'), "is no estimator that a run may use; did you mean 'PCA'"),
    (replaced('"Pixels"', '"sklearn.preprocessing.StandardScalar"'), "did you mean 'StandardScaler'?"),
    (
        replaced("SemanticMatching", "SemanticMatchin"),
        r"\[model\]: 'SemanticMatchin' .*did you mean 'SemanticMatching'",
    ),
    (replaced("SemanticMatching", "mlcca"), "did you mean 'MLCCA'?"),
    (replaced("SemanticMatching", "Pairs"), "'Pairs' is no estimator that learns or transforms"),
    (replaced("SemanticMatching", "CrossModalRetriever"), "is no estimator that learns or transforms"),
    (replaced("SemanticMatching", "StandardScaler"), r"\[model\] must be a retriever"),
    (replaced('"SemanticMatching"', '"MLCCA"\nrigde = 1.0'), "MLCCA has no parameter 'rigde'; did you mean 'ridge'?"),
    (replaced('"SemanticMatching"', '"MLCCA"\nridge = -1.0'), "'ridge' parameter of MLCCA must be"),
    (replaced('"SemanticMatching"', '"RetrieverEnsemble"'), r"\[model\]: .*estimators"),
    (replaced('"Pixels"', '"ImageFeatures"\nfactory = "os:getcwd"'), "factory runs code of others"),
    (replaced('name = "SemanticMatching"', "n_components = 3"), r"\[model\] has no name"),
    (replaced('"SemanticMatching"', "3"), "name is 3, but a string is wanted"),
    (replaced("[image]", "[images]"), r"section \[images\] that is not known; did you mean 'image'"),
    (replaced("[text]", "[output2]"), "did you mean 'output'"),
    (replaced('[image]\nname = "Pixels"', ""), r"no section \[image\]"),
    (replaced('path = "pictures/table.csv"', ""), "names no table"),
    (replaced("split =", "splitt ="), r"\[data\] has no key 'splitt'; did you mean 'split'"),
    (replaced('split = "part"', "split = 3"), "split is 3, but a string or false is wanted"),
    (replaced('split = "part"', "test_fraction = 2.0"), "a number between 0 and 1"),
    (replaced('split = "part"', 'split = "part"\ntest = "tset"'), "part 'tset'; did you mean 'test'"),
    (replaced('split = "part"', 'split = "part"\ntest = ["test", 5]'), r"test is \['test', 5\], but a list of strings"),
    (replaced('split = "part"', 'split = "part"\ntrain = []'), r"train is \[\], but a list of strings is wanted"),
    (replaced("[data]", "[data"), "is not in TOML"),
    (RUN + "\n[search]\ncv = 2\n", r"\[search\] has no grid"),
    (
        RUN + '\n[search]\ncv = 1\n[search.grid]\n"model.ridge" = [1.0]\n',
        r"\[search\] cv is 1, but the number of folds",
    ),
    (RUN + '\n[search.grid]\n"model.rigde" = [1.0]\n', "did you mean 'model.ridge'"),
    (RUN + '\n[search.grid]\n"model.ridge" = 1.0\n', "a list of values is wanted"),
    (RUN + '\n[search.grid]\n"model.ridge" = [1.0, -1.0]\n', "'ridge' parameter of SemanticMatching must be"),
]


@pytest.mark.parametrize(("run", "sentence"), WRONG_RUNS)
def test_a_wrong_run_is_one_sentence_before_anything_is_fitted(run, sentence, made, call, tmp_path):
    file = made / "wrong.toml"
    file.write_text(run)
    done = call("fit", "--config", file, "--out", tmp_path / "out")
    assert done.exit_code == 2, done.output
    last = done.output.splitlines()[-1]
    assert last.startswith("Error: ") and re.search(sentence, last), last
    assert "Traceback" not in done.output and not (tmp_path / "out").exists()


def test_names_outside_the_list_are_not_imported(made, call, monkeypatch):
    imported = []
    monkeypatch.setattr(names, "import_module", imported.append)
    for name in ("http.server.HTTPServer", "sklearn.svm.SVC", "tests.cli.conftest.call", "skxmr.cli.app"):
        (made / "wrong.toml").write_text(replaced("Pixels", name))
        assert call("fit", "--config", "wrong.toml", "--out", "nowhere").exit_code == 2
    assert imported == []


WRONG_CALLS = [
    (["fitt"], 2, "there is no command 'fitt'; did you mean 'fit'?"),
    (["fit"], 2, "--config"),
    (["fit", "--config", "missing.toml", "--out", "new"], 2, "there is no file 'missing.toml'"),
    (["search", "index"], 2, "what is searched for?"),
    (["search", "index", " "], 2, "the text is empty"),
    (["search", "index", "a", "--where", "parts=x", *TRUST], 1, "Error: --where names the column 'parts', which"),
    (["search", "x" * 3000, "a"], 1, "xxx'... cannot be opened as a skxmr index (File name too long)"),
    (["annotate", "index", "pictures"], 1, "is 'skxmr index'; the model in it is the folder 'index/model'"),
    (["annotate", "model", "pictures", "--out", "no/such/tags.csv"], 1, "there is no folder 'no/such'; make it first"),
    (["search", "index", "a", "--where", "part"], 2, "write COLUMN=VALUE"),
    (["search", "index", "a", "-k", "0"], 2, "0 is not in the range"),
    (["search", "index", "a", "--where", "parts=test", *TRUST], 1, "parts"),
    (["search", "index", "a"], 1, "the model names tests.cli.pixels.Pixels"),
    (["search", "index", "a"], 1, "pass each by --trust NAME"),
    (["search", "model", "a"], 1, "is no skxmr index"),
    (["search", "missing", "a"], 1, "there is no folder 'missing'"),
    (["search", "index", "--image", "missing.png", *TRUST], 1, "missing.png"),
    (["evaluate", "index", "pictures/table.csv", *TRUST], 1, "is no skxmr model"),
    (["evaluate", "model", "missing.csv", *TRUST], 1, "missing.csv"),
    (["evaluate", "model", "pictures/table.csv", "--text", "captions", *TRUST], 1, "Did you mean 'caption'?"),
    (
        ["evaluate", "model", "pictures/table.csv", "--text", "captions", *TRUST],
        1,
        "is read by --text -, or text = false",
    ),
    (["evaluate", "model", "pictures/table.csv", "--part", "test", *TRUST], 2, "pass --split NAME"),
    (
        ["evaluate", "model", "pictures/table.csv", "--labels", "-", *TRUST],
        1,
        "without; name their column by --labels NA",
    ),
    (["evaluate", "model", "pictures/table.csv", "--text", "-", *TRUST], 1, "columns by --image NAME and --text NAME."),
    (
        ["index", "model", "pictures/table.csv", "--out", "new", "--metadata", "yaer", *TRUST],
        1,
        "no column 'yaer' for --metadata; it has",
    ),
    (["index", "model", "pictures/table.csv", "--out", "index", *TRUST], 2, "pass --overwrite"),
    (["index", "model", "pictures/table.csv", "--out", "pictures", "--overwrite", *TRUST], 1, "folder of other files"),
    (["annotate", "model", "missing.png", *TRUST], 1, "there is no file or folder 'missing.png'"),
    (["annotate", "model", "pictures", "-k", "2", "--sep", "r", *TRUST], 1, "pass another --sep"),
    (["card", "pictures"], 1, "is no skxmr model"),
    (["search", "index", "a", "--weight", "nan"], 2, "nan is no number"),
    (["serve", "index", "--timeout", "nan"], 2, "nan is no number"),
]


@pytest.mark.parametrize(("arguments", "code", "sentence"), WRONG_CALLS)
def test_a_wrong_call_is_one_sentence(arguments, code, sentence, call):
    done = call(*arguments)
    assert done.exit_code == code and sentence in done.output, done.output
    assert "Traceback" not in done.output


def test_debug_shows_where_an_error_arose(call):
    for arguments in (["card", "pictures", "--debug"], ["--debug", "card", "pictures"]):
        assert isinstance(call(*arguments).exception, ValueError)


def test_ctrl_c_has_a_code_of_its_own(call, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("skxmr.load", stop)
    done = call("evaluate", "model", "pictures/table.csv")
    assert done.exit_code == 130 and "interrupted" in done.output


def test_warnings_are_sentences(call, made, monkeypatch):
    lines = (made / "pictures" / "table.csv").read_text().splitlines()
    lines[1] = lines[1].replace("red;bird", "")
    (made / "pictures" / "bare.csv").write_text("\n".join(lines))
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        done = call("evaluate", "model", "pictures/bare.csv", *TRUST)
    assert done.exit_code == 0 and "Warning: bare.csv has no tags in column 'tags' (row 0)" in done.output
    assert "UserWarning" not in done.output


def test_what_cannot_be_written_leaves_the_old_file(call, made):
    done = call("annotate", "model", "pictures/red_bird_0.png", "--out", "no/such/folder.csv", "-k", "1", *TRUST)
    assert done.exit_code == 1 and "could not be written" in done.output
    assert call("fit", "--config", "run.toml", "--out", "pictures").exit_code == 1
    assert (made / "pictures" / "table.csv").exists()
