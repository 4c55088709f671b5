"""Where a session left its branch, so that it notices if another session moved it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from charrnn.errors import BranchMoved
from charrnn.storage import lookup
from charrnn.storage.checkpoint import Checkpoint
from charrnn.storage.refs import Refs


@dataclass(frozen=True)
class Standing:
    """A branch as a session last saw it.

    Attributes
    ----------
    branch : str
        Its name.
    head : str or None
        Name of the checkpoint where it stood; None if it had none.
    serial : int
        The serial number of that checkpoint, or 0.
    """

    branch: str
    head: str | None = None
    serial: int = 0

    @classmethod
    def of(cls, branch: str, refs: Refs, checkpoints: Sequence[Checkpoint]) -> Standing:
        """Return where a branch stands now."""
        head = lookup.head(branch, refs, checkpoints) if branch in refs.branches else None
        return cls(branch, head.name, head.serial) if head else cls(branch)

    def require_unmoved(self, refs: Refs, checkpoints: Sequence[Checkpoint]) -> None:
        """Raise BranchMoved unless the branch still stands where this session last saw it."""
        if self.branch not in refs.branches:
            raise BranchMoved(
                f"branch {self.branch} no longer exists: another session replaced it. Nothing was saved. Keep what "
                "this session has under a new branch: ms.branch('name')."
            )
        now = Standing.of(self.branch, refs, checkpoints)
        lost = self.head is not None and self.head not in {checkpoint.name for checkpoint in checkpoints}
        if now != self and not (lost and now.serial <= self.serial):  # a file that is gone or damaged moves no branch
            raise BranchMoved(
                f"branch {self.branch} stood at {self.head or 'its beginning'} when this session last saved or "
                f"loaded, and another session has moved it to {now.head or 'its beginning'}. Nothing was saved. Go on "
                f"from there with ms.checkout({self.branch!r}), or keep what this session has under a new branch: "
                "ms.branch('name')."
            )
