"""What LCFS, JFSSL and JRL share: repeated ridge regressions that select features."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skxmr import JFSSL, JRL, LCFS
from skxmr.datasets import make_multilabel_pairs

pytestmark = pytest.mark.parametrize("cls", [LCFS, JFSSL, JRL])


@pytest.fixture
def rows():
    """40 pairs of 6 and 5 features, with 3 labels."""
    return make_multilabel_pairs(40, n_image_features=6, n_text_features=5, n_labels=3, random_state=1)


def test_the_objective_falls_with_every_iteration(cls, rows):
    fitted = cls(selection=0.05, tol=0, max_iter=40).fit(*rows)
    assert fitted.n_iter_ == len(fitted.objective_) == 40
    assert (np.diff(fitted.objective_) < 1e-12).all()


def test_features_that_are_not_selected_have_no_weight(cls, rows):
    fitted = cls(selection=0.1).fit(*rows)
    for name in ("image", "text"):
        lengths = np.linalg.norm(getattr(fitted, f"{name}_projection_"), axis=1)
        assert (lengths[~getattr(fitted, f"{name}_selected_")] == 0).all()
        assert (lengths[getattr(fitted, f"{name}_selected_")] > 0).all()
    assert not (fitted.image_selected_.all() and fitted.text_selected_.all())


def test_no_feature_left_is_an_error(cls, rows):
    wanted = rf"{cls.__name__}\(selection=50\) selects no feature of image; make selection smaller"
    with pytest.raises(ValueError, match=wanted):
        cls(selection=50).fit(*rows)


def test_a_view_that_does_not_vary_is_an_error(cls, rows):
    pairs, labels = rows
    with pytest.raises(ValueError, match=f"{cls.__name__} finds no component: image or text does not vary"):
        cls().fit(pairs.replace(text=np.ones((40, 4))), labels)


def test_too_few_iterations_are_said(cls, rows):
    with pytest.warns(ConvergenceWarning, match=f"{cls.__name__} has not converged after max_iter=1 iterations"):
        cls(max_iter=1, selection=0.1).fit(*rows)


@pytest.mark.parametrize("options", [{"selection": 0}, {"max_iter": 0}, {"tol": -1}])
def test_bad_parameters_are_named(cls, options, rows):
    with pytest.raises(ValueError, match=next(iter(options))):
        cls(**options).fit(*rows)
