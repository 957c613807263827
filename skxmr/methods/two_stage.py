"""TwoStage: candidates by a method that embeds, their order by one that compares pair by pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.utils import gen_batches, get_tags
from sklearn.utils.validation import check_is_fitted

from skxmr._data.arguments import image_and_text, one_view
from skxmr._data.kinds import AnyArray, BoolArray, FloatArray, LabelsLike, View, n_rows, take
from skxmr._data.option_checks import check_k
from skxmr._data.packed import words_of
from skxmr._data.pairs import Pairs
from skxmr._data.regions import Regions
from skxmr._data.repeated import distinct
from skxmr.methods._combined import CombinedRetriever
from skxmr.metrics._asking import need_retriever, some_similarities, whole_similarity
from skxmr.steps.mean_regions import MeanRegions
from skxmr.steps.per_modality import PerModality

if TYPE_CHECKING:
    from skxmr.search.hits import Hits

# Similarities that are looked at together.
_BLOCK = 2**22


class TwoStage(CombinedRetriever):
    """Two-stage search: a cheap retriever finds candidates, an expensive one re-ranks them.

    The candidates of an image are the k texts that `first` finds most similar, and those of a text are the k most
    similar images. `second` compares only these pairs. In `similarity` all other pairs come below the candidates, in
    the order of `first`. Which pairs are candidates depends on all images and texts that are given, and so does every
    similarity; with ``where=``, `second` compares the pairs that it holds.

    Parameters
    ----------
    first : retriever, pipeline that ends in one, or RetrievalIndex
        It must embed. An index is used as it is, for `search` among its items. If it is neither a pipeline nor an index
        and is fitted on `Regions` or texts, it is given the mean of the regions of each image and tf-idf weights of the
        words, unless it takes regions and words itself, as :class:`VSEPP` does; for anything else, pass a pipeline.
    second : retriever, or a pipeline that ends in one
        Such as :class:`RACG` or :class:`SCAN`.
    k : int, default=100
        Number of candidates per query.

    Attributes
    ----------
    first_, second_ : estimator
        Fitted clones; an index itself.

    Raises
    ------
    TypeError
        If `first` compares pairs itself and so makes no embeddings.
    ValueError
        If k is no positive integer.

    Examples
    --------
    >>> from skxmr import CCA, SCAN, Pairs, Regions, TwoStage
    >>> from skxmr.datasets import make_captioned_scenes
    >>> scenes = make_captioned_scenes(30, random_state=0)
    >>> pairs = Pairs(Regions(scenes.regions, mask=scenes.mask), scenes.sentences, image_index=scenes.image_index)
    >>> second = SCAN(16, word_width=8, batch_size=30, max_epochs=2, random_state=0)
    >>> model = TwoStage(first=CCA(8), second=second, k=5).fit(pairs)
    >>> model.similarity(pairs).shape, model.candidates(pairs).mean().round(1)
    ((30, 150), np.float64(0.2))
    """

    def __init__(self, first: BaseEstimator, second: BaseEstimator, k: int = 100) -> None:
        self.first = first
        self.second = second
        self.k = k

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return a linear method in front of one that compares regions with words."""
        from skxmr import CCA, SCAN

        (small,) = SCAN._get_test_params()
        return [{"first": CCA(4), "second": SCAN(**small), "k": 60}]

    def _check_parts(self) -> None:
        check_k(self.k, optional=False)
        if _is_index(self.first):
            need_retriever(self.second, "second")
            return
        for name, stage in (("first", self.first), ("second", self.second)):
            need_retriever(stage, name)
        if not hasattr(self.first, "transform"):
            raise TypeError(
                f"first={type(self.first).__name__} compares pair by pair itself; candidates want a method that "
                "embeds, such as CCA."
            )

    def _fit(self, pairs: Pairs, labels: LabelsLike) -> None:
        # Both are fitted before either is kept, so that a fit that fails leaves the last model as it was.
        first = self.first if _is_index(self.first) else _with_vectors(clone(self.first), pairs).fit(pairs, labels)
        second = clone(self.second).fit(pairs, labels)
        self.first_ = first
        self.second_ = second

    def candidates(self, image: View, text: View = None) -> sp.csr_array:
        """Return which pairs the second retriever is asked for.

        Parameters
        ----------
        image : Pairs, or images of n rows
            A `Pairs` gives both views; an image that several of its rows share is one row of the answer.
        text : texts of m rows, or None
            Needed unless `image` is a `Pairs`.

        Returns
        -------
        csr_array of shape (n, m), bool
            True for the candidates; the mean is their share of all pairs.
        """
        check_is_fitted(self)
        image, text = image_and_text(image, text, "candidates")
        return _nearest(whole_similarity(self._embedder(), Pairs(image), Pairs(text=text)), self.k)

    def search(
        self,
        items: View,
        image: View = None,
        text: View = None,
        *,
        ids: Sequence[object] | AnyArray | None = None,
        k: int = 10,
        among: Sequence[object] | AnyArray | None = None,
        where: Mapping[str, object] | None = None,
    ) -> Hits:
        """Let the index that is the first stage find candidates, and order them by the second.

        The candidates of a text are images of the index, and those of an image are texts.

        Parameters
        ----------
        items : view of m rows
            What the second retriever compares the queries with: regions of the images, or the words of the texts, of
            all items that may be found.
        image : images of n rows, or None
            Queries; give either them or the texts.
        text : texts of n rows, or None
            Queries.
        ids : sequence of m ids, or None
            Those of `items` in the index; None counts them from 0.
        k : int, default=10
            Number of hits per query, at most that of the candidates.
        among : sequence of ids, or None
            Only these items are searched.
        where : dict or None
            Conditions on metadata; see :meth:`RetrievalIndex.search`.

        Returns
        -------
        Hits
            With the similarities of the second retriever.
        """
        check_is_fitted(self)
        if not _is_index(self.first_):
            raise TypeError(
                "search wants an index as the first stage: TwoStage(first=RetrievalIndex(...), second=...)."
            )
        check_k(k, optional=False)
        name, queries = one_view(image, text)
        other = "text" if name == "image" else "image"
        conditions = {**(where or {}), "modality": other}
        hits = self.first_.search(**{name: queries}, k=self.k, among=among, where=conditions)
        n = n_rows(items, "items")
        rows = dict(zip(range(n) if ids is None else ids, range(n), strict=True))
        query, place = np.nonzero(hits.scores > -np.inf)
        unknown = [found for found in hits.ids[query, place] if found not in rows]
        if unknown:
            raise ValueError(
                f"the index finds {unknown[0]!r}, which is not among the items; pass all of them, with ids=."
            )
        used, column = np.unique([rows[found] for found in hits.ids[query, place]], return_inverse=True)
        where_both = sp.csr_array((np.ones(len(query), bool), (query, column)), shape=(len(hits), len(used)))
        scores = np.full(hits.shape, -np.inf, np.float32)
        found = self._compared(name, queries, take(items, used), where_both)[query, column]
        scores[query, place] = found.toarray().ravel() if sp.issparse(found) else np.ravel(found)
        return hits.reranked(scores, k)

    def _embedder(self) -> BaseEstimator:
        """Return the model of the first stage."""
        return self.first_.model if _is_index(self.first_) else self.first_

    def _compared(self, name: str, queries: View, items: View, where: sp.csr_array) -> sp.csr_array:
        """Return the similarities of some queries (n) of that modality with some items (m), by the second stage."""
        if name == "image":
            return some_similarities(self.second_, Pairs(queries), Pairs(text=items), where)
        return some_similarities(self.second_, Pairs(items), Pairs(text=queries), where.T.tocsr()).T.tocsr()

    def _similarity(self, image: View, text: View, where: sp.csr_array | None) -> FloatArray | sp.csr_array:
        images = Pairs(image)
        texts = Pairs(text=text)
        if where is not None:
            return some_similarities(self.second_, images, texts, where)
        out = whole_similarity(self._embedder(), images, texts)
        found = some_similarities(self.second_, images, texts, _nearest(out, self.k))
        lowest = found.data.min()
        # All other pairs come below the candidates, in the order of the first retriever. Beside large similarities of
        # candidates their differences would be rounded away, so they are scaled to the same size.
        scale = max(1, abs(lowest))
        out *= scale
        out -= scale + out.max() - lowest
        rows = np.repeat(np.arange(len(out)), np.diff(found.indptr))
        out[rows, found.indices] = found.data
        return out


def _is_index(stage: object) -> bool:
    """Tell an index from a retriever; this room does not know its class."""
    return hasattr(stage, "search") and hasattr(stage, "model")


def _nearest(S: FloatArray, k: int) -> sp.csr_array:
    """Return the k largest entries of every row and of every column."""
    near = np.zeros(S.shape, dtype=bool)
    _mark_largest(S, k, near)
    _mark_largest(S.T, k, near.T)
    return sp.csr_array(near)


def _mark_largest(S: FloatArray, k: int, marked: BoolArray) -> None:
    """Set the k largest entries of every row to True in `marked`."""
    n, m = S.shape
    kept = min(k, m)
    for rows in gen_batches(n, max(1, _BLOCK // m)):
        largest = np.argpartition(-S[rows], kept - 1, axis=1)[:, :kept]
        np.put_along_axis(marked[rows], largest, True, axis=1)


def _with_vectors(retriever: BaseEstimator, pairs: Pairs) -> BaseEstimator:
    """Put in front of a bare retriever what makes vectors of regions and of words, if it needs any."""
    # Pipelines have steps, frozen ones as well.
    if hasattr(retriever, "steps") or get_tags(retriever).input_tags.three_d_array:
        return retriever
    image, _ = distinct(pairs.image)
    has_regions = isinstance(image, Regions) or getattr(image, "ndim", 2) == 3
    has_words = getattr(pairs.text, "ndim", 2) == 1
    if not has_regions and not has_words:
        return retriever
    views = PerModality(
        image=MeanRegions() if has_regions else "passthrough",
        text=TfidfVectorizer(analyzer=words_of) if has_words else "passthrough",
    )
    return make_pipeline(views, retriever)
