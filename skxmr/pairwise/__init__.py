"""What the author of a method for regions and words needs, whether it compares pairs or embeds.

The layers, losses and objectives are in :mod:`skxmr.nn`. What `_build` is given and returns is in :mod:`skxmr.deep`.
"""

from skxmr.pairwise.networks import SetNetwork, set_encoders
from skxmr.pairwise.relations import Relations
from skxmr.pairwise.retriever import PairwiseRetriever as PairwiseRetriever
from skxmr.pairwise.set_retriever import SetRetriever
from skxmr.pairwise.sets import NodeSet, SetBatch

# PairwiseRetriever is listed among the names of skxmr itself.
__all__ = ["NodeSet", "Relations", "SetBatch", "SetNetwork", "SetRetriever", "set_encoders"]
