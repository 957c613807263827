"""A fit and its epochs as tasks of scikit-learn's callbacks (1.9 and later)."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from skorch.callbacks import Callback
from torch import nn

from skxmr._data.kinds import MODALITIES
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr.deep.interrupts import StopTraining
from skxmr.deep.training import history_table

if TYPE_CHECKING:
    Method = TypeVar("Method", bound=Callable[..., Any])

    class CallbackSupportMixin:
        """What we use of scikit-learn's class, with types; scikit-learn publishes none."""

        def _init_callback_context(self, *, max_subtasks: int) -> Any: ...

    def with_callbacks(method: Method) -> Method:
        """Return the method, with callbacks."""

else:
    try:
        from sklearn.callback import CallbackSupportMixin
        from sklearn.callback import with_callbacks as with_callbacks
    except ImportError:

        class CallbackSupportMixin:
            """Nothing to support."""

        def with_callbacks(method: Any) -> Any:
            """Return the method."""
            return method


class EpochTasks(Callback):
    """Announce every epoch to the callbacks of scikit-learn, which may stop the training.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext
        The context of the whole fit.
    announced : dict
        What every hook is told: the estimator and the data of fit.
    state : callable
        Given the net, returns the fitted attributes that the estimator would have if it stopped now.
    """

    def __init__(self, context: Any, announced: dict[str, Any], state: Callable[[Any], dict[str, Any]]) -> None:
        self.context = context
        self.announced = announced
        self.state = state

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Open a task."""
        self.task_ = self.context.subcontext(task_name="epoch").call_on_fit_task_begin(**self.announced)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Close it."""
        if self.task_.call_on_fit_task_end(**self.announced, reconstruction_attributes=lambda: self.state(net)):
            raise StopTraining


class AnnouncesEpochs(CallbackSupportMixin):
    """What makes a deep retriever support scikit-learn's callbacks; before 1.9 it does nothing."""

    _widths: Callable[[Pairs], dict[str, int]]

    def _announce(self, network: nn.Module, pairs: Pairs, labels: Labels | None, max_epochs: int) -> list[EpochTasks]:
        """Tell that the fit begins; return the callback of skorch that tells of every epoch."""
        if not hasattr(self, "_init_callback_context"):
            return []
        context = self._init_callback_context(max_subtasks=max_epochs)
        announced = {"estimator": self, "X": pairs, "y": None if labels is None else labels.matrix}
        self._fit_task = context, announced
        context.call_on_fit_task_begin(**announced)

        def state(net: Any) -> dict[str, Any]:
            seen = {} if labels is None else {"classes_": labels.names}
            return seen | {
                "network_": copy.deepcopy(network).eval(),
                "history_": history_table(net.history),
                "best_epoch_": len(net.history),
                "n_features_": self._widths(pairs),
                "_columns": dict.fromkeys(MODALITIES),
                "fitted_with_labels_": labels is not None,
            }

        return [EpochTasks(context, announced, state)]

    def _announce_end(self) -> None:
        """Tell that the fit is over."""
        if "_fit_task" in self.__dict__:
            context, announced = self.__dict__.pop("_fit_task")
            context.call_on_fit_task_end(**announced, reconstruction_attributes={})
