"""The cell of a model among the fixtures; its source is recorded there, so it stays as it is."""

import pytensor.tensor as pt

from charrnn import Cell


class Fading(Cell):
    """A plain network beside a second state that follows it slowly."""

    states = ("h", "slow")

    def __init__(self, rate):
        self.rate = rate

    def shapes(self, n_in, n_units):
        return {"U": (n_in, n_units), "W": (n_units, n_units), "S": (n_units, n_units), "b": (n_units,)}

    def step(self, x, h, slow, *, p):
        h = pt.tanh(x @ p.U + h @ p.W + slow @ p.S + p.b)
        return h, (1 - self.rate) * slow + self.rate * h
