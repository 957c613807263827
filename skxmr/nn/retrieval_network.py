"""RetrievalNetwork: what every deep method trains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

from torch import Tensor, nn

from skxmr._docstrings import documented_like
from skxmr.nn.objective import AnyBatch


class FittingRows(Protocol):
    """The rows of a fit, for a network that learns something from them without gradients."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def rows(self, index: Tensor, device_index: Tensor | None = None) -> AnyBatch:
        """Return the batch of an index tensor in main memory, and perhaps of its copy on the device."""


class RetrievalNetwork(nn.Module, ABC):
    """What every deep method trains: two encoders, and outputs for an objective.

    Attributes
    ----------
    text_input : torch.nn.Module
        The first step of the text encoder. A `PretrainedText` is trained on the labels before the rest of the network.
    """

    def __init__(self) -> None:
        super().__init__()
        self.text_input: nn.Module = nn.Identity()

    @abstractmethod
    def encode_image(self, x: Any) -> Any:
        """Map images into the common space, or into what the method compares.

        Parameters
        ----------
        x : Tensor of shape (n, d_image), or a batch of regions
            Images.

        Returns
        -------
        Tensor of shape (n, d), or nodes
            Their embeddings; nodes where a method compares regions with words.
        """

    @abstractmethod
    @documented_like(encode_image)
    def encode_text(self, x: Any) -> Any:
        """Map texts into the common space, or into what the method compares.

        Parameters
        ----------
        x : Tensor of shape (n, d_text), or a batch of sentences
            Texts.
        """

    def forward(self, image: Any, text: Any) -> dict[str, Tensor]:
        """Return the outputs of a batch by name, as the terms of the objective ask for them: here both embeddings.

        Parameters
        ----------
        image, text : Tensor of shape (n, d), or batches of regions and of sentences
            Both views.

        Returns
        -------
        dict of str to Tensor
            The outputs, ``"image"`` and ``"text"``; a method may add others.
        """
        return {"image": self.encode_image(image), "text": self.encode_text(text)}

    def settle(self, rows: FittingRows) -> None:
        """Learn what is learned without gradients; called after every epoch, before the validation rows are scored.

        Parameters
        ----------
        rows : FittingRows
            The fitting rows, in batches by row numbers.
        """
