"""Encoders as ONNX files."""

import json
import subprocess
import sys
from importlib.metadata import files
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skxmr
from skxmr import (
    ACMR,
    CCA,
    DAGNN,
    DCCA,
    L2GCN,
    MLCCA,
    SCAN,
    LabelGraph,
    PerModality,
    RetrieverEnsemble,
    SemanticMatching,
)
from skxmr.datasets import make_multilabel_pairs

ROOT = Path(__file__).parents[2]
TINY = {"n_components": 4, "hidden": 8, "max_epochs": 1, "random_state": 0}
onnxruntime = pytest.importorskip("onnxruntime")

SLOW = [
    DAGNN(**TINY, width=8, pretrain_text=True), DCCA(**TINY), ACMR(**TINY), L2GCN(**TINY, width=8), SemanticMatching(),
    GridSearchCV(MLCCA(), {"ridge": [0.2, 0.3]}, cv=2),
]  # fmt: skip


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A model, its data, and the folder with its encoders, which take seconds to write."""
    pairs, labels = make_multilabel_pairs(120, random_state=0)
    model = make_pipeline(LabelGraph(), "passthrough", DAGNN(**TINY, width=8)).fit(pairs, labels)
    folder = tmp_path_factory.mktemp("onnx") / "encoders"
    skxmr.export_onnx(model, folder)
    return model[-1], pairs, folder


def embedded(folder, name, rows):
    session = onnxruntime.InferenceSession(str(folder / f"{name}.onnx"), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": rows})[0]


def assert_embeds(folder, retriever, pairs):
    for name in ("image", "text"):
        rows = getattr(pairs, name).astype(np.float32)
        wanted = getattr(retriever, f"encode_{name}")(rows)
        assert_allclose(embedded(folder, name, rows), wanted, atol=1e-5, rtol=0)
        assert_allclose(embedded(folder, name, rows[:1]), wanted[:1], atol=1e-5, rtol=0)


@pytest.mark.slow
def test_the_files_embed_as_the_model(exported):
    model, pairs, folder = exported
    assert_embeds(folder, model, pairs)
    config = json.loads((folder / "config.json").read_text())
    assert config["n_features"] == {"image": 20, "text": 30} and config["format"] == "skxmr encoders"
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "image.onnx", "text.onnx"]


@pytest.mark.slow
@pytest.mark.parametrize("model", SLOW, ids=lambda model: type(model).__name__)
def test_every_kind_of_encoder(model, small, tmp_path):
    skxmr.export_onnx(model.fit(*small), tmp_path / "encoders")
    assert_embeds(tmp_path / "encoders", getattr(model, "best_estimator_", model), small[0])


def packages_of(*names):
    """Return what the installed distributions hold at the top level."""
    tops = {file.parts[0] for name in names for file in files(name) if file.parts[0] != ".."}
    return {top: Path(files(names[0])[0].locate()).parents[len(files(names[0])[0].parts) - 1] / top for top in tops}


@pytest.mark.slow
def test_a_script_searches_without_torch_and_skxmr(exported, tmp_path):
    model, pairs, folder = exported
    # An environment that holds nothing but numpy, onnxruntime and what they need.
    (tmp_path / "site").mkdir()
    for name, place in packages_of("numpy", "onnxruntime", "flatbuffers", "protobuf", "packaging").items():
        (tmp_path / "site" / name).symlink_to(place)
    np.save(tmp_path / "images.npy", pairs.image[:3])
    np.save(tmp_path / "texts.npy", pairs.text[:50])
    start = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import importlib.util as util, runpy; "
    start += "assert not any(util.find_spec(name) for name in ('torch', 'skxmr', 'sklearn')); "
    start += f"runpy.run_path({str(ROOT / 'docs' / 'onnx_search.py')!r}, run_name='__main__')"
    command = [sys.executable, "-I", "-S", "-c", start, folder, tmp_path / "images.npy", tmp_path / "texts.npy"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    scores = model.similarity(pairs.image[:3], pairs.text[:50])
    for line, row in zip(done.stdout.splitlines(), scores, strict=True):
        best = np.argsort(-row)[:5]
        assert line.split()[1:] == [f"{text}:{row[text]:.4f}" for text in best]
    lines = (ROOT / "docs" / "onnx_search.py").read_text().splitlines()
    assert len([line for line in lines if line.strip()]) <= 20


def test_what_cannot_be_exported(small, tmp_path):
    pairs, labels = small
    cases = [
        (SCAN(), "a SCAN has no embeddings; export_onnx takes retrievers that embed"),
        (
            make_pipeline(PerModality(image=StandardScaler()), CCA()),
            "the step 'permodality' of the pipeline changes",
        ),
        (RetrieverEnsemble([("a", CCA(2))]).fit(pairs, labels), "RetrieverEnsemble (has no embeddings|embeds neither)"),
    ]
    for model, message in cases:
        with pytest.raises(TypeError, match=message):
            skxmr.export_onnx(model, tmp_path / "encoders")
    with pytest.raises(ValueError, match="not fitted"):
        skxmr.export_onnx(CCA(), tmp_path / "encoders")


def test_a_missing_extra_is_named(small, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ImportError, match=r"ONNX files need the extra 'onnx' .*: pip install 'skxmr\[onnx\]'"):
        skxmr.export_onnx(CCA(2).fit(*small), tmp_path / "encoders")
