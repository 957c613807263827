"""The names of estimators that a file of a run may use. Nothing else is imported because of such a file."""

from __future__ import annotations

from importlib import import_module
from inspect import isabstract
from typing import Any

import skxmr
from skxmr.cli.command import RunError, nearest

# Transformers and classifiers of scikit-learn that make sense in a run, each with its public module.
_SKLEARN = {
    "CountVectorizer": "sklearn.feature_extraction.text",
    "HashingVectorizer": "sklearn.feature_extraction.text",
    "TfidfTransformer": "sklearn.feature_extraction.text",
    "TfidfVectorizer": "sklearn.feature_extraction.text",
    "MaxAbsScaler": "sklearn.preprocessing",
    "MinMaxScaler": "sklearn.preprocessing",
    "Normalizer": "sklearn.preprocessing",
    "PowerTransformer": "sklearn.preprocessing",
    "QuantileTransformer": "sklearn.preprocessing",
    "RobustScaler": "sklearn.preprocessing",
    "StandardScaler": "sklearn.preprocessing",
    "PCA": "sklearn.decomposition",
    "NMF": "sklearn.decomposition",
    "TruncatedSVD": "sklearn.decomposition",
    "LatentDirichletAllocation": "sklearn.decomposition",
    "AdditiveChi2Sampler": "sklearn.kernel_approximation",
    "Nystroem": "sklearn.kernel_approximation",
    "RBFSampler": "sklearn.kernel_approximation",
    "GaussianRandomProjection": "sklearn.random_projection",
    "SparseRandomProjection": "sklearn.random_projection",
    "SelectKBest": "sklearn.feature_selection",
    "VarianceThreshold": "sklearn.feature_selection",
    "LogisticRegression": "sklearn.linear_model",
    "RidgeClassifier": "sklearn.linear_model",
    "KNeighborsClassifier": "sklearn.neighbors",
}
# Importing their module to ask for its names would load torch.
_FEATURES = {"ImageFeatures": "skxmr.features", "TextFeatures": "skxmr.features"}
# What parameters may hold besides estimators.
_PARTS = {"PadToSquare": "skxmr.features"}


def known_names() -> list[str]:
    """Return all names that a file of a run may use."""
    public: list[str] = vars(skxmr)["__all__"]
    return [*(name for name in public if name[0].isupper()), *_FEATURES, *_SKLEARN]


def known_class(name: object, where: str, is_part: bool = False) -> type[Any]:
    """Return the class of a name, which may also be written with its module, as in ``sklearn.decomposition.PCA``.

    With `is_part` it may be another thing that a parameter holds.
    """
    from sklearn.base import BaseEstimator

    if not isinstance(name, str):
        raise RunError(f"{where}: name is {name!r}, but a string is wanted, such as 'MLCCA'.")
    module, _, short = name.rpartition(".")
    if is_part and short in _PARTS and module in ("", _PARTS[short]):
        part: type[Any] = getattr(import_module(_PARTS[short]), short)
        return part
    home = _SKLEARN.get(short) or _FEATURES.get(short) or ("skxmr" if short in known_names() else None)
    if home is None or module not in ("", home):
        hint = nearest(short, known_names())
        raise RunError(f"{where}: {name!r} is no estimator that a run may use{hint}")
    found = getattr(import_module(home), short)
    if not (isinstance(found, type) and issubclass(found, BaseEstimator)) or isabstract(found):
        raise RunError(f"{where}: {name!r} is no estimator that learns or transforms; name one such as 'MLCCA'.")
    return found
