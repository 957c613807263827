"""Correspondence autoencoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from numbers import Integral, Real
from typing import ClassVar

from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from skxmr._data.estimator import Constraints
from skxmr._data.kinds import MODALITIES
from skxmr.deep.base import DeepRetriever
from skxmr.deep.loop import Learner
from skxmr.deep.split import Split
from skxmr.methods._autoencoders import Decoders, lost
from skxmr.nn import losses
from skxmr.nn.networks import TwoBranchNetwork, encoder
from skxmr.nn.objective import Batch, Objective, Outputs

# The views that are made of the code of an image, and of the code of a text.
_VIEWS: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "own": (("image",), ("text",)),
    "other": (("text",), ("image",)),
    "both": (MODALITIES, MODALITIES),
}


class CorrAENetwork(TwoBranchNetwork):
    """Two encoders, whose outputs are the codes, and decoders of either code.

    Parameters
    ----------
    inputs, encoders : sequence of two nn.Module
        As in :class:`TwoBranchNetwork`.
    decoders : sequence of two Decoders
        Of the code of an image, and of the code of a text.
    """

    def __init__(
        self, inputs: Sequence[nn.Module], encoders: Sequence[nn.Module], decoders: Sequence[Decoders]
    ) -> None:
        super().__init__(inputs, encoders)
        self.of_image, self.of_text = decoders

    def forward(self, image: Tensor, text: Tensor) -> dict[str, Tensor]:
        """Return both codes, the rows as the encoders take them, and what the decoders make of the codes."""
        image_rows = self.image_input(image)
        text_rows = self.text_input(text)
        u = self.image_encoder(image_rows)
        v = self.text_encoder(text_rows)
        out = {"image": u, "text": v, "image_rows": image_rows, "text_rows": text_rows}
        return out | self.of_image.decode(u, "image") | self.of_text.decode(v, "text")


class CorrAEObjective(Objective):
    """(1 - alpha) (L_I + L_T) + alpha L_C; `views` are those made of the codes of images, and of texts."""

    def __init__(self, weights: Mapping[str, float], views: tuple[Sequence[str], Sequence[str]]) -> None:
        super().__init__(weights)
        self.views = views

    def reconstruction(self, outputs: Outputs, batch: Batch) -> Tensor:
        """L_I + L_T, what is lost of the views that the codes of images and those of texts are decoded into."""
        return lost(outputs, "image", self.views[0]) + lost(outputs, "text", self.views[1])

    def correspondence(self, outputs: Outputs, batch: Batch) -> Tensor:
        """L_C, the squared distance of the codes of an image and of its text."""
        return losses.correspondence(outputs["image"], outputs["text"])


class CorrAE(DeepRetriever):
    """Correspondence autoencoder: the codes of an image and of its text reconstruct the views and are drawn together.

    An encoder per view makes codes, which are the embeddings, and decoders make views of the codes. Minimised is
    ``(1 - alpha) (L_I + L_T) + alpha L_C``: the squared errors of the views that are made of the codes of images and of
    the codes of texts, and the squared distance of the codes of each pair. Sparse text is reconstructed as dense rows,
    a batch at a time. Labels are not used for learning; if they are given, they decide which epoch is kept.

    Parameters
    ----------
    n_components : int, default=64
        Width of the codes.
    reconstruct : {"own", "other", "both"}, default="both"
        What is made of a code: its own view (Corr-AE in the paper), the other view (Corr-Cross-AE), or both views
        (Corr-Full-AE).
    alpha : float, default=0.3
        Weight of L_C, in (0, 1). Without it nothing would bring the codes together, and without reconstruction all
        codes would become equal.
    hidden : int, default=2048
        Number of hidden units of each encoder and of each decoder.
    activation : {"gelu", "relu"}, default="gelu"
        Activation of the hidden units.

    References
    ----------
    Feng et al., "Cross-modal retrieval with correspondence autoencoder", ACM MM 2014. Deviations: there is no
    pre-training by restricted Boltzmann machines; in their place, encoders and decoders have a hidden layer, and all
    layers are trained together from random weights on scaled inputs, with dropout, AdamW and one cycle. The codes are
    linear and not logistic units. The error of a view is divided by the number of its features, so that both
    views count the same. The default is the variant that was best on held-out rows. Pre-training is not offered, so
    that no parameters make this the paper's method.

    Examples
    --------
    >>> from skxmr import CorrAE
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(200, random_state=0)
    >>> CorrAE(4, hidden=32, max_epochs=5, random_state=0).fit(pairs).transform(pairs)
    Pairs(image=(200, 4) float32, text=(200, 4) float32)
    """

    n_components: int = field(default=64, kw_only=False)
    reconstruct: str = "both"
    alpha: float = 0.3
    hidden: int = 2048
    activation: str = "gelu"
    _parameter_constraints: ClassVar[Constraints] = {
        "reconstruct": [StrOptions(set(_VIEWS))],
        "alpha": [Interval(Real, 0, 1, closed="neither")],
        "hidden": [Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions({"gelu", "relu"})],
    }

    def _build(self, split: Split) -> Learner:
        inputs, widths, _ = self._inputs(split)
        d = self.n_components
        encoders = [encoder(w, d, self.hidden, self.dropout, self.input_dropout, self.activation) for w in widths]
        views = _VIEWS[self.reconstruct]
        decoders = [Decoders(made, d, self.hidden, widths, self.activation) for made in views]
        weights = {"reconstruction": 1 - self.alpha, "correspondence": self.alpha}
        return Learner(CorrAENetwork(inputs, encoders, decoders), CorrAEObjective(weights, views))
