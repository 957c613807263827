"""Pipeline steps from `Pairs` to `Pairs`."""
