"""Arguments that may be a `Pairs` or two views, and the base class of all pipeline steps."""

from __future__ import annotations

from typing import Any, Self

from sklearn.utils import Tags

from skxmr._data.estimator import Estimator, TransformerMixin
from skxmr._data.kinds import MODALITIES, LabelsLike, View, n_rows
from skxmr._data.pairs import Pairs
from skxmr._data.partial import PartialRows, refuse_missing
from skxmr._data.repeated import distinct
from skxmr._data.view_checks import WRAP_HINT, check_row_names


def as_pairs(X: View, y: View | LabelsLike = None, labels: LabelsLike = None) -> tuple[Pairs, LabelsLike]:
    """Return the pairs and the labels of a call, ``(pairs, labels)`` or ``(image, text, labels)``.

    Only the type of `X` decides which of the two it is, never a shape.
    """
    if isinstance(y, Pairs):
        raise TypeError("the second argument is a Pairs; pass it first: fit(pairs, labels).")
    if isinstance(X, Pairs):
        if y is not None and labels is not None:
            raise TypeError("labels came twice: with a Pairs pass them as the second argument or as labels=, not both.")
        pairs = X
        if labels is None:
            labels = y
    elif isinstance(X, tuple):
        raise TypeError(f"X is a tuple of length {len(X)}; {WRAP_HINT}, or pass two arguments.")
    else:
        pairs = Pairs(X, y)
    if labels is not None:
        check_labels_of(pairs, labels)
    return pairs, labels


def check_labels_of(pairs: Pairs, labels: LabelsLike) -> None:
    """Refuse labels of another number of rows than the pairs, or whose row names differ."""
    n = n_rows(labels, "labels")
    if n != len(pairs):
        raise ValueError(f"labels has {n} rows but the views have {len(pairs)}; one row per item is needed.")
    check_row_names(pairs._index, labels=labels)


def need_both(image: View, text: View, doing: str) -> None:
    """Refuse a missing view."""
    for name, view in (("image", image), ("text", text)):
        if view is None:
            raise ValueError(f"{name} is missing; {doing} needs both views: pass image and text, or {WRAP_HINT}.")


def need_complete(pairs: Pairs, who: str) -> None:
    """Refuse rows of which a view is missing; `who` is what needs both."""
    for name in MODALITIES:
        view = getattr(pairs, name)
        if isinstance(view, PartialRows):
            refuse_missing(view, name, who)


def need_pairs(X: object, who: str) -> Pairs:
    """Refuse anything but a Pairs; `who` is the pipeline step that asks."""
    if not isinstance(X, Pairs):
        raise TypeError(f"{who} got a {type(X).__name__}; {WRAP_HINT}.")
    return X


def image_and_text(image: View, text: View, doing: str) -> tuple[View, View]:
    """Return the distinct images and the texts of a `Pairs` or of two views."""
    if isinstance(text, Pairs):
        raise TypeError("text is a Pairs; pass its texts, pairs.text, or a Pairs of both views as the only argument.")
    if isinstance(image, Pairs):
        need_complete(image, doing)
        text = image.text if text is None else text
        image, _ = distinct(image.image)
    need_both(image, text, doing)
    return image, text


def one_view(image: View, text: View) -> tuple[str, View]:
    """Return the name and the rows of the only view that is given; a `Pairs` with one view may be either argument."""
    if (image is None) == (text is None):
        raise ValueError("give either image= or text=, one of the two.")
    name, view = ("image", image) if text is None else ("text", text)
    if not isinstance(view, Pairs):
        return name, view
    if view.image is not None and view.text is not None:
        raise ValueError(
            f"{name} is a Pairs of both views, and one of them is wanted; pass image=pairs.image or text=pairs.text."
        )
    if view.text is not None:
        return "text", view.text
    if name == "text":
        raise ValueError("text is a Pairs without texts; pass it as image=, or pass texts.")
    return "image", view.image


class PairsStep(TransformerMixin, Estimator):
    """A scikit-learn transformer whose X and output are `Pairs`, not matrices."""

    def __init_subclass__(cls, **options: Any) -> None:
        # Scikit-learn would put the output of whatever has names for its columns into the configured container.
        super().__init_subclass__(auto_wrap_output_keys=None, **options)

    def set_output(self, *, transform: str | None = None) -> Self:
        """Do nothing: the output is a `Pairs` whatever container is configured.

        Parameters
        ----------
        transform : str or None
            Ignored.

        Returns
        -------
        self
        """
        return self

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        # Views are passed on as they are; steps that compute with them change this tag.
        tags.input_tags.allow_nan = True
        return tags
