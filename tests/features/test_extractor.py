"""Image features: what the network computes by hand, wherever the rows, the weights and the calls come from."""

import builtins
import hashlib
import http.server
import pickle
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from joblib import Parallel, delayed
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks
from torchvision.models import densenet121, resnet18, squeezenet1_1, vgg19
from torchvision.models.feature_extraction import create_feature_extractor
from torchvision.models.squeezenet import SqueezeNet1_1_Weights
from torchvision.transforms import v2

from skxmr import CCA, MLCCA, Pairs, PerModality
from skxmr.features import ImageFeatures
from skxmr.features import layers as _layers
from skxmr.features import pretrained as _pretrained
from skxmr.features.pretrained import skeleton
from skxmr.nn.device import initialising

Small = partial(ImageFeatures, "squeezenet1_1", layer="classifier.3", weights=None, random_state=0)
X = np.zeros((1, 5, 5))


@pytest.fixture(scope="module")
def images():
    """Twelve images of 30 x 40 pixels, in two colours."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 120, (12, 30, 40, 3), np.uint8)
    noise[::2, ..., 0] += 120
    noise[1::2, ..., 2] += 120
    return noise


def by_hand(images):
    """(n, 3, 224, 224): the short side becomes 256 pixels, the centre is cut out, the colours are normalised."""
    steps = [v2.Resize(256), v2.CenterCrop(224), v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True)]
    prepare = v2.Compose([*steps, v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])
    return torch.stack([prepare(Image.fromarray(image)) for image in images])


@pytest.fixture(scope="module")
def network():
    with initialising(0):
        return vgg19(weights=None).eval()


@pytest.mark.slow
def test_vgg19_by_default_is_fc7_after_the_relu(network, images):
    with torch.inference_mode():
        x = network.avgpool(network.features(by_hand(images[:2]))).flatten(1)
        fc6 = network.classifier[0](x).relu()
        fc7 = network.classifier[3](fc6).relu()
    features = ImageFeatures(weights=None, random_state=0).fit_transform(images[:2])
    assert features.shape == (2, 4096) and features.dtype == np.float32 and features.min() == 0
    assert_allclose(features, fc7, rtol=1e-5, atol=1e-5)
    assert_allclose(ImageFeatures(layer="fc6", weights=network).transform(images[:2]), fc6, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_layers_are_those_of_torchvisions_own_extractor(images):
    with initialising(3):
        network = resnet18(weights=None).eval()
    for layer, node in {"avgpool": "avgpool", "layer1": "layer1", "penultimate": "flatten", "bn1": "bn1"}.items():
        with torch.inference_mode():
            expected = create_feature_extractor(network, [node])(by_hand(images[:2]))[node].flatten(1)
        features = ImageFeatures("resnet18", layer, weights=None, random_state=3).transform(images[:2])
        assert_allclose(features, expected, rtol=1e-4, atol=1e-5)
    assert features.min() < 0  # the ReLU that follows works in place, and must not have run


def test_hidden_layers_are_found_by_structure():
    def found(model):
        return _layers._hidden_layers(skeleton(model, None))

    assert found("alexnet") == {"fc6": "classifier.2", "fc7": "classifier.5"}
    assert found("vgg11_bn") == {"fc6": "classifier.1", "fc7": "classifier.4"}
    assert not found("mobilenet_v3_small")


def test_networks_without_weights_are_those_of_the_published_weights():
    assert skeleton("inception_v3", None).transform_input and skeleton("googlenet", None).transform_input


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "weights", "width"),
    [
        ("vgg16", "imagenet", 4096),
        ("regnet_y_400mf", "imagenet", 440),
        ("vit_b_16", "imagenet", 768),
        ("vit_b_16", "IMAGENET1K_SWAG_E2E_V1", 768),  # made for images of 384 pixels
    ],
)
def test_penultimate_is_what_the_last_linear_layer_sees(model, weights, width):
    names = ImageFeatures(model, "penultimate", weights=weights).fit(X).get_feature_names_out()
    assert names.shape == (width,)


def test_batches_and_threads_do_not_matter(images):
    whole = Small().transform(images[:5])
    for options in ({"batch_size": 1}, {"batch_size": 2}, {"n_jobs": 2, "batch_size": 4}):
        assert_allclose(Small(**options).transform(images[:5]), whole, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_rows_of_every_kind_give_the_same_features(images, tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(2)]
    pictures = [Image.fromarray(image) for image in images[:2]]
    for path, picture in zip(paths, pictures, strict=True):
        picture.save(path)
    expected = Small().transform(images[:2])
    kinds = [
        images[:2] / 255, list(images[:2]), pictures, paths, list(map(str, paths)), np.array(paths, object),
        np.array(list(map(str, paths))), pd.Series(map(str, paths)),
        [paths[0], images[1]], [str(paths[0]), pictures[1]], [images[0], images[1] / 255],
    ]  # fmt: skip
    for X in kinds:
        assert_array_equal(Small().transform(X), expected)
        assert_array_equal(Small().transform(Pairs(X).image), expected)


def test_sizes_may_differ_down_to_one_pixel():
    grey = [np.full(size, 0.6) for size in ((1, 1), (5, 5), (1, 3000), (4000, 2), (300, 7))]
    features = Small().transform(grey)
    assert_allclose(features, np.broadcast_to(features[:1], features.shape), rtol=1e-5, atol=1e-5)
    assert_array_equal(Small().transform(np.zeros((2, 9, 7))), Small().transform(np.zeros((2, 9, 7, 3))))


@pytest.mark.slow
def test_in_a_pipeline_with_captions(images):
    pairs = Pairs(images, ["a red noise", "some blue snow"] * 6)
    labels = [[0], [1]] * 6
    model = make_pipeline(PerModality(image=Small(), text=TfidfVectorizer()), MLCCA())
    by_steps = Pairs(Small().transform(images), TfidfVectorizer().fit_transform(pairs.text))
    fitted = model.fit(pairs[:8], labels[:8])
    assert_allclose(
        fitted.score(pairs[8:], labels[8:]), MLCCA().fit(by_steps[:8], labels[:8]).score(by_steps[8:], labels[8:])
    )
    assert fitted.score(pairs[8:], labels[8:]) == 1
    only = fitted.transform(Pairs(list(images[8:])))
    assert_allclose(only.image, fitted.transform(pairs[8:]).image, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_searches_over_layers_load_the_network_once(images, monkeypatch):
    _pretrained.load.cache_clear()
    pairs = Pairs([Image.fromarray(image) for image in images[:4]], np.random.default_rng(0).normal(size=(4, 3)))
    model = make_pipeline(PerModality(image=ImageFeatures("mobilenet_v3_small", weights=None, random_state=0)), CCA(1))
    grid = {"permodality__image__layer": ["avgpool", "penultimate"]}
    search = GridSearchCV(model, grid, cv=KFold(2), refit=False, error_score="raise").fit(pairs)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert _pretrained.load.cache_info().misses == 1


def test_the_network_is_loaded_late_and_once_by_threads(images):
    _pretrained.load.cache_clear()
    extractor = clone(Small()).fit(images[:2])
    names = extractor.get_feature_names_out()
    assert _pretrained.load.cache_info().misses == 0
    parts = Parallel(2, "threading")(delayed(clone(extractor).transform)(images[i : i + 1]) for i in range(3))
    assert _pretrained.load.cache_info().misses == 1
    assert_allclose(np.concatenate(parts), extractor.transform(images[:3]), rtol=1e-5, atol=1e-5)
    assert names.shape == (parts[0].shape[1],) and names[1] == "imagefeatures1"


def test_pickles_hold_no_network(images):
    extractor = Small()
    expected = extractor.fit_transform(images[:2])
    pickled = pickle.dumps(extractor)
    assert len(pickled) < 1000
    _pretrained.load.cache_clear()
    assert_array_equal(pickle.loads(pickled).transform(images[:2]), expected)


def test_the_seed_decides_and_global_generators_are_left_alone(images):
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = Small(random_state=1).fit_transform(images[:1])
    _pretrained.load.cache_clear()
    assert_array_equal(Small(random_state=1).transform(images[:1]), first)
    assert np.abs(Small(random_state=2).transform(images[:1]) - first).max() > 1e-3
    assert torch.equal(torch.get_rng_state(), state)


def test_a_module_is_used_as_it_is_and_left_as_it_was(images):
    with initialising(0):
        network = squeezenet1_1(weights=None).train()
    extractor = Small(weights=network, random_state=None)
    assert_array_equal(extractor.fit_transform(images[:2]), Small().transform(images[:2]))
    assert network.training and all(parameter.requires_grad for parameter in network.parameters())
    assert clone(extractor).fit(images[:1]).get_feature_names_out().shape == (1000,)


def test_state_dicts_from_files(images, tmp_path):
    with initialising(0):
        torch.save(squeezenet1_1(weights=None).state_dict(), tmp_path / "weights.pth")
    extractor = Small(weights=tmp_path / "weights.pth", random_state=None)
    expected = Small().transform(images[:2])
    assert_array_equal(extractor.fit_transform(images[:2]), expected)
    with initialising(1):
        torch.save(squeezenet1_1(weights=None).half().state_dict(), tmp_path / "weights.pth")
    changed = extractor.set_params(weights=str(tmp_path / "weights.pth")).transform(images[:2])
    assert changed.dtype == np.float32 and np.abs(changed - expected).max() > 1e-3  # the file was read again


@pytest.mark.slow
def test_old_keys_of_densenet_are_understood(images, tmp_path):
    with initialising(0):
        network = densenet121(weights=None)
    old = {key.replace("norm1", "norm.1").replace("conv2", "conv.2"): t for key, t in network.state_dict().items()}
    assert old.keys() != network.state_dict().keys()
    torch.save(old, tmp_path / "old.pth")
    found = ImageFeatures("densenet121", "features.norm0", weights=tmp_path / "old.pth").transform(images[:1])
    assert_array_equal(found, ImageFeatures("densenet121", "features.norm0", weights=network).transform(images[:1]))


@pytest.mark.slow
def test_models_whose_shapes_need_numbers(images):
    features = ImageFeatures("regnet_y_400mf", "avgpool", weights=None, random_state=0).fit_transform(images[:1])
    assert features.shape == (1, 440)


@pytest.fixture
def served(tmp_path, monkeypatch):
    """The published weights of SqueezeNet, on this machine."""
    site = tmp_path / "site"
    site.mkdir()
    with initialising(0):
        torch.save(squeezenet1_1(weights=None).state_dict(), site / "file")
    digest = hashlib.sha256((site / "file").read_bytes()).hexdigest()[:8]
    name = f"squeezenet1_1-{digest}.pth"
    (site / "file").rename(site / name)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    url = f"http://127.0.0.1:{server.server_port}/{name}"
    monkeypatch.setattr(SqueezeNet1_1_Weights.IMAGENET1K_V1.value, "url", url)
    _pretrained.load.cache_clear()
    yield site / name
    server.shutdown()
    server.server_close()
    thread.join()
    _pretrained.load.cache_clear()


def test_published_weights_are_downloaded_once(served, images):
    expected = Small().transform(images[:2])
    for weights in ("imagenet", "IMAGENET1K_V1"):
        assert_array_equal(Small(weights=weights).fit_transform(images[:2]), expected)
        served.unlink(missing_ok=True)
        _pretrained.load.cache_clear()


@pytest.mark.parametrize("trouble", ["gone", "changed"])
def test_a_failed_download_says_what_to_do(served, images, trouble):
    served.unlink() if trouble == "gone" else served.write_bytes(b"something else")
    extractor = Small(weights="imagenet").fit(images[:1])  # nothing is loaded yet
    with pytest.raises(
        OSError, match=r"weights of squeezenet1_1 could not be loaded from http.*pass its path as weights"
    ):
        extractor.transform(images[:1])


def test_progress_is_shown_when_asked_for(images, capsys):
    Small(verbose=1, batch_size=2).transform(images[:3])
    assert "3/3" in capsys.readouterr().err
    Small().transform(images[:3])
    assert capsys.readouterr() == ("", "")


def test_features_may_be_a_frame(images):
    frame = Small().set_output(transform="pandas").fit_transform(images[:2])
    assert list(frame.columns[:1]) == ["imagefeatures0"] and len(frame) == 2
    pairs = Pairs(images[:2], ["a", "b"])
    assert isinstance(PerModality(image=Small().set_output(transform="pandas")).fit_transform(pairs).image, np.ndarray)


@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_param_validation,
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_set_params,
    ],
    ids=lambda check: check.__name__,
)
def test_scikit_learn_checks_of_parameters(check):
    check("ImageFeatures", ImageFeatures())


def saved(path, what):
    torch.save(what, path)
    return path


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"model": "vgg91"}, ValueError, r"model='vgg91' is no classification network .* did you mean \['vgg19'"),
        ({"model": "fasterrcnn_resnet50_fpn"}, ValueError, "is no classification network"),
        (
            {"layer": "fc8"},
            ValueError,
            r"layer='fc8' is no layer of SqueezeNet\. Use 'penultimate', or a module such as \[",
        ),
        ({"layer": "fc7"}, ValueError, "'fc6' and 'fc7' are layers of AlexNet and VGG"),
        ({"random_state": None}, ValueError, "weights=None draws random weights: pass random_state"),
        (
            {"weights": "imaginet"},
            FileNotFoundError,
            r"'imaginet' is no file and none of \['imagenet', 'IMAGENET1K_V1'\]",
        ),
        ({"weights": Path("no.pth")}, FileNotFoundError, "weights='no.pth' is no file"),
        ({"batch_size": 0}, ValueError, "'batch_size' parameter of ImageFeatures"),
        ({"device": "tpu"}, ValueError, "device must be 'auto'"),
    ],
)
def test_bad_parameters_are_named_by_fit_and_transform(parameters, error, message):
    for call in (Small().set_params(**parameters).fit, Small().set_params(**parameters).transform):
        with pytest.raises(error, match=message):
            call(X)


def test_bad_state_dicts_are_named(tmp_path):
    text = tmp_path / "text.pth"
    text.write_text("not torch's")
    module = saved(tmp_path / "module.pth", torch.nn.Linear(2, 2))
    nested = saved(tmp_path / "nested.pth", {"state_dict": {}})
    other = saved(tmp_path / "other.pth", squeezenet1_1(num_classes=5).state_dict())
    for path, message in {
        text: "text.pth is no state dict",
        module: "module.pth is no state dict",
        nested: "save net.state_dict",
        other: r"other.pth does not fit squeezenet1_1: 2 tensors .*'classifier.1.weight'.* pass the module as weights",
    }.items():
        with pytest.raises(ValueError, match=message):
            Small(weights=path).transform(X)


def test_layers_without_features_are_refused():
    with pytest.raises(ValueError, match=r"layer='aux1' takes no part in what GoogLeNet computes"):
        ImageFeatures("googlenet", "aux1", weights=None, random_state=0).fit(X)
    with pytest.raises(ValueError, match="returns a tuple, not a tensor"):
        attention = "encoder.layers.encoder_layer_0.self_attention"
        ImageFeatures("vit_b_32", attention, weights=None, random_state=0).fit(X)
    with pytest.raises(ValueError, match="'penultimate' is no layer of SqueezeNet"):
        Small(layer="penultimate").fit(X)


def test_features_that_are_not_finite_are_refused():
    network = squeezenet1_1(weights=None)
    network.features[0].bias.data[0] = float("nan")
    with pytest.raises(ValueError, match=r"layer 'classifier\.3' is not finite"):
        Small(weights=network).transform(X)


def test_bad_rows_are_named_in_a_pipeline(tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    pairs = Pairs([np.zeros((2, 2)), tmp_path / "broken.jpg"], ["a", "b"])
    with pytest.raises(ValueError, match=r"row 1 of X, '.*broken\.jpg', cannot be read"):
        PerModality(image=Small()).fit(pairs)
    with pytest.raises(ValueError, match="X is empty"):
        Small().fit([])
    with pytest.raises(TypeError, match=r"PerModality\(image=ImageFeatures\(\)\)"):
        Small().fit(pairs)


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        (ModuleNotFoundError("No module named 'torchvision'"), r"need torchvision .*pip install 'skxmr\[vision\]'"),
        (RuntimeError("operator torchvision::nms does not exist"), r"built for another torch than .*force-reinstall"),
        (ImportError("undefined symbol"), "built for another torch"),
    ],
    ids=lambda part: type(part).__name__,
)
def test_a_missing_or_mismatching_torchvision_is_explained(trouble, message, monkeypatch):
    real = builtins.__import__

    def fail(name, *args, **kwargs):
        if name.startswith("torchvision"):
            raise trouble
        return real(name, *args, **kwargs)

    extractor = ImageFeatures()  # needs no torchvision
    monkeypatch.setattr(builtins, "__import__", fail)
    for call in (extractor.fit, extractor.transform):
        with pytest.raises(ImportError, match=message):
            call(X)
