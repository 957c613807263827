"""Looking into models and results: pictures of what was found and learned, explanations, reports and comparisons.

The constructor of a Display takes computed values and `plot` draws them; class methods such as `from_estimator` compute
and draw at once. They take a retriever, or a pipeline or search around one. Artists are kept, so that a picture can be
changed afterwards. Drawing needs matplotlib, ``pip install 'skxmr[plot]'``.

`explain` says why an item was found, and `report` how good a model is for each query and label. `compare` says
whether one method is better than another.
"""

from skxmr.inspection._attention import AttentionDisplay
from skxmr.inspection._compare import compare
from skxmr.inspection._comparison import Comparison
from skxmr.inspection._embedding import EmbeddingDisplay
from skxmr.inspection._explain import explain
from skxmr.inspection._explanation import Explanation
from skxmr.inspection._label_graph import LabelGraphDisplay
from skxmr.inspection._per_label import PerLabelDisplay
from skxmr.inspection._precision_recall_at_rank import PrecisionRecallAtRankDisplay
from skxmr.inspection._precision_scope import PrecisionScopeDisplay
from skxmr.inspection._recall_at_k import RecallAtKDisplay
from skxmr.inspection._report import report
from skxmr.inspection._reported import Report
from skxmr.inspection._retrieval import RetrievalDisplay
from skxmr.inspection._search_surface import SearchSurfaceDisplay
from skxmr.inspection._training import TrainingDisplay

__all__ = [
    "AttentionDisplay",
    "Comparison",
    "EmbeddingDisplay",
    "Explanation",
    "LabelGraphDisplay",
    "PerLabelDisplay",
    "PrecisionRecallAtRankDisplay",
    "PrecisionScopeDisplay",
    "RecallAtKDisplay",
    "Report",
    "RetrievalDisplay",
    "SearchSurfaceDisplay",
    "TrainingDisplay",
    "compare",
    "explain",
    "report",
]
