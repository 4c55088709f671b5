"""The derivative of one step.

Each product with a weight, ``v @ W``, is cut: the derivative returns ``d(v @ W)`` instead of ``dW``, so that
``dW = sum over time of v.T @ d(v @ W)`` can be one large product outside the loop. The *taps* leave the loop: the
derivatives of the hoisted values, of the products, and of row vectors.
"""

from __future__ import annotations

import hashlib

import pytensor
import pytensor.tensor as pt
from pytensor.graph.basic import Constant, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.basic import MergeOptimizer
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.math import Dot

from charrnn.model.cells.cell import Cell
from charrnn.model.kernels.program import check
from charrnn.model.kernels.rowsum import with_row_sums
from charrnn.model.kernels.scalars import EXPENSIVE, UnsupportedStep
from charrnn.model.recurrence.step import StepGraph, clone_fgraph, depends, rebuild


class Step(StepGraph):
    """A step with its derivative; the parameters are those of `StepGraph`.

    Attributes
    ----------
    forward : FunctionGraph
        The graph of `inference`, with the values that the derivative uses again as further outputs.
    backward : FunctionGraph
        Saved values, hoisted values, keep, states, cotangents of the states from outside and from the step after,
        leaves to the states' derivatives and the taps.
    key : str
        Hash of both: equal for steps that compute the same.
    """

    def __init__(self, cell: Cell, n_in: int, n_units: int, dtype: str, resets: bool = False) -> None:
        super().__init__(cell, n_in, n_units, dtype, resets)
        with pytensor.config.change_flags(floatX=dtype):
            self._differentiate()
        text = pytensor.dprint([self.forward, self.backward], file="str", print_type=True, id_type="int")
        self.key = hashlib.sha256(text.encode()).hexdigest()

    def _differentiate(self) -> None:
        # A row vector is used by every row: its derivative is taken as if each row had its own, and summed outside the
        # loop.
        self.row_leaves = [i for i in range(len(self.leaves)) if i not in self.weight_leaves]
        rows = {}
        for i in self.row_leaves:
            leaf = self.leaf_inputs[i]
            if leaf.type.ndim != 2 or leaf.type.shape[0] != 1:
                raise UnsupportedStep(
                    f"a parameter enters the step as {leaf.type}, expected a matrix product or a row vector"
                )
            rows[leaf] = self._matrix(leaf.type.shape[1], f"row{i}")
        lefts = [p.left for p in self.products]
        seen = rebuild([*self.cut_outputs, *lefts], rows)
        d_states = [self._matrix(self.n_units, f"d{s.name}") for s in self.states]
        d_outputs = [self._matrix(self.n_units, f"d_out_{s.name}") for s in self.states]
        d_lefts = [self._matrix(v.type.shape[1], f"d_left{i}") for i, v in enumerate(lefts)]
        # Copies, because a gradient that is known for a variable replaces what flows to it from elsewhere.
        known = {
            pt.tensor_copy(value): d
            for value, d in zip(
                seen, [*(a + b for a, b in zip(d_states, d_outputs, strict=True)), *d_lefts], strict=True
            )
        }
        taps = [*self.hoisted_inputs, *(p.out for p in self.products), *rows.values()]
        wrt = [*self.states, *taps]
        gradients = pytensor.grad(
            None, wrt, known_grads=known, disconnected_inputs="ignore", return_disconnected="zero"
        )
        gradients = rebuild(with_row_sums(gradients), {v: k for k, v in rows.items()})
        n_states, n_hoisted = len(self.states), len(self.hoisted)
        # A product's left operand receives d(product) @ W.T; the last product first, as the chain rule goes.
        for i in reversed(range(len(self.products))):
            product = self.products[i]
            d_product = gradients[n_states + n_hoisted + i]
            gradients = rebuild(gradients, {d_lefts[i]: pt.dot(d_product, self.leaf_inputs[product.leaf].T)})

        n_lefts = len(lefts)
        restored = self.with_products([*self.cut_outputs, *lefts, *gradients])
        loop_inputs = self.loop_inputs()
        whole = FunctionGraph([*loop_inputs, *d_states, *d_outputs], restored, clone=False)
        MergeOptimizer().rewrite(whole)  # unites the values that the derivative would compute again
        check(whole)
        new_states, lefts = whole.outputs[:n_states], whole.outputs[n_states : n_states + n_lefts]
        gradients = whole.outputs[n_states + n_lefts :]

        saved = self._saved(lefts, gradients, {*d_states, *d_outputs})
        stand_ins = {v: v.type(name=f"saved{i}") for i, v in enumerate(saved)}
        backward = rebuild(gradients, stand_ins)
        # The derivatives that leave the loop: one for each hoisted value, product and row vector; equal ones once.
        taps_out: list[Variable] = list(backward[n_states : n_states + n_hoisted])
        self.d_products: list[int] = []
        for d in backward[n_states + n_hoisted : n_states + n_hoisted + len(self.products)]:
            if d not in taps_out:
                taps_out.append(d)
            self.d_products.append(taps_out.index(d))
        d_rows = backward[n_states + n_hoisted + len(self.products) :]
        self.d_rows = list(range(len(taps_out), len(taps_out) + len(d_rows)))
        taps_out += d_rows

        self.n_saved = len(saved)
        self.saved_widths = [v.type.shape[1] for v in saved]
        self.tap_widths = [w.type.shape[1] for w in taps_out]
        #: where each product's left operand is found: ("state", i) or ("saved", i)
        self.left_sources = [
            ("state", self.states.index(v)) if v in self.states else ("saved", saved.index(v)) for v in lefts
        ]
        self.forward = clone_fgraph(loop_inputs, [*new_states, *saved])
        self.backward = clone_fgraph(
            [
                *stand_ins.values(),
                *self.hoisted_inputs,
                *self.keep,
                *self.states,
                *d_outputs,
                *d_states,
                *self.leaf_inputs,
            ],
            [*backward[:n_states], *taps_out],
        )

    def products_by_left(self) -> list[tuple[tuple[str, int], list[tuple[int, int]]]]:
        """Return the (leaf, tap) of the products of each left operand; the key is the operand's location."""
        groups: dict[tuple[str, int], list[tuple[int, int]]] = {}
        for product, source, k in zip(self.products, self.left_sources, self.d_products, strict=True):
            groups.setdefault(source, []).append((product.leaf, k))
        return list(groups.items())

    def _saved(self, lefts: list[Variable], gradients: list[Variable], derivatives: set[Variable]) -> list[Variable]:
        """Choose the values of the forward step to keep for the backward one.

        They are left operands, and values that are costly to recompute.
        """
        saved = [v for v in dict.fromkeys(lefts) if v not in self.states]
        available = {*self.states, *self.hoisted_inputs, *self.keep, *self.leaf_inputs}
        done: set[Variable] = set()

        def cheap(var: Variable) -> bool:
            op = var.owner.op
            if isinstance(op, DimShuffle):
                return True
            if not isinstance(op, Elemwise) or isinstance(op.scalar_op, EXPENSIVE):
                return False
            return not any(i.owner is not None and isinstance(i.owner.op, Dot) for i in var.owner.inputs)

        def need(var: Variable) -> None:
            if var in done or isinstance(var, Constant) or var in available or var in derivatives:
                return
            done.add(var)
            if var in saved:
                return
            if depends(var, derivatives) or cheap(var):
                for i in var.owner.inputs:
                    need(i)
            elif depends(var, [*self.states, *self.hoisted_inputs, *self.keep]):
                saved.append(var)

        for g in gradients:
            need(g)
        return saved
