"""Retrievers that compare the regions of an image with the words of a text, and make no embeddings."""

from skxmr.pairwise.networks import SetNetwork, set_encoders
from skxmr.pairwise.retriever import PairwiseRetriever
from skxmr.pairwise.sets import NodeSet, SetBatch

__all__ = ["NodeSet", "PairwiseRetriever", "SetBatch", "SetNetwork", "set_encoders"]
