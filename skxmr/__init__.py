"""Cross-modal retrieval between images and texts with labels, in scikit-learn's terms.

The public names stand in ``__init__.pyi``, each with the module that defines it. A name is imported when it is first
used, so that ``import skxmr`` is quick and loads neither torch nor matplotlib.
"""

from lazy_loader import attach_stub

__version__ = "0.2.1"
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
