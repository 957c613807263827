"""Fits as each of several processes that torchrun has started; rank 0 writes what came out of all of them."""

import os
import sys
from pathlib import Path
from unittest.mock import patch

import joblib
import torch
from torch import distributed as dist

from skxmr import ACMR, ALGCN, DAGNN, DCCA, DRCL, DSCMR, DSPE, IGNN, L2GCN, BimodalAE, CorrAE
from skxmr.datasets import make_multilabel_pairs
from skxmr.nn.objective import LabelObjective

from .drawn import drawn, encoders

torch.set_num_threads(1)
SMALL = {"hidden": 16, "max_epochs": 3, "batch_size": 31, "random_state": 0}
# No dropout and no BatchNorm, which see a rank's own rows. Plain gradients: Adam blows rounding up to whole steps.
PLAIN = {**SMALL, "optimizer": "sgd", "lr": 0.01, "dropout": 0.0, "input_dropout": 0.0}
GRAPH = {**PLAIN, "n_components": 8, "width": 8}
MODELS = {
    "DAGNN": DAGNN(**GRAPH, discriminator=None),
    "DAGNN without classifiers": DAGNN(**GRAPH, discriminator=None, w_cla=0.0),
    "DAGNN with its text network": DAGNN(**GRAPH, discriminator=None, pretrain_text=True),
    "ACMR": ACMR(8, k=2, **PLAIN | {"optimizer": torch.optim.SGD}),
    "ALGCN": ALGCN(**GRAPH),
    "BimodalAE": BimodalAE(4, **PLAIN),
    "CorrAE": CorrAE(4, **PLAIN),
    "DCCA": DCCA(4, **PLAIN),
    "DRCL": DRCL(8, prior_epochs=2, mixing=1.0, **PLAIN),
    "DSCMR": DSCMR(8, **PLAIN),
    "DSPE": DSPE(8, w_image_structure=0.1, w_text_structure=0.1, **PLAIN),
    "IGNN": IGNN(**GRAPH),
    "L2GCN": L2GCN(**GRAPH, epsilon="learned"),
}
WITH_NOISE = {  # dropout, BatchNorm, Adam, and seeds that each rank would draw for itself
    "DAGNN": DAGNN(8, width=8, **SMALL | {"random_state": None}),
    "L2GCN": L2GCN(8, width=8, w_adv=1.0, early_stopping=1, **SMALL),
}
# Encoders of raw pictures and texts, trained jointly and, in the second model, frozen; no BatchNorm either.
ENCODED = {
    "DSCMR": DSCMR(8, **PLAIN, encoder_lr=0.05, n_jobs=2, **encoders(norm=False)),
    "DCCA": DCCA(4, **PLAIN, encoder_lr=0.0, **encoders(norm=False)),
}


def data(rows=150):
    return make_multilabel_pairs(rows, random_state=0)


def fit(model):
    """Return the state of the network, the history and the number of the best epoch."""
    model.fit(*data())
    return model.network_.state_dict(), model.history_, model.best_epoch_


def fit_encoded(model):
    """Return the states of the network and of both encoders."""
    model.fit(*drawn(150))
    return [part.state_dict() for part in (model.network_, model.image_encoder_, model.text_encoder_)]


def refused(model, rows):
    """Return what fit says."""
    try:
        model.fit(*data(rows))
    except ValueError as error:
        return str(error)
    return None


def out_of_memory(model):
    """Return what fit says when a device is full."""
    full = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.00 GiB.")
    with patch.object(LabelObjective, "terms", side_effect=full):
        try:
            model.fit(*data())
        except MemoryError as error:
            return str(error)


def main(folder):
    dist.init_process_group()
    rank = dist.get_rank()
    found = {
        "plain": {name: fit(model) for name, model in MODELS.items()},
        "noise": {name: fit(model) for name, model in WITH_NOISE.items()},
        "encoded": {name: fit_encoded(model) for name, model in ENCODED.items()},
        "memory": out_of_memory(DAGNN(**GRAPH)),
        "rows": refused(DAGNN(**GRAPH), 150 - 10 * rank),
    }
    everyone = [None] * dist.get_world_size()
    dist.all_gather_object(everyone, found)
    if rank == 0:
        joblib.dump(everyone, Path(folder) / "found.joblib")
        joblib.dump(MODELS["DAGNN"], Path(folder) / "model.joblib")
    dist.destroy_process_group()


def start(rank, ranks, port, folder):
    """Become one of several processes on this machine, without torchrun."""
    variables = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "LOCAL_WORLD_SIZE": ranks}
    os.environ |= {name: str(value) for name, value in variables.items()}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    main(folder)


if __name__ == "__main__":
    main(sys.argv[1])
