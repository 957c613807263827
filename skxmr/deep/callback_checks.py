"""What callbacks of skorch may be given to a fit; skorch itself is not needed to tell."""

from __future__ import annotations

from typing import Any


def check_callbacks(callbacks: list[Any] | None, validation_fraction: float | str, restored: bool = False) -> None:
    """Refuse what skorch could not call, what waits for missing validation scores, or what cannot be restored."""
    for given in callbacks or []:
        callback = given[-1] if isinstance(given, tuple) else given
        if not hasattr(callback, "on_epoch_end"):
            raise TypeError(
                f"callbacks holds {given!r}, which is no callback of skorch; those of scikit-learn (1.9 and later) "
                "are set by set_callbacks."
            )
        if restored and not (hasattr(callback, "state_dict") and hasattr(callback, "load_state_dict")):
            raise ValueError(
                f"callbacks holds {given!r} and checkpoint is set, but what this callback remembers cannot be "
                "restored; leave one of both out, or give the callback state_dict() and load_state_dict(state)."
            )
        made, monitor = _monitor(callback)
        if validation_fraction == 0 and monitor is not None:
            raise ValueError(
                f"callbacks holds {made}(monitor={monitor!r}), but with validation_fraction=0 there are "
                "no validation rows; set validation_fraction above 0, or monitor the training loss, 'train_loss'."
            )


def monitor_validation(callbacks: list[Any] | None) -> bool:
    """Tell whether a callback monitors validation scores."""
    return any(_monitor(given[-1] if isinstance(given, tuple) else given)[1] is not None for given in callbacks or [])


def _monitor(callback: Any) -> tuple[str, str | None]:
    """Return the name of a callback's class, and the validation score that it monitors, if it does."""
    made = callback() if isinstance(callback, type) else callback
    monitor = getattr(made, "monitor", None)
    watches = isinstance(monitor, str) and monitor.startswith(("valid_", "validation_"))
    return type(made).__name__, monitor if watches else None
