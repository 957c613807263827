"""The contract of retrievers as checks, for authors of methods."""

from skxmr.testing.discovery import all_retrievers
from skxmr.testing.embedding import check_retriever, retriever_checks

__all__ = ["all_retrievers", "check_retriever", "retriever_checks"]
