"""A fit and its epochs as tasks of scikit-learn's callbacks (1.9 and later)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs

# Name of the callback of skorch that tells of every epoch.
TASKS = "skxmr_tasks"

if TYPE_CHECKING:
    from skorch.callbacks import Callback
    from skorch.history import History

    # Given the history, returns the fitted attributes that the estimator would have if the training stopped now.
    State: TypeAlias = Callable[[History], dict[str, object]]
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
        # skorch is loaded when something is trained.
        from skxmr.deep.epoch_tasks import EpochTasks

        return [(TASKS, EpochTasks(self.context, self.announced, state))]

    def end(self) -> None:
        """Tell that the fit is over."""
        if self.context is not None:
            self.context.call_on_fit_task_end(**self.announced, reconstruction_attributes={})
