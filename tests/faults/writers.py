"""Writers: everything in the package that writes to a disk, each as a function that prepares it and returns the write.

A writer is given an empty folder. It puts there what an earlier call has written, and returns a function that writes
something larger in its place.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from click.testing import CliRunner
from PIL import Image
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

import skxmr
from skxmr import CCA, CVH, DSCMR, AlignedEmbeddings, AutoRetriever, Pairs, PerModality, RetrievalIndex
from skxmr.cli.app import app
from skxmr.datasets import make_multilabel_pairs
from skxmr.features import ImageFeatures, PadToSquare, TextFeatures
from skxmr.inspection import report

PAIRS, LABELS = make_multilabel_pairs(200, random_state=0)
WIDE = np.random.default_rng(0).normal(size=(2, 200, 90))
Write: TypeAlias = Callable[[], Any]


class CommandError(Exception):
    """A command has failed, with this output."""


def network(**given: Any) -> DSCMR:
    """Return a small network."""
    sizes: dict[str, Any] = {"n_components": 32, "hidden": 64, "max_epochs": 4, "random_state": 0, "device": "cpu"}
    return DSCMR(**sizes, validation_fraction=0, **given)


def model(home: Path) -> Write:
    """Return a model in closed form, saved over a smaller one."""
    skxmr.save(CCA(2), home / "written")
    return partial(skxmr.save, CCA(60).fit(*WIDE), home / "written")


def deep_model(home: Path) -> Write:
    """Return a network, saved over a model."""
    skxmr.save(CCA(2), home / "written")
    return partial(skxmr.save, network().fit(PAIRS, LABELS), home / "written")


def encoders(home: Path) -> Write:
    """Export encoders over smaller ones."""
    skxmr.export_onnx(CCA(2).fit(PAIRS), home / "written")
    return partial(skxmr.export_onnx, network().fit(PAIRS, LABELS), home / "written")


def index(home: Path, backend: str) -> Write:
    """Save an index over one with fewer items."""
    method = CVH(64) if backend == "binary" else AlignedEmbeddings()
    fitted = method.fit(*WIDE)
    if backend == "lancedb":
        # Its table lies in a folder for temporary files, which is not the place that is saved to.
        (home / "tmp").mkdir()
    made = RetrievalIndex(fitted, backend)
    made.add(image=WIDE[0][:9], metadata={"place": ["north"] * 9})
    made.save(home / "written")
    made.add(image=np.tile(WIDE[0], (20, 1)), metadata={"place": [f"place {i}" for i in range(4000)]})
    return partial(made.save, home / "written")


def page(home: Path) -> Write:
    """Save a report over an older page."""
    (home / "written").write_text("an older page")
    return partial(report(CCA(4).fit(PAIRS, LABELS), PAIRS, LABELS).save, home / "written")


def image_features(home: Path) -> Write:
    """Compute features of images with a cache that holds some of them."""
    rng = np.random.default_rng(0)
    images = [Image.fromarray(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)) for _ in range(60)]
    torch.manual_seed(0)
    layers = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 5), torch.nn.AdaptiveAvgPool2d(8), torch.nn.Flatten())
    given: dict[str, Any] = {"batch_size": 5, "device": "cpu", "cache_key": "a network", "prepare": PadToSquare(40)}
    extractor = ImageFeatures(layers, **given, cache=home / "written")
    extractor.fit_transform(images[:10])
    return partial(extractor.fit_transform, images)


class Lengths:
    """An encoder of texts."""

    def encode(self, texts: list[str]) -> Any:
        """Return a wide vector of the length of each text."""
        return np.array([[len(text)] * 300 for text in texts], float)


def text_features(home: Path) -> Write:
    """Compute features of texts with a cache that holds some of them."""
    texts = ["a" * i for i in range(40)]
    extractor = TextFeatures(Lengths(), cache=home / "written", cache_key="e", batch_size=4)
    extractor.fit_transform(texts[:9])
    return partial(extractor.fit_transform, texts)


def fit_with_checkpoint(home: Path) -> Write:
    """Fit a network with a checkpoint; return what it makes of the rows."""
    fitted = network(checkpoint=home / "written")
    return lambda: fitted.fit(PAIRS, LABELS).transform(PAIRS).image


def search_with_cache(home: Path) -> Write:
    """Search for the best candidate with a cache that holds some; return the answer's similarities."""
    given: dict[str, Any] = {"budget_s": None, "min_rows": 30, "random_state": 0, "cache": home / "written"}
    auto = AutoRetriever([("CCA", CCA(), {"ridge": [0.1, 1.0]})], **given)
    auto.fit(PAIRS, LABELS)
    more = AutoRetriever([("CCA", CCA(), {"ridge": [0.1, 1.0, 10.0]}), ("DSCMR", network(), {})], **given)
    return lambda: more.fit(PAIRS, LABELS).similarity(PAIRS)


def command(*words: str | Path) -> None:
    """Run the command `skxmr`; what it says when it fails is the error."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exit_code:
        raise CommandError(done.output)


def tables(home: Path) -> tuple[Path, Path]:
    """Write a table of captions and the file of a run beside the disk, and return both."""
    beside = home.parent / "beside"
    beside.mkdir(exist_ok=True)
    words = np.random.default_rng(0).integers(500, size=(300, 4)).tolist()
    lines = [f"{' '.join(f'word{w}' for w in row)},tag{row[0] % 3}" for row in words]
    (beside / "table.csv").write_text("\n".join(["caption,tags", *lines]) + "\n")
    return beside / "table.csv", beside / "run.toml"


def text_model() -> Any:
    """Return a model that takes captions as they are, and images as paths of which it sees the name."""
    captions = [f"word{i} word{i % 7} word{i % 5}" for i in range(60)]
    views = PerModality(image=TfidfVectorizer(), text=TfidfVectorizer())
    return make_pipeline(views, skxmr.SemanticMatching(tag_folds=None)).fit(
        Pairs(captions, captions), [[f"tag{i % 3}"] for i in range(60)]
    )


def index_command(home: Path) -> Write:
    """Make an index by the command over an older one."""
    table, _ = tables(home)
    skxmr.save(text_model(), table.parent / "model")
    words = ("index", table.parent / "model", table, "--out", home / "written", "--items", "texts", "--image", "-")
    older = RetrievalIndex(text_model())
    older.add(text=["word1"])
    older.save(home / "written")
    return partial(command, *words, "--overwrite")


def annotate_command(home: Path) -> Write:
    """Write a table of tags by the command over an older one."""
    beside = tables(home)[0].parent
    skxmr.save(text_model(), beside / "model")
    files = [beside / f"word{i} word{i % 7}.png" for i in range(200)]
    for file in files:
        file.touch()
    (home / "written").write_text("an older table")
    return partial(command, "annotate", beside / "model", *files, "-k", "2", "--out", home / "written")


# What fails and leaves everything as it was.
FAILING: dict[str, Callable[[Path], Write]] = {
    "model": model,
    "deep model": deep_model,
    "encoders": encoders,
    **{f"index {name}": partial(index, backend=name) for name in ("exact", "binary", "faiss", "lancedb", "qdrant")},
    "page": page,
    "index command": index_command,
    "annotate command": annotate_command,
}
# What warns once and goes on.
GOING_ON: dict[str, Callable[[Path], Write]] = {
    "image features": image_features,
    "text features": text_features,
    "fit with checkpoint": fit_with_checkpoint,
    "search with cache": search_with_cache,
}
