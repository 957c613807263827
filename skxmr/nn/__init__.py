"""Parts of a deep method: networks, loss terms and the objective that weighs them; tensors in, tensors out."""

from skxmr.nn import contrastive, losses
from skxmr.nn.adversaries import Discriminator, reverse_gradient
from skxmr.nn.networks import Dropout, TwoBranchNetwork, encoder

__all__ = [
    "Discriminator",
    "Dropout",
    "TwoBranchNetwork",
    "contrastive",
    "encoder",
    "losses",
    "reverse_gradient",
]
