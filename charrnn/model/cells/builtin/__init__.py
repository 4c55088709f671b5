"""The built-in cells: each module of this folder defines a `FAMILY`, which is discovered here.

>>> sorted(families())
['GRU', 'LSTM', 'RNN']
"""

from __future__ import annotations

import importlib
import pkgutil

from charrnn.model.cells.cell import Family


def families() -> dict[str, Family]:
    """Return the built-in cells by the name of their class."""
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    return {module.FAMILY.cell.__name__: module.FAMILY for module in modules}
