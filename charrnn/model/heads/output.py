"""The output layer: one affine map of the last layer's units; a head reads its outputs."""

from __future__ import annotations

from collections.abc import Mapping

from pytensor.tensor import TensorVariable

from charrnn.errors import InvalidValue


def require_tieable(stage: str, one_output_each: bool) -> None:
    """Check that the output layer can use the input stage's matrix.

    Parameters
    ----------
    stage : {"encode", "embed", "resize"}
        The input stage.
    one_output_each : bool
        Whether the head reads one output for each input.

    Raises
    ------
    InvalidValue
        If the input stage has no matrix, or the head reads more outputs than there are inputs.
    """
    if stage == "resize":
        raise InvalidValue("tied=True needs a model type whose input stage has a matrix V→H: Encode or Embed.")
    if not one_output_each:
        raise InvalidValue("tied=True needs a head with one output for each pitch: bernoulli.")


class OutputLayer:
    """``h @ V + c``; or ``h @ E.T + c`` with the input stage's matrix E (Press & Wolf 2017, arXiv 1608.05859).

    Parameters
    ----------
    state_size, width : int
        H, and the number of outputs that the head reads.
    tied : bool
        Whether to use the input stage's matrix.
    """

    def __init__(self, state_size: int, width: int, tied: bool) -> None:
        self.state_size, self.width, self.tied = state_size, width, tied

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the names and shapes of the layer's own parameters."""
        own = {} if self.tied else {"V": (self.state_size, self.width)}
        return own | {"c": (self.width,)}

    def weights(self, p: Mapping[str, TensorVariable]) -> TensorVariable:
        """Return the matrix (H, width)."""
        return p["E"].T if self.tied else p["V"]
