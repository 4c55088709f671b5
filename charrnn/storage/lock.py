"""One writer at a time: a lock that the system drops when its owner dies, and a card that says who the owner is."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from charrnn.errors import CharRNNError, SaveFailed, WorkdirLocked
from charrnn.escapes import visible
from charrnn.storage.faults import writing
from charrnn.storage.plain import opened, require_plain
from charrnn.storage.schema import require_shape

LOCK = ".lock"
OWNER = ".lock-owner.json"
_CARD = {"pid": int, "host": str, "since": str}
_LARGEST_CARD = 10_000  # bytes


class _Here(threading.local):
    """How many blocks of this thread hold the lock: to a lock, each thread is somebody else."""

    depth = 0


class WriterLock:
    """The right to write in a directory.

    The lock is the system's: it ends with its process, so it cannot go stale. It is on the file `.lock` and, where the
    system can, on the directory itself, so that removing the file admits no second writer. The card only names the
    owner.

    Parameters
    ----------
    directory : pathlib.Path
        The directory, which must exist.
    on_acquire : callable
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
        self._renew()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock for a `with` block.

        Raises
        ------
        WorkdirLocked
            If somebody else holds it; the message says who, where and since when.
        SaveFailed
            If the directory is read-only or gone.
        """
        if os.getpid() != self._pid:  # a forked child holds nothing of what its parent holds
            self._renew()
        here = self._here
        if here.depth:
            here.depth += 1
            try:
                yield
            finally:
                here.depth -= 1
            return
        with contextlib.ExitStack() as stack:
            self._acquire(stack)
            here.depth = 1
            try:
                self._sign()
                self._on_acquire()
                yield
            finally:
                here.depth = 0
                with contextlib.suppress(OSError):
                    (self.directory / OWNER).unlink(missing_ok=True)

    def owner(self) -> dict[str, Any] | None:
        """Return `pid`, `host` and `since` of the writer, or None where nobody signed legibly."""
        try:
            with opened(self.directory / OWNER) as file:
                card = json.loads(file.read(_LARGEST_CARD))
            require_shape(card, _CARD, OWNER)
        except (OSError, ValueError, RecursionError, CharRNNError):
            return None
        return card

    def _renew(self) -> None:
        self._pid, self._here = os.getpid(), _Here()
        self._lock = FileLock(self.directory / LOCK, timeout=0)

    def _acquire(self, stack: contextlib.ExitStack) -> None:
        """Take both locks, to be let go by `stack`."""
        with writing(self.directory):
            if not self.directory.is_dir():  # the lock would create it
                raise SaveFailed(f"could not write {self.directory}: it is gone.")
            require_plain(self.directory / LOCK)
            stack.enter_context(self._directory_locked())
            try:
                self._lock.acquire()
            except Timeout as error:
                raise WorkdirLocked(self._refusal()) from error
            stack.callback(self._lock.release)

    @contextlib.contextmanager
    def _directory_locked(self) -> Iterator[None]:
        """Lock the directory itself for a `with` block, where the system can."""
        try:
            import fcntl
        except ImportError:  # Windows, which removes no file that is open, and so no lock that is held
            yield
            return
        descriptor = os.open(self.directory, os.O_RDONLY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise WorkdirLocked(self._refusal()) from error
            except OSError:  # a network file system that locks files only
                pass
            yield
        finally:
            os.close(descriptor)

    def _sign(self) -> None:
        since = datetime.now(UTC).isoformat(timespec="seconds")
        card = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
        with writing(self.directory / OWNER):
            (self.directory / OWNER).unlink(missing_ok=True)  # whatever it is: a link would lead elsewhere
            with open(self.directory / OWNER, "x", encoding="utf-8") as file:
                json.dump(card, file)

    def _refusal(self) -> str:
        owner = self.owner()
        who = "an unknown process"
        if owner:
            here = " (this very process)" if owner["pid"] == os.getpid() else ""
            who = visible(f"process {owner['pid']}{here} on {owner['host'][:100]} since {owner['since'][:40]}")
        return (
            f"{self.directory} is being written by {who}. Reading is possible meanwhile; to write, wait for it to "
            "finish, end it, or work on a copy of the directory."
        )
