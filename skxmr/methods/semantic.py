"""Semantic matching: both views mapped into label space."""

from __future__ import annotations

from dataclasses import field
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils._param_validation import HasMethods, Interval

from skxmr._data.estimator import Constraints
from skxmr._data.kinds import MODALITIES, Chunked, FloatArray, LabelsLike, View, memory_map
from skxmr._data.labels import Labels, aligned
from skxmr._data.pairs import Pairs
from skxmr._docstrings import documented_like
from skxmr._linalg.exactness import SAFE_RIDGE
from skxmr._linalg.rotation import Rotation
from skxmr.base import AnnotatingRetriever, CrossModalRetriever
from skxmr.base.annotating import Held
from skxmr.methods._label_models import LabelRidge, Model, fitted_model, fitted_with_folds, folds_of, rows_of_view
from skxmr.methods._label_sums import label_sums, label_units, merged
from skxmr.methods._linear import remaining, sums_so_far


class SemanticMatching(AnnotatingRetriever, kw_only=False):
    """Semantic matching: any scikit-learn model predicts the labels from each view; predictions are compared.

    The common space is the label space, so that a label scores by its prediction. This is the baseline for every method
    that learns from labels. Each view is learned from alone, so that rows may lack an image or a text, which a `Pairs`
    says by `image_missing` and `text_missing`: such a row still teaches what its other view means.

    Parameters
    ----------
    image, text : regressor, classifier or None, default=None
        Predicts the labels from the view, e.g. ``Ridge()`` or ``LogisticRegression()``; cloned before fitting. None
        is ridge regression in closed form. A classifier gives probabilities, or decision values if it has none. One
        classifier is fitted if every row has exactly one label, otherwise one per label, as for regressors with a
        single output.
    ridge : float, default=0.3
        Penalty of the built-in regression in units of the mean feature variance; without effect on given models.
    tag_folds : int or None, default=5
        The thresholds of tags are chosen on predictions for the rows of each fold by models of the other folds. With
        given models `fit` takes about as many times longer, with the built-in regression up to five times. None
        leaves this out. Fewer images than twice the number of folds, dask arrays, memory maps and `partial_fit` give
        no thresholds.

    Attributes
    ----------
    image_, text_ : fitted model
        One per view.
    classes_ : ndarray of shape (c,)
        Label names: the columns of the embeddings.
    n_samples_per_view_ : dict
        For ``"image"`` and ``"text"`` how many rows had the view and were learned from.
    n_components_ : int
        Predictions that are independent of each other in both views: fewer than there are labels, with a warning, if a
        view has a lower rank. Of given models, all are taken for independent.

    Raises
    ------
    ValueError
        If labels are missing, a parameter is out of range, or a view of the built-in regression does not vary.

    Notes
    -----
    The built-in regression minimises ``|Y - (X - mean) W - b|^2 + n r |W|^2`` with r = `ridge` times the mean feature
    variance: ``Ridge(alpha=n * r)``. It is solved on the covariances; sparse text stays sparse.

    References
    ----------
    Rasiwasia et al., "A new approach to cross-modal multimedia retrieval", ACM MM 2010 (semantic matching, with
    logistic regression). Deviation: any model; cosine similarity.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skxmr import SemanticMatching
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(random_state=0)
    >>> SemanticMatching(text=LogisticRegression()).fit(pairs, labels).encode_text(pairs).shape
    (200, 8)
    """

    _requires_labels = True
    _by_chunks = True
    _learns_from_single_views = True
    image: Model | None = None
    text: Model | None = None
    ridge: float = 0.3
    tag_folds: int | None = 5
    image_: Model = field(init=False)
    text_: Model = field(init=False)
    _named: bool = field(init=False)
    _parameter_constraints: ClassVar[Constraints] = {
        "image": [HasMethods(["fit", "predict"]), None],
        "text": [HasMethods(["fit", "predict"]), None],
        "tag_folds": [Interval(Integral, 2, None, closed="left"), None],
        "ridge": [Interval(Real, 0, None, closed="left")],
    }

    @documented_like(CrossModalRetriever.fit)
    def partial_fit(self, X: View, y: View | LabelsLike = None, labels: LabelsLike = None) -> Self:
        """Learn from a part of the rows: several calls equal one fit of all their rows.

        `fit` keeps no sums of its rows, so after it this is an error. Every call solves the whole problem. Only the
        built-in regression can learn in parts.

        Parameters
        ----------
        X : Pairs, or array-like of shape (n, d_image)
            Both views, or the images: at least two rows, with as many features as in the first part.
        labels : multi-hot (n, c), class ids (n,), n lists of tags, or None
            Labels of the rows, none of them new.
        """
        self._need_built_in("partial_fit")
        so_far = sums_so_far(self)
        checked = self._checked(X, y, labels, again=so_far is not None)
        encoded = checked.labels
        # `_checked` refuses missing labels.
        assert encoded is not None
        if so_far is not None:
            encoded = aligned(encoded, self.classes_, self._named)
        units = label_units(checked.pairs) if so_far is None else (so_far[0].units[0], so_far[1].units[0])
        moments = label_sums(checked.pairs, encoded.matrix, self.ridge < SAFE_RIDGE, units)
        for own, factor in zip(moments, units, strict=True):
            own.units = (factor, 1.0)
        if so_far is not None:
            moments = merged(moments, so_far)
        models = []
        for own in moments:
            view = Rotation(None, unit=own.units[0])
            models.append(LabelRidge(self.ridge).solve(own.covariances(), view))
        self._keep(models[0], models[1], len(encoded.names))
        self._learn_thresholds(None)
        self._moments = moments
        self._named = encoded.named
        return self._remember(checked._replace(labels=encoded), 0 if so_far is None else self.n_samples_seen_)

    def _need_built_in(self, what: str) -> None:
        if self.image is not None or self.text is not None:
            raise ValueError(
                f"{what} needs the built-in regression; set image and text to None, or call fit on rows in memory."
            )

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return the defaults, and scikit-learn's estimators for both views."""
        from sklearn.linear_model import LogisticRegression, Ridge

        return [{}, {"image": Ridge(), "text": LogisticRegression(), "tag_folds": None}]

    def _fit(self, pairs: Pairs, labels: Labels | None) -> None:
        # `fit` refuses missing labels.
        assert labels is not None
        if isinstance(pairs.image, Chunked):
            self._need_built_in("a dask array")
            of_image, of_text = label_sums(pairs, labels.matrix, self.ridge < SAFE_RIDGE)
            image: Model = LabelRidge(self.ridge).solve(of_image.finish())
            text: Model = LabelRidge(self.ridge).solve(of_text.finish())
            held = None
        else:
            image, text, held = self._fitted(pairs, labels)
        self._keep(image, text, len(labels.names))
        self._learn_thresholds(held)
        # A fit forgets what partial_fit has added up.
        if hasattr(self, "_moments"):
            del self._moments

    def _keep(self, image: Model, text: Model, n_labels: int) -> None:
        """Keep both models once they are fitted, so that a fit that fails leaves the last ones as they were."""
        found = min(getattr(model, "rank_", n_labels) for model in (image, text))
        wanted = min(getattr(model, "possible_", 0) for model in (image, text))
        self.n_components_ = remaining(self, found, wanted)
        self.image_ = image
        self.text_ = text

    def _fitted(self, pairs: Pairs, labels: Labels) -> tuple[Model, Model, Held | None]:
        """Return both models, and predictions for rows that were held out, where there are enough rows for it."""
        views = [rows_of_view(pairs, labels, name) for name in MODALITIES]
        n_folds = self.tag_folds
        on_disk = any(memory_map(view.rows) is not None for view in views)
        n_groups = min(len(np.unique(view.pairs.groups)) for view in views)
        models = []
        held: Held = {}
        for name, given, view in zip(MODALITIES, (self.image, self.text), views, strict=True):
            built_in = LabelRidge(self.ridge, view.eps)
            # A model needs two rows at least.
            if n_folds is None or on_disk or n_groups < 2 * n_folds:
                models.append(fitted_model(given, built_in, view.rows, view.labels))
            else:
                folds = folds_of(view.pairs, n_folds)
                model, scores = fitted_with_folds(given, built_in, view.rows, view.labels, folds)
                models.append(model)
                held[name] = scores, view.labels.matrix
        return models[0], models[1], held or None

    def _encode_image(self, X: FloatArray) -> FloatArray:
        return np.asarray(self.image_.predict(X))

    def _encode_text(self, X: FloatArray) -> FloatArray:
        return np.asarray(self.text_.predict(X))

    def _label_scores(self, embedded: FloatArray) -> FloatArray:
        """Return the predictions themselves."""
        return embedded
