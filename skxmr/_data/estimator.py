"""Estimator: the base of all estimators, whose constructors are generated from annotated fields."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field
from difflib import get_close_matches
from functools import wraps
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias, dataclass_transform

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    make_constraint,
    validate_parameter_constraints,
)

import skxmr
from skxmr._data.deprecation import OldParameters, renamed
from skxmr._data.warn import warn
from skxmr._docstrings import completed

if TYPE_CHECKING:

    class BaseEstimator:
        """What we use of scikit-learn's class, with types.

        scikit-learn publishes none. Where mypy does not know the base of a class, it accepts any parameter of it.
        """

        def get_params(self, deep: bool = True) -> dict[str, Any]: ...
        def set_params(self, **params: Any) -> Self: ...
        def set_fit_request(self, **requests: bool | str | None) -> Self: ...
        def set_score_request(self, **requests: bool | str | None) -> Self: ...
        def __getstate__(self) -> dict[str, Any]: ...
        def __setstate__(self, state: dict[str, Any]) -> None: ...
        def __sklearn_tags__(self) -> Any: ...
        @classmethod
        def _get_param_names(cls) -> list[str]: ...

    class TransformerMixin:
        """What we use of scikit-learn's class, with types."""

        def set_output(self, *, transform: str | None = None) -> Self: ...

    class ClassNamePrefixFeaturesOutMixin:
        """What we use of scikit-learn's class, with types."""

        def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]: ...

else:
    from sklearn.base import BaseEstimator
    from sklearn.base import ClassNamePrefixFeaturesOutMixin as ClassNamePrefixFeaturesOutMixin
    from sklearn.base import TransformerMixin as TransformerMixin

# For every parameter, the kinds of values that pass scikit-learn's validation.
Constraints: TypeAlias = dict[str, list[object]]

# What a parameter may be that has a type but no entry in the constraints, by the words of its annotation.
_BY_TYPE: Constraints = {
    "bool": ["boolean"],
    "float": [Interval(Real, None, None, closed="both")],
    "int": [Interval(Integral, None, None, closed="neither")],
    "str": [str],
    "None": [None],
}

# Where the state of a pickle holds the version that wrote it.
_VERSION = "_skxmr_version"


@dataclass_transform(eq_default=False, kw_only_default=True, field_specifiers=(field,))
class Estimator(BaseEstimator):
    """A scikit-learn estimator whose constructor is generated from the annotated fields of its classes.

    A class writes down the parameters that it adds, and the defaults that it changes::

        class Wide(DeepRetriever):
            lr: float = 5e-4
            width: int = 512

    The constructor is made by :func:`dataclasses.dataclass`, so it takes the parameters of the bases as well. They are
    given by keyword; ``n_components: int = field(default=64, kw_only=False)`` may also be given by position, and so may
    all parameters of a class that is written ``class Name(Base, kw_only=False)``. A class that defines ``__init__``
    keeps it, and so do its subclasses.

    Class variables, fields without a default or with ``field(init=False)``, and names that begin or end with an
    underscore are never parameters, because such names are private or set by `fit`.

    The docstring of a class describes the same parameters; what the docstrings of its bases say about the others, and
    about attributes, is added to it. `_parameter_constraints` also lists only what a class adds or changes; an entry
    for a name that is no parameter is an error. A parameter without an entry is checked by its annotation where that
    consists of int, float, bool, str and None, and is not checked otherwise.
    """

    _parameter_constraints: ClassVar[Constraints] = {}
    _old_parameters: ClassVar[OldParameters] = OldParameters()

    def __init_subclass__(cls, kw_only: bool = True, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        owner = next(base for base in cls.__mro__ if "__init__" in vars(base))
        if owner is object or "__dataclass_fields__" in vars(owner):
            _generate_constructor(cls, kw_only)
        _check_constraints_are_of_parameters(cls)
        cls.__doc__ = completed(cls)

    def set_params(self, **params: Any) -> Self:
        """Set parameters of the estimator, or of an estimator within it as ``name__parameter``.

        Parameters
        ----------
        **params : object
            The parameters, by name.

        Returns
        -------
        self
        """
        return super().set_params(**self._old_parameters.translated(type(self), params))

    def __getstate__(self) -> dict[str, Any]:
        # A copy: scikit-learn may return the attributes of the living estimator themselves.
        return dict(super().__getstate__()) | {_VERSION: skxmr.__version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        kept = dict(state)
        version = kept.pop(_VERSION, "0.2.0 or before")
        if version != skxmr.__version__:
            now = skxmr.__version__
            warn(
                f"this {type(self).__name__} was pickled by skxmr {version} and is opened by {now}, where "
                "its attributes may have another meaning; fit it again with this version, or open it with the other."
            )
        super().__setstate__(kept)

    def _validate_params(self) -> None:
        """Check the parameters by the tables of all classes; the entry of a class comes before those of its bases."""
        constraints = _constraints_by_type(type(self))
        for base in reversed(type(self).__mro__):
            constraints |= vars(base).get("_parameter_constraints", {})
        params = self.get_params(deep=False)
        _check_no_truth_values(constraints, params, type(self).__name__)
        validate_parameter_constraints(constraints, params, caller_name=type(self).__name__)


def _generate_constructor(cls: type[Estimator], kw_only: bool) -> None:
    """Give a class the constructor of its fields and of those of its bases."""
    annotated = inspect.get_annotations(cls)
    _check_defaults_are_annotated(cls, annotated)
    docstring = cls.__doc__
    # dataclass reads the annotations of the class, so it is shown only those that it may take for parameters.
    cls.__annotations__ = {name: kind for name, kind in annotated.items() if _is_field(cls, name)}
    dataclass(eq=False, repr=False, kw_only=kw_only)(cls)
    cls.__annotations__ = annotated
    # dataclass writes the signature where there is no docstring; help() would then not show that of the base.
    cls.__doc__ = docstring
    constructor = vars(cls)["__init__"]
    constructor.__signature__ = _own_parameters_first(cls, inspect.signature(constructor))
    replaced: dict[str, object] = {"__init__": _with_checked_keywords(constructor)}
    old = cls._old_parameters.names
    replaced |= {name: renamed(name, new) for name, new in old.items() if not hasattr(cls, name)}
    for name, value in replaced.items():
        setattr(cls, name, value)


def _is_field(cls: type, name: str) -> bool:
    """Return whether an annotated name is assigned ``field(...)``, or a default and has no underscore at either end."""
    default = vars(cls).get(name, MISSING)
    return isinstance(default, Field) or not (default is MISSING or name.startswith("_") or name.endswith("_"))


def _check_defaults_are_annotated(cls: type, annotated: dict[str, Any]) -> None:
    """Refuse a changed default without its type, which dataclass would overlook in silence."""
    for name, inherited in getattr(cls, "__dataclass_fields__", {}).items():
        if inherited.init and name in vars(cls) and name not in annotated:
            raise TypeError(
                f"{cls.__name__} sets {name} without a type, so that the default of the parameter would not change; "
                f"write {name}: {inherited.type} = ..."
            )


def _own_parameters_first(cls: type, signature: inspect.Signature) -> inspect.Signature:
    """Return a signature that lists the keywords of a class before those of its bases."""
    # A later base in the order overwrites an earlier one: a parameter belongs to the class that introduced it.
    introduced: dict[str, int] = {}
    for depth, base in enumerate(cls.__mro__):
        introduced |= dict.fromkeys(inspect.get_annotations(base), depth)

    def place(parameter: inspect.Parameter) -> tuple[int, int]:
        return parameter.kind, introduced[parameter.name] if parameter.kind is parameter.KEYWORD_ONLY else 0

    return signature.replace(parameters=sorted(signature.parameters.values(), key=place))


def _constraints_by_type(cls: type[Estimator]) -> Constraints:
    """Return constraints of the parameters whose annotation consists of simple types, such as ``int | None``."""
    constraints: Constraints = {}
    for parameter in getattr(cls, "__dataclass_fields__", {}).values():
        kind = parameter.type
        words = str(kind.__name__ if isinstance(kind, type) else kind).split(" | ")
        if all(word in _BY_TYPE for word in words):
            constraints[parameter.name] = [allowed for word in words for allowed in _BY_TYPE[word]]
    return constraints


def _check_constraints_are_of_parameters(cls: type[Estimator]) -> None:
    """Refuse a constraint of a class for a name that is none of its parameters, because it would check nothing."""
    parameters = inspect.signature(cls).parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    for name in vars(cls).get("_parameter_constraints", {}):
        if name not in parameters and not takes_any:
            raise TypeError(
                f"{cls.__name__}._parameter_constraints has an entry {name!r}, but {cls.__name__} has no such "
                f"parameter{_closest(name, parameters)}"
            )


def _check_no_truth_values(constraints: Constraints, params: Mapping[str, object], caller: str) -> None:
    """Refuse True and False where a number is wanted, because Python takes them for 1 and 0."""
    for name, allowed in constraints.items():
        value = params.get(name)
        # Only a list can hold the range of a number.
        if not isinstance(value, (bool, np.bool_)) or not isinstance(allowed, list):
            continue
        possible = [make_constraint(constraint) for constraint in allowed]
        ranges = [constraint for constraint in possible if isinstance(constraint, Interval)]
        others = [constraint for constraint in possible if not isinstance(constraint, Interval)]
        if ranges and not any(constraint.is_satisfied_by(value) for constraint in others):
            wanted = " or ".join(str(constraint) for constraint in possible)
            raise InvalidParameterError(f"The {name!r} parameter of {caller} must be {wanted}. Got {value!r} instead.")


def _with_checked_keywords(init: Callable[..., None]) -> Callable[..., None]:
    """Return a constructor that also takes old names and values, and whose error for an unknown name suggests others.

    Its signature shows the new names.
    """
    names = list(inspect.signature(init).parameters)[1:]

    @wraps(init)
    def constructor(self: Estimator, *args: Any, **params: Any) -> None:
        translated = self._old_parameters.translated(type(self), params)
        for name in translated:
            if name not in names:
                suggestion = _closest(name, names)
                raise TypeError(f"{type(self).__name__}() got an unexpected keyword argument {name!r}{suggestion}")
        init(self, *args, **translated)

    return constructor


def _closest(name: str, names: Iterable[str]) -> str:
    """Return the end of a message, which asks whether one of the most similar names was meant, if there are any."""
    closest = get_close_matches(name, list(names))
    return f"; did you mean {' or '.join(closest)}?" if closest else "."
