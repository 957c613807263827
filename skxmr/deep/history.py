"""The history of a fit, and what a fit would have learned that stopped in the middle."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pandas as pd

from skxmr._data.kinds import MODALITIES
from skxmr._data.labels import Labels
from skxmr.deep.joint import fitted_encoders
from skxmr.deep.split import Split
from skxmr.nn.retrieval_network import RetrievalNetwork

if TYPE_CHECKING:
    from skorch.history import History


def history_table(history: History) -> pd.DataFrame:
    """Return the finished epochs as a table."""
    rows = []
    for epoch in history:
        if "train_loss" in epoch:
            # What skorch notes beside the values: which of them are the best so far, and how many batches there were.
            notes = {"batches", "train_batch_count", "valid_loss", *(f"{name}_best" for name in epoch)}
            rows.append({name: value for name, value in epoch.items() if name not in notes})
    return pd.DataFrame(rows).rename(columns={"dur": "seconds", "train_loss": "loss"})


def counted_on(earlier: pd.DataFrame | None, history: pd.DataFrame) -> pd.DataFrame:
    """Return the history of all fits of a network, whose epochs are counted together."""
    if earlier is None or history.empty:
        return history
    return pd.concat([earlier, history.assign(epoch=history["epoch"] + len(earlier))], ignore_index=True)


def state_so_far(
    widths: dict[str, int],
    network: RetrievalNetwork,
    split: Split,
    labels: Labels | None,
    earlier: pd.DataFrame | None,
    history: History,
) -> dict[str, Any]:
    """Return the attributes that a fit which stopped now would have set."""
    table = counted_on(earlier, history_table(history))
    seen = {} if labels is None else {"classes_": labels.names}
    return seen | {
        "network_": copy.deepcopy(network).eval(),
        **fitted_encoders(split.encoders),
        "history_": table,
        "best_epoch_": len(table),
        "n_features_": widths,
        "n_samples_seen_": len(split.pairs),
        "_columns": dict.fromkeys(MODALITIES),
        "fitted_with_labels_": labels is not None,
    }
