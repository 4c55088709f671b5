"""A cell's step, taken apart symbolically.

Out of ``new_states = step(x, states, parameters)`` come three graphs:

- *hoisted*: everything that depends on the input but not on the state (``x @ U + b``). It leaves the time loop and runs once for all
  T·B rows. What depends on parameters alone is computed once per sequence: the *leaves* (weights of the recurrent products, row vectors).
- *forward*: the rest, one step of the loop. It returns the new states and the values that the derivative wants to see again.
- *backward*: the derivative of one step. In it each product with a weight, ``v @ W``, has been cut: it gives ``d(v @ W)`` instead of
  ``dW``, so that ``dW = sum over time of v.T @ d(v @ W)`` can be one large product outside the loop.

Truth is found on the graph itself, so any cell whose products have a weight on their right is served.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from types import SimpleNamespace

import pytensor
import pytensor.scalar as ps
import pytensor.tensor as pt
from pytensor.graph.basic import Constant, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.basic import MergeOptimizer
from pytensor.graph.traversal import ancestors, io_toposort
from pytensor.tensor.blockwise import Blockwise
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.math import Dot

from charrnn.model.cells import Cell
from charrnn.model.kernels.scalars import EXPENSIVE, UnsupportedStep


class Product(SimpleNamespace):
    """A cut product ``left @ weight``: ``out`` stands for its value, ``leaf`` is the weight's index among the leaves."""


def _is_add(var: Variable) -> bool:
    return var.owner is not None and isinstance(var.owner.op, Elemwise) and isinstance(var.owner.op.scalar_op, ps.Add)


def _depends(var: Variable, roots: Iterable[Variable]) -> bool:
    return not set(roots).isdisjoint(ancestors([var]))


def _add(terms: Sequence[Variable]) -> Variable:
    return terms[0] if len(terms) == 1 else pt.add(*terms)


def rebuild(outputs: Sequence[Variable], replacements: dict[Variable, Variable]) -> list[Variable]:
    """Return expressions with variables replaced; every node above one is made anew, so that types follow the replacement."""
    replaced = dict(replacements)
    for node in io_toposort([*replacements], [o for o in outputs if o not in replacements]):
        if any(i in replaced for i in node.inputs):
            clone = node.clone_with_new_inputs([replaced.get(i, i) for i in node.inputs], strict=False)
            replaced |= dict(zip(node.outputs, clone.outputs, strict=True))
    return [replaced.get(o, o) for o in outputs]


class Step:
    """The graphs of one cell at fixed sizes.

    Parameters
    ----------
    cell : Cell
        What to take apart.
    n_in, n_units : int
        Width of the input and of the states.
    dtype : {"float32", "float64"}
        Everything's type.
    resets : bool
        Whether the loop takes ``keep`` (T, B, 1) too: 0 where a stream starts afresh, so that its old state counts as blank.

    Raises
    ------
    UnsupportedStep
        The step has a product of two values that both change over time, or mixes rows.
    """

    def __init__(self, cell: Cell, n_in: int, n_units: int, dtype: str, resets: bool = False) -> None:
        self.cell, self.n_units, self.dtype, self.resets = cell, n_units, dtype, resets
        with pytensor.config.change_flags(floatX=dtype):  # so that a cell's Python numbers do not widen the result
            self._trace(n_in)
            self._split()
            self._differentiate()
        text = pytensor.dprint([self.forward, self.backward], file="str", print_type=True, id_type="int")
        self.key = hashlib.sha256(text.encode()).hexdigest()

    def _matrix(self, width: int, name: str) -> Variable:
        return pt.tensor(name, dtype=self.dtype, shape=(None, width))

    def _trace(self, n_in: int) -> None:
        self.x = self._matrix(n_in, "x")
        self.states = [self._matrix(self.n_units, name) for name in self.cell.states]
        shapes = self.cell.shapes(n_in, self.n_units)
        self.parameters = {name: pt.tensor(name, dtype=self.dtype, shape=shape) for name, shape in shapes.items()}
        self.keep = [pt.tensor("keep", dtype=self.dtype, shape=(None, 1))] if self.resets else []
        before = [s * self.keep[0] for s in self.states] if self.resets else self.states
        new = self.cell.step(self.x, *before, p=SimpleNamespace(**self.parameters))
        new = list(new) if isinstance(new, tuple | list) else [new]
        if len(new) != len(self.states):
            raise UnsupportedStep(
                f"{type(self.cell).__name__}.step returned {len(new)} states, expected {len(self.states)}: {self.cell.states}"
            )
        for s, name in zip(new, self.cell.states, strict=True):
            if s.type.dtype != self.dtype or s.type.ndim != 2:
                raise UnsupportedStep(
                    f"{type(self.cell).__name__}.step: new state {name} is {s.type}, expected a matrix of {self.dtype}"
                )
        self.new_states = self._regroup(new)

    def _regroup(self, outputs: list[Variable]) -> list[Variable]:
        """Write batched products as plain ones, and sums as (terms without state) + the others, so that the first can be hoisted."""
        roots = [self.x, *self.states, *self.parameters.values(), *self.keep]
        loop_values = {*self.states, *self.keep}
        replaced: dict[Variable, Variable] = {}

        def new(var: Variable) -> Variable:
            return replaced.get(var, var)

        def terms(var: Variable) -> list[Variable]:
            return [t for part in var.owner.inputs for t in terms(part)] if _is_add(var) else [var]

        for node in io_toposort(roots, outputs):
            inputs = [new(i) for i in node.inputs]
            if isinstance(node.op, Blockwise) and isinstance(node.op.core_op, Dot):
                replaced[node.outputs[0]] = pt.dot(*inputs)
            elif _is_add(node.outputs[0]):
                parts = [t for i in inputs for t in terms(i)]
                fixed = [t for t in parts if not _depends(t, loop_values)]
                moving = [t for t in parts if t not in fixed]
                replaced[node.outputs[0]] = _add([_add(fixed), *moving] if fixed and moving else parts)
            else:
                clone = node.clone_with_new_inputs(inputs)
                replaced |= dict(zip(node.outputs, clone.outputs, strict=True))
        return [new(o) for o in outputs]

    def _split(self) -> None:
        """Find the hoisted values and the leaves, and cut the graph there and at the products."""
        self.hoisted: list[Variable] = []  # expressions of x and parameters
        self.leaves: list[Variable] = []  # expressions of parameters
        weights: set[Variable] = set()
        loop_values = {*self.states, *self.keep}
        parameters = set(self.parameters.values())
        cut: dict[Variable, Variable] = {}
        seen: set[Variable] = set()

        def visit(var: Variable) -> None:
            if var in seen or var in loop_values or isinstance(var, Constant):
                return
            seen.add(var)
            if _depends(var, loop_values):
                node = var.owner
                if isinstance(node.op, Dot):
                    left, right = node.inputs
                    if _depends(right, loop_values) or _depends(right, [self.x]):
                        raise UnsupportedStep("a product inside the step has no weight matrix on its right")
                    weights.add(right)
                for i in node.inputs:
                    visit(i)
            elif _depends(var, [self.x]):
                cut[var] = self._matrix(var.type.shape[1], f"u{len(self.hoisted)}")
                self.hoisted.append(var)
            elif _depends(var, parameters):
                cut[var] = var.type(name=f"p{len(self.leaves)}")
                self.leaves.append(var)
            # else: an expression of constants, which stays where it is

        for s in self.new_states:
            visit(s)
        self.weight_leaves = [i for i, leaf in enumerate(self.leaves) if leaf in weights]
        self.hoisted_inputs = [cut[v] for v in self.hoisted]
        self.leaf_inputs = [cut[v] for v in self.leaves]
        step = rebuild(self.new_states, cut)

        # Products in the order in which they are computed; each value is then an input of the graph after the cut.
        self.products: list[Product] = []
        while True:
            roots = [*self.hoisted_inputs, *self.states, *self.keep, *self.leaf_inputs, *(p.out for p in self.products)]
            lefts = [p.left for p in self.products]
            dots = [n for n in io_toposort(roots, [*step, *lefts]) if isinstance(n.op, Dot)]
            if not dots:
                break
            left, right = dots[0].inputs
            out = self._matrix(right.type.shape[1], f"product{len(self.products)}")
            self.products.append(Product(left=left, leaf=self.leaf_inputs.index(right), out=out))
            step = rebuild(step, {dots[0].outputs[0]: out})
        self._cut_step = step

    def _differentiate(self) -> None:
        # A row vector is used by every row: its derivative is taken as if each row had its own, and summed outside the loop.
        self.row_leaves = [i for i in range(len(self.leaves)) if i not in self.weight_leaves]
        rows = {}
        for i in self.row_leaves:
            leaf = self.leaf_inputs[i]
            if leaf.type.ndim != 2 or leaf.type.shape[0] != 1:
                raise UnsupportedStep(f"a parameter enters the step as {leaf.type}, expected a matrix product or a row vector")
            rows[leaf] = self._matrix(leaf.type.shape[1], f"row{i}")
        lefts = [p.left for p in self.products]
        seen = rebuild([*self._cut_step, *lefts], rows)
        d_states = [self._matrix(self.n_units, f"d{s.name}") for s in self.states]
        d_outputs = [self._matrix(self.n_units, f"d_out_{s.name}") for s in self.states]
        d_lefts = [self._matrix(v.type.shape[1], f"d_left{i}") for i, v in enumerate(lefts)]
        # Copies, because a gradient that is known for a variable replaces what flows to it from elsewhere.
        known = {
            pt.tensor_copy(value): d
            for value, d in zip(seen, [*(a + b for a, b in zip(d_states, d_outputs, strict=True)), *d_lefts], strict=True)
        }
        taps = [*self.hoisted_inputs, *(p.out for p in self.products), *rows.values()]
        wrt = [*self.states, *taps]
        gradients = pytensor.grad(None, wrt, known_grads=known, disconnected_inputs="ignore", return_disconnected="zero")
        gradients = rebuild(gradients, {v: k for k, v in rows.items()})
        n_states, n_hoisted = len(self.states), len(self.hoisted)
        # A product's left operand receives d(product) @ W.T; the last product first, as the chain rule goes.
        for i in reversed(range(len(self.products))):
            product = self.products[i]
            d_product = gradients[n_states + n_hoisted + i]
            gradients = rebuild(gradients, {d_lefts[i]: pt.dot(d_product, self.leaf_inputs[product.leaf].T)})

        loop_inputs = [*self.hoisted_inputs, *self.keep, *self.states, *self.leaf_inputs]
        undo = {p.out: pt.dot(p.left, self.leaf_inputs[p.leaf]) for p in self.products}
        new_states, lefts = list(self._cut_step), list(lefts)
        for p in reversed(self.products):
            restored = rebuild([*new_states, *lefts, *gradients], {p.out: undo[p.out]})
            new_states = restored[:n_states]
            lefts = restored[n_states : n_states + len(lefts)]
            gradients = restored[n_states + len(lefts) :]
            undo = {k: rebuild([v], {p.out: undo[p.out]})[0] for k, v in undo.items()}
        whole = FunctionGraph([*loop_inputs, *d_states, *d_outputs], [*new_states, *lefts, *gradients], clone=False)
        MergeOptimizer().rewrite(whole)
        new_states = whole.outputs[:n_states]
        lefts = whole.outputs[n_states : n_states + len(lefts)]
        gradients = whole.outputs[n_states + len(lefts) :]

        saved = self._saved(new_states, lefts, gradients, {*d_states, *d_outputs})
        stand_ins = {v: v.type(name=f"saved{i}") for i, v in enumerate(saved)}
        backward = rebuild(gradients, stand_ins)
        # The derivatives that leave the loop: one for each hoisted value, product and row vector; equal ones once.
        self.d_hoisted = list(range(n_hoisted))
        taps_out: list[Variable] = list(backward[n_states : n_states + n_hoisted])
        self.d_products: list[int] = []
        for d in backward[n_states + n_hoisted : n_states + n_hoisted + len(self.products)]:
            if d not in taps_out:
                taps_out.append(d)
            self.d_products.append(taps_out.index(d))
        d_rows = backward[n_states + n_hoisted + len(self.products) :]
        self.d_rows = list(range(len(taps_out), len(taps_out) + len(d_rows)))
        taps_out += d_rows

        self.n_saved, self.n_taps = len(saved), len(taps_out)
        self.saved_widths = [v.type.shape[1] for v in saved]
        self.tap_widths = [w.type.shape[1] for w in taps_out]
        #: where each product's left operand is found: ("state", i) or ("saved", i)
        self.left_sources = [
            ("state", self.states.index(v)) if v in self.states else ("saved", saved.index(v)) for v in lefts
        ]
        self.forward = clone_fgraph(loop_inputs, [*new_states, *saved])
        self.inference = clone_fgraph(loop_inputs, new_states)
        self.backward = clone_fgraph(
            [*stand_ins.values(), *self.hoisted_inputs, *self.keep, *self.states, *d_outputs, *d_states, *self.leaf_inputs],
            [*backward[:n_states], *taps_out],
        )

    def _saved(self, new_states, lefts, gradients, derivatives: set[Variable]) -> list[Variable]:
        """Choose the values of the forward step to keep for the backward one: left operands, and what is costly to compute again."""
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
            if _depends(var, derivatives) or cheap(var):
                for i in var.owner.inputs:
                    need(i)
            elif _depends(var, [*self.states, *self.hoisted_inputs, *self.keep]):
                saved.append(var)

        for g in gradients:
            need(g)
        return saved


def clone_fgraph(inputs: Sequence[Variable], outputs: Sequence[Variable]) -> FunctionGraph:
    """Return a graph of its own; an input that is returned as it is, or an output returned twice, is fine."""
    fresh = [i.type(name=i.name) for i in inputs]
    return FunctionGraph(fresh, rebuild(outputs, dict(zip(inputs, fresh, strict=True))), clone=False)
