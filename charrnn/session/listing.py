"""Lists that print well at the prompt."""

from __future__ import annotations

from charrnn.table import Table


class Lines(list):
    """A list that shows one element per line.

    >>> Lines([1, 2])
    1
    2
    """

    def __repr__(self) -> str:
        return "\n".join(map(repr, self))


class Checkpoints(Lines):
    """A list of checkpoints, one to a line, or as a table on a page."""

    def _repr_html_(self) -> str:
        return Table(
            {"": i, "name": c.name, "loss": c.loss, "time": f"{c.time:%Y-%m-%d %H:%M}", "branch": c.branch}
            for i, c in enumerate(self)
        )._repr_html_()
