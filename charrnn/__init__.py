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
    from charrnn.data.builtin import corpora as corpora
    from charrnn.data.text.charset import CharSet as CharSet
    from charrnn.data.text.dataset import DataSet as DataSet
    from charrnn.generation.sampler import Sample as Sample
    from charrnn.generation.scoring import Score as Score
    from charrnn.model.cells import Cell as Cell
    from charrnn.model.cells.modeltypes import GRUEncode as GRUEncode
    from charrnn.model.cells.modeltypes import GRUResize as GRUResize
    from charrnn.session.advice import advise as advise
    from charrnn.settings import recipes as recipes
    from charrnn.settings.hyper import HyperParams as HyperParams
    from charrnn.state import ModelState as ModelState
    from charrnn.state import generatestring as generatestring
    from charrnn.storage.checkpoint import Checkpoint as Checkpoint

__version__ = "0.1.0"

_HOME = {
    "Cell": "charrnn.model.cells",
    "CharSet": "charrnn.data.text.charset",
    "Checkpoint": "charrnn.storage.checkpoint",
    "DataSet": "charrnn.data.text.dataset",
    "GRUEncode": "charrnn.model.cells.modeltypes",
    "GRUResize": "charrnn.model.cells.modeltypes",
    "HyperParams": "charrnn.settings.hyper",
    "ModelState": "charrnn.state",
    "Sample": "charrnn.generation.sampler",
    "Score": "charrnn.generation.scoring",
    "advise": "charrnn.session.advice",
    "corpora": "charrnn.data.builtin.corpora",
    "generatestring": "charrnn.state",
    "recipes": "charrnn.settings.recipes",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'charrnn' has no attribute {name!r}")
    module = importlib.import_module(_HOME[name])
    return module if _HOME[name].endswith(f".{name}") else getattr(module, name)


def __dir__() -> list[str]:
    return [*globals(), *_HOME]
