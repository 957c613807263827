"""The formats of files that the library reads: how a whole one is written, and what reads it."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.io
import scipy.sparse as sp
from PIL import Image
from torch import Tensor

import skxmr
from skxmr import CCA, DSCMR, PLS, RetrievalIndex
from skxmr.cli.run_file import RunError, read_run
from skxmr.datasets import load_captioned_regions, load_feature_files, load_table, make_multilabel_pairs
from skxmr.datasets._svg_metadata import read_metadata
from skxmr.datasets._word_vectors import load_word_vectors
from skxmr.deep.checkpoint import open_checkpoint
from skxmr.features import ImageFeatures, PadToSquare

PAIRS, LABELS = make_multilabel_pairs(60, n_image_features=6, n_text_features=5, n_labels=4, random_state=0)
_REFUSALS = (ValueError, OSError, MemoryError)
# Models may name classes that are not there.
_OF_MODELS = (*_REFUSALS, ImportError)


class Format(NamedTuple):
    """How a format is written into a folder and read from it, which files are damaged, and how it may be refused.

    A sealed format has checksums: what is damaged under a checksum of before must be refused, or mean the same.
    """

    write: Callable[[Path], object]
    read: Callable[[Path], object]
    suffixes: tuple[str, ...]
    errors: tuple[type[Exception], ...] = _REFUSALS
    sealed: bool = False


def _arrays(folder: Path, suffix: str) -> None:
    views = {"train_img": PAIRS.image, "train_txt": PAIRS.text, "train_lab": LABELS}
    for name, values in views.items():
        file = folder / f"{name}.{suffix}"
        if suffix == "npy":
            np.save(file, values)
        elif suffix == "npz":
            sp.save_npz(file, sp.csr_array(values))
        else:
            scipy.io.savemat(file, {name: sp.csc_array(values) if name == "train_txt" else values})


def _table(folder: Path, suffix: str) -> None:
    captions = [f"a dog and {i} cats" for i in range(20)]
    rows = pd.DataFrame({"caption": captions, "tags": ["dog;cat", "cat"] * 10, "year": 7})
    file = folder / f"table.{suffix}"
    if suffix == "csv":
        rows.to_csv(file, index=False)
    elif suffix == "jsonl":
        rows.to_json(file, orient="records", lines=True)
    else:
        rows.to_parquet(file)


def _read_table(folder: Path) -> object:
    (file,) = folder.iterdir()
    return load_table(file, image=None, metadata="all")


def _words(folder: Path) -> None:
    lines = [f"{word} {' '.join(map(str, np.arange(4) / 7))}" for word in ("dog", "cat", "plant", "life")]
    (folder / "vectors.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _binary_words(folder: Path) -> None:
    content = b"4 3\n"
    for word in (b"dog", b"cat", b"plant", b"life"):
        content += word + b" " + np.arange(3, dtype=np.float32).tobytes() + b"\n"
    (folder / "vectors.bin").write_bytes(content)


def _gzipped_words(folder: Path) -> None:
    _words(folder)
    text = folder / "vectors.txt"
    (folder / "vectors.txt.gz").write_bytes(gzip.compress(text.read_bytes()))
    text.unlink()


def _read_words(folder: Path) -> object:
    (file,) = folder.iterdir()
    return load_word_vectors(file, ["dog", "plant_life"])


def _captions(folder: Path) -> None:
    place = folder / "f30k_precomp"
    place.mkdir()
    np.save(place / "train_ims.npy", np.arange(24, dtype=np.float32).reshape(2, 3, 4))
    np.save(place / "train_boxes.npy", np.tile(np.array([0, 0, 50, 99], np.float32), (2, 3, 1)))
    sizes = [{"image_w": 100, "image_h": np.int64(100)} for _ in range(2)]
    np.save(place / "train_img_sizes.npy", np.array(sizes, object))
    (place / "train_caps.txt").write_text("a dog\na cat sits\nred\nblue sky\n", encoding="utf-8")


def _picture(folder: Path, suffix: str) -> None:
    Image.fromarray((np.arange(48 * 3) % 251).astype(np.uint8).reshape(6, 8, 3)).save(folder / f"picture.{suffix}")


def _first_values(batch: Tensor) -> Tensor:
    return batch.reshape(len(batch), -1)[:, :5]


def _read_picture(folder: Path) -> object:
    (file,) = folder.iterdir()
    return ImageFeatures(_first_values, prepare=PadToSquare(8), device="cpu").fit_transform([str(file)])


def _model(folder: Path) -> None:
    skxmr.save(CCA(2).fit(PAIRS), folder / "model")


def _deep_model(folder: Path) -> None:
    model = DSCMR(3, hidden=4, max_epochs=1, batch_size=30, device="cpu", random_state=0).fit(PAIRS, LABELS)
    skxmr.save(model, folder / "model")


def _read_model(folder: Path) -> object:
    return skxmr.load(folder / "model").transform(PAIRS)


def _index(folder: Path) -> None:
    index = RetrievalIndex(CCA(2).fit(PAIRS))
    index.add(text=PAIRS.text, metadata={"place": ["north", "south"] * 30})
    index.save(folder / "index")


def _read_index(folder: Path) -> object:
    index = RetrievalIndex.load(folder / "index")
    try:
        hits = index.search(image=PAIRS.image[:2], k=3, where={"place": "north"})
        return hits.ids, hits.scores
    except ValueError as error:
        # Its files fit each other, but hold other columns or another model, which the search tells of.
        raise ValueError(f"{folder.name}: {error}") from error


def _checkpointed(folder: Path) -> DSCMR:
    small = DSCMR(3, hidden=4, max_epochs=2, batch_size=30, device="cpu", random_state=0)
    return small.set_params(checkpoint=folder / "kept", keep_checkpoint=True)


def _checkpoint(folder: Path) -> None:
    _checkpointed(folder).fit(PAIRS, LABELS)


def _read_checkpoint(folder: Path) -> object:
    with open_checkpoint(_checkpointed(folder), PAIRS, skxmr._data.labels.encode_labels(LABELS)) as found:
        return found and _comparable(found.state)


def _comparable(state: object) -> object:
    """Return a state without tensors, of which equal ones may have different hashes."""
    if isinstance(state, dict):
        return {name: _comparable(part) for name, part in state.items()}
    if isinstance(state, (list, tuple)):
        return [_comparable(part) for part in state]
    return (str(state.dtype), state.tolist()) if isinstance(state, Tensor) else state


def _cache(folder: Path) -> None:
    _cached(folder)


def _cached(folder: Path) -> object:
    pictures = [Image.fromarray(np.full((8, 8, 3), i, np.uint8)) for i in range(6)]
    known = {"cache": folder / "cache", "cache_key": "first values"}
    return ImageFeatures(_first_values, prepare=PadToSquare(8), device="cpu", **known).fit_transform(pictures)


def _searched(folder: Path) -> object:
    options = {"budget_s": None, "min_rows": 20, "random_state": 0, "cache": folder / "cache"}
    return skxmr.AutoRetriever([("one", CCA(2), {}), ("two", PLS(2), {})], **options).fit(PAIRS, LABELS).best_score_


def _run(folder: Path) -> None:
    text = """
[data]
path = "table.csv"
labels = "tags"

[model]
name = "CCA"
n_components = 3

[search]
cv = 3

[[search.grid]]
"model.n_components" = [2, 3]
"""
    (folder / "run.toml").write_text(text, encoding="utf-8")


def _svg(folder: Path) -> None:
    text = """<svg xmlns:rdf="r" xmlns:cc="c" xmlns:dc="d"><metadata><rdf:RDF><cc:Work><dc:title>dog</dc:title>
<dc:subject><rdf:Bag><rdf:li>animal</rdf:li><rdf:li>pet</rdf:li></rdf:Bag></dc:subject></cc:Work></rdf:RDF></metadata></svg>"""
    (folder / "drawing.svg").write_text(text, encoding="utf-8")


FORMATS = {
    "npy": Format(lambda folder: _arrays(folder, "npy"), load_feature_files, (".npy",)),
    "npz": Format(lambda folder: _arrays(folder, "npz"), load_feature_files, (".npz",)),
    "mat": Format(lambda folder: _arrays(folder, "mat"), load_feature_files, (".mat",)),
    "csv": Format(lambda folder: _table(folder, "csv"), _read_table, (".csv",)),
    "jsonl": Format(lambda folder: _table(folder, "jsonl"), _read_table, (".jsonl",)),
    "parquet": Format(lambda folder: _table(folder, "parquet"), _read_table, (".parquet",)),
    "word vectors": Format(_words, _read_words, (".txt",)),
    "binary word vectors": Format(_binary_words, _read_words, (".bin",)),
    "compressed word vectors": Format(_gzipped_words, _read_words, (".gz",)),
    "captions": Format(_captions, lambda folder: load_captioned_regions(data_home=folder), (".npy", ".txt")),
    "png": Format(lambda folder: _picture(folder, "png"), _read_picture, (".png",)),
    "jpeg": Format(lambda folder: _picture(folder, "jpg"), _read_picture, (".jpg",)),
    "svg": Format(_svg, lambda folder: read_metadata(folder / "drawing.svg"), (".svg",)),
    "model": Format(_model, _read_model, (".skops", ".json"), _OF_MODELS, sealed=True),
    "deep model": Format(_deep_model, _read_model, (".skops", ".json"), _OF_MODELS, sealed=True),
    "index": Format(_index, _read_index, (".npy", ".json", ".skops", ".jsonl"), _OF_MODELS, sealed=True),
    "checkpoint": Format(_checkpoint, _read_checkpoint, (".pt",), sealed=True),
    "cache": Format(_cache, _cached, (".sqlite",), sealed=True),
    "records": Format(_searched, _searched, (".sqlite",), sealed=True),
    "run": Format(_run, lambda folder: read_run(folder / "run.toml"), (".toml",), (*_REFUSALS, RunError)),
}
