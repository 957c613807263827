"""The deep core: skorch held in one place, deterministic, selected on validation rows."""
