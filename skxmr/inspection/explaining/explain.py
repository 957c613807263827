"""Why a model finds an image and a text similar."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator

from skxmr._data.kinds import LabelsLike, View, take
from skxmr._data.pairs import Pairs
from skxmr.inspection.explaining.explained import explained
from skxmr.inspection.explaining.explanation import Explanation
from skxmr.inspection.explaining.single_rows import single_rows
from skxmr.metrics._asking import need_retriever
from skxmr.search import RetrievalIndex


def explain(
    model: BaseEstimator | RetrievalIndex,
    query: View,
    item: View,
    *,
    query_labels: LabelsLike = None,
    item_labels: LabelsLike = None,
) -> Explanation:
    """Explain the similarity of a query and an item.

    What there is to say depends on the method. In linear methods, which are `CCA`, `PLS`, `MLCCA`, `AlignedEmbeddings`
    and the built-in regression of `SemanticMatching`, every feature of the query adds a part of the similarity, and
    these parts sum up to it. Methods that score labels say which labels the two have in common, and where there is a
    label graph, which path leads from one to the other. `RACG` and `SCAN` say which regions and words attend to each
    other. A `RetrieverEnsemble` says what each of its methods adds, and its features add the weighted mean of what
    they add to them. `TwoStage` is explained by its second stage, which alone gives two rows their similarity.

    Parameters
    ----------
    model : fitted retriever, a pipeline or search around one, or a RetrievalIndex
        What computed the similarity.
    query : image or text, or a Pairs of one row
        A single vector, caption, file or image, a view of one row, or a `Pairs` that holds it. What is no `Pairs` is
        taken for an image, unless the item is a `Pairs` of an image: texts are asked for as ``Pairs(text=[caption])``.
    item : image or text, or a Pairs of one row
        What was found, in the same forms; what is no `Pairs` is taken for a text, unless the query is one. For an
        index it is the id of the item.
    query_labels, item_labels : collection of tags, row of 0 and 1, or None
        The labels that the two have, if they are known. None takes those that the method names: whose scores reach
        their thresholds or, where it has no thresholds, the three that score best.

    Returns
    -------
    Explanation
        With a ``text``, a ``to_frame()`` and a ``plot()``.

    Raises
    ------
    TypeError
        If the model is no retriever.
    ValueError
        If the query or the item is not one row, or both hold an image and a text, or an index does not know the id or
        keeps only the vector of the item.

    Notes
    -----
    With the embeddings ``u = (x - m) W`` of the query and v of the item, the similarity is ``u . v / (|u| |v|)``. It is
    linear in x once the lengths are taken as they are: feature i of the query adds
    ``(x_i - m_i) (W v)_i / (|u| |v|)``, where m are the averages of the fitted rows. A word that a text does not have
    has the value 0, which is below its average, so that it adds a little as well. Features of the item add their parts
    in the same way. Both sides split the same number: each adds up to the similarity. The regression of
    `SemanticMatching` has intercepts, whose part is called ``(constant)``. All of this is computed in double precision,
    so that the similarity may differ from that of float32 by rounding.

    In front of the method, these steps of scikit-learn are linear and are followed back to the features before them:
    the scalers unless they clip, ``PCA``, ``IncrementalPCA``, ``TruncatedSVD`` and the selections of features. Other
    steps are not; features are then those that come out of the last such step, such as the words of a
    ``TfidfVectorizer``. Before a ``PCA``, averages are those that it can see.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import TfidfVectorizer
    >>> from sklearn.pipeline import make_pipeline
    >>> from skxmr import CCA, Pairs, PerModality
    >>> from skxmr.inspection import explain
    >>> pairs = Pairs([[1.0, 0.1], [0.8, 0.0], [0.1, 1.0], [0.0, 0.7]], ["a bird", "red bird", "a boat", "red boat"])
    >>> model = make_pipeline(PerModality(text=TfidfVectorizer()), CCA(1)).fit(pairs)
    >>> found = explain(model, [0.9, 0.0], "the bird")
    >>> found.to_frame()["feature"].tolist()
    ['x0', 'x1', 'bird', 'boat', 'red']
    """
    if isinstance(model, RetrievalIndex):
        item = _item_of(model, item)
        model = model.model
    need_retriever(model, "model")
    return explained([], model, single_rows(query, item), (query_labels, item_labels))


def _item_of(index: RetrievalIndex, item: View) -> View:
    """Return the item that an index knows by an id: its caption, its file or its picture."""
    if not isinstance(item, (str, Integral)):
        return item
    if item not in index:
        raise ValueError(f"item is {item!r}, which is no id of the index; index.ids holds those that there are.")
    value = str(item) if isinstance(item, str) else int(item)
    state = index._items.state
    found = state.table.values_at(np.array([index._items.known()[value]]))
    if value in index._items.pictures:
        view, row = index._items.pictures[value]
        return Pairs(take(view, slice(row, row + 1)))
    raw = found.get("item", [None])[0]
    if raw is None:
        raise ValueError(
            f"the index keeps the vector of item {item!r} and not what it was made of; pass the item itself, as "
            "explain(index.model, query, item)."
        )
    return Pairs([raw]) if found["modality"][0] == "image" else Pairs(text=[raw])
