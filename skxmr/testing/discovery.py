"""Finding the methods of the library, so that nobody has to list them."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from skxmr import methods
from skxmr.base import Retriever


def all_retrievers() -> list[type[Retriever]]:
    """Return the classes of all methods: every public class of ``skxmr.methods`` that compares images with texts.

    Modules whose names begin with an underscore hold what methods share and are left out.

    Returns
    -------
    list of type
        In the order of their names.

    Examples
    --------
    >>> from skxmr.testing import all_retrievers
    >>> [cls.__name__ for cls in all_retrievers()][:3]
    ['ACMR', 'ALGCN', 'CCA']
    """
    found: list[type[Retriever]] = []
    for module in pkgutil.iter_modules(methods.__path__):
        if not module.name.startswith("_"):
            found += _retrievers_in(f"{methods.__name__}.{module.name}")
    return sorted(found, key=lambda cls: cls.__name__)


def _retrievers_in(module: str) -> list[type[Retriever]]:
    """Return the public classes that a module defines itself and that have `similarity`."""
    return [
        thing
        for name, thing in vars(import_module(module)).items()
        if isinstance(thing, type)
        and thing.__module__ == module
        and hasattr(thing, "similarity")
        and not name.startswith("_")
    ]
