"""What every retriever can do, and the kinds: those that embed, also in codes, and those that compare pairs."""

from skxmr.base.annotating import AnnotatingRetriever
from skxmr.base.comparing import ComparingRetriever
from skxmr.base.embedding import CrossModalRetriever
from skxmr.base.hashing import HashingRetriever
from skxmr.base.retriever import Retriever

__all__ = ["AnnotatingRetriever", "ComparingRetriever", "CrossModalRetriever", "HashingRetriever", "Retriever"]
