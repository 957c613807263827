"""What the author of a deep method needs: what `_build` is given, and what it returns.

The layers, losses and objectives are in :mod:`skxmr.nn`.
"""

from skxmr.deep.base import DeepRetriever as DeepRetriever
from skxmr.deep.inputs import Inputs, make_inputs
from skxmr.deep.labels import LabelRetriever as LabelRetriever
from skxmr.deep.loop import Learner, LoopOptions
from skxmr.deep.split import Part, Split

# DeepRetriever is listed among the names of skxmr itself; LabelRetriever is for the methods of this repository.
__all__ = ["Inputs", "Learner", "LoopOptions", "Part", "Split", "make_inputs"]
