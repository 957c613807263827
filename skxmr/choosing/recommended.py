"""Recommend: a retriever for given data, by facts of the data alone, with the reason for every choice."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing

import skxmr
from skxmr._data.arguments import as_pairs, need_both
from skxmr._data.kinds import LabelsLike, View
from skxmr.choosing.facts import Facts, facts_of
from skxmr.choosing.table import KERNEL_ROWS, parts_of_words, with_kernels, with_votes
from skxmr.steps.per_modality import PerModality

# RACG found more than SCAN after 2,000 scenes, and much less after 60.
_ENOUGH_IMAGES = 1000
# A fifth of fewer rows is a bad guide to the weights of an ensemble.
_ENOUGH_ROWS = 500
_WHY_KERNELS = "they make closed forms nonlinear, which is better on all sets that were measured"
_WHY_VOTES = "the nearest rows vote on the labels, which raised the mAP of all that was measured with and without"


class Reason(NamedTuple):
    """A choice, and why it was made."""

    choice: str
    why: str


@dataclass(frozen=True)
class Recommendation:
    """A retriever for given data, with the reasons; :func:`recommend` makes it.

    Parameters
    ----------
    pipeline : retriever, or pipeline that ends in one
        Unfitted.
    reasons : tuple of Reason
        What was chosen, and why: pairs of `choice` and `why`.
    facts : str
        What was seen of the data.

    Examples
    --------
    >>> from skxmr import recommend
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, _ = make_multilabel_pairs(200, random_state=0)
    >>> found = recommend(pairs)
    >>> found.pipeline
    CCA(correlation_power=2.0, ridge=1.0)
    >>> found.reasons[0].choice
    'CCA'
    """

    pipeline: BaseEstimator
    reasons: tuple[Reason, ...]
    facts: str

    def __str__(self) -> str:
        lines = [f"Data: {self.facts}."]
        lines += [f"* {choice}: {why}" for choice, why in self.reasons]
        return "\n".join([*lines, str(self.pipeline)])

    def _repr_html_(self) -> str:
        rows = [f"<li><b>{escape(choice)}</b>: {escape(why)}</li>" for choice, why in self.reasons]
        diagram = self.pipeline._repr_html_() if hasattr(self.pipeline, "_repr_html_") else escape(str(self.pipeline))
        return f"<p>Data: {escape(self.facts)}.</p><ul>{''.join(rows)}</ul>{diagram}"


def recommend(X: View, y: View | LabelsLike = None, labels: LabelsLike = None) -> Recommendation:
    """Return a retriever that suits the data, with a reason for each choice; nothing is fitted.

    The rules follow from what was measured on the sets of the page of results: a method is recommended if it is the
    best on average whichever of these sets is left out. They look at the number of rows, the kinds of the views,
    whether images look like features of a pre-trained network, and whether there are labels. :class:`AutoRetriever`
    tries methods on the data themselves.

    Parameters
    ----------
    X : Pairs, or images of n rows
        Both views, or the images.
    y : labels if X is a Pairs, else texts of n rows
        The texts.
    labels : multi-hot (n, c), class ids (n,), n lists of tags, or None
        Labels of the rows.

    Returns
    -------
    Recommendation
        `pipeline`, unfitted, and `reasons`.

    Examples
    --------
    >>> from skxmr import recommend
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(600, random_state=0)
    >>> print(recommend(pairs, labels))
    Data: 600 rows, images: 20 columns (dense, 100% filled), texts: 30 columns (dense, 34% filled, none negative), 8 ...
    * MLCCA: there are labels; it is the best single method on average over the sets with so few rows
    * kernel principal components: they make closed forms nonlinear, which is better on all sets that were measured
    * NeighborVotes: the nearest rows vote on the labels, which raised the mAP of all that was measured with and without
    Pipeline(steps=[...
    """
    pairs, labels = as_pairs(X, y, labels)
    need_both(pairs.image, pairs.text, "choosing a method")
    gaps = pairs.image_missing | pairs.text_missing
    if gaps.any():
        labels = None if labels is None else _safe_indexing(labels, ~gaps)
    facts = facts_of(pairs.complete(), labels)
    if gaps.any() and facts.n_labels and not facts.of_sets:
        model, reasons = _with_gaps(int(gaps.sum()))
    elif facts.of_sets:
        model, reasons = _for_sets(facts)
    elif facts.n_labels == 0:
        model, reasons = _without_labels(facts)
    elif facts.n_rows > KERNEL_ROWS:
        model, reasons = _for_many_rows(facts)
    elif facts.of_features or facts.image.kind == "raw" or facts.n_rows < _ENOUGH_ROWS:
        model, reasons = _joined(facts)
    else:
        model, reasons = _with_labels(facts)
    views, more = _of_views(facts)
    if views is not None:
        model = Pipeline([("views", views), ("model", model)])
    if gaps.any() and not (facts.n_labels and not facts.of_sets):
        more.append(Reason("fit on pairs.complete()", f"{gaps.sum()} rows lack a view, from which it cannot learn"))
    if facts.n_images < facts.n_rows:
        more.append(Reason("rows of one image stay together", "several texts share an image; no split divides them"))
    return Recommendation(model, (*reasons, *more), str(facts))


def _for_sets(facts: Facts) -> tuple[BaseEstimator, list[Reason]]:
    """Choose among the methods for regions and words."""
    if facts.image.kind != "regions":
        why = "images are one vector each, and texts are sentences; no other method reads words in their order then"
        return skxmr.VSEPP(), [Reason("VSEPP", why)]
    if facts.text.parsed and facts.n_images >= _ENOUGH_IMAGES:
        why = "regions and parsed sentences of many images: its graphs over both found most on the generated scenes"
        return skxmr.RACG(), [Reason("RACG", why)]
    missing = "few images" if facts.text.parsed else "sentences without dependencies"
    why = f"regions, and {missing}: RACG, which found more after 2,000 scenes, found much less than SCAN after 60"
    if not facts.text.parsed:
        why = "regions, and sentences without dependencies; parse_sentences adds them, with which RACG found more"
    return skxmr.SCAN(), [Reason("SCAN", why)]


def _without_labels(facts: Facts) -> tuple[BaseEstimator, list[Reason]]:
    why = "there are no labels; of CCA, PLS and DCCA it is the best on average whichever set is left out"
    powers = "most searches chose it: directions count by the square of their correlation, so that none need be dropped"
    reasons = [Reason("CCA", why), Reason("correlation_power=2", powers)]
    return skxmr.CCA(ridge=1.0, correlation_power=2.0), reasons


def _joined(facts: Facts) -> tuple[BaseEstimator, list[Reason]]:
    """Join three methods, by equal weights where rows are too few to choose weights on some of them."""
    few = facts.n_rows < _ENOUGH_ROWS
    non_negative = facts.image.non_negative or facts.image.kind == "raw"
    members = [
        ("MLCCA", _on_kernels(skxmr.MLCCA(ridge=0.25, correlation_power=0.5), non_negative)),
        ("SemanticMatching", _on_kernels(skxmr.SemanticMatching(ridge=0.25, tag_folds=None), non_negative)),
        ("IGNN", with_votes(skxmr.IGNN())),
    ]
    why = "images look like features of a pre-trained network; on both sets of such features it is the best"
    if few:
        why = "few rows: of 60 to 400 rows it was above MLCCA and SemanticMatching that were searched, on three sets"
    reasons = [
        Reason("RetrieverEnsemble of MLCCA, SemanticMatching and IGNN", why),
        Reason("kernel principal components", _WHY_KERNELS),
        Reason("NeighborVotes", _WHY_VOTES),
    ]
    if few:
        return skxmr.RetrieverEnsemble(members), reasons
    reasons.append(Reason('weights="validation"', "which member is the best differs from set to set"))
    return skxmr.RetrieverEnsemble(members, weights="validation"), reasons


def _on_kernels(model: BaseEstimator, non_negative: bool) -> Pipeline:
    return with_votes(with_kernels(model, non_negative))


def _with_gaps(n: int) -> tuple[BaseEstimator, list[Reason]]:
    why = f"{n} rows have no image or no text, and it is the baseline that learns from such rows as well"
    return skxmr.SemanticMatching(), [Reason("SemanticMatching", why)]


def _with_labels(facts: Facts) -> tuple[BaseEstimator, list[Reason]]:
    reasons = [
        Reason("MLCCA", "there are labels; it is the best single method on average over the sets with so few rows"),
        Reason("kernel principal components", _WHY_KERNELS),
        Reason("NeighborVotes", _WHY_VOTES),
    ]
    return _on_kernels(skxmr.MLCCA(ridge=0.25, correlation_power=0.5), facts.image.non_negative), reasons


def _for_many_rows(facts: Facts) -> tuple[BaseEstimator, list[Reason]]:
    reasons = [
        Reason("IGNN", "there are labels; it is the best deep method on average whichever set is left out"),
        Reason("a deep method", f"more than {KERNEL_ROWS:,} rows are too many for exact kernels"),
    ]
    if facts.labels_per_row <= 1:
        why = "rows have one label: there DAGNN and DSCMR were ahead on wikipedia, a single set, which makes no rule"
        reasons.append(Reason("DAGNN and DSCMR are worth a try", why))
    return skxmr.IGNN(), reasons


def _of_views(facts: Facts) -> tuple[PerModality | None, list[Reason]]:
    """Choose what turns raw items into vectors, where there are any."""
    chosen: dict[str, BaseEstimator] = {}
    reasons = []
    if facts.image.kind == "raw":
        from skxmr.features import ImageFeatures

        chosen["image"] = ImageFeatures("efficientnet_lite0")
        reasons.append(Reason("ImageFeatures", "images are raw; its weights are an ordinary package. Set cache=folder"))
    if facts.text.kind == "raw" and not facts.of_sets:
        chosen["text"] = parts_of_words()
        why = "texts are raw; parts of three to five letters also match other forms of a word"
        reasons.append(Reason("tf-idf of parts of words", why))
    return (PerModality(**chosen) if chosen else None), reasons
