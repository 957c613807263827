"""DeepRetriever: the base of every deep method that embeds."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn

from skxmr._data.estimator import Constraints
from skxmr._data.kinds import MODALITIES, FloatArray, View
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr._data.partial import PartialRows, refuse_missing
from skxmr._data.repeated import IndexedRows
from skxmr._data.view_checks import check_view
from skxmr.base import CrossModalRetriever
from skxmr.base.retriever import Checked
from skxmr.deep import distributed
from skxmr.deep.batches import PairsDataset
from skxmr.deep.compiled import compile_mode
from skxmr.deep.distributed import n_ranks
from skxmr.deep.encoders import EncodedView, fresh_encoder
from skxmr.deep.encoding import encode_rows, validation_scores
from skxmr.deep.inputs import Inputs, make_inputs, pretrain_text
from skxmr.deep.items import checked_items
from skxmr.deep.loop import Prepared, TrainingRows
from skxmr.deep.options import Options, resolved_fraction
from skxmr.deep.split import Split, split_rows
from skxmr.deep.trained import TrainedRetriever
from skxmr.features.encoders import NAMES
from skxmr.nn.device import ordinary_torch, resolve_device
from skxmr.nn.networks import PretrainedText
from skxmr.nn.retrieval_network import RetrievalNetwork


class DeepRetriever(TrainedRetriever, CrossModalRetriever):
    """Base of the deep methods: separates validation rows, trains, keeps the best epoch, encodes.

    A method overrides `_build`. It is given a :class:`skxmr.deep.Split`, which holds all rows and says which of them
    are fitted, and returns a :class:`skxmr.deep.Learner` of its network and objective. What it measures on rows it must
    measure on `split.fitting_pairs`, because `split.pairs` also holds the validation rows. `_build` must make use of
    `standardize`, `dropout` and `input_dropout`, for which there are :func:`skxmr.deep.make_inputs` and
    :func:`skxmr.nn.encoder`. The network has `encode_image`, `encode_text` and ``forward(image, text)``, which returns
    a dict of tensors. The parameters below are common to all deep methods; a method may have other defaults.

    Parameters
    ----------
    image_encoder : Module, str or None, default=None
        A network that makes vectors (n, d) of raw images and is trained together with the method, the image network of
        the papers. Images are then paths, arrays of any sizes or images of PIL. None takes images as features. The
        module has an attribute `transform`, which turns an RGB image of PIL into a tensor, such as
        :class:`skxmr.features.PadToSquare`; it may have an attribute `collate`, which turns a list of what `transform`
        returned into the batch: a tensor, or several as a tuple or a dict. ``"efficientnet_lite0"`` is the network of
        the extra `demo`. `fit` trains a copy; without vectors for a view the method sees what the encoder made before
        training, for example to standardise.
    text_encoder : Module or None, default=None
        The same for texts. `transform` turns a text into a tensor of token ids, which are filled up with 0 to the
        longest one of the batch; texts that are sequences of token ids need none.
    encoder_lr : float, default=1e-4
        Learning rate of the encoders, >= 0, with the same `schedule` as `lr`. With 0 the encoders are frozen, batch
        statistics included, and their vectors are computed once; so is a module whose weights need no gradients.
    n_jobs : int or None, default=None
        Threads that read and decode the next batches for the encoders, as in joblib; without encoders there are none.
    compile : bool, default=False
        Compile the training step by ``torch.compile``. On a GPU the kernels of a step are recorded as a CUDA graph,
        which makes steps on small batches several times as fast, but compiling takes a while. On a CPU it needs a C++
        compiler and gains nothing at the sizes that were measured. Where torch cannot compile, a warning says so
        and training continues without. At the end of `fit`, torch forgets everything that was compiled in this process
        (``torch.compiler.reset``).
    early_stopping : int or None, default=None
        Stop after this number of epochs without a better mAP of the validation rows.
    validation_fraction : float or "auto", default="auto"
        Share of the rows held out for validation, in [0, 1); the epoch with their best mAP is kept. Every label keeps a
        fitting row. 0 fits on all rows and keeps the last epoch. ``"auto"`` is 0.1 for at least 500 rows, and where
        `early_stopping` or a callback waits for validation scores; otherwise it is 0, because few rows choose the epoch
        badly. It holds out 20,000 rows at most, all of which are ranked against all after every epoch.

    Attributes
    ----------
    image_encoder_, text_encoder_ : Module
        The encoders with the weights of the best epoch; missing where there is no such encoder.
    """

    # Their layers are saved by the names of their classes.
    _stored_by_class: ClassVar[tuple[str, ...]] = ("image_encoder", "text_encoder")
    schedule: str = "onecycle"
    image_encoder: nn.Module | str | None = None
    text_encoder: nn.Module | None = None
    encoder_lr: float = 1e-4
    n_jobs: int | None = None
    compile: bool = False
    _parameter_constraints: ClassVar[Constraints] = {
        "image_encoder": [nn.Module, StrOptions(set(NAMES)), None],
        "text_encoder": [nn.Module, None],
        "encoder_lr": [Interval(Real, 0, None, closed="left")],
        "n_jobs": [Integral, None],
        "compile": ["boolean"],
    }

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return small widths and few epochs, of those parameters that the method has."""
        small: dict[str, Any] = {"n_components": 4, "hidden": 8, "width": 8, "max_epochs": 2, "random_state": 0}
        small["prior_epochs"] = 2
        names = cls._get_param_names()
        return [{name: value for name, value in small.items() if name in names}]

    def _inputs(self, split: Split, pretrain_text: bool | str = False) -> Inputs:
        """Make the first steps of the network by the parameters of the method."""
        return make_inputs(
            split,
            standardize=self.standardize,
            dropout=self.dropout,
            input_dropout=self.input_dropout,
            pretrain_text=pretrain_text,
        )

    def _checked_view(self, view: View, name: str, min_rows: int, width: int | None, columns: list[str] | None) -> View:
        # Later calls, which compare with the width seen in fit, go by what was fitted.
        encoder = getattr(self, f"{name}_encoder") if width is None else vars(self).get(f"{name}_encoder_")
        if encoder is None:
            return check_view(view, name, min_rows=min_rows, width=width, columns=columns, half_maps=True)
        return checked_items(view, name, min_rows, encoder)

    def _widths(self, pairs: Pairs) -> dict[str, int]:
        widths = {name: getattr(pairs, name).shape[-1] for name in MODALITIES}
        # Of a view with an encoder, the width of the vectors.
        return widths | vars(self).get("_vector_widths", {})

    def _remember(self, checked: Checked, before: int = 0) -> Self:
        for name in MODALITIES:
            if getattr(self, f"{name}_encoder") is None:
                # That of an earlier fit.
                vars(self).pop(f"{name}_encoder_", None)
        return super()._remember(checked, before)

    def _split(self, pairs: Pairs, labels: Labels | None, seed: int) -> Split:
        sizes = pairs._groups.count(len(pairs)), len(pairs)
        fraction = resolved_fraction(self.validation_fraction, *sizes, self.early_stopping, self.callbacks)
        views = self._encoded_views(pairs)
        vars(self).pop("_vector_widths", None)
        if views:
            vectors = {name: view.features() for name, view in views.items()}
            self._vector_widths = {name: rows.shape[1] for name, rows in vectors.items()}
            pairs = pairs.replace(image=vectors.get("image", ...), text=vectors.get("text", ...))
        is_auto = self.validation_fraction == "auto"
        return split_rows(pairs, labels, fraction, seed, is_auto=is_auto)._replace(encoders=views)

    def _encoded_views(self, pairs: Pairs) -> dict[str, EncodedView]:
        """Return the raw items of pairs with fresh encoders, or with those of the last fit where it is continued."""
        views: dict[str, EncodedView] = {}
        for name in MODALITIES:
            given = getattr(self, f"{name}_encoder")
            if given is not None:
                device = distributed.rank_device(resolve_device(self.device))
                last = vars(self).get(f"{name}_encoder_") if self.warm_start else None
                encoder = fresh_encoder(given, last, name).to(device)
                items = getattr(pairs, name)
                if isinstance(items, PartialRows):
                    refuse_missing(items, name, f"{name}_encoder")
                views[name] = EncodedView(encoder, items, name, device, self.n_jobs, self.encoder_lr)
        return views

    def _prepare(self, split: Split, network: RetrievalNetwork, device: torch.device) -> Prepared:
        rows = split.fitting.rows
        labels = np.zeros((len(rows), 0)) if split.labels is None else split.labels.matrix
        dataset = PairsDataset(split.served("image"), split.served("text"), labels, device, rows)
        return Prepared(dataset, validation_scores(network, split))

    def _pretrain(self, network: Any, split: Split, prepared: Prepared, options: Options, seed: int) -> None:
        """Train a text network on the labels, where one is wanted."""
        if isinstance(network.text_input, PretrainedText):
            pretrain_text(network.text_input, split, self._rows_at_first(network, split, prepared), options, seed)

    def _rows_at_first(self, network: RetrievalNetwork, split: Split, prepared: Prepared) -> TrainingRows:
        """Return the fitting rows, with what encoders make before they are trained."""
        if not split.encoders:
            return prepared.rows
        return self._prepare(split._replace(encoders={}), network, prepared.rows.device).rows

    def _options(self, n: int, device: torch.device) -> Options:
        mode = compile_mode(device, n_ranks()) if self.compile else None
        return super()._options(n, device)._replace(compile=mode)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _embedding_width(self) -> int:
        vector = np.zeros((1, self.n_features_["image"]), np.float32)
        return int(encode_rows(self.network_, "image", vector).shape[1])

    def _encode_image(self, X: View) -> FloatArray:
        return encode_rows(self.network_, "image", self._vectors(X, "image"))

    def _encode_text(self, X: View) -> FloatArray:
        return encode_rows(self.network_, "text", self._vectors(X, "text"))

    @ordinary_torch()
    def _vectors(self, X: View, name: str) -> View:
        """Return the vectors of checked raw items, which are made as they are asked for; features as they are."""
        encoder = vars(self).get(f"{name}_encoder_")
        if encoder is None:
            return X
        device = next(self.network_.parameters()).device
        view = EncodedView(encoder, X, name, device, self.n_jobs)
        # An image that several rows share is encoded once.
        return view.features() if isinstance(X, IndexedRows) else view
