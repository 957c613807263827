"""The contract of retrievers as checks, for authors of methods."""

from skxmr.testing.embedding import check_retriever, retriever_checks

__all__ = ["check_retriever", "retriever_checks"]
