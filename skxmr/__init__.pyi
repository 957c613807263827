"""The public names and where each one is defined; `skxmr/__init__.py` reads this file."""

from . import datasets as datasets
from . import deep as deep
from . import features as features
from . import metrics as metrics
from . import model_selection as model_selection
from . import nn as nn
from . import pairwise as pairwise
from . import testing as testing
from ._data.pairs import Pairs as Pairs
from ._data.parsing import parse_sentences as parse_sentences
from ._data.regions import Regions as Regions
from ._data.sentences import Sentences as Sentences
from .base import ComparingRetriever as ComparingRetriever
from .base import CrossModalRetriever as CrossModalRetriever
from .base import Retriever as Retriever
from .base.functions import annotate as annotate
from .base.functions import similarity as similarity
from .datasets._word_vectors import load_word_vectors as load_word_vectors
from .deep.base import DeepRetriever as DeepRetriever
from .methods.acmr import ACMR as ACMR
from .methods.algcn import ALGCN as ALGCN
from .methods.aligned import AlignedEmbeddings as AlignedEmbeddings
from .methods.cca import CCA as CCA
from .methods.dagnn import DAGNN as DAGNN
from .methods.dcca import DCCA as DCCA
from .methods.dscmr import DSCMR as DSCMR
from .methods.ensemble import RetrieverEnsemble as RetrieverEnsemble
from .methods.ignn import IGNN as IGNN
from .methods.l2gcn import L2GCN as L2GCN
from .methods.mlcca import MLCCA as MLCCA
from .methods.pls import PLS as PLS
from .methods.racg import RACG as RACG
from .methods.scan import SCAN as SCAN
from .methods.semantic import SemanticMatching as SemanticMatching
from .methods.two_stage import TwoStage as TwoStage
from .pairwise.retriever import PairwiseRetriever as PairwiseRetriever
from .persistence._exporting import export_onnx as export_onnx
from .persistence._loading import load as load
from .persistence._saving import save as save
from .steps.cooccurrence import label_graph as label_graph
from .steps.label_graph import LabelGraph as LabelGraph
from .steps.mean_regions import MeanRegions as MeanRegions
from .steps.per_modality import PerModality as PerModality

__version__: str
