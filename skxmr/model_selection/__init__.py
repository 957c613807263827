"""Splits for rows with several labels, and groups of rows that must not be separated."""

from skxmr.model_selection._near_duplicates import near_duplicate_groups
from skxmr.model_selection._stratified import MultilabelStratifiedKFold

__all__ = ["MultilabelStratifiedKFold", "near_duplicate_groups"]
