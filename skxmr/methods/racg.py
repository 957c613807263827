"""Relation-aggregated cross-graph: regions and words in one graph."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import field
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from skxmr._data.arguments import as_pairs, need_both
from skxmr._data.estimator import Constraints
from skxmr._data.kinds import View
from skxmr._data.option_checks import check_choice
from skxmr._data.warn import warn
from skxmr.deep.loop import Learner, LoopOptions
from skxmr.deep.split import Split
from skxmr.nn.contrastive import absolute_similarity, hardest_triplets
from skxmr.nn.objective import Objective, Outputs
from skxmr.pairwise.cross_graph import CrossGraph, Words
from skxmr.pairwise.networks import Encoders, PairNetwork, set_encoders
from skxmr.pairwise.pair_graphs import Side
from skxmr.pairwise.relations import Relations, relations_of
from skxmr.pairwise.retriever import PairwiseRetriever
from skxmr.pairwise.sets import RegionBatch, SetBatch, WordBatch
from skxmr.pairwise.vocabulary import CROSS_WORDS, is_anchor

# Arrays of the size of the nodes that a side of the graph holds.
_ARRAYS = 6


class RACGNetwork(PairNetwork[Side]):
    """Regions and words in one graph per pair.

    Parameters
    ----------
    encoders : Encoders
        Of regions and of words.
    graph : CrossGraph
        What compares them.
    d : int
        Width of the nodes.
    sparse : bool
        Whether words are connected by their dependencies.
    """

    graph: CrossGraph

    def __init__(self, encoders: Encoders, graph: CrossGraph, d: int, sparse: bool) -> None:
        super().__init__(encoders, d, _ARRAYS)
        self.graph = graph
        self.sparse = sparse

    def encode_image(self, regions: RegionBatch) -> Side:
        """Return what images bring into every graph."""
        return self.graph.image_side(self.image_encoder(regions), regions.mask)

    def encode_text(self, texts: WordBatch) -> Side:
        """Return what texts bring into every graph."""
        edges = texts.edges if self.sparse else None
        return self.graph.text_side(Words(self.text_encoder(texts), texts.mask, texts.anchors, edges))

    def compare(self, images: Side, texts: Side) -> Tensor:
        """Return the similarities (a, b)."""
        return self.graph.compare(images, texts)


class RACGObjective(Objective):
    """Hardest negatives of the batch, and absolute similarities."""

    def __init__(self, margin: float, tau: float, beta: float, gamma: float) -> None:
        super().__init__({"triplets": 1.0, "absolute": tau})
        self.margin = margin
        self.beta = beta
        self.gamma = gamma

    def triplets(self, outputs: Outputs, batch: SetBatch) -> Tensor:
        """RACG eq. 21."""
        return hardest_triplets(outputs["similarity"], batch.same_image, self.margin)

    def absolute(self, outputs: Outputs, batch: SetBatch) -> Tensor:
        """RACG eq. 22."""
        return absolute_similarity(outputs["similarity"], batch.same_image, self.beta, self.gamma)


class RACG(PairwiseRetriever):
    """Relation-aggregated cross-graph: the regions of an image and the words of a text in one graph.

    Regions exchange messages by attention, and so do words along their dependencies, and regions with nouns and
    attributes. Every region and word is then rebuilt from all nodes of the graph and compared with what it was before:
    the width of the nodes is cut into heads, every head gives a cosine, and two layers make one number of the cosines.
    The similarity is the mean of these numbers. The loss looks at the hardest negatives of a batch.

    Positions need boxes. Tags and dependencies come with the sentences (`Sentences`, or `parser`). What the fitting
    rows lack is left out: without tags all words are connected with regions, without dependencies all words with one
    another. Where the sentences bring vectors of their words, such as those of a transformer, a linear layer takes the
    place of the learned vectors and of the GRU, as in eq. 4.

    Parameters
    ----------
    n_heads : int or None, default=64
        Number of heads, k in the paper: parts of the width whose cosines are computed separately. It must divide
        `n_components`. None compares whole nodes by their cosine.
    scale : float, default=4.0
        lambda of eqs. 12 and 13: how sharply nodes choose what they are rebuilt from.
    image_graph : bool, default=True
        Whether regions exchange messages.
    text_graph : {"sparse", "dense"} or None, default="sparse"
        Which words exchange messages: ``"sparse"`` those that depend on one another (all of them if there are no
        dependencies), ``"dense"`` all of them, None no words.
    cross_graph : bool, default=True
        Whether regions and words exchange messages.
    cross_words : {"nouns", "nouns_and_attributes", "all"}, default="nouns_and_attributes"
        Which words exchange messages with regions, by their tags; the choices of Fig. 8. Attributes are adjectives and
        numbers.
    second_mean : bool, default=True
        Divide by the number of nodes once more in eq. 11, as printed.
    normalize : bool, default=False
        Divide nodes by their lengths before the graph. The paper does not, but related methods do. Attention in
        eqs. 12 and 13 is then never sharper than `scale` allows.
    position_width : int or "auto", default="auto"
        Width of the part of a region's node that says where the region is; ``"auto"`` is an eighth of `n_components`,
        0 leaves positions out.
    tag_width : int, default=15
        Width of the vector of a word's tag; 0 leaves tags out of the vectors.
    tau : float, default=0.2
        Weight of the loss on absolute similarities, eq. 23.
    beta : float, default=0.7
        The similarity of a matching pair should be above this value.
    gamma : float, default=0.3
        The similarity of the hardest negatives should be below this value.

    References
    ----------
    Peng et al., "Relation-aggregated cross-graph correlation learning for fine-grained image-text retrieval", TNNLS
    2022, eqs. 1-23; :class:`skxmr.metrics.Reranked` is eqs. 24-27. Deviations: features are scaled as a whole
    (``standardize=False`` leaves them). A position is the centre, size and area of a box. There are 32 hidden units
    behind the heads, because the paper gives no number. Its "decaying 10%" is read as a tenth. Eqs. 8-10 confuse the
    two directions of the cross-graph; here each is a softmax over the other modality.

    Examples
    --------
    >>> from skxmr import RACG, Pairs, Regions, Sentences
    >>> from skxmr.datasets import make_captioned_scenes
    >>> scenes = make_captioned_scenes(20, random_state=0)
    >>> images = Regions(scenes.regions, scenes.boxes, scenes.mask)
    >>> texts = Sentences(scenes.tokens, scenes.tags, scenes.heads)
    >>> pairs = Pairs(images, texts, image_index=scenes.image_index)
    >>> model = RACG(16, n_heads=4, word_width=8, batch_size=20, max_epochs=2, random_state=0).fit(pairs)
    >>> model.similarity(images[:3], texts[:7]).shape
    (3, 7)
    """

    network_: RACGNetwork = field(init=False)
    n_heads: int | None = 64
    scale: float = 4.0
    image_graph: bool = True
    text_graph: str | None = "sparse"
    cross_graph: bool = True
    cross_words: str = "nouns_and_attributes"
    second_mean: bool = True
    normalize: bool = False
    position_width: int | str = "auto"
    tag_width: int = 15
    tau: float = 0.2
    beta: float = 0.7
    gamma: float = 0.3
    batch_size: int = 80
    max_epochs: int = 25
    schedule: str | int = 10
    _parameter_constraints: ClassVar[Constraints] = {
        "n_heads": [Interval(Integral, 1, None, closed="left"), None],
        "scale": [Interval(Real, 0, None, closed="neither")],
        **{name: ["boolean"] for name in ("image_graph", "cross_graph", "second_mean", "normalize")},
        "text_graph": [StrOptions({"sparse", "dense"}), None],
        "cross_words": [StrOptions(set(CROSS_WORDS))],
        "position_width": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
        "tag_width": [Interval(Integral, 0, None, closed="left")],
        "tau": [Interval(Real, 0, None, closed="left")],
        **{name: [Interval(Real, None, None, closed="neither")] for name in ("beta", "gamma")},
    }

    @classmethod
    def paper(cls, dataset: str = "flickr30k", **overrides: Any) -> Self:
        """Return an estimator with the paper's constants as ordinary parameters.

        Parameters
        ----------
        dataset : {"flickr30k", "coco"}, default="flickr30k"
            Decides after how many epochs the rate falls.
        **overrides : object
            Parameters that differ.

        Returns
        -------
        RACG
            Unfitted.
        """
        check_choice(dataset, "dataset", ("flickr30k", "coco"))
        constants: dict[str, Any] = {"standardize": False, "clip": None}
        return cls(**constants | {"schedule": {"flickr30k": 10, "coco": 15}[dataset]} | overrides)

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return small sizes; the number of heads divides the width of the nodes."""
        (small,) = super()._get_test_params()
        return [small | {"n_heads": 4}]

    def relations(self, image: View, text: View = None) -> list[Relations]:
        """Nodes and attention in the graphs of single pairs, to be looked at: Figs. 6 and 7.

        Parameters
        ----------
        image, text : Regions and Sentences of n rows, or one Pairs
            Row i of the images is compared with row i of the texts.

        Returns
        -------
        list of n Relations
            The graph of each row.
        """
        check_is_fitted(self)
        pairs, _ = as_pairs(image, text)
        need_both(pairs.image, pairs.text, "relations")
        images = self._checked_query(pairs.image, "image")
        texts = self._checked_query(pairs.text, "text")
        network = self.network_
        regions, words = self._sources(images, texts)
        found = []
        with torch.inference_mode():
            for row in torch.split(torch.arange(len(regions), device="cpu"), 1):
                sides = network.encode_image(regions.rows(row)), network.encode_text(words.rows(row))
                found.append(relations_of(network.graph, *sides))
        return found

    def _build(self, split: Split) -> Learner:
        d = self.n_components
        position_width = self._position_width(has_boxes=split.pairs.image.view.boxes is not None)
        sparse = self.text_graph == "sparse"
        uses = ["tags", "heads"] if sparse else ["tags"]
        encoders = set_encoders(
            self, split, self.normalize, position_width, self.tag_width, uses, cross_words=self.cross_words
        )
        self._check_cross_words(encoders.vocabulary.tags)
        graph = CrossGraph(
            d,
            self.n_heads,
            self.scale,
            image_graph=self.image_graph,
            text_graph=self.text_graph is not None,
            cross_graph=self.cross_graph,
            second_mean=self.second_mean,
        )
        network = RACGNetwork(encoders, graph, d, sparse)
        objective = RACGObjective(self.margin, self.tau, self.beta, self.gamma)
        return Learner(network, objective, LoopOptions(clip=self.clip))

    def _check_cross_words(self, tags: Collection[str]) -> None:
        """Refuse tags of which none is known, and warn if the choice of words has no effect."""
        choice = self.cross_words
        if choice != "nouns_and_attributes" and not self.cross_graph:
            warn(f"cross_words={choice!r} has no effect with cross_graph=False.")
        elif choice == "nouns" and not tags:
            warn("cross_words='nouns' has no effect, because the words have no tags; all of them touch regions.")
        if self.cross_graph and tags and not any(is_anchor(tag, choice) for tag in tags):
            wanted = "a noun" if choice == "nouns" else "a noun or an attribute"
            raise ValueError(
                f"no word is tagged as {wanted}, so none touches a region; the tags are {sorted(tags)}, "
                "universal (NOUN, ADJ) or Penn (NN, JJ) ones are known. Leave tags out, or set cross_words='all' or "
                "cross_graph=False."
            )

    def _position_width(self, has_boxes: bool) -> int:
        """Return the width of the part of a node that says where the region is."""
        d = self.n_components
        width = d // 8 if isinstance(self.position_width, str) else self.position_width
        if width >= d:
            raise ValueError(f"position_width={width} leaves nothing of n_components={d} for the features.")
        return width if has_boxes else 0
