"""The network of a method behind the encoders that are trained with it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from skxmr.deep.batches import PairsDataset, ViewSource
from skxmr.deep.encoders import EncodedView, ItemSource, encoded
from skxmr.deep.loop import Learner
from skxmr.nn.objective import Batch
from skxmr.nn.retrieval_network import FittingRows, RetrievalNetwork


class EncodedNetwork(RetrievalNetwork):
    """A network whose images, texts or both are made by encoders.

    Parameters
    ----------
    network : RetrievalNetwork
        The network of the method, which takes vectors.
    encoders : mapping of str to Module
        The encoders, of ``"image"``, ``"text"`` or both.
    """

    def __init__(self, network: RetrievalNetwork, encoders: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.network = network
        self.encoders = nn.ModuleDict(encoders)

    def encode_image(self, x: Any) -> Tensor:
        """Map images into the common space."""
        embedded: Tensor = self.network.encode_image(self._vectors("image", x))
        return embedded

    def encode_text(self, x: Any) -> Tensor:
        """Map texts into the common space."""
        embedded: Tensor = self.network.encode_text(self._vectors("text", x))
        return embedded

    def forward(self, image: Any, text: Any) -> dict[str, Tensor]:
        """Return what the network of the method returns for the vectors of a batch."""
        return self.network(self._vectors("image", image), self._vectors("text", text))

    def settle(self, rows: FittingRows) -> None:
        """Let the network of the method learn from vectors without gradients."""
        self.network.settle(_EncodedRows(rows) if isinstance(rows, PairsDataset) else rows)

    def _vectors(self, name: str, x: Any) -> Any:
        return encoded(self.encoders[name], x, name) if name in self.encoders else x


class _EncodedRows:
    """The fitting rows as the encoders see them now."""

    def __init__(self, dataset: PairsDataset) -> None:
        self.labels = dataset.labels
        self.image = _vectors_of(dataset.image, dataset)
        self.text = _vectors_of(dataset.text, dataset)

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, index: Tensor, device_index: Tensor | None = None) -> Batch:
        """Return the batch of an index tensor, whose image and text parts are vectors."""
        return Batch(self.image.rows(index), self.text.rows(index), self.labels.rows(index))


def _vectors_of(source: ViewSource | ItemSource, dataset: PairsDataset) -> ViewSource:
    if isinstance(source, ViewSource):
        return source
    return ViewSource(source.view, source.numbers, dataset.device, resident=False, name=source.view.name)


def with_encoders(learner: Learner, views: Mapping[str, EncodedView]) -> Learner:
    """Return a learner that also trains the encoders that are to learn, each at a learning rate of its own."""
    trained = {name: view for name, view in views.items() if view.trained}
    if not trained:
        return learner
    factors = {f"network.{name}": factor for name, factor in learner.loop.rate_factors.items()}
    rates = {f"encoders.{name}.*": view.lr for name, view in trained.items()}
    network = EncodedNetwork(learner.network, {name: view.encoder for name, view in trained.items()})
    return learner._replace(network=network, loop=learner.loop._replace(rate_factors=factors, rates=rates))


def fitted_encoders(views: Mapping[str, EncodedView]) -> dict[str, nn.Module]:
    """Return copies of the encoders as the attributes that a fit leaves, by their names."""
    copies = {f"{name}_encoder_": copy.deepcopy(view.encoder) for name, view in views.items()}
    return {name: encoder.eval().requires_grad_(False) for name, encoder in copies.items()}
