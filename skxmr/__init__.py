"""Cross-modal retrieval between images and texts with labels, in scikit-learn's terms.

Names are resolved on first use, so that ``import skxmr`` is quick and pulls in neither torch nor matplotlib.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skxmr import datasets, features, metrics, testing
    from skxmr._cooccurrence import label_graph
    from skxmr._regions import Regions
    from skxmr._sentences import Sentences
    from skxmr.base import CrossModalRetriever
    from skxmr.deep.base import DeepRetriever
    from skxmr.deep.pairwise import PairwiseRetriever
    from skxmr.graph import LabelGraph
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
    from skxmr.pairs import Pairs
    from skxmr.parsing import parse_sentences
    from skxmr.pooling import MeanRegions
    from skxmr.preprocessing import PerModality
    from skxmr.word_vectors import load_word_vectors

__version__ = "0.1.0"
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
    "PairwiseRetriever": "deep.pairwise",
    "RACG": "methods.racg",
    "SCAN": "methods.scan",
    "CrossModalRetriever": "base",
    "LabelGraph": "graph",
    "MeanRegions": "pooling",
    "Pairs": "pairs",
    "Regions": "_regions",
    "RetrieverEnsemble": "methods.ensemble",
    "Sentences": "_sentences",
    "TwoStage": "methods.two_stage",
    "PerModality": "preprocessing",
    "SemanticMatching": "methods.semantic",
    "label_graph": "_cooccurrence",
    "load_word_vectors": "word_vectors",
    "parse_sentences": "parsing",
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
