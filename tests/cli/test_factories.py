"""Networks and encoders of others in the file of a run: only what is trusted is imported."""

import json

import pytest

import skxmr
from skxmr.persistence import _network
from tests.cli.conftest import RUN, TRUST

TEXT = RUN.replace('name = "TfidfVectorizer"\nanalyzer = "char_wb"\nngram_range = [2, 3]', 'name = "TextFeatures"')
FACTORY = 'name = "TextFeatures"\nfactory = "tests.cli.pixels:letters"'
ALLOWED = ["--trust", "tests.cli.pixels.letters"]


def text(more=""):
    return TEXT.replace('name = "TextFeatures"', f"{FACTORY}\n{more}")


@pytest.fixture
def fit(made, call, tmp_path):
    def run(source, *arguments):
        (made / "factory.toml").write_text(source)
        return call("fit", "--config", "factory.toml", "--out", tmp_path / "model", *arguments)

    return run


def test_an_encoder_of_sentences_is_made_by_a_factory(fit, call, made, tmp_path):
    done = fit(text('factory_params = { letters = "bdegilnorstu" }\ncache = "./texts"'), *ALLOWED)
    assert done.exit_code == 0, done.output
    assert (made / "texts").is_dir()
    index = ["index", tmp_path / "model", "pictures/table.csv", "--out", tmp_path / "index", *TRUST]
    refused = call(*index)
    assert refused.exit_code == 1 and "the model names tests.cli.pixels.letters" in refused.output
    assert call(*index, *ALLOWED).exit_code == 0
    (hit,) = json.loads(call("search", tmp_path / "index", "a red bird", "-k", 1, "--json", *TRUST, *ALLOWED).output)
    assert hit["caption"] == "a red bird"


def test_a_network_is_made_by_a_factory(fit, tmp_path):
    image = 'name = "ImageFeatures"\nfactory = "tests.persistence.foreign.make_net"\nfactory_params.width = 6'
    prepare = 'prepare = { name = "PadToSquare", side = 24 }'
    source = RUN.replace('name = "Pixels"', f"{image}\n{prepare}")
    trust = "tests.persistence.foreign:make_net"
    done = fit(source, "--trust", trust)
    assert done.exit_code == 0, done.output
    step = skxmr.load(tmp_path / "model", trusted=[trust]).named_steps["features"].image
    assert step.prepare.side == 24 and step.model.layer.out_channels == 6
    # That is said before the table is read, which does not exist here.
    done = fit(source.replace(prepare, "").replace("table.csv", "no.csv"), "--trust", trust)
    assert done.exit_code == 2 and "prepare is missing" in done.output
    done = fit(source.replace('"PadToSquare"', '"os.getcwd"'), "--trust", trust)
    assert done.exit_code == 2 and "'os.getcwd' is no estimator that a run may use" in done.output


def test_paths_among_the_arguments_start_at_the_file(fit, made, tmp_path):
    assert fit(text('factory_params = { letters = "./abdegi" }'), *ALLOWED).exit_code == 0
    model = skxmr.load(tmp_path / "model", trusted=["tests.cli.pixels.Pixels", "tests.cli.pixels.letters"])
    assert model.named_steps["features"].text.model.letters == str(made / "abdegi")


WRONG = [
    (text(), [], "that of tests.cli.pixels.letters; if you know what it does, pass --trust tests.cli.pixels.letters."),
    (text(), ["--trust", "tests.cli.pixels.Pixels"], "factory runs code of others"),
    (
        text().replace(":letters", ":lettres"),
        ["--trust", "tests.cli.pixels.lettres"],
        "no function that can be imported",
    ),
    (text('factory_params = { letter = "a" }'), ALLOWED, "unexpected keyword argument 'letter'"),
    (text('factory_params = { letters = "" }'), ALLOWED, "(LookupError: no letters)"),
    (text("factory_params = { letters = 2024-05-01 }"), ALLOWED, "the arguments of the factory must be"),
    (text('model = "a"'), ALLOWED, "has a model and a factory, which makes it; leave one of them out"),
    (text("factory_params = 3"), ALLOWED, "factory_params is 3, but a table is wanted"),
    (TEXT.replace('"TextFeatures"', '"TextFeatures"\nfactory_params.letters = "a"'), ALLOWED, "factory is None"),
    (TEXT, ALLOWED, "the model of TextFeatures is an object, which a file cannot hold; name the function"),
    (TEXT.replace('"TextFeatures"', '"TextFeatures"\nmodel = "a"'), ALLOWED, "name the function that makes it"),
    (text() + '\n[search.grid]\n"text.factory" = ["os:getcwd"]\n', ALLOWED, "code of others, which is not searched"),
    (RUN.replace('"SemanticMatching"', '"CCA"\nfactory = "os:getcwd"'), ALLOWED, "CCA has no parameter 'factory'"),
    (
        RUN.replace('name = "Pixels"', 'name = "PadToSquare"'),
        ALLOWED,
        "'PadToSquare' is no estimator that a run may use",
    ),
]


@pytest.mark.parametrize(("source", "arguments", "sentence"), WRONG)
def test_a_wrong_factory_is_one_sentence(source, arguments, sentence, fit, tmp_path):
    done = fit(source, *arguments)
    assert done.exit_code == 2, done.output
    last = done.output.splitlines()[-1]
    assert last.startswith("Error: ") and sentence in last, last
    assert not (tmp_path / "model").exists()


def test_what_is_not_trusted_is_not_imported(fit, monkeypatch):
    imported = []
    monkeypatch.setattr(_network, "found", imported.append)
    for name in ("http.server:test", "tests.cli.pixels:letters"):
        assert (
            fit(text().replace("tests.cli.pixels:letters", name), "--trust", "tests.cli.pixels.Pixels").exit_code == 2
        )
    assert imported == []
