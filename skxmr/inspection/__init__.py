"""Looking into models and results: pictures of what was found and learned, explanations, reports and comparisons.

The constructor of a Display takes computed values and `plot` draws them; class methods such as `from_estimator` compute
and draw at once. They take a retriever, or a pipeline or search around one. Artists are kept, so that a picture can be
changed afterwards. Drawing needs matplotlib, ``pip install 'skxmr[plot]'``.

`explain` says why an item was found, and `report` how good a model is for each query and label. `compare` says
whether one method is better than another.
"""

from skxmr.inspection.comparing.compare import compare
from skxmr.inspection.comparing.comparison import Comparison
from skxmr.inspection.displays.attention import AttentionDisplay
from skxmr.inspection.displays.embedding import EmbeddingDisplay
from skxmr.inspection.displays.label_graph import LabelGraphDisplay
from skxmr.inspection.displays.per_label import PerLabelDisplay
from skxmr.inspection.displays.precision_recall_at_rank import PrecisionRecallAtRankDisplay
from skxmr.inspection.displays.precision_scope import PrecisionScopeDisplay
from skxmr.inspection.displays.recall_at_k import RecallAtKDisplay
from skxmr.inspection.displays.retrieval import RetrievalDisplay
from skxmr.inspection.displays.search_surface import SearchSurfaceDisplay
from skxmr.inspection.displays.training import TrainingDisplay
from skxmr.inspection.explaining.explain import explain
from skxmr.inspection.explaining.explanation import Explanation
from skxmr.inspection.reporting.report import report
from skxmr.inspection.reporting.reported import Report

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
