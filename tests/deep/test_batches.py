import numpy as np
import pytest
import scipy.sparse as sp
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone

from skxmr import DSCMR
from skxmr.deep.batches import Batches, PairsDataset, ViewSource, blocks, fits_on_device
from skxmr.deep.streaming import prefetched

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
        rows = ViewSource(view, None, CPU, resident).rows(index)
        assert rows.dtype == torch.float32
        assert_array_equal(rows, IMAGE[[7, 0, 3]])


def test_read_only_views_are_not_written_to():
    view = IMAGE.astype(np.float32)
    view.flags.writeable = False
    ViewSource(view, None, CPU).rows(torch.tensor([0])).add_(1)
    assert_array_equal(view, IMAGE)


def test_read_only_and_half_precise_views_are_not_copied_as_a_whole():
    """What pyarrow maps is read-only."""
    for dtype in (np.float32, np.float16):
        view = IMAGE.astype(dtype)
        view.flags.writeable = False
        source = ViewSource(view, np.array([8, 1, 5]), CPU)
        assert not source.resident and source.view is view
        assert source.rows(torch.tensor([0])).dtype == torch.float32
        assert_array_equal(source.rows(torch.tensor([2, 0])), IMAGE[[5, 8]])
        assert_array_equal(np.concatenate(list(blocks(view, np.array([8, 1])))), IMAGE[[8, 1]])
        assert next(blocks(view)).dtype == np.float32


@pytest.mark.parametrize(("batch_size", "sizes"), [(4, [4, 4, 2]), (3, [3, 3, 4]), (9, [10]), (10, [10]), (50, [10])])
def test_no_batch_has_one_row(batch_size, sizes):
    found = Batches(PairsDataset(IMAGE, sp.csr_array(TEXT), Y, CPU), batch_size)
    assert [len(batch.labels) for batch in found] == sizes and len(found) == len(sizes)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_some_rows_of_an_array_are_its_rows_and_no_copy(dtype):
    view, rows = IMAGE.astype(dtype), np.array([8, 1, 5, 2])
    source = ViewSource(view, rows, CPU)
    assert source.resident and len(source) == 4
    assert np.shares_memory(source.view.numpy(), view) == (dtype == np.float32)
    assert len(source.view) == (10 if dtype == np.float32 else 4)  # of float64, the wanted rows alone are converted
    index = torch.tensor([3, 0])
    assert_array_equal(source.rows(index), IMAGE[[2, 8]])
    assert_array_equal(source.rows(index, device_index=index), IMAGE[[2, 8]])
    assert_array_equal(source.block(1, 3), IMAGE[[1, 5]])


@pytest.mark.parametrize("resident", [True, False])
def test_some_rows_of_every_kind_of_view_are_the_rows(tmp_path, resident):
    rows = np.array([8, 1, 5, 2])
    for view in forms(tmp_path):
        source = ViewSource(view, rows, CPU, resident)
        assert len(source) == 4
        assert_array_equal(source.rows(torch.tensor([3, 0])), IMAGE[[2, 8]])
        assert_array_equal(source.block(1, 9), IMAGE[[1, 5, 2]])
        assert resident or source.view is view  # read where it is


def test_an_epoch_visits_every_row_once_with_its_partner():
    dataset = PairsDataset(IMAGE, sp.csr_array(TEXT), sp.csr_array(Y), CPU)
    shuffled = Batches(dataset, 3, shuffle=True, generator=torch.Generator().manual_seed(0))
    image, text, labels = (torch.cat(parts).numpy() for parts in zip(*shuffled, strict=True))
    order = (image[:, 0] / 4).astype(int)
    assert sorted(order) == list(range(10)) and order.tolist() != list(range(10))
    assert_array_equal(text, TEXT[order])
    assert_array_equal(labels, Y[order])
    assert [len(batch.labels) for batch in shuffled] == [3, 3, 4]  # a second epoch, in another order


def test_shuffling_heeds_its_generator_only():
    dataset = PairsDataset(IMAGE, TEXT, Y, CPU)
    state = torch.get_rng_state()
    orders = [
        torch.cat([batch.image[:, 0] for batch in Batches(dataset, 4, True, torch.Generator().manual_seed(s))])
        for s in (1, 1, 2)
    ]
    assert torch.equal(orders[0], orders[1]) and not torch.equal(orders[0], orders[2])
    assert torch.equal(torch.get_rng_state(), state)


def test_a_copy_of_a_memory_map_is_in_main_memory(tmp_path):
    """It keeps the class of the map, but is no longer read from the disk."""
    stored = np.memmap(tmp_path / "stored", dtype=np.float32, mode="w+", shape=IMAGE.shape)
    assert not fits_on_device(stored, None, CPU) and not fits_on_device(stored[2:9], None, CPU)
    for copied in (stored.copy(), np.asarray(stored.copy())[2:9], stored.astype(np.float64)):
        assert fits_on_device(copied, None, CPU)
    copied = stored.copy()
    assert np.shares_memory(ViewSource(copied, None, CPU).view.numpy(), copied)


@pytest.mark.parametrize("resident", [True, False])
def test_consecutive_rows_are_the_rows(tmp_path, resident):
    for view in forms(tmp_path):
        assert_array_equal(ViewSource(view, None, CPU, resident).block(2, 9), IMAGE[2:9])


def test_sparse_views_are_made_dense_where_that_is_little(tmp_path):
    """Up to 64 MiB, which 2^22 rows of four float32 numbers take."""
    sparse = sp.csr_array(TEXT)
    mapped = forms(tmp_path)[-1]
    assert fits_on_device(sparse, None, CPU) and fits_on_device(IMAGE, None, CPU)
    assert not fits_on_device(mapped, np.arange(5), CPU)
    assert fits_on_device(sp.csr_array((2**22, 4)), None, CPU)
    large = sp.csr_array((2**22 + 1, 4))
    assert not fits_on_device(large, None, CPU) and fits_on_device(large, np.arange(5), CPU)
    dataset = PairsDataset(IMAGE, sparse, Y, CPU, resident=False)
    assert not dataset.resident
    assert_array_equal(dataset.rows(torch.tensor([4, 1])).text, TEXT[[4, 1]])


@pytest.mark.parametrize(("free", "expected"), [(319, False), (320, True)])
def test_a_gpu_keeps_what_takes_half_of_its_free_memory(free, expected, monkeypatch, tmp_path):
    """10 x 4 float32 are 160 bytes, whatever form they come in."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 10**12))
    assert [fits_on_device(view, None, torch.device("cuda")) for view in forms(tmp_path)] == [expected] * 5
    half = [fits_on_device(view, np.arange(5), torch.device("cuda")) for view in forms(tmp_path)]
    assert half == [True] * 5  # some rows take less


def test_batches_read_ahead_come_in_order():
    started = []

    def reading(i):
        def read():
            started.append(i)
            return i

        return read

    found = prefetched((reading(i) for i in range(7)), CPU)
    assert next(found) == 0 and len(started) <= 3  # two ahead
    assert list(found) == [1, 2, 3, 4, 5, 6] and started == list(range(7))


def test_an_error_while_reading_ahead_is_raised_where_the_batch_is_wanted():
    def broken():
        raise OSError("the disk is gone")

    found = prefetched(iter([lambda: 0, lambda: 1, broken]), CPU)
    assert [next(found), next(found)] == [0, 1]
    with pytest.raises(OSError, match="the disk is gone"):
        next(found)


def test_a_reader_that_is_left_stops():
    calls = []
    found = prefetched((lambda i=i: calls.append(i) for i in range(100)), CPU)
    next(found)
    found.close()
    assert len(calls) <= 3


@pytest.mark.parametrize("standardize", [False, True, "view"])
def test_a_fit_of_mapped_views_of_float16_is_that_of_float32_in_memory(tmp_path, small, standardize):
    pairs, labels = small
    halves = {name: getattr(pairs, name).astype(np.float16) for name in ("image", "text")}
    mapped = {}
    for name, view in halves.items():
        np.save(tmp_path / f"{name}.npy", view)
        mapped[name] = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
    model = DSCMR(4, hidden=8, max_epochs=2, validation_fraction=0.2, standardize=standardize, random_state=0)
    expected = clone(model).fit(*(view.astype(np.float32) for view in halves.values()), labels)
    checked = model._checked(mapped["image"], mapped["text"], labels).pairs
    assert checked.image.dtype == np.float16 and np.shares_memory(checked.image, mapped["image"])
    model.fit(mapped["image"], mapped["text"], labels)
    assert_array_equal(model.encode_image(mapped["image"]), expected.encode_image(halves["image"]))
    assert_array_equal(model.history_["validation_map"], expected.history_["validation_map"])
    mapped["text"] = np.array(halves["text"])
    mapped["text"][3, 1] = np.inf
    mapped["text"].flags.writeable = False
    with pytest.raises(ValueError, match="text contains 1 NaN or infinite"):
        model.fit(mapped["image"], mapped["text"], labels)
