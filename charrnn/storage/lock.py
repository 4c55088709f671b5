"""One writer at a time: a lock that the system drops when its owner dies, and a card that says who the owner is."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from charrnn.errors import SaveFailed, WorkdirLocked
from charrnn.storage.atomic import save_failed

LOCK = ".lock"
OWNER = ".lock-owner.json"


class WriterLock:
    """The right to write in a directory.

    The lock is the system's (it ends with its process, so it cannot go stale); the card beside it only names the owner.

    Parameters
    ----------
    directory
        The directory, which must exist.
    on_acquire
        Called each time the lock has been freshly taken, before anything is written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     lock = WriterLock(Path(directory))
    ...     with lock.held():
    ...         with lock.held():  # by its holder it may be taken again
    ...             print(lock.owner()["pid"] == os.getpid())
    ...     print(lock.owner())
    True
    None
    """

    def __init__(self, directory: Path, on_acquire: Callable[[], None] = lambda: None) -> None:
        self.directory = directory
        self._on_acquire = on_acquire
        self._lock = FileLock(directory / LOCK, timeout=0)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock for a `with` block.

        Raises
        ------
        WorkdirLocked
            Somebody else holds it; the message says who, where and since when.
        SaveFailed
            The directory is read-only or gone.
        """
        if not self.directory.is_dir():  # the lock would make it anew
            raise SaveFailed(f"could not write {self.directory}: it is gone.")
        fresh = not self._lock.is_locked
        try:
            self._lock.acquire()
        except Timeout as error:
            raise WorkdirLocked(self._refusal()) from error
        except OSError as error:
            raise save_failed(self.directory, error) from error
        try:
            if fresh:
                self._sign()
                self._on_acquire()
            yield
        finally:
            if fresh:
                with contextlib.suppress(OSError):
                    (self.directory / OWNER).unlink(missing_ok=True)
            self._lock.release()

    def owner(self) -> dict | None:
        """Return `pid`, `host` and `since` of the writer, or None where nobody signed."""
        try:
            return json.loads((self.directory / OWNER).read_text("utf-8"))
        except (OSError, ValueError):
            return None

    def _sign(self) -> None:
        since = datetime.now(UTC).isoformat(timespec="seconds")
        card = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
        try:
            (self.directory / OWNER).write_text(json.dumps(card), "utf-8")
        except OSError as error:
            raise save_failed(self.directory / OWNER, error) from error

    def _refusal(self) -> str:
        owner = self.owner()
        who = "an unknown process"
        if owner:
            here = " (this very process)" if owner["pid"] == os.getpid() else ""
            who = f"process {owner['pid']}{here} on {owner['host']} since {owner['since']}"
        return (
            f"{self.directory} is being written by {who}. Reading is possible meanwhile; to write, wait for it to "
            "finish, end it, or work on a copy of the directory."
        )
