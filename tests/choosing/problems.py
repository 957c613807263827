"""A clock that moves only when a fit says so, and candidates that take time, fail or are interrupted."""

import signal

import numpy as np

from skxmr import CCA


class FakeClock:
    """Seconds that tests move on."""

    def __init__(self):
        self.seconds = 0.0

    def now(self):
        return self.seconds


CLOCK = FakeClock()
# The rows of every fit, by the name of the candidate, in order.
FITS = []


class Timed(CCA):
    """A CCA whose fit takes seconds of the fake clock for every row."""

    name: str = "timed"
    seconds_per_row: float = 0.0

    def _fit(self, pairs, labels):
        CLOCK.seconds += self.seconds_per_row * len(pairs)
        FITS.append((self.name, len(pairs)))
        super()._fit(pairs, labels)


class Noisy(Timed):
    """A timed CCA that gets worse with its noise."""

    noise: float = 0.0

    def _encode_text(self, X):
        found = super()._encode_text(X)
        return found + self.noise * np.random.default_rng(0).normal(size=found.shape[1]) * np.abs(found).max()


class Failing(Timed):
    """A candidate that always fails."""

    def _fit(self, pairs, labels):
        super()._fit(pairs, labels)
        raise ValueError("this one never works")


class Interrupted(Timed):
    """A candidate during whose first fits the user presses Ctrl-C."""

    times: int = 1

    def _fit(self, pairs, labels):
        super()._fit(pairs, labels)
        if sum(name == self.name for name, _ in FITS) <= self.times:
            signal.raise_signal(signal.SIGINT)
