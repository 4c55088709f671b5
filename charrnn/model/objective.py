"""The cost that training minimises, and one training step, as expressions of a batch."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.gradient import disconnected_grad
from pytensor.graph.replace import graph_replace
from pytensor.tensor import TensorVariable

from charrnn.model.dropout import Dropout
from charrnn.model.network import Network
from charrnn.model.optimizers import OPTIMIZERS, hyperparameters
from charrnn.model.parameters import ParameterVector
from charrnn.settings.hyper import HyperParams

AVERAGE = "average"  # name of the slot that holds averaged parameters


class Objective:
    """The cost of a batch: the sum of cross-entropies in nats + (regcost/2) * sum(W**2).

    With ``cost="mean"`` the cost is divided by the number of predicted characters.

    Parameters
    ----------
    network : Network
    vector : ParameterVector
    hyper : HyperParams
    learnrate, count : shared variables
        The learning rate and the number, from 1, of the step.
    documents : bool
        Whether the streams contain documents, each of which begins with a blank state.

    Attributes
    ----------
    x, y, state, mask : variables
        Symbols (T, B) or frames of notes (T, B, V) and those that follow them, states before (L, B, S), 0 where a
        position does not count.
    keep, labels : variable or None
        0 where a document begins (T, B, 1), for documents; label ids (T, B, K), for a network that takes labels.
    inputs : list of variables
        Those of the above that are not None.
    """

    def __init__(
        self,
        network: Network,
        vector: ParameterVector,
        hyper: HyperParams,
        learnrate: SharedVariable,
        count: SharedVariable,
        documents: bool = False,
    ) -> None:
        self._network, self._vector, self._hyper, self._rate, self._count = network, vector, hyper, learnrate, count
        dtype = hyper.dtype
        self.x, self.y = network.head.variable("x", dtype), network.head.variable("y", dtype)
        self.state = pt.tensor("state", dtype=dtype, shape=(hyper.layers, None, network.state_width))
        self.mask = pt.tensor("mask", dtype=dtype, shape=(None, None))
        self.keep = pt.tensor("keep", dtype=dtype, shape=(None, None, 1)) if documents else None
        n_labels = len(network.label_sizes)
        self.labels = pt.tensor("labels", dtype="int32", shape=(None, None, n_labels)) if n_labels else None
        inputs = [self.x, self.y, self.state, self.mask, self.keep, self.labels]
        self.inputs = [variable for variable in inputs if variable is not None]

    def forward(
        self,
        p: dict[str, TensorVariable],
        steps: slice = slice(None),
        state: TensorVariable | None = None,
        **options: Any,
    ) -> tuple[TensorVariable, TensorVariable, TensorVariable]:
        """Build the network's outputs over some steps of a batch; for the options see `Network.forward`."""
        keep = None if self.keep is None else self.keep[steps]
        condition = None
        if self.labels is not None:
            condition = self._network.input.condition(p, self.labels[steps], options.get("clip"))
        state = self.state if state is None else state
        return self._network.forward(p, self.x[steps], state, keep=keep, condition=condition, **options)

    def _unroll(self, p: dict[str, TensorVariable]) -> tuple[TensorVariable, ...]:
        """Return masked errors and accuracies of all steps, errors of the steps with a gradient, and the last state.

        All steps have a gradient, or only the last ``bptt_truncate``; it stops at the state before them.
        """
        hyper, y, mask, head = self._hyper, self.y, self.mask, self._network.head
        clip = hyper.clip_at if hyper.clip == "step" else None
        dropout = Dropout(self._count, hyper.random_seed, hyper.dropout_inputs, hyper.dropout, hyper.dropout_weights)
        n = hyper.bptt_truncate
        if n < 0:
            outputs, last, _ = self.forward(p, clip=clip, dropout=dropout)
            errors, right = head.errors(p, outputs, y)
            masked = errors * mask
            return masked, right * mask, masked, last
        early, _, states = self.forward(p, slice(None, -n), dropout=dropout)
        middle = pt.concatenate([self.state[:, None], states], axis=1)[:, -1]  # the early part may be empty
        late, last, _ = self.forward(p, slice(-n, None), disconnected_grad(middle), clip=clip, dropout=dropout)
        (before, right_before), (learned, right) = head.errors(p, early, y[:-n]), head.errors(p, late, y[-n:])
        learned = learned * mask[-n:]
        return (
            pt.concatenate([before * mask[:-n], learned]),
            pt.concatenate([right_before, right]) * mask,
            learned,
            last,
        )

    @cached_property
    def _gradient(self) -> tuple[TensorVariable, ...]:
        with pytensor.config.change_flags(floatX=self._hyper.dtype):
            hyper, vector = self._hyper, self._vector
            symbols = vector.symbols()
            errors, correct, learned, last = self._unroll(symbols)
            wrt = [symbols[name] for name in vector.slices]
            gradients = pytensor.grad(learned.sum(), wrt, disconnected_inputs="ignore")
            gradient = vector.symbolic_join(dict(zip(vector.slices, gradients, strict=True)))
            # The penalty's gradient is written by hand; through the slices it would be a full-length sum for each.
            weights = vector.shared[: vector.n_weights]
            biases = pt.zeros((vector.size - vector.n_weights,), dtype=hyper.dtype)
            gradient = gradient + hyper.regcost * pt.concatenate([weights, biases])
            if hyper.cost == "mean":
                gradient = gradient / self.mask.sum()
            return errors, correct, last, gradient

    @property
    def gradient(self) -> TensorVariable:
        """The gradient of the cost as one vector: clipped per step if ``clip="step"``, not yet by value or norm."""
        return self._gradient[-1]

    @cached_property
    def _optimizer(self) -> tuple[TensorVariable, dict[SharedVariable, TensorVariable], dict[str, SharedVariable]]:
        """A placeholder for the gradient, and the optimizer's updates and slots in terms of it.

        It gives a model its slots, which a checkpoint fills, before anything is differentiated.
        """
        hyper, parameters = self._hyper, self._vector.shared
        with pytensor.config.change_flags(floatX=hyper.dtype):
            gradient = parameters.type()
            given = {name: getattr(hyper, name) for name in hyperparameters(hyper.optimizer)}
            own = {name: value for name, value in given.items() if value is not None}
            updates, slots = OPTIMIZERS[hyper.optimizer](parameters, gradient, self._rate, self._count, **own)
            if hyper.average:
                average, new = running_average(parameters, updates[parameters], self._count, hyper.average)
                updates, slots = updates | {average: new}, slots | {AVERAGE: average}
            return gradient, updates, slots

    @cached_property
    def _step(self) -> tuple[list[TensorVariable], dict[SharedVariable, TensorVariable]]:
        with pytensor.config.change_flags(floatX=self._hyper.dtype):
            hyper, (errors, correct, last, gradient) = self._hyper, self._gradient
            norm = pt.sqrt(pt.dot(gradient, gradient))
            clipped = gradient
            if hyper.clip == "value":
                clipped = clip_value(gradient, hyper.clip_at)
            elif hyper.clip == "norm":
                clipped = clip_norm(gradient, norm, hyper.clip_at)
            stand_in, updates, _ = self._optimizer
            new = graph_replace(list(updates.values()), {stand_in: clipped})
            counted = self.mask.sum()
            means = [errors.sum() / counted, correct.sum() / counted]
            return [*means, norm, last], dict(zip(updates, new, strict=True))

    @property
    def outputs(self) -> list[TensorVariable]:
        """Loss in nats per character, accuracy, norm of the gradient, states after."""
        return self._step[0]

    @property
    def updates(self) -> dict[SharedVariable, TensorVariable]:
        """New values of the parameters and of the optimizer's slots."""
        return self._step[1]

    @property
    def slots(self) -> dict[str, SharedVariable]:
        """The vectors that the optimizer keeps between steps, and the average of the parameters if there is one."""
        return self._optimizer[2]


def running_average(
    parameters: SharedVariable, new: TensorVariable, count: TensorVariable, decay: float
) -> tuple[SharedVariable, TensorVariable]:
    """Return the running average of parameters, which starts at the initial ones, and its expression after a step.

    - ``average := d * average + (1 - d) * parameters``, where ``d = min(decay, (1 + count) / (10 + count))``

    The first steps have a smaller d and soon forget the initial parameters, so that no bias correction is needed (as in
    TensorFlow's ExponentialMovingAverage; averages of weights: Polyak & Juditsky 1992).
    """
    value = parameters.get_value(borrow=True)
    average = pytensor.shared(np.array(value), name="average", shape=value.shape)
    d = pt.minimum(decay, (1 + count) / (10 + count))
    return average, d * average + (1 - d) * new


def clip_value(gradient: TensorVariable, bound: float) -> TensorVariable:
    """Return a gradient with each element clipped to ±bound (char-rnn, min-char-rnn)."""
    return pt.clip(gradient, -bound, bound)


def clip_norm(gradient: TensorVariable, norm: TensorVariable, bound: float) -> TensorVariable:
    """Return a gradient scaled to the norm ``bound`` if its norm is larger (Pascanu et al. 2013, arXiv 1211.5063)."""
    return gradient * pt.minimum(1.0, bound / pt.maximum(norm, 1e-12))
