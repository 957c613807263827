"""What a retriever is asked for, also through a pipeline or a search around it."""

from __future__ import annotations

import scipy.sparse as sp
from sklearn.base import BaseEstimator

from skxmr._data.arguments import image_and_text, one_view
from skxmr._data.kinds import FloatArray, View
from skxmr._data.pairs import Pairs
from skxmr._docstrings import documented_like
from skxmr.base.annotating import AnnotatingRetriever, Scores, Tags
from skxmr.base.thresholds import Threshold
from skxmr.metrics._asking import Where, need_retriever, some_similarities, unwrapped, whole_similarity


def similarity(
    model: BaseEstimator, image: View, text: View = None, where: Where | None = None
) -> FloatArray | sp.csr_array:
    """Similarity of every image with every text, by a retriever or a pipeline or search around one.

    Parameters
    ----------
    model : retriever, or a pipeline or search around one
        Fitted.
    image : Pairs, or images of n rows
        As the first step of the pipeline takes them. A `Pairs` gives both views; an image that several of its rows
        share is one row of the answer.
    text : texts of m rows, or None
        Any number of texts; needed unless `image` is a `Pairs`.
    where : bool array or sparse matrix of shape (n, m), or None
        Which pairs; None is all.

    Returns
    -------
    ndarray of shape (n, m), or csr_array
        Larger means more similar; sparse, with an entry for each pair, if `where` is given.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skxmr import CCA, PerModality, similarity
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(random_state=0)
    >>> model = make_pipeline(PerModality(image=StandardScaler()), CCA(4)).fit(pairs, labels)
    >>> similarity(model, pairs.image[:3], pairs.text[:5]).shape
    (3, 5)
    """
    need_retriever(model, "model")
    image, text = image_and_text(image, text, "similarity")
    if where is None:
        return whole_similarity(model, Pairs(image), Pairs(text=text))
    return some_similarities(model, Pairs(image), Pairs(text=text), where)


@documented_like(AnnotatingRetriever.annotate)
def annotate(
    model: BaseEstimator,
    image: View = None,
    text: View = None,
    k: int | None = None,
    threshold: Threshold = None,
    return_scores: bool = False,
) -> Tags | tuple[Tags, Scores]:
    """Name the labels whose scores reach their thresholds, by a retriever or a pipeline or search around one.

    Parameters
    ----------
    model : retriever that scores labels, or a pipeline or search around one
        Fitted; such as :class:`SemanticMatching` or :class:`DAGNN`.
    image : images of n rows, or None
        As the first step of the pipeline takes them; give either them or the texts. A `Pairs` that holds one view may
        stand for either.
    text : texts of n rows, or None
        As the first step of the pipeline takes them.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skxmr import PerModality, SemanticMatching, annotate
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(random_state=0)
    >>> model = make_pipeline(PerModality(image=StandardScaler()), SemanticMatching()).fit(pairs, labels)
    >>> annotate(model, image=pairs.image[:3], k=2)
    [[4], [7], [6, 5]]
    """
    need_retriever(model, "model")
    pipelines, retriever = unwrapped(model)
    # FrozenEstimator passes on what the retriever in it can do.
    if not hasattr(retriever, "annotate"):
        raise TypeError(
            f"{type(retriever).__name__} scores no labels, so that it cannot annotate; use SemanticMatching, DSCMR, "
            "ACMR, DAGNN, ALGCN, IGNN or L2GCN."
        )
    name, view = one_view(image, text)
    rows = Pairs(**{name: view})
    for steps in pipelines:
        rows = steps.transform(rows)
    return retriever.annotate(rows, k=k, threshold=threshold, return_scores=return_scores)
