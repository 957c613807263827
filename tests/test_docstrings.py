"""Docstrings of classes are completed by those of their bases, of functions by that of a similar one."""

import inspect
from dataclasses import field

from numpydoc.docscrape import ClassDoc, FunctionDoc

from skxmr._data.estimator import Estimator
from skxmr._docstrings import documented_like


class Base(Estimator):
    """A base.

    Parameters
    ----------
    n_components : int, default=8
        Width.
    lr, momentum : float, default=1e-3
        Rate and momentum,
        in two lines.
    required : object
        None is its default.

    Attributes
    ----------
    network_ : Module
        The network.
    best_epoch_ : int
        The best epoch.
    """

    n_components: int = field(default=8, kw_only=False)
    lr: float = 1e-3
    momentum: float = 1e-3
    required: object = None


class Method(Base):
    """A method.

    More about it.

    Parameters
    ----------
    kind, shape : {"plain", "fine"}, default="plain"
        Kinds.
    momentum : float, default=0.5
        A momentum of its own.

    Attributes
    ----------
    kinds_ : list
        What was found.
    best_epoch_ : int
        Another epoch.

    Notes
    -----
    None.
    """

    kind: str = "plain"
    shape: str = "plain"
    momentum: float = 0.5
    n_components: int = field(default=16, kw_only=False)


def entries(cls, section):
    doc = ClassDoc(cls, config={"show_class_members": False})
    return [(entry.name, entry.type, " ".join(entry.desc)) for entry in doc[section]]


def test_parameters_stand_in_the_order_of_the_signature_with_the_defaults_of_the_class():
    assert entries(Method, "Parameters") == [
        ("n_components", "int, default=16", "Width."),
        ("kind, shape", '{"plain", "fine"}, default="plain"', "Kinds."),
        ("lr", "float, default=1e-3", "Rate and momentum, in two lines."),
        ("momentum", "float, default=0.5", "A momentum of its own."),
        ("required", "object, default=None", "None is its default."),
    ]
    names = ", ".join(name for name, _, _ in entries(Method, "Parameters"))
    assert names == ", ".join(inspect.signature(Method).parameters)


def test_own_attributes_stand_before_inherited_ones():
    assert entries(Method, "Attributes") == [
        ("kinds_", "list", "What was found."),
        ("best_epoch_", "int", "Another epoch."),
        ("network_", "Module", "The network."),
    ]


def test_the_other_sections_stay():
    assert Method.__doc__.startswith("A method.\n\nMore about it.\n\nParameters\n----------\n")
    assert Method.__doc__.endswith("Notes\n-----\nNone.\n")


def test_a_class_without_parameters_of_its_own_gets_the_sections():
    class Same(Method):
        """The same."""

    assert entries(Same, "Parameters") == entries(Method, "Parameters")
    assert entries(Same, "Attributes") == entries(Method, "Attributes")


def test_a_class_without_docstring_shows_that_of_its_base():
    class Silent(Method):
        pass

    assert Silent.__doc__ is None and inspect.getdoc(Silent) == inspect.getdoc(Method)


def test_an_unknown_parameter_stays_for_the_checks_to_find():
    class Wrong(Method):
        """Wrong.

        Parameters
        ----------
        colour : str
            There is none.
        """

    assert entries(Wrong, "Parameters")[-1] == ("colour", "str", "There is none.")


def test_only_parameters_of_the_signature_are_inherited():
    class Narrow(Base):
        """With a constructor of its own."""

        def __init__(self, lr=0.3):
            self.lr = lr

    assert entries(Narrow, "Parameters") == [("lr", "float, default=0.3", "Rate and momentum, in two lines.")]


def source(scores, k=None, n_jobs=None):
    """Count.

    Parameters
    ----------
    scores : matrix
        All of them.
    k : int or None, default=None
        The cut-off.
    n_jobs : int or None, default=None
        Threads.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If k is too large.
    """


def test_a_function_is_completed_by_one_with_the_same_parameters():
    @documented_like(source)
    def function(scores, labels, k=10):
        """Count more.

        Parameters
        ----------
        labels : list
            What is counted.

        Returns
        -------
        float

        Examples
        --------
        >>> 1
        1
        """

    doc = FunctionDoc(function)
    assert [(entry.name, entry.type) for entry in doc["Parameters"]] == [
        ("scores", "matrix"),
        ("labels", "list"),
        ("k", "int or None, default=10"),
    ]
    assert doc["Returns"][0].type == "float" and doc["Raises"][0].type == "ValueError" and doc["Examples"]
    assert function.__doc__.index("Returns") < function.__doc__.index("Raises") < function.__doc__.index("Examples")
