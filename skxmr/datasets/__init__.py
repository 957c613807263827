"""Data sets: embedded, generated, or read from packages and files; and loaders of your own tables and features."""

from skxmr.datasets._captions import load_captioned_regions
from skxmr.datasets._digits import load_captioned_digits
from skxmr.datasets._features import load_feature_files
from skxmr.datasets._icons import load_icons
from skxmr.datasets._openclipart import load_openclipart
from skxmr.datasets._research import load_corel5k_tags, load_mirflickr_tags, load_wikipedia
from skxmr.datasets._scenes import make_captioned_scenes
from skxmr.datasets._synthetic import make_multilabel_pairs
from skxmr.datasets._tables import load_table

__all__ = [
    "load_captioned_digits",
    "load_captioned_regions",
    "load_corel5k_tags",
    "load_feature_files",
    "load_icons",
    "load_mirflickr_tags",
    "load_openclipart",
    "load_table",
    "load_wikipedia",
    "make_captioned_scenes",
    "make_multilabel_pairs",
]
