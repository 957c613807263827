"""Current: the newest version of an index that could be opened, while other processes save new ones."""

from __future__ import annotations

import errno
import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from skxmr.app.snapshot import Snapshot
from skxmr.persistence._config import read_config
from skxmr.search.files import FORMAT, KIND
from skxmr.search.index import RetrievalIndex

LOGGER = logging.getLogger(__name__)
# Errors of a machine that has no room, memory or handles at the moment, and not of a version.
_PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class Current:
    """The version of an index that is served.

    Parameters
    ----------
    folder : Path
        The folder of the index.
    trusted : sequence of str, default=()
        Names that the model may hold; see :func:`skxmr.load`.

    Attributes
    ----------
    snapshot : Snapshot
        The version. Whoever answers a request reads this attribute once.
    problem : str or None
        Why a newer version cannot be served, as one sentence.
    """

    def __init__(self, folder: Path, trusted: Sequence[str] = ()) -> None:
        self.folder = folder
        self._trusted = trusted
        self._refreshing = threading.Lock()
        # The token of the version that was opened, or tried, last.
        self._token: object = None
        self.problem: str | None = None
        self.snapshot = self._opened()
        self._token = self.snapshot.index._saved

    def refresh(self) -> bool:
        """Open the version that lies in the folder now, if it is another one; tell whether it is served now.

        A version that cannot be opened is tried once, unless the machine is at fault, and the one before it is served
        until there is a sound one.
        """
        with self._refreshing:
            try:
                token = read_config(self.folder, KIND, FORMAT).get("token")
            except (OSError, ValueError) as error:
                self._cannot(f"The folder of the index cannot be read any more: {error}")
                return False
            if token == self._token:
                if token == self.snapshot.index._saved:
                    self.problem = None
                return False
            self._token = token
            try:
                self.snapshot = self._opened()
            except Exception as error:
                # A model of others may raise errors of any kind; whatever it is, the old version is still sound.
                if isinstance(error, MemoryError) or getattr(error, "errno", None) in _PASSING:
                    self._token = self.snapshot.index._saved
                self._cannot(f"The newest version of the index cannot be opened: {' '.join(str(error).split())}")
                return False
            self._token = self.snapshot.index._saved
            self.problem = None
            LOGGER.info("version %s is served, %d items", self.snapshot.version, len(self.snapshot.index))
            return True

    def _opened(self) -> Snapshot:
        return Snapshot(RetrievalIndex.load(self.folder, trusted=self._trusted))

    def _cannot(self, sentence: str) -> None:
        if sentence != self.problem:
            LOGGER.warning("%s", sentence)
        self.problem = f"{sentence.rstrip('.')}. Answers come from version {self.snapshot.version}."
