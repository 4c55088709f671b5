"""The compiled functions of a model, by name."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import pytensor
import pytensor.tensor as pt
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.basic import Variable
from pytensor.tensor import TensorVariable

from charrnn.model.engines import engine as engines
from charrnn.model.engines.engine import Function
from charrnn.model.generator import Generator, StepwiseGenerator
from charrnn.model.kernels.scalars import UnsupportedStep
from charrnn.model.network import Network
from charrnn.model.objective import Objective
from charrnn.model.parameters import ParameterVector

#: Takes a network and its parameters as expressions, by name; returns the inputs and the outputs of a function.
Build = Callable[[Network, dict[str, TensorVariable]], tuple[Sequence[Variable], Sequence[Variable]]]

T = TypeVar("T")


class Expressions(NamedTuple):
    """The inputs, outputs and updates of a function."""

    inputs: Sequence[Variable]
    outputs: Sequence[Variable]
    updates: Mapping[SharedVariable, Variable] | None = None


class Functions:
    """The functions of a model, each compiled on first use, by one thread at a time.

    Parameters
    ----------
    network : Network
    objective : Objective
    seen : ParameterVector
        The parameters that all functions but training use: the averages if the model has them.
    engine : {"cpu", "jax"}
    threads : int
    announce : callable, optional
        Takes a line about each compilation.

    Attributes
    ----------
    compilations : list of (str, float)
        Names of the compiled functions, and the seconds that each took.
    """

    def __init__(
        self,
        network: Network,
        objective: Objective,
        seen: ParameterVector,
        engine: str,
        threads: int,
        announce: Callable[[str], None] | None = None,
    ) -> None:
        self._network, self._objective, self._seen = network, objective, seen
        self.engine, self.threads, self._announce = engine, threads, announce
        self.compilations: list[tuple[str, float]] = []
        self._made: dict[str, Any] = {}

    @property
    def training(self) -> Function:
        """One step on a batch: loss, accuracy, norm of the gradient, states after."""
        objective = self._objective
        return self._function("training", lambda: Expressions(objective.inputs, objective.outputs, objective.updates))

    @property
    def losses(self) -> Function:
        """Errors (T, B) of a batch without its mask, accuracies (T, B), states after."""
        return self._function("losses", self._losses)

    @property
    def gradients(self) -> Function:
        """The gradient of the cost of a batch, as one vector."""
        return self._function("gradients", lambda: Expressions(self._objective.inputs, [self._objective.gradient]))

    @property
    def predictions(self) -> Function:
        """Outputs (T, B, width) and states (L, T, B, S) along sequences."""
        return self._function("predictions", self._predictions)

    @property
    def generation(self) -> Generator | StepwiseGenerator:
        """The loop that generates symbols."""
        return self._once("generation", self._generator)

    def other(self, what: str, build: Build) -> Function:
        """Return a function of the parameters under a name; see `charrnn.model.model.Model.function`."""
        return self._function(what, lambda: Expressions(*build(self._network, self._seen.symbols())))

    def use_engine(self, engine: str) -> None:
        """Forget all functions, and compile for another engine from now on."""
        self.engine = engine
        self._made.clear()

    def _function(self, what: str, build: Callable[[], Expressions]) -> Function:
        return self._once(what, lambda: engines.compile_function(self.engine, *build(), n_threads=self.threads))

    def _once(self, what: str, make: Callable[[], T]) -> T:
        """Return the object of a name, made on first use."""
        if what not in self._made:
            with engines.building:
                if what not in self._made:  # another thread may have made it meanwhile
                    started = time.perf_counter()
                    with pytensor.config.change_flags(floatX=self._network.dtype):
                        self._made[what] = make()
                    self._compiled(what, time.perf_counter() - started)
        made: T = self._made[what]
        return made

    def _compiled(self, what: str, seconds: float) -> None:
        self.compilations.append((what, seconds))
        if self._announce is not None:
            self._announce(f"Compiled {what} for {self.engine} in {seconds:.1f} s.")

    def _losses(self) -> Expressions:
        objective, p = self._objective, self._seen.symbols()
        inputs = [variable for variable in objective.inputs if variable is not objective.mask]
        outputs, last, _ = objective.forward(p)
        return Expressions(inputs, [*self._network.head.errors(p, outputs, objective.y), last])

    def _predictions(self) -> Expressions:
        network, x, state = self._network, self._objective.x, self._objective.state
        given = []
        if network.label_sizes:
            given.append(pt.tensor("condition", dtype=network.dtype, shape=(1, None, network.input_width)))
        p = self._seen.symbols()
        outputs, _, states = network.forward(p, x, state, condition=next(iter(given), None))
        return Expressions([x, state, *given], [outputs, states])

    def _generator(self) -> Generator | StepwiseGenerator:
        try:
            return Generator(self._network, self._seen, self.engine, self.threads)
        except UnsupportedStep:
            return StepwiseGenerator(self._network, self._seen, self.engine, self.threads)
