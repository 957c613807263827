"""Collections that are searched: vectors of items, their ids and metadata, and the files that hold them."""

from skxmr.search.hits import Hits
from skxmr.search.index import RetrievalIndex

__all__ = ["Hits", "RetrievalIndex"]
