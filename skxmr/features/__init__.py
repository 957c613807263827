"""Images to vectors: a layer of a torchvision network as a scikit-learn transformer."""

from skxmr.features.extractor import ImageFeatures

__all__ = ["ImageFeatures"]
