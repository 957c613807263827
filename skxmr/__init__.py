"""Cross-modal retrieval between images and texts with labels, in scikit-learn's terms.

Names are resolved on first use, so that ``import skxmr`` is quick and pulls in neither torch nor matplotlib.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skxmr import datasets, features, metrics, testing
    from skxmr._data.pairs import Pairs
    from skxmr._data.parsing import parse_sentences
    from skxmr._data.regions import Regions
    from skxmr._data.sentences import Sentences
    from skxmr.base import CrossModalRetriever
    from skxmr.datasets._word_vectors import load_word_vectors
    from skxmr.deep.base import DeepRetriever
    from skxmr.methods.acmr import ACMR
    from skxmr.methods.algcn import ALGCN
    from skxmr.methods.cca import CCA
    from skxmr.methods.dagnn import DAGNN
    from skxmr.methods.dcca import DCCA
    from skxmr.methods.dscmr import DSCMR
    from skxmr.methods.ensemble import RetrieverEnsemble
    from skxmr.methods.ignn import IGNN
    from skxmr.methods.l2gcn import L2GCN
    from skxmr.methods.mlcca import MLCCA
    from skxmr.methods.pls import PLS
    from skxmr.methods.racg import RACG
    from skxmr.methods.scan import SCAN
    from skxmr.methods.semantic import SemanticMatching
    from skxmr.methods.two_stage import TwoStage
    from skxmr.pairwise.retriever import PairwiseRetriever
    from skxmr.steps.cooccurrence import label_graph
    from skxmr.steps.label_graph import LabelGraph
    from skxmr.steps.mean_regions import MeanRegions
    from skxmr.steps.per_modality import PerModality

__version__ = "0.2.0"
_HOME = {
    "ACMR": "methods.acmr",
    "ALGCN": "methods.algcn",
    "DCCA": "methods.dcca",
    "DSCMR": "methods.dscmr",
    "IGNN": "methods.ignn",
    "L2GCN": "methods.l2gcn",
    "CCA": "methods.cca",
    "DAGNN": "methods.dagnn",
    "DeepRetriever": "deep.base",
    "MLCCA": "methods.mlcca",
    "PLS": "methods.pls",
    "PairwiseRetriever": "pairwise.retriever",
    "RACG": "methods.racg",
    "SCAN": "methods.scan",
    "CrossModalRetriever": "base",
    "LabelGraph": "steps.label_graph",
    "MeanRegions": "steps.mean_regions",
    "Pairs": "_data.pairs",
    "Regions": "_data.regions",
    "RetrieverEnsemble": "methods.ensemble",
    "Sentences": "_data.sentences",
    "TwoStage": "methods.two_stage",
    "PerModality": "steps.per_modality",
    "SemanticMatching": "methods.semantic",
    "label_graph": "steps.cooccurrence",
    "load_word_vectors": "datasets._word_vectors",
    "parse_sentences": "_data.parsing",
}
_MODULES = ("datasets", "features", "metrics", "testing")
__all__ = [
    "ACMR",
    "ALGCN",
    "CCA",
    "DAGNN",
    "DCCA",
    "DSCMR",
    "IGNN",
    "L2GCN",
    "MLCCA",
    "PLS",
    "RACG",
    "SCAN",
    "CrossModalRetriever",
    "DeepRetriever",
    "LabelGraph",
    "MeanRegions",
    "Pairs",
    "PairwiseRetriever",
    "PerModality",
    "Regions",
    "RetrieverEnsemble",
    "SemanticMatching",
    "Sentences",
    "TwoStage",
    "datasets",
    "features",
    "label_graph",
    "load_word_vectors",
    "metrics",
    "parse_sentences",
    "testing",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"skxmr.{name}")
    if name in _HOME:
        return getattr(import_module(f"skxmr.{_HOME[name]}"), name)
    raise AttributeError(f"module 'skxmr' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
