"""How many examples hypothesis draws for a property: few and always the same ones, or with SKXMR_FUZZ many new ones."""

import os

from hypothesis import HealthCheck, settings

# How many times as many examples are drawn; 0 stands for the default suite.
TIMES = int(os.environ.get("SKXMR_FUZZ", "0"))


def drawn(n, **options):
    """Return the settings of a property of which the default suite draws n examples."""
    return settings(
        max_examples=n * max(TIMES, 1),
        derandomize=TIMES == 0,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        **options,
    )
