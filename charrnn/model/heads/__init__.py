"""Output heads: the inputs of a network, the distribution that its outputs parametrise, and the loss.

The head that ``hyper.head`` calls ``x`` is made by the function ``make`` of the module ``heads/x.py``.

- `head`: the base class; `symbols`, `frames`: the base classes for text and for music;
- `softmax`, `bernoulli`, `nade`: the heads;
- `output`: the affine layer whose outputs a head reads;
- `crossentropy`: the loss of symbols; `notes`: how frames of notes are drawn.

>>> from charrnn.settings.hyper import HyperParams
>>> head = make(HyperParams(head="nade", note_units=64), vocab_size=88)
>>> head.width, head.shapes()
(152, {'W': (88, 64), 'U': (88, 64)})
"""

from __future__ import annotations

import importlib

from charrnn.model.heads.head import Head
from charrnn.settings.hyper import HyperParams


def make(hyper: HyperParams, vocab_size: int) -> Head:
    """Return the head that ``hyper.head`` names, for V symbols or pitches."""
    head: Head = importlib.import_module(f"{__name__}.{hyper.head}").make(hyper, vocab_size)
    return head
