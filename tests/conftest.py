"""One thread, no GPU, and the research sets where somebody keeps them beside the repository."""

import gc
import multiprocessing
import os
import sys
from multiprocessing import forkserver
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before numpy is imported: afterwards it has no effect
# Methods take CUDA where there is one, but tests compare bits, files and seeds as the CPU makes them. Those that are
# about CUDA run by `make test-cuda`.
if not os.environ.get("SKXMR_CUDA"):
    os.environ["CUDA_VISIBLE_DEVICES"] = ""

import pytest  # noqa: E402
import torch  # noqa: E402

from skxmr.datasets import make_multilabel_pairs  # noqa: E402

torch.set_num_threads(1)


def pytest_collection_modifyitems(items):
    """Give slow tests more time, because machines differ and may do other work as well."""
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(1200))


def pytest_collection_finish():
    """Spare the garbage collector what was imported: looking at it anew takes a third of a second every time."""
    gc.collect()
    gc.freeze()


def declare_operators():
    """Let a torchvision built for another torch be imported: none of its own operators are used here."""
    try:
        import torchvision  # noqa: F401
    except RuntimeError:  # "operator torchvision::nms does not exist"
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        declare_operators.library = library  # its declarations last as long as the object


declare_operators()
BESIDE = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def data_home():
    """Folder with the research sets; tests that need it are skipped where there is none."""
    home = Path(os.environ.get("SKXMR_DATA") or BESIDE)
    if not home.is_dir():
        pytest.skip("no research sets: set SKXMR_DATA to the folder that holds them")
    return home


@pytest.fixture(scope="session")
def copied_processes():
    """Context whose processes are copies of one that has imported what they need, which takes seconds, once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["accelerate", "tests.deep.ranks", "tests.test_cluster"])
    # Other packages would have it import other modules.
    forkserver.ensure_running()
    return context


@pytest.fixture
def small():
    """(pairs, labels) of 120 rows, 20 image and 30 text features, 8 labels."""
    return make_multilabel_pairs(120, random_state=0)
