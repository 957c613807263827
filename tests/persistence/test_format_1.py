"""Folders that were written when the format was new open for ever, and answer as they did."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import InconsistentVersionWarning

import skxmr
from tests.persistence.write_format_1 import MODELS, answers

FOLDER = Path(__file__).parent / "format_1"


@pytest.mark.parametrize("name", MODELS)
def test_folders_of_format_1(name):
    with np.load(FOLDER / f"{name}.npz") as kept, warnings.catch_warnings():
        # What later versions of scikit-learn say of its own estimators.
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        model = skxmr.load(FOLDER / name)
        assert_allclose(answers(model, name, kept), kept["similarity"], rtol=1e-5, atol=1e-6)
