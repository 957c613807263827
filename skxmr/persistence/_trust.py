"""Trust: which classes and functions a saved model may name."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any, TypeAlias

# What users pass as `trusted`: names, as in the error message, or the classes and functions themselves.
Trusted: TypeAlias = Iterable[str | type | Callable[..., Any]]

# Harmless parts of scikit-learn, scipy and numpy that skops does not know. None of them runs code that is handed to it.
_KNOWN = frozenset(
    {
        "functools.partial",
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.utils._bunch.Bunch",
        "sklearn.utils._metadata_requests.MetadataRequest",
        "sklearn.utils._metadata_requests.MethodMetadataRequest",
        "skxmr._data.packed.words_of",
        "skxmr._linalg.moments.Covariances",
        "skxmr._linalg.moments.Moments",
        "skxmr.features.square.PadToSquare",
        "skxmr.methods._label_models.LabelRidge",
        "skxmr.methods._label_models.ModelPerLabel",
        "skxmr.methods._label_models.OneModel",
        "skxmr.metrics._scorers.RecallScores",
        "skxmr.metrics._scorers.RetrievalScorer",
        "skxmr.metrics._scorers.RetrievalScores",
        "skxmr.pairwise.vocabulary.Vocabulary",
        "skxmr.steps._supervised.BestLabel",
    }
)
# Whose modules are imported to see whether a name is that of a subclass of a known class.
_FAMILIES = (
    ("skxmr.", "sklearn.base.BaseEstimator"),
    ("skxmr.", "sklearn.model_selection._split.BaseCrossValidator"),
    ("skxmr.persistence.", "skxmr.persistence._stored.Stored"),
    ("sklearn.model_selection._split.", "sklearn.model_selection._split.BaseCrossValidator"),
    ("sklearn.model_selection._split.", "sklearn.model_selection._split.BaseShuffleSplit"),
    ("sklearn.model_selection._split.", "sklearn.model_selection._split._RepeatedSplits"),
    ("torch.optim.", "torch.optim.Optimizer"),
)
# Modules of scikit-learn whose functions only compute.
_FUNCTIONS = ("sklearn.feature_selection.", "sklearn.metrics.")
_LAYERS = ("torch.nn.modules.", "skxmr.")
# The state of a skorch net is a pickle, which skops would hand on to torch as bytes.
_NEVER = ("skorch.net.", "skorch.classifier.", "skorch.regressor.", "skorch.probabilistic.")


class UntrustedError(TypeError):
    """A model names classes or functions that are neither known to be harmless nor trusted by the user."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            f"the model names {', '.join(names)}, which skxmr does not know to be harmless: opening or using it may "
            "run any code. If you know where the folder comes from and what these names are, list them in trusted=."
        )


class Trust:
    """The names that a saved model may hold: those of a fixed list, and those that the user trusts."""

    def __init__(self, trusted: Trusted = ()) -> None:
        if isinstance(trusted, (str, bool)):
            raise TypeError(f"trusted must be a list of names, classes or functions, got {trusted!r}.")
        self.names = frozenset(dotted(item) for item in trusted)
        for name in self.names:
            if name.startswith(_NEVER):
                raise ValueError(
                    f"{name} cannot be trusted, because its state is a pickle, which runs code when opened."
                )

    def unknown(self, names: Iterable[str]) -> list[str]:
        """Return which names of classes and functions are neither known nor trusted."""
        return sorted(name for name in set(names) if not (name in _KNOWN or name in self.names or _of_a_family(name)))

    def layer(self, name: str) -> bool:
        """Tell whether a network may hold a layer of a class."""
        return name.startswith(_LAYERS) or name in self.names


def dotted(item: str | type | Callable[..., Any]) -> str:
    """Return the name of a class or function as in ``"package.module.name"``."""
    if isinstance(item, str):
        return item.replace(":", ".")
    if isinstance(item, (type, FunctionType)):
        return f"{item.__module__}.{item.__qualname__}"
    raise TypeError(f"trusted holds {item!r}, which is neither a name nor a class or a function.")


def found(name: str) -> Any:
    """Import what a dotted name stands for, and return None where there is no such thing."""
    try:
        return pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError):
        return None


def _of_a_family(name: str) -> bool:
    families = [family for family in _FAMILIES if name.startswith(family[0])]
    if "__main__" in name or not (families or name.startswith(_FUNCTIONS)):
        return False
    thing = found(name)
    # A name may also lead to what a module imports: then its own name is another.
    if not isinstance(thing, (type, FunctionType)) or dotted(thing) != name:
        return False
    if isinstance(thing, FunctionType):
        return name.startswith(_FUNCTIONS)
    return any(issubclass(thing, found(base)) for _, base in families)
