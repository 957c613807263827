"""Few rows are a bad guide to the best epoch: what is held out by default, and what is warned of."""

import warnings

import pytest
from numpy.testing import assert_array_equal
from skorch.callbacks import Checkpoint, EarlyStopping

from skxmr import ACMR, ALGCN, DAGNN, DCCA, DRCL, DSCMR, IGNN, L2GCN, RACG, SCAN, Pairs, Regions, Sentences
from skxmr.datasets import make_captioned_scenes, make_multilabel_pairs
from skxmr.deep.options import resolved_fraction
from tests.deep.toy import Toy

DEEP = (ACMR, ALGCN, DAGNN, DCCA, DRCL, DSCMR, IGNN, L2GCN, RACG, SCAN)
FEW = r"^{} validation rows choose the epoch, and fewer than 20 choose badly. Set validation_fraction to 0"


@pytest.fixture(scope="module")
def rows():
    return make_multilabel_pairs(600, random_state=0)


def fitted(rows, n, **options):
    pairs, labels = rows
    return Toy(**{"validation_fraction": "auto", "max_epochs": 3} | options).fit(pairs[:n], labels[:n])


def test_it_is_the_default():
    assert {method().validation_fraction for method in DEEP} == {"auto"}
    with pytest.raises(ValueError, match="'validation_fraction' parameter of DSCMR must be"):
        DSCMR(validation_fraction="some").fit(*make_multilabel_pairs(60, random_state=0))


@pytest.mark.parametrize(("n", "fraction"), [(60, 0), (200, 0), (499, 0), (500, 0.1), (600, 0.1)])
def test_auto_holds_out_enough_rows_or_none(rows, n, fraction):
    found = fitted(rows, n)
    wanted = fitted(rows, n, validation_fraction=fraction)
    assert_array_equal(found.encode_text(rows[0]), wanted.encode_text(rows[0]))
    assert ("validation_map" in found.history_) == (fraction > 0)
    assert found.best_epoch_ == (1 + found.history_["validation_map"].argmax() if fraction else 3)


@pytest.mark.parametrize(("n", "held"), [(499, 0), (500, 50), (200_000, 20_000), (10**7, 20_000), (10**9, 20_000)])
def test_auto_never_holds_out_more_rows_than_can_be_ranked_after_an_epoch(n, held):
    assert round(n * resolved_fraction("auto", n, n, None, None)) == held
    # Five texts of each image are five rows.
    assert round(5 * n * resolved_fraction("auto", n, 5 * n, None, None)) == min(5 * held, 20_000)


@pytest.mark.parametrize(
    "waiting",
    [{"early_stopping": 2}, {"callbacks": [EarlyStopping()]}, {"callbacks": [("kept", Checkpoint)]}],
    ids=["early_stopping", "EarlyStopping", "Checkpoint"],
)
def test_auto_holds_out_rows_for_those_who_wait_for_scores(rows, waiting, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match=FEW.format(6)):
        assert "validation_map" in fitted(rows, 60, **waiting).history_


@pytest.mark.parametrize(("n", "fraction", "held"), [(60, 0.1, 6), (100, 0.1, 10), (50, 0.3, 15), (190, 0.1, 19)])
def test_few_validation_rows_are_warned_of(rows, n, fraction, held):
    with pytest.warns(UserWarning, match=FEW.format(held)) as caught:
        model = fitted(rows, n, validation_fraction=fraction)
    assert caught[0].filename == __file__
    assert len(caught) == 1 and model.best_epoch_ == 1 + model.history_["validation_map"].argmax()


@pytest.mark.parametrize(("n", "fraction"), [(60, "auto"), (60, 0), (60, 0.4), (200, 0.1), (600, 0.1)])
def test_enough_rows_and_none_are_not(rows, n, fraction):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted(rows, n, validation_fraction=fraction)


def test_texts_of_one_image_count_once():
    made = make_captioned_scenes(40, random_state=0)
    images = Regions(made.regions, made.boxes, made.mask)
    pairs = Pairs(images, Sentences(made.tokens, made.tags, made.heads), image_index=made.image_index)
    sizes = {"n_components": 8, "word_width": 4, "batch_size": 20, "max_epochs": 1, "random_state": 0}
    with pytest.warns(UserWarning, match=FEW.format(8)):
        assert "validation_mr" in SCAN(**sizes, validation_fraction=0.2).fit(pairs).history_
    assert "validation_mr" not in SCAN(**sizes).fit(pairs).history_
