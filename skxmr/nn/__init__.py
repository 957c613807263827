"""Networks and loss terms: tensors in, tensors out. What a new deep method is built of."""

from skxmr.nn.adversaries import Discriminator, DualGAN, EmbeddingCritic, reverse_gradient
from skxmr.nn.label_networks import FreeClassifiers, IterativeClassifiers, LabelGraphNetwork, MultiHopGNN
from skxmr.nn.networks import Dropout, Standardize, TwoBranchNetwork, UnitLength, encoder
from skxmr.nn.objective import LabelObjective, Objective, Outputs

__all__ = [
    "Discriminator",
    "Dropout",
    "DualGAN",
    "EmbeddingCritic",
    "FreeClassifiers",
    "IterativeClassifiers",
    "LabelGraphNetwork",
    "LabelObjective",
    "MultiHopGNN",
    "Objective",
    "Outputs",
    "Standardize",
    "TwoBranchNetwork",
    "UnitLength",
    "encoder",
    "reverse_gradient",
]
