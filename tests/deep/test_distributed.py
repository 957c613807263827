"""Two processes learn what one learns from the same batches."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import joblib
import pytest
import torch
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from torch import distributed as dist

from skxmr.deep import distributed
from skxmr.deep.loop import LoopOptions

from .ranks import ENCODED, MODELS, WITH_NOISE, data, fit, fit_encoded, start
from .toy import Toy

ROOT = Path(__file__).parents[2]
ROUNDED = ("DAGNN with its text network", "L2GCN")  # Adam in the former, steep losses in the latter enlarge rounding


def started(folder, context):
    """Start two processes by their variables."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    processes = [context.Process(target=start, args=(rank, 2, port, str(folder))) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
    assert [process.exitcode for process in processes] == [0, 0]


def launched(folder, context):
    """Start two processes by torchrun, as users do."""
    launch = ["torch.distributed.run", "--standalone", "--local_addr=127.0.0.1", "--nproc_per_node=2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", *launch, "-m", "tests.deep.ranks", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module", params=[pytest.param(how, marks=pytest.mark.slow) for how in (started, launched)])
def found(request, tmp_path_factory, copied_processes):
    """What both ranks found, and the model that rank 0 saved."""
    folder = tmp_path_factory.mktemp("ranks")
    request.param(folder, copied_processes)
    return joblib.load(folder / "found.joblib"), joblib.load(folder / "model.joblib")


def same(history):
    return history.drop(columns="seconds")


@pytest.mark.parametrize("name", MODELS)
def test_two_ranks_learn_what_one_process_learns(found, name):
    """The same loss of every epoch, the same weights: nothing is lost by seeing half of a batch's rows."""
    state, history, best = fit(MODELS[name])
    tolerance = 2e-5 if name in ROUNDED else 1e-6
    for ranks_state, ranks_history, ranks_best in [rank["plain"][name] for rank in found[0]]:
        assert ranks_best == best
        assert_frame_equal(same(ranks_history), same(history), rtol=tolerance, atol=tolerance)
        for key, value in state.items():
            assert_allclose(ranks_state[key].to_dense(), value.to_dense(), atol=tolerance, err_msg=key)


@pytest.mark.parametrize("name", ENCODED)
def test_two_ranks_train_the_encoders_that_one_process_trains(found, name):
    expected = fit_encoded(ENCODED[name])
    for of_rank in [rank["encoded"][name] for rank in found[0]]:
        for state, own in zip(of_rank, expected, strict=True):
            for key, value in own.items():
                assert_allclose(state[key], value, atol=1e-6, err_msg=key)


@pytest.mark.parametrize(("kind", "name"), [("plain", n) for n in MODELS] + [("noise", n) for n in WITH_NOISE])
def test_ranks_end_with_the_same_model(found, kind, name):
    """Bit for bit, with dropout and BatchNorm too."""
    (state, history, best), (other_state, other_history, other_best) = [rank[kind][name] for rank in found[0]]
    assert best == other_best
    assert_frame_equal(same(other_history), same(history))
    for key, value in state.items():
        assert torch.equal(value, other_state[key]), key


def test_what_rank_0_saves_is_an_ordinary_model(found):
    pairs, labels = data()
    assert found[1].score(pairs, labels) == pytest.approx(MODELS["DAGNN"].fit(pairs, labels).score(pairs, labels))


def test_other_rows_are_refused_on_every_rank(found):
    messages = [rank["rows"] for rank in found[0]]
    assert messages[0] == messages[1]
    assert messages[0].startswith("process 1 was given image (140, 20)") and "give all rows to every" in messages[0]


def test_memory_that_runs_out_is_told_by_every_process(found):
    for number, rank in enumerate(found[0]):
        assert rank["memory"].startswith(f"process {number}: the cpu device ran out of memory")
        assert "halve batch_size to 15" in rank["memory"]


def test_processes_without_a_group_are_noticed(small, monkeypatch):
    """As torchrun starts them, where the script forgets to join them."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    with pytest.warns(UserWarning, match=r"every process trains alone .*init_process_group"):
        Toy(max_epochs=1).fit(*small)


def test_progress_is_shown_by_rank_0(small, monkeypatch, capfd):
    Toy(max_epochs=1, verbose=1).fit(*small)
    assert "epoch" in capfd.readouterr().err
    monkeypatch.setattr(distributed, "rank", lambda: 1)
    Toy(max_epochs=1, verbose=1).fit(*small)
    assert capfd.readouterr().err == ""


@pytest.fixture
def three(monkeypatch):
    """Three ranks, as far as anyone can tell without talking to them."""
    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    monkeypatch.setattr(dist, "get_world_size", lambda: 3)
    monkeypatch.setattr(dist, "get_rank", lambda: 1)


def test_a_batch_has_a_row_for_every_rank(three):
    assert distributed.joint_loop(LoopOptions(smallest_batch=2), 3).smallest_batch == 3
    with pytest.raises(ValueError, match="batch_size=2 with 3 processes; each needs a row"):
        distributed.joint_loop(LoopOptions(), 2)


def test_every_rank_has_its_own_gpu(three, monkeypatch):
    placed = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", placed.append)
    assert distributed.rank_device(torch.device("cuda")) == torch.device("cuda", 1) == placed[0]
    assert distributed.rank_device(torch.device("cpu")) == torch.device("cpu")
    with pytest.raises(ValueError, match="device='cuda:0' with 3 processes"):
        distributed.rank_device(torch.device("cuda", 0))
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ValueError, match="process 2 of this machine needs a GPU of its own, but torch finds 2"):
        distributed.rank_device(torch.device("cuda"))


def test_without_accelerate_the_way_out_is_named(three, monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ImportError, match=r"pip install 'skxmr\[distributed\]'"):
        distributed.accelerated(object, torch.device("cpu"))


def test_processes_that_accelerate_does_not_see_are_refused(three):
    """As where multiprocessing.spawn starts them, without torchrun's variables."""
    with pytest.raises(RuntimeError, match="3 processes, but accelerate sees 1; start them by torchrun"):
        distributed.accelerated(object, torch.device("cpu"))
