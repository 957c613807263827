import numpy as np
import pytest
import scipy.sparse as sp
import torch
from numpy.testing import assert_array_equal

from skxmr.deep.batches import Batches, PairsDataset, ViewSource

CPU = torch.device("cpu")
IMAGE = np.arange(40.0).reshape(10, 4)
TEXT = (np.arange(30).reshape(10, 3) % 4 == 0).astype(float)
Y = np.eye(10, 2)


def forms(tmp_path):
    stored = np.memmap(tmp_path / "image", dtype=np.float64, mode="w+", shape=IMAGE.shape)
    stored[:] = IMAGE
    return [IMAGE, IMAGE.astype(np.float32), np.asfortranarray(IMAGE), sp.csr_array(IMAGE), stored]


@pytest.mark.parametrize("resident", [True, False])
def test_every_kind_of_view_gives_the_same_rows(tmp_path, resident):
    index = torch.tensor([7, 0, 3])
    for view in forms(tmp_path):
        rows = ViewSource(view, CPU, resident).rows(index)
        assert rows.dtype == torch.float32
        assert_array_equal(rows, IMAGE[[7, 0, 3]])


def test_read_only_views_are_not_written_to():
    view = IMAGE.astype(np.float32)
    view.flags.writeable = False
    ViewSource(view, CPU).rows(torch.tensor([0])).add_(1)
    assert_array_equal(view, IMAGE)


@pytest.mark.parametrize(("batch_size", "sizes"), [(4, [4, 4, 2]), (3, [3, 3, 4]), (9, [10]), (10, [10]), (50, [10])])
def test_no_batch_has_one_row(batch_size, sizes):
    batches = Batches(PairsDataset(IMAGE, sp.csr_array(TEXT), Y, CPU), batch_size)
    assert [len(Y) for _, Y in batches] == sizes and len(batches) == len(sizes)


def test_an_epoch_visits_every_row_once_with_its_partner():
    dataset = PairsDataset(IMAGE, sp.csr_array(TEXT), sp.csr_array(Y), CPU)
    batches = Batches(dataset, 3, shuffle=True, generator=torch.Generator().manual_seed(0))
    seen = [(views["image"], views["text"], labels) for views, labels in batches]
    image, text, labels = (torch.cat(parts).numpy() for parts in zip(*seen, strict=True))
    order = (image[:, 0] / 4).astype(int)
    assert sorted(order) == list(range(10)) and order.tolist() != list(range(10))
    assert_array_equal(text, TEXT[order])
    assert_array_equal(labels, Y[order])
    assert [len(Y) for _, Y in batches] == [3, 3, 4]  # a second epoch, in another order


def test_shuffling_heeds_its_generator_only():
    dataset = PairsDataset(IMAGE, TEXT, Y, CPU)
    state = torch.get_rng_state()
    orders = [
        torch.cat([views["image"][:, 0] for views, _ in Batches(dataset, 4, True, torch.Generator().manual_seed(s))])
        for s in (1, 1, 2)
    ]
    assert torch.equal(orders[0], orders[1]) and not torch.equal(orders[0], orders[2])
    assert torch.equal(torch.get_rng_state(), state)
