"""Encoders as modules of torch, which torch writes as ONNX files."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from skxmr._data.kinds import Float64Array
from skxmr.base import CrossModalRetriever
from skxmr.deep.trained import TrainedRetriever
from skxmr.methods._linear import LinearRetriever
from skxmr.methods.semantic import SemanticMatching
from skxmr.nn.device import ordinary_torch
from skxmr.nn.retrieval_network import RetrievalNetwork
from skxmr.pairwise.set_retriever import SetRetriever


class _Side(nn.Module):
    """One encoder of a network."""

    def __init__(self, network: RetrievalNetwork, name: str) -> None:
        super().__init__()
        self.network = network
        self.encode = network.encode_image if name == "image" else network.encode_text

    def forward(self, x: Tensor) -> Tensor:
        embedding: Tensor = self.encode(x)
        return embedding


class _Projection(nn.Module):
    """``(x - mean) W + offset`` for rows x (n, d)."""

    mean: Tensor
    projection: Tensor
    offset: Tensor

    def __init__(self, mean: Float64Array, projection: Float64Array, offset: Float64Array | None) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(mean).float())
        self.register_buffer("projection", torch.from_numpy(projection).float())
        no_offset = np.zeros(projection.shape[1])
        self.register_buffer("offset", torch.from_numpy(no_offset if offset is None else offset).float())

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) @ self.projection + self.offset


def encoder_of(retriever: CrossModalRetriever, name: str) -> nn.Module:
    """Return what maps a modality into the common space, as a module on the CPU."""
    if isinstance(retriever, SetRetriever):
        raise TypeError(
            f"{type(retriever).__name__} embeds sentences word by word, and export_onnx writes encoders of rows of "
            "features only; keep the model by skxmr.save."
        )
    if f"{name}_encoder_" in vars(retriever):
        raise TypeError(
            f"{type(retriever).__name__} sees {name}s by {name}_encoder_, and export_onnx writes networks of features; "
            f"write {name}_encoder_ by torch.onnx.export, or keep the model by skxmr.save."
        )
    if isinstance(retriever, TrainedRetriever):
        return _Side(retriever.__getstate__()["network_"], name).eval()
    if isinstance(retriever, LinearRetriever):
        mean, projection = (getattr(retriever, f"{name}_{what}_") for what in ("mean", "projection"))
        return _Projection(mean, projection, None)
    if isinstance(retriever, SemanticMatching) and getattr(retriever, name) is None:
        model = getattr(retriever, f"{name}_")
        return _Projection(model.mean_, model.coef_, model.intercept_)
    raise TypeError(
        f"{type(retriever).__name__} embeds neither by a network nor by a projection, so export_onnx cannot write it."
    )


@ordinary_torch()
def write_onnx(encoder: nn.Module, d: int, file: Path) -> None:
    """Write an encoder of rows of d features, for any number of rows."""
    with warnings.catch_warnings():
        # Of torch and onnxscript about themselves.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            encoder, (torch.zeros(2, d),), file, input_names=["x"], output_names=["embedding"],
            dynamic_shapes=({0: torch.export.Dim("n")},), dynamo=True, external_data=False, verbose=False,
        )  # fmt: skip
