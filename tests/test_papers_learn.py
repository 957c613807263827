"""With the constants of its paper, every deep method learns: a wrong constant would leave it near chance."""

import numpy as np
import pytest

from skxmr import Pairs, Regions, Sentences
from skxmr.datasets import load_wikipedia, make_captioned_scenes
from skxmr.deep.trained import TrainedRetriever
from skxmr.metrics import RecallScores, RetrievalScores
from skxmr.testing import all_retrievers

# Enough epochs to see that a method learns; the papers have more. An epoch has 13 batches here and 230 in the paper of
# L2GCN, whose rate of 5e-5 needs some 90 epochs then; a tenfold rate needs ten. DRCL is made smaller, and its rate for
# images, whose features were others in the paper, larger.
OF_LABELS = {
    "ACMR": {"max_epochs": 60},
    "ALGCN": {"max_epochs": 20},
    "DAGNN": {"max_epochs": 30},
    "DRCL": {"n_components": 64, "hidden": 256, "batch_size": 100, "max_epochs": 30, "prior_epochs": 20, "lr": 1e-3},
    "DSCMR": {"max_epochs": 32},
    "IGNN": {"max_epochs": 8},
    "L2GCN": {"max_epochs": 16, "lr": 5e-4},
}
# Narrower than in the papers, whose regions have 2,048 features; a head has 16 columns as there.
OF_SETS = {
    "RACG": {"n_components": 128, "n_heads": 8, "batch_size": 20, "max_epochs": 3},
    "SCAN": {"n_components": 128, "batch_size": 32, "max_epochs": 6},
    "VSEPP": {"n_components": 128, "batch_size": 32, "max_epochs": 30},
}
SEEDS = {"validation_fraction": 0, "random_state": 0, "device": "cpu"}


def paper(name, **changes):
    (found,) = [cls for cls in all_retrievers() if cls.__name__ == name]
    return found.paper(**SEEDS | changes)


def scenes(n, subset):
    made = make_captioned_scenes(n, subset=subset, random_state=0)
    images = Regions((made.regions / 16).astype(np.float32), made.boxes.astype(np.float32), made.mask)
    return Pairs(images, Sentences(made.tokens, made.tags, made.heads), image_index=made.image_index)


def test_every_deep_method_with_constants_of_a_paper_is_tried():
    """Those that learn from pairs alone pre-train in their papers, which is not offered; some of DSPE are not known."""
    with_paper = {cls.__name__ for cls in all_retrievers() if hasattr(cls, "paper")}
    deep = {cls.__name__ for cls in all_retrievers() if issubclass(cls, TrainedRetriever)}
    without = {"BimodalAE", "CorrAE", "DCCA", "DSPE"}
    assert with_paper | without == deep == {*OF_LABELS, *OF_SETS, *without}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:at tau=.* the label graph connects no two labels")
@pytest.mark.parametrize("name", OF_LABELS)
def test_labels_are_learned(data_home, name):
    """On the split sizes of ACMR's paper, 1,300 articles to learn from and 1,566 to test on."""
    pairs, labels = load_wikipedia("all", data_home=data_home, return_X_y=True)
    order = np.random.default_rng(0).permutation(len(pairs))
    train, test = order[:1300], order[1300:]
    model = paper(name, **OF_LABELS[name]).fit(pairs[train], labels[train])
    found = RetrievalScores()(model, pairs[test], labels[test])
    chance = np.mean(labels[test][:, None] == labels[test])
    assert found["i2t_map"] > 1.5 * chance
    assert found["t2i_map"] > 1.5 * chance


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_SETS)
def test_scenes_are_found(name):
    """Five of 1,000 sentences belong to a scene, and one of 200 scenes to a sentence."""
    model = paper(name, **OF_SETS[name]).fit(scenes(400, "train"))
    found = RecallScores(ks=(1,))(model, scenes(200, "test"))
    assert found["i2t_r1"] > 10 * 5 / 1000
    assert found["t2i_r1"] > 10 * 1 / 200
