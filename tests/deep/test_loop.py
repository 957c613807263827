"""What `_build` returns is checked, and the message says what it must return."""

import pytest
from numpy.testing import assert_array_equal
from torch import nn

from skxmr.datasets import make_multilabel_pairs
from skxmr.deep import LoopOptions
from skxmr.nn import Objective
from tests.deep.toy import Toy


class Mistaken(Toy):
    """Changes what Toy builds by a function."""

    change = None

    def _build(self, split):
        return type(self).change(super()._build(split))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda learner: None, TypeError, r"Mistaken\._build must return skxmr\.deep\.Learner.*got NoneType"),
        (lambda learner: learner[:2], TypeError, r"Mistaken\._build must return skxmr\.deep\.Learner.*got tuple"),
        (lambda learner: learner._replace(network=nn.Linear(2, 2)), TypeError, "RetrievalNetwork.*got Linear"),
        (lambda learner: learner._replace(objective=nn.MSELoss()), TypeError, "Objective; got MSELoss"),
        (
            lambda learner: learner._replace(loop=LoopOptions(rate_factors={"classifier": 2.0})),
            ValueError,
            "rate_factors of Mistaken names 'classifier'.*it has classifiers, image",
        ),
        (
            lambda learner: learner._replace(objective=Objective({"loss": 1.0})),
            ValueError,
            "Mistaken has a term 'loss', but history_ has a column of this name",
        ),
    ],
)
def test_mistakes_in_build_are_named(change, error, message, monkeypatch):
    monkeypatch.setattr(Mistaken, "change", staticmethod(change))
    with pytest.raises(error, match=message):
        Mistaken().fit(*make_multilabel_pairs(120, random_state=0))


def test_rate_factors_may_be_patterns(monkeypatch):
    """A pattern stands for all parameters whose names fit, and for no others."""

    def fitted(factors):
        def change(learner):
            return learner._replace(loop=LoopOptions(rate_factors=factors))

        monkeypatch.setattr(Mistaken, "change", staticmethod(change))
        pairs, labels = make_multilabel_pairs(120, random_state=0)
        return Mistaken(max_epochs=1).fit(pairs, labels).encode_image(pairs)

    by_pattern = fitted({"image.*": 2.0})
    assert_array_equal(by_pattern, fitted({"image.1.weight": 2.0, "image.1.bias": 2.0}))
    assert abs(by_pattern - fitted({})).max() > 1e-3
