"""Retrieval measures, exact under ties.

Every function takes `scores` and `relevance`, two matrices of shape (n queries, m gallery items) that are sliced by
rows: arrays, or :class:`Similarity` and :class:`SharedLabels` / :class:`SameRow`, which compute rows on demand so that
memory stays bounded. Items with equal scores have no order; the measures are the exact expected value over all their
orders (McSherry & Najork, ECIR 2008). Queries without any relevant item have no value: they are nan per query and left
out of means.
"""

from skxmr.metrics._cutoffs import hit_at_k, ndcg_at_k, precision_at_k, precision_scope, recall_at_k
from skxmr.metrics._duplicates import near_duplicates
from skxmr.metrics._precision import average_precision, cross_modal_map, map_per_class, mean_average_precision
from skxmr.metrics._recalls import first_rank, median_rank, retrieval_recalls
from skxmr.metrics._relevance import SameGroup, SameRow, SharedLabels
from skxmr.metrics._reranking import Reranked
from skxmr.metrics._scorers import RecallScores, RetrievalScorer, RetrievalScores
from skxmr.metrics._similarity import Similarity

__all__ = [
    "RecallScores",
    "Reranked",
    "RetrievalScorer",
    "RetrievalScores",
    "SameGroup",
    "SameRow",
    "SharedLabels",
    "Similarity",
    "average_precision",
    "cross_modal_map",
    "first_rank",
    "hit_at_k",
    "map_per_class",
    "mean_average_precision",
    "median_rank",
    "ndcg_at_k",
    "near_duplicates",
    "precision_at_k",
    "precision_scope",
    "recall_at_k",
    "retrieval_recalls",
]
