"""Objectives and outputs: what an author has got wrong is named."""

import pytest
import torch

from skxmr.nn import Batch, Objective, Outputs

BATCH = Batch(torch.zeros(4, 3), torch.zeros(4, 2), torch.zeros(4, 0))
OUTPUTS = {"image": torch.ones(4, 5), "text": torch.zeros(4, 5)}


class Distances(Objective):
    def distance(self, outputs, batch):
        return (outputs["image"] - outputs["text"]).square().mean()

    def rows(self, outputs, batch):
        return (outputs["image"] - outputs["text"]).square().mean(dim=1)

    def number(self, outputs, batch):
        return 1.0

    def misspelt(self, outputs, batch):
        return outputs.cosine("image", "texts").mean()


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ({"distanc": 1.0}, ValueError, "weight for 'distanc'.*its terms are distance, misspelt, number, rows"),
        (
            {"rows": 1.0},
            ValueError,
            r"the term 'rows' of Distances must return a scalar Tensor; got torch.Size\(\[4\]\)",
        ),
        ({"number": 1.0}, ValueError, "the term 'number' of Distances must return a scalar Tensor; got float"),
        ({"misspelt": 1.0}, KeyError, "no output 'texts'; it returned image, text"),
        ({"distance": 0.0}, ValueError, "no term of Distances has a weight"),
    ],
)
def test_mistakes_are_named(weights, error, message):
    objective = Distances(weights)
    with pytest.raises(error, match=message):
        objective.total(objective.terms(OUTPUTS, BATCH))


def test_asking_whether_there_is_an_output_is_no_mistake():
    outputs = Outputs(OUTPUTS)
    assert "classifiers" not in outputs
    assert outputs.get("classifiers") is None
