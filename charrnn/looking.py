"""What can be seen of a model: neurons, pictures, the graph, reports."""

from __future__ import annotations

import numpy as np

from charrnn.insight import neurons
from charrnn.writing import WritingModel


class LookingModel(WritingModel):
    """What `ModelState` shows of its inside; each method is a few lines over a file of `charrnn/insight/`."""

    def trackneurons(
        self, text: str, temp: float = 0.5, ret_output: bool = False, transpose: bool = True
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Return the hidden states along a text, (L, H, T); see `charrnn.insight.neurons.trackneurons`."""
        return neurons.trackneurons(self.model, self.chars, text, temp, ret_output, transpose)
