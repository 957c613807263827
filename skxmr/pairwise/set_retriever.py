"""SetRetriever: what all methods share that learn from the regions of an image and the words of a text."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import field
from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions

from skxmr._data.estimator import Constraints
from skxmr._data.kinds import View
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr._data.repeated import IndexedRows
from skxmr._data.sentences import Sentences
from skxmr.deep import distributed
from skxmr.deep.loop import Prepared
from skxmr.deep.options import SCHEDULES, resolved_fraction
from skxmr.deep.split import Split, split_rows
from skxmr.deep.trained import TrainedRetriever
from skxmr.metrics import SameGroup
from skxmr.pairwise.batches import SetsDataset
from skxmr.pairwise.checks import check_known, checked_images, checked_texts
from skxmr.pairwise.networks import EncodingNetwork
from skxmr.pairwise.scores import validation_recalls
from skxmr.pairwise.sources import RegionSource, WordSource

if TYPE_CHECKING:
    from spacy.language import Language

# Rows that are held out at most, because after every epoch each of their images is compared with each of their texts.
_VALIDATED = 5000


class SetRetriever(TrainedRetriever):
    """Base of the methods that learn from images as regions and texts as words: checks, vocabulary, batches, recalls.

    There are two kinds. A :class:`PairwiseRetriever` compares an image and a text directly. A method that embeds, such
    as :class:`VSEPP`, also derives from :class:`CrossModalRetriever`. A method overrides `_build`, whose network has
    `encode_image` and `encode_text` for batches of regions and of words. Images are `Regions`, or an array (n, regions,
    d); texts are `Sentences`, strings, or lists of words. The vocabulary is that of the fitting rows; all unknown words
    are one word. Labels are not used for learning; what belongs together are the rows that share an image.

    Parameters
    ----------
    n_components : int, default=1024
        Width of the vectors of regions and of words, or of images and of texts.
    word_width : int, default=300
        Width of the vector of a word that is learned. Sentences that bring vectors have their own, which stay as they
        are; their words need no vocabulary.
    min_count : int, default=1
        Words that occur less often in the fitting rows count as unknown.
    max_words : int, default=128
        Longer texts are an error, because memory grows with the longest text of a batch.
    parser : None, str or spacy.Language, default=None
        What gives plain strings tags and dependencies, as in :func:`parse_sentences`; None leaves them without. It is
        asked in `fit` and for queries, and `Sentences` pass it as they are. Give the name or folder of a pipeline: a
        loaded one is copied with the estimator, parses texts again that it has seen, and cannot be saved.
    margin : float, default=0.2
        By how much a pair must be more similar than the hardest wrong one of the batch.
    clip : float or None, default=2.0
        Longest gradient that is used as it is; longer ones are scaled to this length.
    batch_size : int, default=128
        Number of pairs in a mini-batch, at least 2; all its images are compared with all its texts.
    max_epochs : int, default=30
        Number of passes over the fitting rows.
    schedule : {"constant", "cosine", "onecycle"} or int, default=15
        How the learning rate changes; an integer k divides it by ten after every k epochs.
    dropout : float, default=0.0
        Probability of dropping an entry of a word's vector, in [0, 1).
    input_dropout : float, default=0.0
        Probability of dropping a feature of a region, in [0, 1).
    early_stopping : int or None, default=None
        Stop after this number of epochs without a better mean recall of the validation rows.
    validation_fraction : float or "auto", default="auto"
        Share of the rows held out for validation, in [0, 1): whole images, and at most 5,000 rows. The epoch with their
        best mean recall is kept. 0 fits on all rows and keeps the last epoch. ``"auto"`` is 0.1 for at least 500
        images, and where `early_stopping` or a callback waits for validation scores; otherwise it is 0.

    Attributes
    ----------
    n_features_ : dict
        Width of the features of regions, and of the vectors of words, 0 where there were none.
    """

    network_: EncodingNetwork = field(init=False)
    n_components: int = field(default=1024, kw_only=False)
    word_width: int = 300
    min_count: int = 1
    max_words: int = 128
    parser: str | Language | None = None
    margin: float = 0.2
    clip: float | None = 2.0
    lr: float = 2e-4
    batch_size: int = 128
    max_epochs: int = 30
    weight_decay: float = 0.0
    schedule: str | int = 15
    dropout: float = 0.0
    input_dropout: float = 0.0
    _parameter_constraints: ClassVar[Constraints] = {
        **{name: [Interval(Integral, 1, None, closed="left")] for name in ("word_width", "min_count", "max_words")},
        "margin": [Interval(Real, 0, None, closed="left")],
        "clip": [Interval(Real, 0, None, closed="neither"), None],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "schedule": [StrOptions(set(SCHEDULES)), Interval(Integral, 1, None, closed="left")],
    }

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return small widths and one epoch."""
        return [{"n_components": 8, "word_width": 8, "batch_size": 10, "max_epochs": 1, "random_state": 0}]

    def _sources(self, image: IndexedRows, text: Sentences) -> tuple[RegionSource, WordSource]:
        """Return checked views as batches on the device of the network."""
        device = next(self.network_.parameters()).device
        packed, rows = text.packed()
        images = _region_source(image, self.network_, device)
        return images, WordSource(packed, rows, self.network_.vocabulary, device)

    def _checked_view(
        self, view: View, name: str, min_rows: int, width: int | None, columns: list[str] | None
    ) -> IndexedRows | Sentences:
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
        n_images = len(np.unique(pairs._image_numbers))
        if n_images < 2:
            raise ValueError("all texts are about one image, so there is nothing to tell apart; at least 2 are needed.")
        sizes = n_images, len(pairs)
        fraction = resolved_fraction(self.validation_fraction, *sizes, self.early_stopping, self.callbacks)
        is_auto = self.validation_fraction == "auto"
        return split_rows(pairs, None, min(fraction, _VALIDATED / len(pairs)), seed, is_auto=is_auto)

    def _prepare(self, split: Split, network: Any, device: torch.device) -> Prepared:
        image: IndexedRows = split.pairs.image
        packed, texts_of_rows = split.pairs.text.packed()
        fitting = split.fitting.rows
        held_out = fitting[:0] if split.validation is None else split.validation.rows
        # The rows of both parts are moved to the device together.
        both = np.concatenate([fitting, held_out])
        images = _region_source(image[both], network, device)
        texts = WordSource(packed, texts_of_rows[both], network.vocabulary, device)
        n = len(fitting)
        groups = split.pairs._image_numbers
        dataset = SetsDataset(images.of(image[fitting]), texts.of(slice(n)), groups[fitting], device)
        if split.validation is None:
            return Prepared(dataset, None)
        shown, first = np.unique(image.index[held_out], return_index=True)
        relevance = SameGroup(groups[held_out][first], groups[held_out])
        queries = images.of(IndexedRows(image.view, shown)), texts.of(slice(n, None))
        return Prepared(dataset, validation_recalls(network, partial(self._scores, network, *queries), relevance))

    @abstractmethod
    def _scores(self, network: Any, images: RegionSource, texts: WordSource) -> NDArray[np.float32]:
        """Return the similarity of every image with every text by a network, (n, m); validation asks for it."""

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        return tags


def _region_source(images: IndexedRows, network: EncodingNetwork, device: torch.device) -> RegionSource:
    """Return the images as batches; refuse images without boxes if the network looks at boxes."""
    if network.needs_boxes and images.view.boxes is None:
        raise ValueError("the model was fitted with boxes; pass Regions(features, boxes).")
    return RegionSource(images, device)
