"""Finding the methods of the library, so that nobody has to list them."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module

from skxmr import choosing, methods
from skxmr.base import Retriever


def all_retrievers() -> list[type[Retriever]]:
    """Return the classes of all methods: every public class of ``skxmr.methods`` that compares images with texts.

    Those that choose among methods, of ``skxmr.choosing``, are among them.

    Modules whose names begin with an underscore hold what methods share and are left out.

    Returns
    -------
    list of type
        In the order of their names.

    Examples
    --------
    >>> from skxmr.testing import all_retrievers
    >>> [cls.__name__ for cls in all_retrievers()][:4]
    ['ACMR', 'ALGCN', 'AlignedEmbeddings', 'AutoRetriever']
    """
    found: list[type[Retriever]] = []
    rooms = [*pkgutil.iter_modules(choosing.__path__, f"{choosing.__name__}.")]
    rooms += pkgutil.iter_modules(methods.__path__, f"{methods.__name__}.")
    for module in rooms:
        for name, cls in inspect.getmembers(import_module(module.name), inspect.isclass):
            defined_here = cls.__module__ == module.name
            if defined_here and issubclass(cls, Retriever) and "._" not in f"{module.name}.{name}":
                found.append(cls)
    return sorted(found, key=lambda cls: cls.__name__)
