"""Data sets: one embedded, two generated, and loaders of research sets and of features on disk."""

from skxmr.datasets._captions import load_captioned_regions
from skxmr.datasets._digits import load_captioned_digits
from skxmr.datasets._features import load_feature_files
from skxmr.datasets._research import load_corel5k_tags, load_mirflickr_tags, load_wikipedia
from skxmr.datasets._scenes import make_captioned_scenes
from skxmr.datasets._synthetic import make_multilabel_pairs

__all__ = [
    "load_captioned_digits",
    "load_captioned_regions",
    "load_corel5k_tags",
    "load_feature_files",
    "load_mirflickr_tags",
    "load_wikipedia",
    "make_captioned_scenes",
    "make_multilabel_pairs",
]
