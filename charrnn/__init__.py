"""charrnn: an interactive workbench for character-level recurrent networks.

Everything starts at `ModelState`::

    from charrnn import *
    ms = ModelState.initfromsrcfile("alice.txt", "workdirs/alice")
    ms.train()
    ms.generate(500)

The names below are loaded when they are first used, so that importing charrnn takes no time.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from charrnn import corpora as corpora
    from charrnn import recipes as recipes
    from charrnn.advice import advise as advise
    from charrnn.data.charset import CharSet as CharSet
    from charrnn.data.dataset import DataSet as DataSet
    from charrnn.generation.sampling import Sample as Sample
    from charrnn.generation.scoring import Score as Score
    from charrnn.hyper import HyperParams as HyperParams
    from charrnn.model.cells import Cell as Cell
    from charrnn.model.cells.modeltypes import GRUEncode as GRUEncode
    from charrnn.model.cells.modeltypes import GRUResize as GRUResize
    from charrnn.state import ModelState as ModelState
    from charrnn.state import generatestring as generatestring
    from charrnn.storage.checkpoint import Checkpoint as Checkpoint

__version__ = "0.1.0"

_HOME = {
    "Cell": "charrnn.model.cells",
    "CharSet": "charrnn.data.charset",
    "Checkpoint": "charrnn.storage.checkpoint",
    "DataSet": "charrnn.data.dataset",
    "GRUEncode": "charrnn.model.cells.modeltypes",
    "GRUResize": "charrnn.model.cells.modeltypes",
    "HyperParams": "charrnn.hyper",
    "ModelState": "charrnn.state",
    "Sample": "charrnn.generation.sampling",
    "Score": "charrnn.generation.scoring",
    "advise": "charrnn.advice",
    "corpora": "charrnn.corpora",
    "generatestring": "charrnn.state",
    "recipes": "charrnn.recipes",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'charrnn' has no attribute {name!r}")
    module = importlib.import_module(_HOME[name])
    return module if module.__name__ == f"charrnn.{name}" else getattr(module, name)


def __dir__() -> list[str]:
    return [*globals(), *_HOME]
