"""Constructors are generated from annotated fields: signatures, inheritance, scikit-learn's tools, and mypy."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
from dataclasses import field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils._param_validation import InvalidParameterError, StrOptions

from skxmr import CCA
from skxmr._data.deprecation import OldParameters
from skxmr._data.estimator import Estimator

ROOT = Path(__file__).parents[2]


class Base(Estimator):
    """A base.

    Parameters
    ----------
    n_components : int, default=8
        Width.
    lr : float, default=1e-3
        Rate.
    """

    n_components: int = field(default=8, kw_only=False)
    lr: float = 1e-3
    _parameter_constraints: ClassVar = {"n_components": [int], "lr": [float]}
    # None of the following is a parameter.
    network_: Any
    learned_: int = 3
    _private: int = 4
    undefined: int
    constant: ClassVar[int] = 5
    declared: int = field(init=False)

    def fit(self, X, y=None):
        self._validate_params()
        self.network_ = self.n_components
        return self

    def score(self, X, y=None):
        return self.lr


class Method(Base):
    n_components: int = field(default=16, kw_only=False)
    lr: float = 5e-4
    kind: str = "plain"
    _parameter_constraints: ClassVar = {"kind": [StrOptions({"plain", "fine"})]}


class OwnConstructor(Method):
    def __init__(self, width=2):
        self.width = width


class OfOwnConstructor(OwnConstructor):
    pass


def test_classes_inherit_parameters_and_changed_defaults():
    assert Base().get_params() == {"n_components": 8, "lr": 1e-3}
    assert Method().get_params() == {"n_components": 16, "lr": 5e-4, "kind": "plain"}
    assert Method(4, kind="fine").get_params() == {"n_components": 4, "lr": 5e-4, "kind": "fine"}


def test_the_signature_is_flat_and_lists_own_parameters_first():
    assert list(inspect.signature(Method).parameters) == ["n_components", "kind", "lr"]
    kinds = {name: parameter.kind.name for name, parameter in inspect.signature(Method).parameters.items()}
    assert kinds == {"n_components": "POSITIONAL_OR_KEYWORD", "kind": "KEYWORD_ONLY", "lr": "KEYWORD_ONLY"}


def test_only_n_components_is_positional():
    with pytest.raises(TypeError, match="positional"):
        Method(4, "fine")


def test_a_class_can_take_all_its_parameters_by_position():
    class Positional(Estimator, kw_only=False):
        first: int = 1
        second: int = 2

    class Further(Positional):
        third: int = 3

    assert Positional(5, 6).get_params() == {"first": 5, "second": 6}
    assert Further(5, 6, third=7).get_params() == {"first": 5, "second": 6, "third": 7}
    with pytest.raises(TypeError, match="positional"):
        Further(5, 6, 7)


@pytest.mark.parametrize("name", ["network_", "learned_", "_private", "undefined", "constant", "declared"])
def test_what_is_no_parameter(name):
    for estimator in (Base, Method):
        assert name not in inspect.signature(estimator).parameters
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'"):
            estimator(**{name: 1})
    assert vars(Base()) == {"n_components": 8, "lr": 1e-3}
    assert Base.__annotations__.keys() >= {"network_", "lr"}


def test_a_constructor_that_a_class_defines_is_kept_by_its_subclasses():
    assert OwnConstructor(3).get_params() == {"width": 3}
    assert OfOwnConstructor(3).get_params() == {"width": 3}
    assert OfOwnConstructor.__init__ is OwnConstructor.__init__

    class Again(OfOwnConstructor):
        depth: int = 7

    assert Again.__init__ is OwnConstructor.__init__


def test_a_class_can_take_a_parameter_of_its_base_away():
    class Fixed(Method):
        lr: float = field(default=0.5, init=False)

    assert Fixed().get_params() == {"n_components": 16, "kind": "plain"}
    assert clone(Fixed()).lr == 0.5
    assert Fixed(4).fit(None).network_ == 4


def test_an_unknown_parameter_is_an_error_that_suggests_the_closest():
    with pytest.raises(TypeError, match=r"^Method\(\) got an unexpected keyword argument 'kin'; did you mean kind\?$"):
        Method(kin="fine")
    with pytest.raises(TypeError, match=r"^Method\(\) got an unexpected keyword argument 'sparse'\.$"):
        Method(sparse=True)


def test_a_constraint_for_what_is_no_parameter_is_an_error():
    with pytest.raises(TypeError, match=r"Misspelt\._parameter_constraints has an entry 'kin'.*did you mean kind\?"):

        class Misspelt(Method):
            _parameter_constraints: ClassVar = {"kin": [str]}


def test_a_changed_default_without_a_type_is_an_error():
    with pytest.raises(TypeError, match=r"Forgetful sets lr without a type.*write lr: float ="):

        class Forgetful(Base):
            lr = 0.1


def test_a_class_variable_ends_a_parameter():
    class Fixed(Method):
        lr: ClassVar[float] = 0.5

    assert Fixed().get_params() == {"n_components": 16, "kind": "plain"} and Fixed().lr == 0.5


def test_mutable_defaults_are_not_shared():
    with pytest.raises(ValueError, match="mutable default"):

        class Shared(Estimator):
            callbacks: list = []  # noqa: RUF012

    class Apart(Estimator):
        callbacks: list = field(default_factory=list)

    assert Apart().callbacks == [] and Apart().callbacks is not Apart().callbacks
    kept = Apart(callbacks=[1])
    assert clone(kept).callbacks == [1]


def test_scikit_learns_tools():
    model = Method(4, lr=0.1)
    assert repr(model) == "Method(lr=0.1, n_components=4)" and repr(Method()) == "Method()"
    assert model != Method(4, lr=0.1) and hash(model) != hash(Method(4, lr=0.1))
    assert clone(model).get_params() == model.get_params()
    assert pickle.loads(pickle.dumps(model)).get_params() == model.get_params()
    assert model.set_params(kind="fine").kind == "fine"
    with pytest.raises(ValueError, match="Invalid parameter 'rate'"):
        model.set_params(rate=1)
    search = GridSearchCV(model, {"lr": [0.1, 0.3, 0.2]}, cv=2).fit([[0], [1], [2], [3]])
    assert search.best_params_ == {"lr": 0.3}


def test_fields_of_a_module_without_postponed_annotations():
    code = "class Live(Base):\n    width: int = 3\n    constant: ClassVar[int] = 2\n    width_: int\n"
    space = {"Base": Base, "ClassVar": ClassVar, "__name__": __name__}
    exec(compile(code, "live", "exec", dont_inherit=True), space)
    assert space["Live"](width=4).get_params() == {"n_components": 8, "lr": 1e-3, "width": 4}


def test_constraints_are_those_of_all_classes():
    for wrong in ({"n_components": "x"}, {"lr": 1}, {"kind": "coarse"}):
        with pytest.raises(InvalidParameterError, match=f"The '{next(iter(wrong))}' parameter of Method must be"):
            Method(**wrong).fit(None)

    class Coarse(Method):
        _parameter_constraints: ClassVar = {"kind": [StrOptions({"coarse", "plain"})]}

    Coarse(kind="coarse").fit(None)
    with pytest.raises(InvalidParameterError, match="'lr'"):
        Coarse(lr=1).fit(None)
    assert CCA(ridge=0.5).get_params()["ridge"] == 0.5


class Unlisted(Base):
    width: int = 3
    scale: float = 0.5
    hidden: int | None = None
    kind: str | None = "plain"
    fast: bool = False
    odd: Any = 1
    names: list[str] | None = None
    _parameter_constraints: ClassVar = {}


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("width", ["3", 2.5, True, None, np.float64(2)], [4, np.int64(5), -1]),
        ("scale", ["high", None, True, np.nan, 1j], [2, 0.25, np.float32(0.5), -np.inf]),
        ("hidden", [2.5, "auto", False], [None, 7]),
        ("kind", [3, True, ["plain"]], ["fine", None]),
        ("fast", [1, "yes", None], [True, np.bool_(False)]),
        ("odd", [], ["anything", None]),
        ("names", [], ["anything", 3]),
    ],
)
def test_parameters_without_an_entry_are_checked_by_simple_types(name, wrong, right):
    for value in wrong:
        with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter of Unlisted must be"):
            Unlisted(**{name: value}).fit(None)
    for value in right:
        Unlisted(**{name: value}).fit(None)
    assert Unlisted(width=4, lr=0.5).fit(None).get_params()["width"] == 4


def test_simple_types_of_a_module_without_postponed_annotations():
    code = "class Live(Base):\n    width: int = 3\n    hidden: int | None = None\n"
    space = {"Base": Base, "__name__": __name__}
    exec(compile(code, "live", "exec", dont_inherit=True), space)
    space["Live"](hidden=4).fit(None)
    for wrong in ({"width": "wide"}, {"hidden": "auto"}):
        with pytest.raises(InvalidParameterError, match=f"The '{next(iter(wrong))}' parameter of Live must be"):
            space["Live"](**wrong).fit(None)


TYPED = """
from dataclasses import field
from typing import Any
from skxmr import CCA, DAGNN
from skxmr._data.estimator import Estimator

class Method(Estimator):
    n_components: int = field(default=8, kw_only=False)
    network_: Any = field(init=False)

class Changed(Method):
    lr: float = 0.5

CCA(4, ridge=0.5).get_params()
CCA(4, rigde=0.5)
CCA(ridge="high")
Changed(4, lr=0.5).get_params()
Changed(4, rate=0.5)
Changed(lr="high")
DAGNN(16, hidden=None, tau=0.3, lr=1e-4).get_params()
DAGNN(16, w_adversary=0.1)
DAGNN(16, hidden="many")
"""
ERRORS = [
    'error: Unexpected keyword argument "rigde" for "CCA"; did you mean "ridge"?  [call-arg]',
    'error: Argument "ridge" to "CCA" has incompatible type "str"; expected "float"  [arg-type]',
    'error: Unexpected keyword argument "rate" for "Changed"  [call-arg]',
    'error: Argument "lr" to "Changed" has incompatible type "str"; expected "float"  [arg-type]',
    'error: Unexpected keyword argument "w_adversary" for "DAGNN"  [call-arg]',
    'error: Argument "hidden" to "DAGNN" has incompatible type "str"; expected "int | None"  [arg-type]',
]


def errors_of_mypy(tmp_path, *options):
    # The file of settings asks for the strict mode; the option would undo its exceptions for untyped libraries.
    (tmp_path / "typed.py").write_text(TYPED, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file", "setup.cfg", *options, tmp_path / "typed.py"]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout
    return [line.partition(": ")[2] for line in out.splitlines() if ": error: " in line]


@pytest.mark.slow
def test_mypy_knows_the_parameters_of_generated_constructors(tmp_path):
    """A misspelt parameter and a wrong type are errors, and what is right is none; other modules are not read."""
    options = ["--follow-imports=skip", "--cache-dir", tmp_path / "cache", "skxmr/_data/estimator.py"]
    assert errors_of_mypy(tmp_path, *options) == ERRORS[2:4]


@pytest.mark.slow
def test_mypy_knows_the_parameters_of_methods(tmp_path):
    assert errors_of_mypy(tmp_path) == ERRORS


class Renewed(Base):
    """A method with parameters that have been renamed."""

    w_adv: float = 0.5
    aggregate: str = "concat"
    _old_parameters: ClassVar = OldParameters(
        names={"beta": "w_adv"}, values={"aggregate": {True: "concat", False: "linear"}}
    )


def test_old_names_work_with_a_warning():
    with pytest.warns(FutureWarning, match=r"beta=0.1 of Renewed is now written w_adv=0.1; .* removed in 0.3"):
        model = Renewed(4, beta=0.1)
    assert model.get_params() == {"n_components": 4, "lr": 1e-3, "w_adv": 0.1, "aggregate": "concat"}
    with pytest.warns(FutureWarning, match="beta=0.2 of Renewed is now written w_adv=0.2"):
        model.set_params(beta=0.2)
    assert model.w_adv == 0.2
    with pytest.warns(FutureWarning, match="beta of Renewed is now written w_adv"):
        assert model.beta == 0.2
    with pytest.warns(FutureWarning, match="beta of Renewed is now written w_adv"):
        model.beta = 0.3
    assert model.w_adv == 0.3 and clone(model).w_adv == 0.3
    assert "beta" not in inspect.signature(Renewed).parameters
    with pytest.raises(TypeError, match="got both beta and w_adv; beta is the old name, leave it out"):
        Renewed(beta=0.1, w_adv=0.2)


@pytest.mark.parametrize(("old", "new"), [(True, "concat"), (False, "linear")])
def test_old_values_work_with_a_warning(old, new):
    with pytest.warns(FutureWarning, match=f"aggregate={old} of Renewed is now written aggregate='{new}'"):
        model = Renewed(aggregate=old)
    assert model.aggregate == new and clone(model).aggregate == new
    with pytest.warns(FutureWarning, match=f"aggregate={old} of Renewed is now written aggregate='{new}'"):
        assert Renewed().set_params(aggregate=old).aggregate == new
    assert Renewed(aggregate=["unhashable"]).aggregate == ["unhashable"]


def test_a_search_over_an_old_name():
    class Scored(Renewed):
        def score(self, X, y=None):
            return self.w_adv

    search = GridSearchCV(Scored(), {"beta": [0.1, 0.9]}, cv=2)
    with pytest.warns(FutureWarning, match=r"beta=0.[19] of Scored is now written w_adv=0.[19]"):
        search.fit([[0], [1], [2], [3]])
    assert search.best_estimator_.w_adv == 0.9


def test_a_subclass_may_have_a_parameter_with_an_old_name():
    class Other(Renewed):
        beta: float = 2.0

    assert Other(beta=3.0).get_params()["beta"] == 3.0
    assert Other().set_params(beta=4.0).get_params()["w_adv"] == 0.5
