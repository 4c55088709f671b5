"""Rows of values that print as an aligned table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Table(list[Mapping[str, Any]]):
    """A list of rows; its `repr` has a column for every key with a value. Floats get four decimals, None stays empty.

    >>> Table([{"step": 1, "loss": 3.25, "tag": None}, {"step": 20, "loss": None, "note": "hm"}])
    step    loss  note
       1  3.2500
      20          hm
    """

    def __repr__(self) -> str:
        known = dict.fromkeys(name for row in self for name in row)
        names = [name for name in known if any(row.get(name) not in (None, "") for row in self)]
        cells = [[_cell(row.get(name)) for name in names] for row in self]
        numeric = [all(isinstance(row.get(name), (int, float, type(None))) for row in self) for name in names]
        widths = [max(len(line[i]) for line in [names, *cells]) for i in range(len(names))]
        lines = []
        for texts in [names, *cells]:
            columns = zip(texts, widths, numeric, strict=True)
            lines.append("  ".join(t.rjust(width) if right else t.ljust(width) for t, width, right in columns).rstrip())
        return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e6 else f"{value:.3g}"
    return str(value).replace("\n", " ")
