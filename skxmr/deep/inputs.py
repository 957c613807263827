"""What stands between raw rows and an encoder: standardisation, and a text network pre-trained on the labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn
from torch.nn import functional

from skxmr._data.kinds import IndexArray, View
from skxmr._data.warn import warn
from skxmr.deep.batches import ViewSource, blocks
from skxmr.deep.loop import Learner, Prepared, TrainingRows
from skxmr.deep.options import Options
from skxmr.deep.split import Split
from skxmr.deep.validation import Validation
from skxmr.nn.networks import TEXT_WIDTH, PretrainedText, Standardize
from skxmr.nn.objective import Batch, Objective, Outputs
from skxmr.nn.retrieval_network import RetrievalNetwork

if TYPE_CHECKING:
    from sklearn.preprocessing import StandardScaler


def standardizer(X: View, wanted: bool | str, rows: IndexArray | None = None) -> nn.Module:
    """Return the module that standardises by some rows of X, None is all, or one that does nothing.

    Constant features stay. For ``"view"`` all features are divided by one number, the root of their mean variance.
    """
    if not wanted:
        return nn.Identity()
    from sklearn.preprocessing import StandardScaler

    # It also measures the mean, without making a sparse view dense.
    scaler = StandardScaler(with_mean=False)
    # StandardScaler copies its input, so it is fed blocks.
    for block in blocks(X, rows):
        scaler.partial_fit(block)
    return standardizing(scaler, wanted)


def standardizing(scaler: StandardScaler, wanted: bool | str) -> nn.Module:
    """Return the module that subtracts the means of a fitted scaler and divides by its deviations, or by one number."""
    scale = scaler.scale_
    # scikit-learn gives constant features the scale 1.
    spread = np.sqrt(scaler.var_)
    lost = (spread <= 4 * np.finfo(np.float32).eps * np.abs(scaler.mean_)) & (spread == scale)
    if lost.any():
        warn(
            f"{int(lost.sum())} of {len(lost)} features vary by less than the rounding of float32, in which networks "
            "compute, e.g. timestamps: they become noise. Subtract their means first, e.g. by StandardScaler."
        )
    size = np.maximum(np.abs(scaler.mean_), spread)
    vanishing = (size > 0) & (size < np.finfo(np.float32).tiny)
    # All of them are an error where the rows are read.
    if vanishing.any() and not vanishing.all():
        warn(
            f"{int(vanishing.sum())} of {len(vanishing)} features hold values of at most some "
            f"{size[vanishing].max():.0e}, which are zero in float32, in which networks compute; scale them up, e.g. "
            "by MaxAbsScaler."
        )
        scale = np.where(vanishing, 1.0, scale)
    if wanted == "view":
        scale = np.full_like(scale, np.sqrt(scaler.var_.mean()) or 1.0)
    return Standardize(*(torch.as_tensor(np.asarray(a), dtype=torch.float32) for a in (scaler.mean_, scale)))


class Inputs(NamedTuple):
    """The first steps of a network, one per view: they make representations of the raw rows.

    Parameters
    ----------
    modules : tuple of two nn.Module
        What is applied to images and to texts first.
    widths : tuple of two int
        Width of their results: the `d_in` of the encoders.
    positive : tuple of two bool
        Whether their results are never negative.

    Examples
    --------
    >>> from torch import nn
    >>> from skxmr.deep import Inputs
    >>> Inputs((nn.Identity(), nn.Identity()), (128, 10), (False, True)).widths
    (128, 10)
    """

    modules: tuple[nn.Module, nn.Module]
    widths: tuple[int, int]
    positive: tuple[bool, bool]


def make_inputs(
    split: Split, *, standardize: bool | str, dropout: float, input_dropout: float, pretrain_text: bool | str = False
) -> Inputs:
    """Make the first steps of a network, one per view, as the parameters of a deep method ask for them.

    Without `pretrain_text` a step only standardises, by what is measured on the fitting rows.

    Parameters
    ----------
    split : Split
        What `_build` is given.
    standardize : bool or "view"
        The parameter of the method: ``"view"`` and True scale the rows, False leaves them as they are.
    dropout, input_dropout : float
        The parameters of the method. Here they are used by a text network that is pre-trained; the encoders are given
        them as well.
    pretrain_text : bool or "auto", default=False
        Whether the step of the texts is a network that is trained on the labels before the rest and then frozen;
        ``"auto"`` does so only for CSR text of more than 300 words.

    Returns
    -------
    Inputs
        The modules and their widths.

    Examples
    --------
    >>> import numpy as np
    >>> from skxmr import Pairs
    >>> from skxmr.deep import Part, Split, make_inputs
    >>> pairs = Pairs(np.ones((3, 5)), np.ones((3, 2)))
    >>> split = Split(pairs, Part(np.arange(3), None), None)
    >>> make_inputs(split, standardize="view", dropout=0.5, input_dropout=0.3).widths
    (5, 2)
    """
    # What encoders make is measured before they are trained.
    untrained = split._replace(encoders={})
    image, image_rows, _ = untrained.rows_of(split.fitting, "image")
    text, text_rows, _ = untrained.rows_of(split.fitting, "text")
    image_input = standardizer(image, standardize, image_rows)
    text_input = standardizer(text, standardize, text_rows)
    image_positive = not standardize and never_negative(image, image_rows)
    text_positive = not standardize and never_negative(text, text_rows)
    d_text = int(text.shape[1])
    if split.labels is not None and wants_pretraining(pretrain_text, text):
        text_input = PretrainedText(text_input, d_text, len(split.labels.names), dropout, input_dropout)
        d_text = TEXT_WIDTH
        text_positive = False
    return Inputs((image_input, text_input), (int(image.shape[1]), d_text), (image_positive, text_positive))


def wants_pretraining(pretrain_text: bool | str, text: View) -> bool:
    """Tell what ``"auto"`` means: pre-train where the text is a sparse bag of more than 300 words."""
    if pretrain_text == "auto":
        return bool(sp.issparse(text) and text.shape[1] > TEXT_WIDTH)
    return bool(pretrain_text)


class _LabelClassifier(RetrievalNetwork):
    """The labels of a text, as its network is pre-trained on them; images are left as they are."""

    def __init__(self, text: PretrainedText) -> None:
        super().__init__()
        self.text_input: PretrainedText = text

    def encode_image(self, x: Tensor) -> Tensor:
        """Return the images."""
        return x

    def encode_text(self, x: Tensor) -> Tensor:
        """Return the representations of texts (n, 300)."""
        return self.text_input(x)

    def forward(self, image: Tensor, text: Tensor) -> dict[str, Tensor]:
        """Return the logits of the labels (n, c)."""
        return {"logits": self.text_input.to_labels(self.encode_text(text))}


class _CrossEntropy(Objective):
    def pretraining(self, outputs: Outputs, batch: Batch) -> Tensor:
        return functional.binary_cross_entropy_with_logits(outputs["logits"], batch.labels)


def pretrain_text(module: PretrainedText, split: Split, dataset: TrainingRows, options: Options, seed: int) -> None:
    """Train a text network on the labels of the fitting rows and freeze it.

    Binary cross-entropy, Adam at 1e-3, at most 20 epochs; stopped when the cross-entropy of the validation rows has not
    fallen for 3. An interrupt raises: there is no model yet.
    """
    device = dataset.device
    validation = None
    held = split.validation
    if held is not None and held.labels is not None:
        rows = ViewSource(split.pairs.text, held.rows, device, name="text")
        Y = ViewSource(held.labels.matrix, None, device, name="labels")

        def score() -> dict[str, float]:
            module.eval()
            return {"validation of pretrain_text": -_cross_entropy(module, rows, Y)}

        validation = Validation(score, "validation of pretrain_text")

    from skxmr.deep.training import train

    options = options._replace(
        lr=1e-3, max_epochs=20, optimizer="adamw", weight_decay=0.0, schedule="constant",
        compile=None, early_stopping=3, callbacks=None, verbose=0,
    )  # fmt: skip
    generator = torch.Generator().manual_seed(seed)
    learner = Learner(_LabelClassifier(module), _CrossEntropy({"pretraining": 1.0}))
    outcome = train(learner, Prepared(dataset, validation), generator, options)
    if outcome.interrupted:
        raise KeyboardInterrupt
    module.freeze()


def _cross_entropy(module: PretrainedText, rows: ViewSource, Y: ViewSource) -> float:
    total = 0.0
    with torch.inference_mode():
        for index in torch.split(torch.arange(len(rows), device="cpu"), 4096):
            logits = module.to_labels(module(rows.rows(index)))
            total += functional.binary_cross_entropy_with_logits(logits, Y.rows(index), reduction="sum").item()
    return total / len(rows)


def never_negative(X: View, rows: IndexArray | None = None) -> bool:
    """Tell whether some rows of a view, None is all, have no negative entry."""
    return all(bool(block.min() >= 0) for block in blocks(X, rows))
