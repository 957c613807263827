"""Selective prior learning: a matrix from embeddings to labels is learned in each modality, and the better one kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from skxmr._data.kinds import MODALITIES
from skxmr.deep.batches import PairsDataset
from skxmr.deep.loop import Learner, Prepared, TrainingRows
from skxmr.deep.options import Options
from skxmr.nn import losses
from skxmr.nn.networks import TwoBranchNetwork
from skxmr.nn.objective import Batch, Objective, Outputs
from skxmr.nn.retrieval_network import FittingRows

# Rows that are embedded at a time.
_ROWS = 4096


class PriorNetwork(TwoBranchNetwork):
    """Two encoders that share nothing, each with a matrix (d, c), at first orthogonal, from embeddings to label scores.

    Parameters
    ----------
    inputs, encoders : sequence of two nn.Module
        As in :class:`TwoBranchNetwork`.
    d, c : int
        Width of the embeddings, number of labels.
    q_step : float
        How much the exponent of the loss grows in every epoch, up to 1.
    """

    epochs: Tensor

    def __init__(
        self, inputs: Sequence[nn.Module], encoders: Sequence[nn.Module], d: int, c: int, q_step: float
    ) -> None:
        super().__init__(inputs, encoders)
        self.q_step = q_step
        # Both modalities start with the same matrix.
        first = nn.init.orthogonal_(torch.empty(d, c))
        self.priors = nn.ParameterDict({name: nn.Parameter(first.clone()) for name in MODALITIES})
        self.register_buffer("epochs", torch.zeros(()))

    def forward(self, image: Tensor, text: Tensor) -> dict[str, Tensor]:
        """Return the label scores of both modalities, and the exponent of this epoch."""
        scores = {name: rows @ self.priors[name] for name, rows in super().forward(image, text).items()}
        return scores | {"exponent": (self.q_step * (self.epochs + 1)).clamp(max=1)}

    def settle(self, rows: FittingRows) -> None:
        """Count the epochs."""
        self.epochs += 1


class PriorObjective(Objective):
    """The generalised cross-entropy of the labels, of each modality by itself."""

    def classification(self, outputs: Outputs, batch: Batch) -> Tensor:
        """J_L of both modalities; the labels (n, 2c) are those of the images, then those of the texts."""
        found = []
        for name, Y in zip(MODALITIES, batch.labels.chunk(2, dim=1), strict=True):
            found.append(losses.generalized_cross_entropy(outputs[name], Y, outputs["exponent"]))
        return found[0] + found[1]


def train_priors(network: PriorNetwork, rows: TrainingRows, options: Options, seed: int) -> None:
    """Train the encoders and matrices of both modalities. An interrupt raises: there is no model yet."""
    from skxmr.deep.training import train

    options = options._replace(early_stopping=None, callbacks=None, verbose=0, compile=None)
    learner = Learner(network.to(rows.device), PriorObjective({"classification": 1.0}))
    outcome = train(learner, Prepared(rows, None), torch.Generator().manual_seed(seed), options)
    if outcome.interrupted:
        raise KeyboardInterrupt


@torch.inference_mode()
def qualities(network: PriorNetwork, rows: PairsDataset, counts: Mapping[str, int]) -> dict[str, float]:
    """Return the quality score of each modality: ``1/n sum_i y_i . softmax(f_i W)`` of its first n rows."""
    network.eval()
    totals = dict.fromkeys(MODALITIES, 0.0)
    for index in torch.split(torch.arange(len(rows), device="cpu"), _ROWS):
        batch = rows.rows(index)
        outputs = network(batch.image, batch.text)
        for name, Y in zip(MODALITIES, batch.labels.chunk(2, dim=1), strict=True):
            probabilities = (Y * outputs[name].softmax(dim=1)).sum(dim=1)
            # Rows that only repeat do not count.
            totals[name] += probabilities[index.to(Y.device) < counts[name]].sum().item()
    return {name: total / counts[name] for name, total in totals.items()}
