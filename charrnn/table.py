"""Rows of values that print as an aligned table, which fits the terminal if possible."""

from __future__ import annotations

import html
import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from charrnn.columns import columns, cut, padded
from charrnn.escapes import visible
from charrnn.wording import UNBOUNDED

SHORTEST = 16  # minimum columns of a text that may be cut


class Table(list[Mapping[str, Any]]):
    """A list of rows; its `repr` has a column for every key with a value. Floats get four decimals, None stays empty.

    Parameters
    ----------
    rows : iterable of mapping
    cut : sequence of str
        Columns of text that are cut short where the table is wider than the terminal.
    spare : sequence of str
        Columns that are left out, in this order, where that is not enough.

    Examples
    --------
    >>> Table([{"step": 1, "loss": 3.25, "tag": None}, {"step": 20, "loss": None, "note": "hm"}])
    step    loss  note
       1  3.2500
      20          hm
    """

    def __init__(
        self, rows: Iterable[Mapping[str, Any]] = (), cut: Sequence[str] = (), spare: Sequence[str] = ()
    ) -> None:
        super().__init__(rows)
        self._cut, self._spare = tuple(cut), tuple(spare)

    @property
    def names(self) -> list[str]:
        """The columns with a value."""
        known = dict.fromkeys(name for row in self for name in row)
        return [name for name in known if any(row.get(name) not in (None, "") for row in self)]

    def text(self, width: int) -> str:
        """Return the table as text, within `width` columns if possible."""
        cells = {name: [name, *(_cell(row.get(name)) for row in self)] for name in self.names}
        widths = self._fitted({name: max(map(columns, column)) for name, column in cells.items()}, width)
        shown = [[_aligned(cell, widths[name], self._is_numeric(name)) for cell in cells[name]] for name in widths]
        return "\n".join("  ".join(cells).rstrip() for cells in zip(*shown, strict=True))

    def __repr__(self) -> str:
        return self.text(shutil.get_terminal_size((UNBOUNDED, 0)).columns)

    def _repr_html_(self) -> str:
        """Return the table as HTML, with all columns."""
        names = self.names
        align = {name: f' style="{self._style(name)}"' for name in names}
        head = "".join(f"<th{align[name]}>{html.escape(name)}</th>" for name in names)
        body = "".join(
            f"<tr>{''.join(f'<td{align[name]}>{html.escape(_cell(row.get(name)))}</td>' for name in names)}</tr>"
            for row in self
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _style(self, name: str) -> str:
        if self._is_numeric(name):
            return "text-align: right"
        return f"text-align: left{'' if name in self._cut else '; white-space: nowrap'}"

    def _is_numeric(self, name: str) -> bool:
        return all(isinstance(row.get(name), (int, float, type(None))) for row in self)

    def _fitted(self, widths: dict[str, int], width: int) -> dict[str, int]:
        """Return the columns that are shown, and their widths."""
        for spared in ("", *self._spare):
            widths.pop(spared, None)
            over = sum(widths.values()) + 2 * (len(widths) - 1) - width
            room = {name: max(0, widths[name] - SHORTEST) for name in self._cut if name in widths}
            if over <= sum(room.values()):
                break
        for name, most in room.items():
            less = min(most, max(over, 0))
            widths[name] -= less
            over -= less
        return widths


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e6 else f"{value:.3g}"
    return visible(value).replace("\n", " ").replace("\t", " ")


def _aligned(cell: str, width: int, right: bool) -> str:
    return padded(cut(cell, width), width, right)
