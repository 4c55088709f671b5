"""Checking the encoded text against its checksums, once a session, before it is trained on."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from charrnn.errors import CharRNNError, CorruptFile
from charrnn.storage.modeldir import ModelDir
from charrnn.storage.modelfile import file_facts

AT_ONCE = 50_000_000  # bytes: less than a tenth of a second


class DataCheck:
    """The check of a model's data files: small ones at once, large ones in a thread beside the first epoch.

    Parameters
    ----------
    workdir : ModelDir
        The working directory.

    Examples
    --------
    >>> check = DataCheck(workdir)       # doctest: +SKIP
    >>> check.begin()                    # before training: raises if a small file is damaged  # doctest: +SKIP
    >>> check.require_intact()           # before each save: raises if a large one is          # doctest: +SKIP
    """

    def __init__(self, workdir: ModelDir) -> None:
        self._workdir = workdir
        self._thread: threading.Thread | None = None
        self._problem: CharRNNError | None = None
        self._begun = False

    def begin(self) -> None:
        """Check small files, and begin to check large ones; a second call in a session does nothing.

        Raises
        ------
        CorruptFile, FileUnreadable
            If a file is missing, damaged or cannot be read. The message names all of them.
        """
        if not self._begun or self._problem is not None:  # the person may have put a copy back
            self._thread = None
            self._workdir.require_plain_tree()
            large = {name for name, facts in self._workdir.data_files.items() if facts["size"] > AT_ONCE}
            self._problem = _checked(self._workdir, self._workdir.data_files.keys() - large)
            if large and self._problem is None:
                self._thread = threading.Thread(target=self._check, args=(large,), daemon=True)
                self._thread.start()
            self._begun = self._problem is None
        self.require_intact()

    def require_intact(self) -> None:
        """Raise if damage was found by now.

        Raises
        ------
        CorruptFile, FileUnreadable
            As `begin`.
        """
        if self._problem is not None:
            raise self._problem

    def wait(self) -> None:
        """Wait for the end of the check, and raise as `require_intact`."""
        if self._thread is not None:
            self._thread.join()
        self.require_intact()

    def _check(self, names: set[str]) -> None:
        self._problem = _checked(self._workdir, names)


def damaged_data(workdir: ModelDir, names: set[str] | None = None) -> Iterator[tuple[str, str]]:
    """Yield the data files that are missing or damaged, each with a description of the damage."""
    for name, facts in workdir.data_files.items():
        if names is None or name in names:
            try:
                found = file_facts(workdir.data / name)
            except FileNotFoundError:
                yield name, "is missing"
            except CharRNNError as error:
                yield name, str(error)
            else:
                if found != facts:
                    yield name, "does not match its checksum"


def _checked(workdir: ModelDir, names: set[str]) -> CharRNNError | None:
    """Return the error for damaged files among these."""
    found = [f"{workdir.data / name} {problem}" for name, problem in damaged_data(workdir, names)]
    if not found:
        return None
    return CorruptFile(
        f"the encoded text is damaged: {'; '.join(found)}. Nothing that was trained on it is saved. Put back a "
        "copy of the data folder, or make the model again from its text and go on from there with finetune."
    )
