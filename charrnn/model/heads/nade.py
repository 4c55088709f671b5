"""A distribution over sets of notes in which every note depends on those above it.

It is the neural autoregressive distribution estimator (Larochelle & Murray 2011). At each time step the network outputs
the initial values of the estimator's hidden units a (Boulanger-Lewandowski, Bengio & Vincent 2012, arXiv 1206.6392).
From the highest pitch down:

    p_i = sigmoid(c_i + U_i · tanh(a)),   then   a := a + W_i   if note i sounds

Since a changes only at notes that sound, about 4 of 88, the hidden units of a frame take few different values. The
order is downwards because a melody is mostly the highest voice: the voices that harmonise a given melody then depend on
it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.tensor import TensorVariable

from charrnn.model.heads.frames import FrameHead
from charrnn.model.heads.notes import Estimator
from charrnn.model.kernels import nade as kernels
from charrnn.settings.hyper import HyperParams


class Nade(FrameHead):
    """Notes that each depend on those above.

    Parameters
    ----------
    vocab_size : int
        V.
    units : int
        K, the number of the estimator's hidden units; their initial values are outputs of the network.
    """

    def __init__(self, vocab_size: int, units: int) -> None:
        super().__init__(vocab_size)
        self.units, self.width = units, vocab_size + units

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"W": (self.vocab_size, self.units), "U": (self.vocab_size, self.units)}

    def logits(self, p: Mapping[str, TensorVariable], outputs: TensorVariable, y: TensorVariable) -> TensorVariable:
        V = self.vocab_size
        return nade_logits(outputs[:, :, :V], outputs[:, :, V:], p["W"], p["U"], y)

    def estimator(self, outputs: np.ndarray, parameters: Mapping[str, np.ndarray]) -> Estimator:
        V = self.vocab_size
        return Estimator(outputs[:, :V], outputs[:, V:], parameters["W"], parameters["U"])


def make(hyper: HyperParams, vocab_size: int) -> Nade:
    """Return the head for V pitches."""
    return Nade(vocab_size, hyper.note_units)


class NadeLogits(Op):
    """Logits (T, B, V) of each note given those above it: c (T, B, V), a (T, B, K), W and U (V, K), y (T, B, V)."""

    __props__ = ()

    def make_node(self, c, a, W, U, y):
        inputs = [pt.as_tensor_variable(v) for v in (c, a, W, U, y)]
        return Apply(self, inputs, [inputs[0].type()])

    def perform(self, node, inputs, outputs):
        c, a, W, U, y = inputs
        V, K = W.shape
        rows = kernels.logits(c.reshape(-1, V), a.reshape(-1, K), W, U, y.reshape(-1, V))
        outputs[0][0] = rows.reshape(c.shape)

    def infer_shape(self, *args):
        return [args[-1][0]]

    def connection_pattern(self, node):
        return [[True]] * 4 + [[False]]

    def pullback(self, inputs, outputs, cotangents):
        (d,) = cotangents
        return [d, *NadeGradient()(d, *inputs[1:], return_list=True), disconnected_type()]


class NadeGradient(Op):
    """The gradients of a, W and U, given that of the logits, d (T, B, V)."""

    __props__ = ()

    def make_node(self, d, a, W, U, y):
        inputs = [pt.as_tensor_variable(v) for v in (d, a, W, U, y)]
        return Apply(self, inputs, [v.type() for v in inputs[1:4]])

    def perform(self, node, inputs, outputs):
        d, a, W, U, y = inputs
        V, K = W.shape
        d_a, d_W, d_U = kernels.gradient(d.reshape(-1, V), a.reshape(-1, K), W, U, y.reshape(-1, V))
        outputs[0][0], outputs[1][0], outputs[2][0] = d_a.reshape(a.shape), d_W, d_U

    def infer_shape(self, *args):
        return args[-1][1:4]


def nade_logits(
    c: TensorVariable, a: TensorVariable, W: TensorVariable, U: TensorVariable, y: TensorVariable
) -> TensorVariable:
    """Return the logits (T, B, V) of each note of frames y, given the notes above it.

    Parameters
    ----------
    c : tensor3 (T, B, V)
        The bias of each pitch's logit.
    a : tensor3 (T, B, K)
        Initial hidden units, above the highest pitch.
    W, U : matrix (V, K)
        The term that a note adds to the hidden units, and the weights of the hidden units for each pitch.
    y : tensor3 (T, B, V)
        The frames, of 0 and 1.

    Examples
    --------
    >>> import numpy as np, pytensor.tensor as pt
    >>> W = np.array([[0.0], [9.0]])  # the upper note moves the hidden unit far
    >>> U = np.array([[2.0], [2.0]])  # which affects both pitches
    >>> logits = nade_logits(pt.zeros((1, 1, 2)), pt.zeros((1, 1, 1)), W, U, np.array([[[0.0, 1.0]]]))
    >>> logits.eval(mode="FAST_COMPILE").round(4)
    array([[[2., 0.]]])
    """
    return NadeLogits()(c, a, W, U, y)
