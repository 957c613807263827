"""Objective: named loss terms over a network's outputs and the labels."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, NoReturn, Protocol

from torch import Generator, Tensor
from torch.nn import functional

from skxmr.nn import contrastive, losses
from skxmr.nn.encoder_batch import EncoderBatch

PAIRS = ("image", "text"), ("image", "image"), ("text", "text")


class Batch(NamedTuple):
    """Rows of both views that are learned from together.

    Parameters
    ----------
    image : Tensor of shape (n, d_image), or EncoderBatch
        The images; where an encoder of theirs is trained, what it is called with.
    text : Tensor of shape (n, d_text), or EncoderBatch
        The texts, likewise.
    labels : Tensor of shape (n, c)
        Multi-hot labels as floats; c is 0 where fit was given no labels.

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import Batch
    >>> Batch(torch.zeros(5, 3), torch.zeros(5, 2), torch.zeros(5, 0)).size
    5
    """

    image: Tensor | EncoderBatch
    text: Tensor | EncoderBatch
    labels: Tensor

    @property
    def size(self) -> int:
        """Number of rows; where several processes share a batch, of the whole batch."""
        return len(self.labels)


class AnyBatch(Protocol):
    """A batch of any method: it has at least an image part and a text part, and is iterated over by its parts."""

    def __iter__(self) -> Iterator[Any]:
        """Yield the parts."""

    @property
    def image(self) -> object:
        """Return the image part."""

    @property
    def text(self) -> object:
        """Return the text part."""

    @property
    def size(self) -> int:
        """Return the number of rows."""


class Outputs(dict[str, Tensor]):
    """What a network returned for a batch; rows of unit length and their cosines are computed once for all terms.

    Parameters
    ----------
    outputs : mapping of str to Tensor
        The outputs by name.

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import Outputs
    >>> outputs = Outputs({"image": torch.tensor([[3.0, 4.0]]), "text": torch.tensor([[0.0, 2.0]])})
    >>> outputs.cosine("image", "text")
    tensor([[0.8000]])
    """

    def __init__(self, outputs: Mapping[str, Tensor]) -> None:
        super().__init__(outputs)
        self._unit: dict[str, Tensor] = {}
        self._cosines: dict[tuple[str, str], Tensor] = {}

    def __missing__(self, name: str) -> NoReturn:
        raise KeyError(f"the network returned no output {name!r}; it returned {', '.join(self) or 'nothing'}")

    def unit(self, name: str) -> Tensor:
        """Return an output's rows divided by their lengths; a zero row stays zero.

        Parameters
        ----------
        name : str
            The output, of shape (n, d).

        Returns
        -------
        Tensor of shape (n, d)
            Rows of length 1.
        """
        if name not in self._unit:
            self._unit[name] = functional.normalize(self[name], dim=1)
        return self._unit[name]

    def cosine(self, first: str, second: str) -> Tensor:
        """Return the cosines of all rows of an output with all rows of another, or of the same.

        Parameters
        ----------
        first : str
            An output of shape (n, d).
        second : str
            An output of shape (m, d).

        Returns
        -------
        Tensor of shape (n, m)
            In [-1, 1].
        """
        if (first, second) not in self._cosines:
            self._cosines[first, second] = self.unit(first) @ self.unit(second).T
        return self._cosines[first, second]


class Objective:
    """What a method minimises: the weighted sum of its named terms.

    A subclass has one method per term, which is called with the network's outputs and the batch, and returns a scalar.
    Adversaries are functions in the network, behind a gradient reversal, so their terms are *added*: the reversal layer
    is the minus sign.

    Parameters
    ----------
    weights : mapping of str to float
        Weight of each term; terms that are not named, or have the weight 0, are not computed.

    Attributes
    ----------
    generator : torch.Generator or None
        For terms that draw random numbers. Training sets it, on its device and seeded by `random_state`.

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import Batch, Objective
    >>> class Distance(Objective):
    ...     def distance(self, outputs, batch):
    ...         return (outputs["image"] - outputs["text"]).square().mean()
    >>> objective = Distance({"distance": 2.0})
    >>> batch = Batch(torch.zeros(1, 3), torch.zeros(1, 2), torch.zeros(1, 0))
    >>> terms = objective.terms({"image": torch.ones(1, 4), "text": torch.zeros(1, 4)}, batch)
    >>> terms["distance"], objective.total(terms)
    (tensor(1.), tensor(2.))
    """

    generator: Generator | None = None

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.weights = {name: weight for name, weight in weights.items() if weight != 0}

    def terms(self, outputs: Mapping[str, Tensor], batch: AnyBatch) -> dict[str, Tensor]:
        """Return the terms of a batch.

        Parameters
        ----------
        outputs : mapping of str to Tensor
            What the network returned for the batch.
        batch : Batch, or another kind that the terms take
            The rows that were learned from.

        Returns
        -------
        dict of str to Tensor
            A scalar for each term that has a weight.
        """
        shared = Outputs(outputs)
        found = {}
        for name in self.weights:
            found[name] = self._term(name)(shared, batch)
            if not isinstance(found[name], Tensor) or found[name].numel() != 1:
                shape = getattr(found[name], "shape", type(found[name]).__name__)
                raise ValueError(
                    f"the term {name!r} of {type(self).__name__} must return a scalar Tensor; got {shape}. Return its "
                    "mean or sum over the rows."
                )
        return found

    def _term(self, name: str) -> Callable[[Outputs, AnyBatch], Tensor]:
        """Return the method that computes a term."""
        term = getattr(self, name, None)
        if callable(term):
            return term
        others = [other for other in dir(type(self)) if not (other.startswith("_") or hasattr(Objective, other))]
        raise ValueError(
            f"{type(self).__name__} has a weight for {name!r}, but no such term; its terms are "
            f"{', '.join(others) or 'none'}. Define a method {name}(self, outputs, batch) or remove the weight."
        )

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Return the loss: the weighted sum of the terms.

        Parameters
        ----------
        terms : mapping of str to Tensor
            The scalars that :meth:`terms` returned.

        Returns
        -------
        Tensor
            A scalar.
        """
        if not self.weights:
            raise ValueError(
                f"no term of {type(self).__name__} has a weight other than 0, so there is nothing to learn."
            )
        weighted = (terms[name] if weight == 1 else weight * terms[name] for name, weight in self.weights.items())
        return functools.reduce(operator.add, weighted)


class LabelObjective(Objective):
    """The terms of methods whose labels have classifiers in the common space.

    `temperature` divides the cosines in the soft contrastive term or in the invariance term; no method has both.
    `count` says whether the invariance term counts the shared labels or only asks if there are any.
    """

    def __init__(self, weights: Mapping[str, float], temperature: float = 2.0, count: bool = True) -> None:
        super().__init__(weights)
        self.temperature = temperature
        self.count = count

    def classification(self, outputs: Outputs, batch: Batch) -> Tensor:
        """L_cla on the cosines with the classifiers: DAGNN eq. 9, both modalities."""
        of_image = losses.classification(outputs.cosine("image", "classifiers"), batch.labels)
        of_text = losses.classification(outputs.cosine("text", "classifiers"), batch.labels)
        return of_image + of_text

    def invariance(self, outputs: Outputs, batch: Batch) -> Tensor:
        """L_mdi: DAGNN eq. 10."""
        cosines = [outputs.cosine(*pair) for pair in PAIRS]
        return losses.pairwise_likelihood(cosines, batch.labels, self.temperature, self.count)

    def soft(self, outputs: Outputs, batch: Batch) -> Tensor:
        """Soft contrastive loss of I-GNN and L2-GCN."""
        cosines = [outputs.cosine(*pair) for pair in PAIRS]
        return contrastive.soft_contrastive(cosines, batch.labels, self.temperature)

    def adversary(self, outputs: Outputs, batch: Batch) -> Tensor:
        """L_adv: DAGNN eq. 11."""
        return losses.origins(outputs["from_image"], outputs["from_text"], len(batch.labels))
