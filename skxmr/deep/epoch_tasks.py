"""The epochs of a fit as tasks of scikit-learn's callbacks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from skorch import NeuralNet
from skorch.callbacks import Callback

from skxmr.base.interrupts import StopTraining

if TYPE_CHECKING:
    from skxmr.deep.tasks import State


class EpochTasks(Callback):
    """Announce every epoch to the callbacks of scikit-learn, which may stop the training.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext
        The context of the whole fit.
    announced : dict
        What every hook is told: the estimator and the data of fit.
    state : callable
        Given the history, returns the fitted attributes that the estimator would have if it stopped now.
    """

    def __init__(self, context: Any, announced: dict[str, object], state: State) -> None:
        self.context = context
        self.announced = announced
        self.state = state

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Open a task."""
        self.task_ = self.context.subcontext(task_name="epoch").call_on_fit_task_begin(**self.announced)

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Close it."""
        state = partial(self.state, net.history)
        if self.task_.call_on_fit_task_end(**self.announced, reconstruction_attributes=state):
            raise StopTraining
