"""Deep structure-preserving embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from skxmr._data.estimator import Constraints
from skxmr.deep.base import DeepRetriever
from skxmr.deep.batches import PairsDataset
from skxmr.deep.encoding import validation_scores
from skxmr.deep.loop import Learner, Prepared
from skxmr.deep.split import Split
from skxmr.nn import contrastive
from skxmr.nn.networks import ACTIVATIONS, TwoBranchNetwork, encoder
from skxmr.nn.objective import Batch, Objective, Outputs
from skxmr.nn.retrieval_network import RetrievalNetwork


class DSPEObjective(Objective):
    """Hinges on nearest negatives: of both directions across modalities, and within each modality.

    With `by_image` the labels of a batch are one column, the number of every row's image.
    """

    def __init__(self, weights: Mapping[str, float], margin: float, k: int | None, by_image: bool) -> None:
        super().__init__(weights)
        self.margin = margin
        self.k = k
        self.by_image = by_image

    def _alike(self, batch: Batch) -> Tensor:
        """Return which rows belong together (n, n): they share a label, or the image where there are no labels."""
        Y = batch.labels
        return torch.eq(Y, Y.T) if self.by_image else Y @ Y.T > 0

    def _ranked(self, outputs: Outputs, batch: Batch, anchors: str, others: str) -> Tensor:
        """Return one of the four terms, which compares rows of a modality with those of the other or of the same."""
        return contrastive.nearest_triplets(
            outputs[anchors], outputs[others], self._alike(batch), self.margin, self.k, own=anchors != others
        )

    def image_to_text(self, outputs: Outputs, batch: Batch) -> Tensor:
        """Texts of an image are nearer to it than others."""
        return self._ranked(outputs, batch, "image", "text")

    def text_to_image(self, outputs: Outputs, batch: Batch) -> Tensor:
        """Images of a text are nearer to it than others."""
        return self._ranked(outputs, batch, "text", "image")

    def image_structure(self, outputs: Outputs, batch: Batch) -> Tensor:
        """Neighbours of an image are nearer to it than other images."""
        return self._ranked(outputs, batch, "image", "image")

    def text_structure(self, outputs: Outputs, batch: Batch) -> Tensor:
        """Neighbours of a text are nearer to it than other texts."""
        return self._ranked(outputs, batch, "text", "text")


class DSPE(DeepRetriever):
    """Deep structure-preserving embeddings: two branches, ranking in both directions and within each modality.

    Rows belong together if they share a label, or without labels if they share their image. Across modalities, what
    belongs to a query must be nearer to it than what does not, by a margin (bidirectional ranking). Within a modality,
    what belongs to a row must be nearer to it than other rows, by the same margin (structure). Distances are Euclidean,
    of embeddings of unit length. Minimised is ``L_image_to_text + w_text L_text_to_image +
    w_image_structure L_image_image + w_text_structure L_text_text``, where every L is a mean of hinges on wrong rows of
    the batch.

    Parameters
    ----------
    n_components : int, default=256
        Width of the common space.
    margin : float, default=0.4
        By how much nearer, >= 0; m in the paper.
    n_violations : int or None, default=None
        Wrong rows that count for every row, the nearest ones; K in the paper. None is all of the batch.
    w_text : float, default=1.0
        Weight of ranking images by a text; lambda_1 in the paper.
    w_image_structure : float, default=0.0
        Weight of the structure of images; lambda_2 in the paper.
    w_text_structure : float, default=0.0
        Weight of the structure of texts; lambda_3 in the paper.
    hidden : int, default=2048
        Number of hidden units of each branch.
    activation : {"gelu", "relu", "tanh"}, default="gelu"
        Activation of the hidden units; ``"tanh"`` is also applied to the embedding.

    Notes
    -----
    With labels, few `n_violations` make all embeddings equal where the labels are hard to see in the features: the
    nearest wrong rows are then nearer than the mean of the right ones, and the loss falls as all distances shrink. This
    happened on wikipedia with 10.

    A batch must hold rows that belong together, or its structure terms are 0: without labels that needs several rows
    per image (``Pairs(image_index=...)``) and large batches. Rows that share their image have equal features of it,
    so that without labels the structure of images only separates them from others.

    References
    ----------
    Wang, Li and Lazebnik, "Learning deep structure-preserving image-text embeddings", CVPR 2016, its objective of four
    sums. Deviations: rows that share a label belong together where there are labels. The sums over triplets are means
    over the pairs that belong together, so that weights do not depend on the batch. Batches are drawn at random, where
    the paper adds neighbours to them. There is no BatchNorm before the embeddings are scaled to unit length; inputs are
    standardised instead. By default all wrong rows count, and structure, which the paper has, is off: `margin` and
    `n_violations` are chosen on held-out rows of wikipedia, where structure is not known to help.

    Examples
    --------
    >>> from skxmr import DSPE
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(200, random_state=0)
    >>> model = DSPE(16, hidden=32, max_epochs=5, random_state=0).fit(pairs, labels)
    >>> model.encode_text(pairs).shape
    (200, 16)
    """

    n_components: int = field(default=256, kw_only=False)
    margin: float = 0.4
    n_violations: int | None = None
    w_text: float = 1.0
    w_image_structure: float = 0.0
    w_text_structure: float = 0.0
    hidden: int = 2048
    activation: str = "gelu"
    _parameter_constraints: ClassVar[Constraints] = {
        "margin": [Interval(Real, 0, None, closed="left")],
        "n_violations": [Interval(Integral, 1, None, closed="left"), None],
        "w_text": [Interval(Real, 0, None, closed="left")],
        "w_image_structure": [Interval(Real, 0, None, closed="left")],
        "w_text_structure": [Interval(Real, 0, None, closed="left")],
        "hidden": [Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS))],
    }

    def _build(self, split: Split) -> Learner:
        inputs, widths, _ = self._inputs(split)
        encoders = []
        for width in widths:
            options = self.hidden, self.dropout, self.input_dropout, self.activation
            encoders.append(encoder(width, self.n_components, *options, unit_length=True))
        weights = {
            "image_to_text": 1.0,
            "text_to_image": self.w_text,
            "image_structure": self.w_image_structure,
            "text_structure": self.w_text_structure,
        }
        objective = DSPEObjective(weights, self.margin, self.n_violations, by_image=split.labels is None)
        return Learner(TwoBranchNetwork(inputs, encoders), objective)

    def _prepare(self, split: Split, network: RetrievalNetwork, device: torch.device) -> Prepared:
        """Without labels, give the batches one column in their place: the number of every row's image."""
        if split.labels is not None:
            return super()._prepare(split, network, device)
        rows = split.fitting.rows
        images = split.shared_images(split.fitting)
        # Small numbers, because float32 does not tell large ones apart.
        numbers = np.unique(rows if images is None else images, return_inverse=True)[1]
        column = numbers.reshape(-1, 1).astype(np.float32)
        dataset = PairsDataset(split.served("image"), split.served("text"), column, device, rows)
        return Prepared(dataset, validation_scores(network, split))
