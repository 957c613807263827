"""The contract of retrievers as checks, for authors of methods."""

from skxmr.testing.contract import check_retriever, retriever_checks
from skxmr.testing.discovery import all_retrievers

__all__ = ["all_retrievers", "check_retriever", "retriever_checks"]
