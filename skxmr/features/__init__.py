"""Images and texts to vectors by pre-trained networks, as scikit-learn transformers that compute each vector once."""

from skxmr.features.extractor import ImageFeatures
from skxmr.features.square import PadToSquare
from skxmr.features.texts import TextFeatures

__all__ = ["ImageFeatures", "PadToSquare", "TextFeatures"]
