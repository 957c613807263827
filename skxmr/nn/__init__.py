"""Parts of a deep method: networks, loss terms and the objective that weighs them; tensors in, tensors out."""

from skxmr.nn import contrastive, losses
from skxmr.nn.adversaries import Discriminator, reverse_gradient
from skxmr.nn.networks import Dropout, TwoBranchNetwork, encoder
from skxmr.nn.objective import Batch, Objective, Outputs
from skxmr.nn.retrieval_network import RetrievalNetwork

__all__ = [
    "Batch",
    "Discriminator",
    "Dropout",
    "Objective",
    "Outputs",
    "RetrievalNetwork",
    "TwoBranchNetwork",
    "contrastive",
    "encoder",
    "losses",
    "reverse_gradient",
]
