"""PairwiseRetriever: the base of methods that compare the regions of an image with the words of a text."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions

from skxmr._data.labels import Labels
from skxmr._data.packed import Packed
from skxmr._data.pairs import Pairs
from skxmr._data.repeated import IndexedRows
from skxmr.base import ComparingRetriever
from skxmr.deep import distributed
from skxmr.deep.callbacks import SCHEDULES
from skxmr.deep.split import Split, split_rows
from skxmr.deep.trained import TrainedRetriever
from skxmr.metrics import SameGroup
from skxmr.metrics._asking import check_where
from skxmr.pairwise.batches import RegionSource, SetsDataset, WordSource
from skxmr.pairwise.checks import check_known, checked_images, checked_texts
from skxmr.pairwise.scores import pair_scores, some_pair_scores, validation_recalls

_VALIDATED = 5000  # rows that are held out at most: every image is compared with every text, after every epoch


class PairwiseRetriever(TrainedRetriever, ComparingRetriever):
    """Base of the methods that compare sets: no embeddings, a similarity of every image with every text.

    A method overrides `_build`; its network offers `encode_image` and `encode_text`, which make nodes of a batch of
    regions or words, and ``compare(images, texts) -> (a, b)``. Images are `Regions`, or an array (n, regions, d); texts
    are `Sentences`, strings, or lists of words. The vocabulary is that of the fitting rows; all unknown words are one
    word. Labels are not used for learning; what belongs together are the rows that share an image.

    Parameters
    ----------
    n_components : int, default=1024
        Width of the nodes.
    word_width : int, default=300
        Width of a word's vector. Sentences that bring vectors have their own.
    min_count : int, default=1
        Words that come less often in the fitting rows count as unknown.
    max_words : int, default=128
        Longer texts are an error: memory grows with the longest of a batch.
    parser : None, str or spacy.Language, default=None
        What gives plain strings tags and dependencies, as in :func:`parse_sentences`; None leaves them without.
    margin : float, default=0.2
        By how much a pair must be more similar than the hardest wrong one of the batch.
    lr : float, default=2e-4
        Learning rate, > 0.
    batch_size : int, default=128
        Pairs of a mini-batch; all its images are compared with all its texts.
    max_epochs : int, default=30
        Passes over the fitting rows.
    optimizer : {"adamw", "sgd"} or callable, default="adamw"
        As in :class:`DeepRetriever`.
    weight_decay : float, default=0.0
        Decoupled from the gradient with ``"adamw"``; at 0 that is Adam.
    schedule : {"constant", "cosine", "onecycle"} or int, default=15
        Of the learning rate; after every so many epochs it falls to a tenth.
    clip : float or None, default=2.0
        Longest gradient that is taken as it is; longer ones are scaled to that length.
    dropout, input_dropout : float, default=0.0
        Probability of dropping an entry of a word's vector, and a feature of a region.
    standardize : bool or "view", default="view"
        Of the features of regions, as in :class:`DeepRetriever`.
    device, precision, random_state, early_stopping : object
        As in :class:`DeepRetriever`, with the mean recall in place of mAP.
    validation_fraction : float, default=0.1
        Share of the rows held out, image by image, at most 5,000 rows; the epoch with their best mean recall is kept.
    callbacks, verbose, warm_start : object
        As in :class:`DeepRetriever`; `verbose` also shows the progress of `similarity`.

    Attributes
    ----------
    network_, history_, best_epoch_ : object
        As in :class:`DeepRetriever`; the history holds recalls.
    n_features_ : dict
        Width of the features of regions, and of the vectors of words, 0 where there were none.
    """

    _set_constraints: ClassVar[dict[str, list[Any]]] = {
        **TrainedRetriever._network_constraints,
        **{name: [Interval(Integral, 1, None, closed="left")] for name in ("word_width", "min_count", "max_words")},
        "margin": [Interval(Real, 0, None, closed="left")],
        "schedule": [StrOptions(set(SCHEDULES)), Interval(Integral, 1, None, closed="left")],
        "clip": [Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(
        self,
        n_components: int = 1024,
        *,
        word_width: int = 300,
        min_count: int = 1,
        max_words: int = 128,
        parser: Any = None,
        margin: float = 0.2,
        lr: float = 2e-4,
        batch_size: int = 128,
        max_epochs: int = 30,
        optimizer: Any = "adamw",
        weight_decay: float = 0.0,
        schedule: str | int = 15,
        clip: float | None = 2.0,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        standardize: bool | str = "view",
        device: str = "auto",
        precision: str = "float32",
        random_state: Any = None,
        early_stopping: int | None = None,
        validation_fraction: float = 0.1,
        callbacks: list[Any] | None = None,
        verbose: int = 0,
        warm_start: bool = False,
    ) -> None:
        self.n_components = n_components
        self.word_width = word_width
        self.min_count = min_count
        self.max_words = max_words
        self.parser = parser
        self.margin = margin
        self.lr = lr
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.optimizer = optimizer
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.clip = clip
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.standardize = standardize
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.callbacks = callbacks
        self.verbose = verbose
        self.warm_start = warm_start

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return small widths and one epoch."""
        return [{"n_components": 8, "word_width": 8, "batch_size": 10, "max_epochs": 1, "random_state": 0}]

    def _similarity(self, image: Any, text: Any, where: Any) -> Any:
        images = self._checked_view(image, "image", 1, self.n_features_["image"], None)
        texts = self._checked_view(text, "text", 1, self.n_features_["text"], None)
        sources = self._sources(images, texts.packed(), self.network_)
        if where is None:
            return pair_scores(self.network_, *sources, self.verbose)
        return some_pair_scores(self.network_, *sources, check_where(where, len(images), len(texts)), self.verbose)

    def _checked_view(self, view: Any, name: str, min_rows: int, width: int | None, columns: Any) -> Any:
        if name == "image":
            return checked_images(view, min_rows, width)
        texts = checked_texts(view, min_rows, width, self.max_words, self.parser)
        if width is not None:
            check_known(self.network_.vocabulary, texts)
        return texts

    def _widths(self, pairs: Pairs) -> dict[str, int]:
        return {"image": int(pairs.image.view.shape[2]), "text": pairs.text.width or 0}

    def _split(self, pairs: Pairs, labels: Labels | None, seed: int) -> Split:
        if distributed.n_ranks() > 1:
            raise ValueError(f"{type(self).__name__} trains in one process; end the process group before fit.")
        if len(np.unique(pairs.groups)) < 2:
            raise ValueError("all texts are about one image, so there is nothing to tell apart; at least 2 are needed.")
        return split_rows(pairs, None, min(self.validation_fraction, _VALIDATED / len(pairs)), seed)

    def _dataset(self, split: Split, network: Any, device: torch.device) -> SetsDataset:
        parts = [split.pairs] if split.validation is None else [split.pairs, split.validation[0]]
        view, packed = split.pairs.image.view, split.pairs.text.packed()[0]
        everything = IndexedRows(view, np.concatenate([rows.image.index for rows in parts]))
        words = np.concatenate([rows.text.packed()[1] for rows in parts])
        images, texts = self._sources(everything, (packed, words), network, device)
        n = len(split.pairs)
        dataset = SetsDataset(images.of(split.pairs.image), texts.of(slice(n)), _groups(split.pairs), device)
        if split.validation is not None:
            shown, first = np.unique(parts[1].image.index, return_index=True)
            groups = _groups(parts[1])
            relevance = SameGroup(groups[first], groups)
            dataset.held_out = images.of(IndexedRows(view, shown)), texts.of(slice(n, None)), relevance
        return dataset

    def _measure(self, network: Any, split: Split, dataset: Any) -> Callable[[], dict[str, float]] | None:
        return None if dataset.held_out is None else validation_recalls(network, *dataset.held_out)

    def _sources(
        self, images: IndexedRows, texts: tuple[Packed, Any], network: Any, device: torch.device | None = None
    ) -> tuple[RegionSource, WordSource]:
        device = next(network.parameters()).device if device is None else device
        if network.positions and images.view.boxes is None:
            raise ValueError("the model was fitted with boxes; pass Regions(features, boxes).")
        return RegionSource(images, device), WordSource(*texts, network.vocabulary, device)


def _groups(rows: Any) -> Any:
    """Return which rows share their image."""
    return rows.image.index if rows.groups is None else rows.groups
