"""TaggingRetriever: the base of the deep methods whose network scores labels, so that they tag one modality alone."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from skxmr._data.kinds import MODALITIES, FloatArray, take
from skxmr.base import AnnotatingRetriever
from skxmr.base.annotating import Held
from skxmr.deep.base import DeepRetriever
from skxmr.deep.encoding import encode_rows
from skxmr.deep.split import Split
from skxmr.nn.device import ordinary_torch


class TaggingRetriever(DeepRetriever, AnnotatingRetriever):
    """Base of the deep methods that score labels; the thresholds of tags are chosen on the validation rows.

    The network has a layer `to_labels`, which scores labels for embeddings, and the objective a term `classification`.
    """

    def _finish(self, split: Split) -> None:
        held = split.validation
        if held is None or held.labels is None or not self._scores_are_trained:
            self._learn_thresholds(None)
            return
        scored: Held = {}
        for name in MODALITIES:
            view, rows, labels = split.rows_of(held, name)
            assert labels is not None
            scored[name] = self._label_scores(encode_rows(self.network_, name, take(view, rows))), labels.matrix
        self._learn_thresholds(scored)

    @property
    def _scores_are_trained(self) -> bool:
        return "classification" in self.history_

    def _need_trained_scores(self) -> None:
        if not self._scores_are_trained:
            raise AttributeError("the label classifiers were not trained: the weight of the classification term was 0.")

    def _label_scores(self, embedded: FloatArray) -> FloatArray:
        """Return what the last layer of the network gives."""
        self._need_trained_scores()
        layer = cast(nn.Module, self.network_.to_labels)
        with ordinary_torch(), torch.inference_mode():
            rows = torch.as_tensor(embedded, device=next(layer.parameters()).device)
            return layer(rows).float().cpu().numpy()
