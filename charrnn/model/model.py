"""A model at work: parameters, optimizer, and the compiled functions over them.

>>> from charrnn.hyper import HyperParams
>>> import numpy as np
>>> model = Model(HyperParams(layers=1, state_size=8), "GRUEncode", vocab_size=5, engine="numba")
>>> x = np.zeros((4, 2), "int32")
>>> result = model.step(x, x, model.freshstate(2))
>>> model.steps, result.state.shape
(1, (1, 2, 8))
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pytensor
import pytensor.tensor as pt

from charrnn.errors import CorruptFile, InvalidValue
from charrnn.hyper import HyperParams
from charrnn.model import engine as engines
from charrnn.model import modeltypes
from charrnn.model.generator import Generator, StepwiseGenerator
from charrnn.model.kernels import threads as kernel_threads
from charrnn.model.kernels.scalars import UnsupportedStep
from charrnn.model.losses import cross_entropy
from charrnn.model.network import Network
from charrnn.model.objective import Objective
from charrnn.model.parameters import ParameterVector


class StepResult(NamedTuple):
    """What one training step tells.

    Loss before the update in nats per character, norm of the gradient, state (L, B, S) after the batch.
    """

    loss: float
    grad_norm: float
    state: np.ndarray


class Model:
    """A network, its parameters and its optimizer; functions are compiled when they are first called.

    Parameters
    ----------
    hyper : HyperParams
        Sizes, optimizer, cost; the initial parameters follow from ``hyper.random_seed``.
    modeltype : str or ModelType
        A name that `charrnn.model.modeltypes.names` lists.
    vocab_size : int
        V.
    engine : {"auto", "numba", "jax"}
        What runs the expressions; see `charrnn.model.engine.resolve`.
    threads : int, optional
        CPU threads, all cores by default. Results are the same bits for the same number of threads.
    announce : callable, optional
        Takes a line about each compilation.

    Attributes
    ----------
    learnrate : float
        The learning rate of the next step; settable.
    steps : int
        Training steps done.
    compilations : list of (str, float)
        What was compiled, and the seconds it took.

    Raises
    ------
    UnknownName
        No such model type or engine.
    EngineUnavailable
        The engine is not installed.
    """

    def __init__(
        self,
        hyper: HyperParams,
        modeltype: str | modeltypes.ModelType,
        vocab_size: int,
        engine: str = "auto",
        threads: int | None = None,
        announce: Callable[[str], None] | None = None,
    ) -> None:
        kind = modeltypes.get(modeltype)
        self.hyper, self.modeltype, self.vocab_size = hyper, kind.name, vocab_size
        self.engine, self.threads = engines.resolve(engine), kernel_threads.resolve(threads)
        self.network = Network(
            kind.cell(hyper), kind.stage, vocab_size, hyper.layers, hyper.state_size, hyper.dtype, hyper.tied
        )
        self.steps = 0
        self.compilations: list[tuple[str, float]] = []
        self._announce = announce
        self._vector = ParameterVector(self.network.shapes(), hyper.dtype)
        self._vector.shared.set_value(self._vector.join(self._initial()), borrow=True)
        self._learnrate = pytensor.shared(np.asarray(hyper.learnrate, hyper.dtype), name="learnrate", shape=())
        self._count = pytensor.shared(np.asarray(1, hyper.dtype), name="count", shape=())
        self.objective = Objective(self.network, self._vector, hyper, self._learnrate, self._count)

    def __repr__(self) -> str:
        n = self._vector.size
        size = f"{self.hyper.layers}x{self.hyper.state_size}"
        return f"<Model {self.modeltype} {size}, {n:,} parameters, engine {self.engine}>"

    def _initial(self) -> dict[str, np.ndarray]:
        """Return the ancestor's initial parameters: weights uniform in ±sqrt(1/n), biases 0 but for the cell's wish."""
        rng = np.random.default_rng(self.hyper.random_seed)
        arrays = {}
        for name, shape in self.network.shapes().items():
            bound = np.sqrt(1 / self.network.fan(name)) if len(shape) > 1 else 0.0
            arrays[name] = rng.uniform(-bound, bound, shape).astype(self.hyper.dtype)
            arrays[name] += self.network.offset(name)
        return arrays

    # -- values -------------------------------------------------------------------------------------------------------

    @property
    def learnrate(self) -> float:
        return float(np.asarray(self._learnrate.get_value(borrow=True)))

    @learnrate.setter
    def learnrate(self, value: float) -> None:
        self._learnrate.set_value(np.asarray(value, self.hyper.dtype))

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        """The parameters by name, as copies; rows multiply from the left (``x @ W``)."""
        return self._vector.split(np.asarray(self._vector.shared.get_value(borrow=True)))

    @property
    def slots(self) -> dict[str, np.ndarray]:
        """What the optimizer remembers of each parameter, ``"square/E"`` and so on, as copies."""
        return {
            f"{slot}/{name}": array
            for slot, shared in self.objective.slots.items()
            for name, array in self._vector.split(np.asarray(shared.get_value(borrow=True))).items()
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all that training changes in here, by name, for a checkpoint."""
        return {f"param/{k}": v for k, v in self.parameters.items()} | {f"slot/{k}": v for k, v in self.slots.items()}

    def load_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over what `arrays` returned, of this or another process.

        Raises
        ------
        CorruptFile
            An array is missing, unexpected, or of another shape or type; nothing was changed.
        """
        expected = self.arrays()
        problems = [f"{name} is missing" for name in expected if name not in arrays]
        problems += [f"{name} is unexpected" for name in arrays if name not in expected]
        for name, array in expected.items():
            if name in arrays and (arrays[name].shape, arrays[name].dtype) != (array.shape, array.dtype):
                got = arrays[name]
                problems.append(f"{name}: expected {array.dtype} {array.shape}, got {got.dtype} {got.shape}")
        if problems:
            raise CorruptFile(f"These arrays do not belong to {self!r}: {'; '.join(problems)}.")
        shared_by_prefix = {"param": self._vector.shared, **{f"slot/{k}": v for k, v in self.objective.slots.items()}}
        for prefix, shared in shared_by_prefix.items():
            shared.set_value(self._vector.join({n: arrays[f"{prefix}/{n}"] for n in self._vector.slices}), borrow=True)

    def freshstate(self, batchsize: int = 0) -> np.ndarray:
        """Return the blank state: zeros (L, B, S), or (L, S) for a batchsize of 0."""
        batch = (batchsize,) if batchsize else ()
        return np.zeros((self.hyper.layers, *batch, self.network.state_width), self.hyper.dtype)

    def regularization(self) -> float:
        """Return the L2 penalty (regcost / 2) * sum(W**2) over the weight matrices as they are now."""
        weights = np.asarray(self._vector.shared.get_value(borrow=True))[: self._vector.n_weights]
        return float(self.hyper.regcost / 2 * np.dot(weights.astype("float64"), weights))

    # -- compiled functions -------------------------------------------------------------------------------------------

    def _compile(self, what: str, inputs, outputs, updates=None) -> Callable[..., list[np.ndarray]]:
        started = time.perf_counter()
        with pytensor.config.change_flags(floatX=self.hyper.dtype):
            function = engines.compile_function(self.engine, inputs, outputs, updates, self.threads)
        self._compiled(what, time.perf_counter() - started)
        return function

    @cached_property
    def _train_function(self):
        objective = self.objective
        return self._compile("training", objective.inputs, objective.outputs, objective.updates)

    @cached_property
    def _errors_function(self):
        x, y, state, _ = self.objective.inputs
        with pytensor.config.change_flags(floatX=self.hyper.dtype):
            logits, last, _ = self.network.forward(self._vector.symbols(), x, state)
            return self._compile("losses", [x, y, state], [cross_entropy(logits, y), last])

    @cached_property
    def _gradient_function(self):
        return self._compile("gradients", self.objective.inputs, [self.objective.gradient])

    @cached_property
    def _process_function(self):
        x, _, state, _ = self.objective.inputs
        temp = pt.tensor("temp", dtype=self.hyper.dtype, shape=())
        with pytensor.config.change_flags(floatX=self.hyper.dtype):
            logits, _, states = self.network.forward(self._vector.symbols(), x, state)
            return self._compile("states", [x, state, temp], [pt.special.softmax(logits / temp, axis=2), states])

    @cached_property
    def _generator(self) -> Generator | StepwiseGenerator:
        started = time.perf_counter()
        generator: Generator | StepwiseGenerator
        try:
            generator = Generator(self.network, self._vector, self.engine, self.threads)
        except UnsupportedStep:
            generator = StepwiseGenerator(self.network, self._vector, self.engine, self.threads)
        self._compiled("generation", time.perf_counter() - started)
        return generator

    def _compiled(self, what: str, seconds: float) -> None:
        self.compilations.append((what, seconds))
        if self._announce is not None:
            self._announce(f"Compiled {what} for {self.engine} in {seconds:.1f} s.")

    def use_engine(self, engine: str) -> None:
        """Run on another engine from now on; values are kept."""
        self.engine = engines.resolve(engine)
        engines.to_numpy([self._vector.shared, self._learnrate, self._count, *self.objective.slots.values()])
        for name in ("_train_function", "_errors_function", "_gradient_function", "_process_function", "_generator"):
            vars(self).pop(name, None)

    # -- calls --------------------------------------------------------------------------------------------------------

    def _symbols(self, symbols, name: str) -> np.ndarray:
        """Return symbols as the kernels read them, which do not look where they read."""
        symbols = np.ascontiguousarray(symbols, "int32")
        if symbols.size and not 0 <= symbols.min() <= symbols.max() < self.vocab_size:
            raise InvalidValue(
                f"{name} holds symbols from {symbols.min()} to {symbols.max()}: expected 0 to {self.vocab_size - 1}."
            )
        return symbols

    def _state(self, state, batchsize: int = 0) -> np.ndarray:
        """Return a state as the kernels read it, blank for none."""
        blank = self.freshstate(batchsize)
        if state is None:
            return blank
        state = np.ascontiguousarray(state, self.hyper.dtype)
        if state.shape != blank.shape:
            raise InvalidValue(f"state has the shape {state.shape}: expected {blank.shape}, as of freshstate.")
        return state

    def _batch(self, x, y, state) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x, y = self._symbols(x, "x"), self._symbols(y, "y")
        if x.ndim != 2 or x.shape != y.shape:
            raise InvalidValue(f"x and y have the shapes {x.shape} and {y.shape}: expected one (T, B) for both.")
        return x, y, self._state(state, x.shape[1])

    def step(
        self, x: np.ndarray, y: np.ndarray, state: np.ndarray | None = None, mask: np.ndarray | None = None
    ) -> StepResult:
        """Train on one batch.

        Parameters
        ----------
        x, y : int array (T, B)
            Symbols, and the symbols that follow them.
        state : array (L, B, S), optional
            States before the batch; blank by default.
        mask : array (T, B), optional
            0 where a position counts for nothing.

        Returns
        -------
        StepResult

        Raises
        ------
        InvalidValue
            A symbol is not in the vocabulary, or a shape is another.
        """
        x, y, state = self._batch(x, y, state)
        mask = np.ones(x.shape, self.hyper.dtype) if mask is None else np.ascontiguousarray(mask, self.hyper.dtype)
        self._count.set_value(np.asarray(self.steps + 1, self.hyper.dtype))
        loss, norm, last = self._train_function(x, y, state, mask)
        self.steps += 1
        return StepResult(float(loss), float(norm), last)

    def errors(self, x: np.ndarray, y: np.ndarray, state: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the cross-entropy of each position in nats, (T, B), and the state (L, B, S) after.

        No state means blank.
        """
        errors, last = self._errors_function(*self._batch(x, y, state))
        return errors, last

    def loss(
        self, x: np.ndarray, y: np.ndarray, state: np.ndarray | None, mask: np.ndarray | None = None
    ) -> tuple[float, np.ndarray]:
        """Return the sum of the errors in nats over positions whose mask is not 0, and the state after."""
        errors, last = self.errors(x, y, state)
        return float(np.sum(errors if mask is None else errors * mask, dtype="float64")), last

    def gradients(self, x: np.ndarray, y: np.ndarray, state: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Return the gradient of the cost by parameter.

        With L2 and per-step clipping, before clipping by value or norm.
        """
        x, y, state = self._batch(x, y, state)
        (gradient,) = self._gradient_function(x, y, state, np.ones(x.shape, self.hyper.dtype))
        return self._vector.split(gradient)

    def process(
        self, x: np.ndarray, state: np.ndarray | None = None, temp: float = 1.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run along one sequence.

        Parameters
        ----------
        x : int array (T,)
        state : array (L, S), optional
            Before the first symbol; blank by default.
        temp : float
            Temperature of the softmax.

        Returns
        -------
        probabilities : array (T, V)
            Of the symbol after each.
        states : array (T, L, S)
            After each symbol.
        """
        x = self._symbols(x, "x")[:, None]
        state = self._state(state)[:, None]
        probabilities, states = self._process_function(x, state, np.asarray(temp, self.hyper.dtype))
        return probabilities[:, 0], np.ascontiguousarray(states[:, :, 0].transpose(1, 0, 2))

    def generate(
        self,
        start: np.ndarray,
        state: np.ndarray,
        uniforms: np.ndarray,
        temp: float = 1.0,
        argmax: bool = False,
        skip: int = 0,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Write symbols, R samples side by side, in one compiled call.

        Parameters
        ----------
        start : int array (R,)
            The symbols that come before.
        state : array (L, R, S)
            States before ``start`` is read.
        uniforms : array (n, R)
            One number in [0, 1) for each draw, by inverse cumulative distribution.
        temp : float
            Temperature: logits are divided by it.
        argmax : bool
            Take the likeliest symbol instead of drawing.
        skip : int
            The first so many symbols are never written.

        Returns
        -------
        symbols : int32 array (n, R)
        state : array (L, R, S)
            Before the last symbol is read.
        """
        return self._generator(
            self._symbols(start, "start"),
            self._state(state, len(start)),
            np.ascontiguousarray(uniforms, self.hyper.dtype),
            float(temp),
            argmax,
            skip,
        )
