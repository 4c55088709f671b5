"""Crashes without waiting for one: pictures of a directory as kill -9, or a power cut, would leave it at any time."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

_CHANGING = ["fsync", "replace", "rename", "unlink", "truncate", "mkdir", "rmdir"]


class Camera:
    """Takes two pictures of `root` before every system call that changes names or forces something to the disk.

    `killed/<n>` is what the file system shows then, as after kill -9. `unpowered/<n>` is the least that a power cut
    would leave: of each directory the names, and of each file the content, as last forced to the disk.

    Parameters
    ----------
    root
        The directory, on which everything has been forced to the disk so far.
    album
        Where the pictures go.
    monkeypatch
        Undoes the listening.
    """

    def __init__(self, root: Path, album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.album = root, album
        self.pictures = 0
        self._taking = False
        self._names: dict[int, dict[str, int]] = {}  # of a directory's inode
        self._contents: dict[int, bytes] = {}  # of a file's inode
        self._open: list[int] = []  # keeps inodes from being used again
        for folder, _, names in os.walk(root):
            for path in [*(Path(folder, name) for name in names), Path(folder)]:
                self._forced(path)
        for name in _CHANGING:
            monkeypatch.setattr(os, name, self._watched(name, getattr(os, name)))

    def _watched(self, name, call):
        def watched(*args, **kwargs):
            if not self._taking:  # taking a picture makes such calls itself
                self.take()
            result = call(*args, **kwargs)
            if name == "fsync":
                self._forced(Path(os.readlink(f"/proc/self/fd/{args[0]}")))
            return result

        return watched

    def take(self) -> None:
        """Take both pictures now."""
        self._taking = True
        self.pictures += 1
        shutil.copytree(self.root, self.album / "killed" / str(self.pictures))
        self._develop(os.stat(self.root).st_ino, self.album / "unpowered" / str(self.pictures))
        self._taking = False

    def _forced(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDONLY)
        self._open.append(descriptor)
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            with os.scandir(path) as entries:
                self._names[status.st_ino] = {entry.name: entry.inode() for entry in entries}
        else:
            self._contents[status.st_ino] = path.read_bytes()

    def _develop(self, folder: int, to: Path) -> None:
        to.mkdir(parents=True)
        for name, inode in self._names[folder].items():
            if inode in self._names:
                self._develop(inode, to / name)
            else:
                (to / name).write_bytes(self._contents.get(inode, b""))

    def close(self) -> None:
        """Let go of what was held open."""
        for descriptor in self._open:
            os.close(descriptor)
