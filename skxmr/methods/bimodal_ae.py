"""Bimodal deep autoencoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from numbers import Integral
from typing import ClassVar

from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from skxmr._data.estimator import Constraints
from skxmr._data.kinds import MODALITIES
from skxmr.deep.base import DeepRetriever
from skxmr.deep.loop import Learner
from skxmr.deep.split import Split
from skxmr.methods._autoencoders import Decoders, lost
from skxmr.nn.networks import TwoBranchNetwork, encoder
from skxmr.nn.objective import Batch, Objective, Outputs

# Rows of which both views are seen count as much as those of which one view is missing, on either side.
_THIRDS = {"both": 1 / 3, "image_only": 1 / 3, "text_only": 1 / 3}


class BimodalAENetwork(TwoBranchNetwork):
    """Both views add to one code, from which both are decoded; a view that is missing is a row of zeros.

    A linear layer on the hidden units of both views is a sum of one per view, so that an encoder per view holds them.

    Parameters
    ----------
    inputs, encoders : sequence of two nn.Module
        As in :class:`TwoBranchNetwork`; the encoders give what each view adds to the code.
    decoders : Decoders
        Of the code, into both views.
    widths : tuple of two int
        Widths of the images and of the texts.
    """

    def __init__(
        self,
        inputs: Sequence[nn.Module],
        encoders: Sequence[nn.Module],
        decoders: Decoders,
        widths: tuple[int, int],
    ) -> None:
        super().__init__(inputs, encoders)
        self.decoders = decoders
        self.widths = widths

    def encode_image(self, x: Tensor) -> Tensor:
        """Return the codes (n, d) of images (n, d_image) without texts."""
        return super().encode_image(x) + self._no_text(x)

    def encode_text(self, x: Tensor) -> Tensor:
        """Return the codes (n, d) of texts (n, d_text) without images."""
        return super().encode_text(x) + self._no_image(x)

    def forward(self, image: Tensor, text: Tensor) -> dict[str, Tensor]:
        """Return the rows as the encoders take them, the codes of each view alone and of both, and what they become."""
        image_rows = self.image_input(image)
        text_rows = self.text_input(text)
        of_image = self.image_encoder(image_rows)
        of_text = self.text_encoder(text_rows)
        codes = {
            "image": of_image + self._no_text(image_rows),
            "text": of_text + self._no_image(text_rows),
            "both": of_image + of_text,
        }
        out = codes | {"image_rows": image_rows, "text_rows": text_rows}
        for name, code in codes.items():
            out |= self.decoders.decode(code, name)
        return out

    def _no_image(self, like: Tensor) -> Tensor:
        """Return what a missing image adds to the code (1, d); one row of zeros stands for all of a batch."""
        return self.image_encoder(like.new_zeros(1, self.widths[0]))

    def _no_text(self, like: Tensor) -> Tensor:
        """Return what a missing text adds to the code (1, d)."""
        return self.text_encoder(like.new_zeros(1, self.widths[1]))


class BimodalAEObjective(Objective):
    """What is lost of both views by the code of both and by those of one view alone."""

    def both(self, outputs: Outputs, batch: Batch) -> Tensor:
        """Return the loss if nothing is missing."""
        return lost(outputs, "both", MODALITIES)

    def image_only(self, outputs: Outputs, batch: Batch) -> Tensor:
        """Return the loss if the texts are missing."""
        return lost(outputs, "image", MODALITIES)

    def text_only(self, outputs: Outputs, batch: Batch) -> Tensor:
        """Return the loss if the images are missing."""
        return lost(outputs, "text", MODALITIES)


class BimodalAE(DeepRetriever):
    """Bimodal deep autoencoder: one code of both views reconstructs both, also if one of the views is missing.

    There is a hidden layer per view, a linear layer on the hidden units of both that makes the shared code, and a
    decoder per view. Minimised is the squared error of both views as they are reconstructed from the code of both, of
    the image alone and of the text alone; each is a third of the loss. In place of a missing view the network sees
    zeros, which after scaling are the mean. An image is embedded by its code without a text, and a text by its code
    without an image. Sparse text is reconstructed as dense rows, a batch at a time. Labels are not used for learning;
    if they are given, they decide which epoch is kept.

    Parameters
    ----------
    n_components : int, default=64
        Width of the shared code.
    hidden : int, default=2048
        Number of hidden units of each view, in the encoder and in the decoder.
    activation : {"gelu", "relu"}, default="gelu"
        Activation of the hidden units.

    References
    ----------
    Ngiam et al., "Multimodal deep learning", ICML 2011, section 3 (the bimodal deep autoencoder, trained in a denoising
    way on rows of which a third has images only, a third texts only, and a third both). Deviations: there is no
    pre-training by sparse restricted Boltzmann machines; all layers are trained together from random weights on scaled
    inputs, with dropout, AdamW and one cycle. Every row of a batch counts in all three ways. The code is linear and not
    logistic units. The error of a view is divided by the number of its features, so that both views count the same.
    Pre-training is not offered, so that no parameters make this the paper's method.

    Examples
    --------
    >>> from skxmr import BimodalAE
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(200, random_state=0)
    >>> BimodalAE(4, hidden=32, max_epochs=5, random_state=0).fit(pairs).transform(pairs)
    Pairs(image=(200, 4) float32, text=(200, 4) float32)
    """

    n_components: int = field(default=64, kw_only=False)
    hidden: int = 2048
    activation: str = "gelu"
    _parameter_constraints: ClassVar[Constraints] = {
        "hidden": [Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions({"gelu", "relu"})],
    }

    def _build(self, split: Split) -> Learner:
        inputs, widths, _ = self._inputs(split)
        d = self.n_components
        encoders = [encoder(w, d, self.hidden, self.dropout, self.input_dropout, self.activation) for w in widths]
        decoders = Decoders(MODALITIES, d, self.hidden, widths, self.activation)
        network = BimodalAENetwork(inputs, encoders, decoders, widths)
        return Learner(network, BimodalAEObjective(_THIRDS))
