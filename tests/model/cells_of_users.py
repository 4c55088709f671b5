"""Cells as a user might write them, with features that the built-in ones do not have."""

import pytensor.tensor as pt

from charrnn.model.cells import Cell


class MinimalGatedUnit(Cell):
    """Zhou et al. 2016, arXiv 1603.09420: one gate that forgets and resets."""

    def shapes(self, n_in, n_units):
        return {"Uf": (n_in, n_units), "Wf": (n_units, n_units), "bf": (n_units,),
                "Uh": (n_in, n_units), "Wh": (n_units, n_units), "bh": (n_units,)}  # fmt: skip

    def step(self, x, h, *, p):
        f = pt.sigmoid(x @ p.Uf + h @ p.Wf + p.bf)
        return (1 - f) * h + f * pt.tanh(x @ p.Uh + (f * h) @ p.Wh + p.bh)


class Peephole(Cell):
    """An LSTM whose gates see the memory through row vectors (Gers & Schmidhuber 2000), input and forget gate tied."""

    states = ("h", "c")

    def shapes(self, n_in, n_units):
        gates = {f"{kind}{g}": (n, n_units) for g in "fog" for kind, n in (("U", n_in), ("W", n_units))}
        return gates | dict.fromkeys(("bf", "bo", "bg", "vf", "vo"), (n_units,))

    def step(self, x, h, c, *, p):
        f = pt.sigmoid(x @ p.Uf + h @ p.Wf + p.vf * c + p.bf)
        c = f * c + (1 - f) * pt.tanh(x @ p.Ug + h @ p.Wg + p.bg)
        return pt.sigmoid(x @ p.Uo + h @ p.Wo + p.vo * c + p.bo) * pt.tanh(c), c


class Unusual(Cell):
    """Two successive products, one weight used twice and scaled, softplus, abs, a branch and a division."""

    def shapes(self, n_in, n_units):
        return {"U": (n_in, n_units), "W": (n_units, n_units), "A": (n_units, 3), "C": (3, n_units), "s": (n_units,)}

    def step(self, x, h, *, p):
        narrow = pt.softplus((h @ p.W) @ p.A)
        wide = (narrow / (1 + abs(narrow))) @ p.C + x @ p.U
        return pt.switch(h > 0.1, pt.tanh(wide), 0.5 * pt.exp(-(wide**2))) * p.s + pt.tanh(h @ (2 * p.W))


class Normalised(Cell):
    """A plain network with its sums normalised over the units."""

    def shapes(self, n_in, n_units):
        return {"U": (n_in, n_units), "W": (n_units, n_units), "b": (n_units,)}

    def step(self, x, h, *, p):
        total = x @ p.U + h @ p.W
        total = total - total.mean(axis=1, keepdims=True)
        return (pt.tanh(total / pt.sqrt((total**2).mean(axis=1, keepdims=True) + 0.1) + p.b),)


class Attentive(Cell):
    """Units that compete: a softmax over them, and a share of the input's own spread; one number for all of them."""

    def shapes(self, n_in, n_units):
        return {"U": (n_in, n_units), "W": (n_units, n_units), "b": (n_units,), "k": (1, 1)}

    def step(self, x, h, *, p):
        odds = pt.exp(h @ p.W + p.b)
        share = odds / odds.sum(axis=-1, keepdims=True)
        return p.k[0, 0] * h.mean(axis=1, keepdims=True) + share * pt.tanh(x @ p.U) + x.var(axis=1, keepdims=True)


class Peaked(Cell):
    """A plain network with its sums divided by the largest: a reduction that the kernels do not know."""

    def shapes(self, n_in, n_units):
        return {"U": (n_in, n_units), "W": (n_units, n_units), "b": (n_units,)}

    def step(self, x, h, *, p):
        total = x @ p.U + h @ p.W + p.b
        return pt.tanh(total / (1 + abs(total).max(axis=1, keepdims=True)))


class Bilinear(Cell):
    """A product of the state with itself: no weight matrix on the right."""

    def shapes(self, n_in, n_units):
        return {"U": (n_in, n_units)}

    def step(self, x, h, *, p):
        return (pt.tanh(x @ p.U + (h @ h.T) @ h),)


class WithUnderscores(Cell):
    """A plain network with names that need care."""

    def shapes(self, n_in, n_units):
        return {"W_in": (n_in, n_units), "W_rec_1": (n_units, n_units), "b_": (n_units,)}

    def step(self, x, h, *, p):
        return (pt.tanh(x @ p.W_in + h @ p.W_rec_1 + p.b_),)
