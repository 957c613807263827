"""A fit and its epochs as tasks of scikit-learn's callbacks (1.9 and later)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.history import History

from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr.base.interrupts import StopTraining

# Given the history, returns the fitted attributes that the estimator would have if the training stopped now.
State: TypeAlias = Callable[[History], dict[str, object]]
# Name of the callback of skorch that tells of every epoch.
TASKS = "skxmr_tasks"

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


class FitTask:
    """A fit as a task of the callbacks of scikit-learn; before version 1.9 there are none, and nothing happens.

    Parameters
    ----------
    estimator : CallbackSupportMixin
        What is fitted.
    pairs : Pairs
        The rows of fit.
    labels : Labels or None
        Their labels.
    """

    def __init__(self, estimator: CallbackSupportMixin, pairs: Pairs, labels: Labels | None) -> None:
        self.estimator = estimator
        self.announced = {"estimator": estimator, "X": pairs, "y": None if labels is None else labels.matrix}
        self.context: Any = None

    def begin(self, max_epochs: int, state: State) -> list[tuple[str, Callback]]:
        """Tell that the fit begins; return the callback of skorch, by its name, that tells of every epoch."""
        if not hasattr(self.estimator, "_init_callback_context"):
            return []
        self.context = self.estimator._init_callback_context(max_subtasks=max_epochs)
        self.context.call_on_fit_task_begin(**self.announced)
        return [(TASKS, EpochTasks(self.context, self.announced, state))]

    def end(self) -> None:
        """Tell that the fit is over."""
        if self.context is not None:
            self.context.call_on_fit_task_end(**self.announced, reconstruction_attributes={})
