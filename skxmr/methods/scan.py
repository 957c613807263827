"""Stacked cross attention."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar, Self

from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from skxmr._data.estimator import Constraints
from skxmr._data.option_checks import check_choice
from skxmr.deep.loop import Learner, LoopOptions
from skxmr.deep.split import Split
from skxmr.nn.contrastive import hardest_triplets
from skxmr.nn.objective import Objective, Outputs
from skxmr.pairwise.cross_attention import attended_cosines, attention_weights, pooled
from skxmr.pairwise.networks import Encoders, SetNetwork, set_encoders
from skxmr.pairwise.retriever import PairwiseRetriever
from skxmr.pairwise.sets import NodeSet, SetBatch

SHARPNESS = {"text_to_image": 9.0, "image_to_text": 4.0}
POOLING = {"text_to_image": 6.0, "image_to_text": 5.0}


class SCANNetwork(SetNetwork):
    """Cosines of single words with what they attend to in the image, or of regions in the text, pooled.

    Parameters
    ----------
    encoders : Encoders
        Of regions and of words.
    d : int
        Width of the nodes.
    attention : {"text_to_image", "image_to_text"}
        What attends to what.
    sharpness : float
        Inverse temperature of the attention.
    pooling : float or None
        Sharpness of the log-sum-exp that pools the cosines; None takes their mean.
    """

    def __init__(self, encoders: Encoders, d: int, attention: str, sharpness: float, pooling: float | None) -> None:
        super().__init__(encoders, d)
        self.attention = attention
        self.sharpness = sharpness
        self.pooling = pooling

    def compare(self, images: NodeSet, texts: NodeSet) -> Tensor:
        """Return the similarities (a, b)."""
        if self.attention == "text_to_image":
            cosines = attended_cosines(images.h, images.mask, texts.h, texts.mask, self.sharpness)  # (a, b, w)
            return pooled(cosines, texts.mask[None], self.pooling)
        cosines = attended_cosines(texts.h, texts.mask, images.h, images.mask, self.sharpness)  # (b, a, r)
        return pooled(cosines, images.mask[None], self.pooling).T

    def attention_between(self, images: NodeSet, texts: NodeSet) -> Tensor:
        """Return the attention between regions and words (a, b, r, w): eqs. 2 and 9."""
        products = images.h[:, None] @ texts.h[None].transpose(2, 3)  # (a, b, r, w)
        if self.attention == "text_to_image":
            return attention_weights(products, images.mask, texts.mask, self.sharpness).transpose(2, 3)
        turned = products.permute(1, 0, 3, 2)  # (b, a, w, r)
        return attention_weights(turned, texts.mask, images.mask, self.sharpness).transpose(0, 1)


class SCANObjective(Objective):
    """The hinge on the hardest negatives of the batch, summed."""

    def __init__(self, margin: float) -> None:
        super().__init__({"triplets": 1.0})
        self.margin = margin

    def triplets(self, outputs: Outputs, batch: SetBatch) -> Tensor:
        """SCAN eq. 12."""
        return hardest_triplets(outputs["similarity"], batch.same_image, self.margin)


class SCAN(PairwiseRetriever):
    """Stacked cross attention: every word attends to the regions of an image, or every region to the words of a text.

    The similarity of a pair is pooled from the cosines of single words with the regions they attend to
    (``attention="text_to_image"``), or of regions with words. The loss looks at the hardest negatives of a batch.
    Boxes, tags and dependencies are not used.

    Parameters
    ----------
    attention : {"text_to_image", "image_to_text"}, default="text_to_image"
        What attends to what: words to regions, or regions to words.
    sharpness : float or "auto", default="auto"
        Inverse temperature of the attention, lambda_1; ``"auto"`` is 9 for words and 4 for regions.
    pooling : {"lse", "mean"}, default="lse"
        How the cosines become one number: log-sum-exp, or their mean.
    pooling_sharpness : float, "auto" or dict of str to float, default="auto"
        lambda_2 of the log-sum-exp; ``"auto"`` is 6 for words and 5 for regions. A dict has a value for each direction
        of `attention`, of which that of the direction in use is taken.

    References
    ----------
    Lee et al., "Stacked cross attention for image-text matching", ECCV 2018, eqs. 1-12. Deviation: features are scaled
    as a whole (``standardize=False`` leaves them).

    Examples
    --------
    >>> from skxmr import SCAN, Pairs, Regions
    >>> from skxmr.datasets import make_captioned_scenes
    >>> scenes = make_captioned_scenes(20, random_state=0)
    >>> pairs = Pairs(Regions(scenes.regions, mask=scenes.mask), scenes.sentences, image_index=scenes.image_index)
    >>> model = SCAN(16, word_width=8, batch_size=20, max_epochs=2, random_state=0).fit(pairs)
    >>> model.similarity(pairs[:10]).shape
    (2, 10)
    """

    attention: str = "text_to_image"
    sharpness: float | str = "auto"
    pooling: str = "lse"
    pooling_sharpness: float | str | dict[str, float] = "auto"
    _parameter_constraints: ClassVar[Constraints] = {
        "attention": [StrOptions(set(SHARPNESS))],
        "pooling": [StrOptions({"lse", "mean"})],
        "sharpness": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "pooling_sharpness": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"}), dict],
    }

    @classmethod
    def paper(cls, dataset: str = "flickr30k", **overrides: Any) -> Self:
        """Return an estimator with the paper's constants as ordinary parameters.

        Parameters
        ----------
        dataset : {"flickr30k", "coco"}, default="flickr30k"
            Decides rates, epochs and pooling, which depends on the direction of attention, even if that is set later.
        **overrides : object
            Parameters that differ.

        Returns
        -------
        SCAN
            Unfitted.
        """
        check_choice(dataset, "dataset", ("flickr30k", "coco"))
        constants: dict[str, Any] = {"standardize": False, "min_count": 4}
        if dataset == "coco":
            constants |= {"lr": 5e-4, "max_epochs": 20, "schedule": 10}
            constants["pooling_sharpness"] = POOLING | {"image_to_text": 20.0}
        return cls(**constants | overrides)

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return small sizes, with attention in the direction that is not the default."""
        (small,) = super()._get_test_params()
        return [small | {"attention": "image_to_text"}]

    def _build(self, split: Split) -> Learner:
        sharpness = SHARPNESS[self.attention] if isinstance(self.sharpness, str) else self.sharpness
        pooling = self._pooling() if self.pooling == "lse" else None
        encoders = set_encoders(self, split, unit_length=True)
        network = SCANNetwork(encoders, self.n_components, self.attention, sharpness, pooling)
        return Learner(network, SCANObjective(self.margin), LoopOptions(clip=self.clip))

    def _pooling(self) -> float:
        """Return the sharpness of the log-sum-exp for the direction of attention."""
        given = POOLING if isinstance(self.pooling_sharpness, str) else self.pooling_sharpness
        if not isinstance(given, dict):
            return given
        value = given.get(self.attention)
        if set(given) - set(POOLING) or not isinstance(value, Real) or not 0 < value < float("inf"):
            raise ValueError(
                f"pooling_sharpness={given!r} must be a number > 0, 'auto', or a dict with a number > 0 for "
                f"attention={self.attention!r}; its keys are directions, {sorted(POOLING)}."
            )
        return float(value)
