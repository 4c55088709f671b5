"""A model at work: parameters, optimizer, and the compiled functions over them.

>>> from charrnn.settings.hyper import HyperParams
>>> import numpy as np
>>> model = Model(HyperParams(layers=1, state_size=8), "GRUEncode", vocab_size=5, engine="numba")
>>> x = np.zeros((4, 2), "int32")
>>> result = model.step(x, x, model.freshstate(2))
>>> model.steps, result.state.shape
(1, (1, 2, 8))
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.basic import Variable
from pytensor.tensor import TensorVariable

from charrnn.errors import CorruptFile, InvalidValue
from charrnn.model import engine as engines
from charrnn.model import heads, modeltypes
from charrnn.model.drawing import Conditions, draw_notes, marginals
from charrnn.model.generator import Generator, StepwiseGenerator
from charrnn.model.initial import initial_parameters
from charrnn.model.inputs import Inputs
from charrnn.model.kernels import threads as kernel_threads
from charrnn.model.kernels.scalars import UnsupportedStep
from charrnn.model.network import Network
from charrnn.model.objective import AVERAGE, Objective
from charrnn.model.parameters import ParameterVector
from charrnn.settings.hyper import HyperParams

Build = Callable[[Network, dict[str, TensorVariable]], tuple[Sequence[Variable], Sequence[Variable]]]


class StepResult(NamedTuple):
    """What one training step tells.

    Loss in nats per character before the update, norm of the gradient, state (L, B, S) after the batch, accuracy: the
    share of positions where the likeliest symbol came.
    """

    loss: float
    grad_norm: float
    state: np.ndarray
    accuracy: float


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
    documents : bool
        Whether batches say where documents begin, which is with a blank state: ``keep``.
    label_sizes : sequence of int
        For each label column the number of labels, id 0 for "no label" included; batches then bring ``labels``.

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
        documents: bool = False,
        label_sizes: Sequence[int] = (),
    ) -> None:
        kind = modeltypes.get(modeltype)
        self.hyper, self.modeltype, self.vocab_size = hyper, kind.name, vocab_size
        self.engine, self.threads = engines.resolve(engine), kernel_threads.resolve(threads)
        self.network = Network(
            kind.cell(hyper),
            kind.stage,
            vocab_size,
            hyper.layers,
            hyper.state_size,
            hyper.dtype,
            hyper.tied,
            label_sizes,
            heads.make(hyper, vocab_size),
        )
        self._inputs = Inputs(self.network, documents)
        self.steps = 0
        self.compilations: list[tuple[str, float]] = []
        self._functions: dict[str, Callable[..., list[np.ndarray]]] = {}
        self._announce = announce
        self._vector = ParameterVector(self.network.shapes(), hyper.dtype)
        self._vector.shared.set_value(self._vector.join(initial_parameters(self.network, hyper)), borrow=True)
        self._learnrate = pytensor.shared(np.asarray(hyper.learnrate, hyper.dtype), name="learnrate", shape=())
        self._count = pytensor.shared(np.asarray(1, hyper.dtype), name="count", shape=())
        self.objective = Objective(self.network, self._vector, hyper, self._learnrate, self._count, documents)
        # What all but training looks at: it goes on from parameters of which others see the average, if there is one.
        self._seen = self._vector.of(self.objective.slots[AVERAGE]) if hyper.average else self._vector

    def __repr__(self) -> str:
        n = self._vector.size
        size = f"{self.hyper.layers}x{self.hyper.state_size}"
        return f"<Model {self.modeltype} {size}, {n:,} parameters, engine {self.engine}>"

    # -- values -------------------------------------------------------------------------------------------------------

    @property
    def even_loss(self) -> float:
        """The loss of guessing evenly: ln V nats per character; of frames ln 2 for each of V keys."""
        return self.network.head.even_loss

    @property
    def learnrate(self) -> float:
        return float(np.asarray(self._learnrate.get_value(borrow=True)))

    @learnrate.setter
    def learnrate(self, value: float) -> None:
        self._learnrate.set_value(np.asarray(value, self.hyper.dtype))

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        """The parameters by name, as copies; rows multiply from the left (``x @ W``).

        With ``hyper.average`` these are the averages, with which the model predicts and writes.
        """
        return self._seen.split(np.asarray(self._seen.shared.get_value(borrow=True)))

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
        parameters = self._vector.split(np.asarray(self._vector.shared.get_value(borrow=True)))
        return {f"param/{k}": v for k, v in parameters.items()} | {f"slot/{k}": v for k, v in self.slots.items()}

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
        for prefix, shared in self._shared.items():
            shared.set_value(self._vector.join({n: arrays[f"{prefix}/{n}"] for n in self._vector.slices}), borrow=True)

    def load_parameters(self, parameters: Mapping[str, np.ndarray]) -> None:
        """Take over parameters by name, as of `parameters`; the optimizer begins anew.

        Raises
        ------
        CorruptFile
            One is missing, unexpected, or of another shape; nothing was changed.
        """
        arrays = {name: np.zeros_like(array) for name, array in self.arrays().items() if name.startswith("slot/")}
        for name, given in parameters.items():
            array = np.asarray(given, self.hyper.dtype)
            arrays[f"param/{name}"] = array
            if self.hyper.average:
                arrays[f"slot/{AVERAGE}/{name}"] = array
        self.load_arrays(arrays)

    @property
    def _shared(self) -> dict[str, SharedVariable]:
        """The vectors that training changes, by what the names of their parts begin with."""
        return {"param": self._vector.shared, **{f"slot/{k}": v for k, v in self.objective.slots.items()}}

    def vectors(self) -> dict[str, Any]:
        """Return all that training changes in here, not copied: a step replaces these arrays and writes into none."""
        return {name: shared.get_value(borrow=True) for name, shared in self._shared.items()}

    def show(self, vectors: Mapping[str, Any]) -> None:
        """Be what another model of the same shape was when it returned these `vectors`; nothing is copied."""
        for name, shared in self._shared.items():
            shared.container.storage[0] = vectors[name]  # `set_value` would fetch them from a GPU

    def freshstate(self, batchsize: int = 0) -> np.ndarray:
        """Return the blank state: zeros (L, B, S), or (L, S) for a batchsize of 0."""
        return self._inputs.blank(batchsize)

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

    @engines.built
    def _train_function(self):
        objective = self.objective
        return self._compile("training", objective.inputs, objective.outputs, objective.updates)

    @engines.built
    def _errors_function(self):
        objective = self.objective
        inputs = [variable for variable in objective.inputs if variable is not objective.mask]
        with pytensor.config.change_flags(floatX=self.hyper.dtype):
            p = self._seen.symbols()
            outputs, last, _ = objective.forward(p)
            return self._compile("losses", inputs, [*self.network.head.errors(p, outputs, objective.y), last])

    @engines.built
    def _gradient_function(self):
        return self._compile("gradients", self.objective.inputs, [self.objective.gradient])

    @engines.built
    def _predict_function(self):
        x, state = self.objective.x, self.objective.state
        condition = pt.tensor("condition", dtype=self.hyper.dtype, shape=(1, None, self.network.input_width))
        given = [condition] if self.network.label_sizes else []
        with pytensor.config.change_flags(floatX=self.hyper.dtype):
            logits, _, states = self.network.forward(self._seen.symbols(), x, state, condition=next(iter(given), None))
            return self._compile("predictions", [x, state, *given], [logits, states])

    @engines.built
    def _generator(self) -> Generator | StepwiseGenerator:
        started = time.perf_counter()
        generator: Generator | StepwiseGenerator
        try:
            generator = Generator(self.network, self._seen, self.engine, self.threads)
        except UnsupportedStep:
            generator = StepwiseGenerator(self.network, self._seen, self.engine, self.threads)
        self._compiled("generation", time.perf_counter() - started)
        return generator

    def function(self, what: str, build: Build) -> Callable[..., list[np.ndarray]]:
        """Return a function of the parameters as they are at each call, compiled on first use.

        Parameters
        ----------
        what : str
            What it is for, under which it is kept.
        build : callable
            Takes the network and its parameters as expressions, by name; returns the inputs and the outputs.

        Examples
        --------
        >>> model = Model(HyperParams(layers=1, state_size=8), "GRUEncode", vocab_size=5, engine="numba")
        >>> model.function("bias", lambda network, p: ([], [p["c"]]))()
        [array([0., 0., 0., 0., 0.], dtype=float32)]
        """
        with engines.building:
            if what not in self._functions:
                with pytensor.config.change_flags(floatX=self.hyper.dtype):
                    inputs, outputs = build(self.network, self._seen.symbols())
                self._functions[what] = self._compile(what, inputs, outputs)
            return self._functions[what]

    def _compiled(self, what: str, seconds: float) -> None:
        self.compilations.append((what, seconds))
        if self._announce is not None:
            self._announce(f"Compiled {what} for {self.engine} in {seconds:.1f} s.")

    def use_engine(self, engine: str) -> None:
        """Run on another engine from now on; values are kept."""
        self.engine = engines.resolve(engine)
        engines.to_numpy([self._vector.shared, self._learnrate, self._count, *self.objective.slots.values()])
        for name in ("_train_function", "_errors_function", "_gradient_function", "_predict_function", "_generator"):
            vars(self).pop(name, None)
        self._functions.clear()

    # -- calls --------------------------------------------------------------------------------------------------------

    def step(
        self,
        x: np.ndarray,
        y: np.ndarray,
        state: np.ndarray | None = None,
        mask: np.ndarray | None = None,
        keep: np.ndarray | None = None,
        labels: np.ndarray | None = None,
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
        keep : array (T, B, 1), optional
            0 where a document begins; used by a model of documents alone.
        labels : int array (T, B, K), optional
            Label ids; used by a model with label columns alone.

        Returns
        -------
        StepResult

        Raises
        ------
        InvalidValue
            A symbol is not in the vocabulary, or a shape is another.
        """
        batch = self._inputs.batch(x, y, state, mask, keep, labels)
        self._count.set_value(np.asarray(self.steps + 1, self.hyper.dtype))
        loss, accurate, norm, last = self._train_function(*batch)
        self.steps += 1
        return StepResult(float(loss), float(norm), last, float(accurate))

    def assess(
        self,
        x: np.ndarray,
        y: np.ndarray,
        state: np.ndarray | None = None,
        keep: np.ndarray | None = None,
        labels: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what `errors` does, with 1 where the likeliest symbol came and else 0, (T, B), in the middle."""
        x, y, state, _, *others = self._inputs.batch(x, y, state, None, keep, labels)
        errors, correct, last = self._errors_function(x, y, state, *others)
        return errors, correct, last

    def errors(
        self,
        x: np.ndarray,
        y: np.ndarray,
        state: np.ndarray | None = None,
        keep: np.ndarray | None = None,
        labels: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the cross-entropy of each position in nats, (T, B), and the state (L, B, S) after.

        Arguments as of `step`.
        """
        errors, _, last = self.assess(x, y, state, keep, labels)
        return errors, last

    def loss(
        self,
        x: np.ndarray,
        y: np.ndarray,
        state: np.ndarray | None = None,
        mask: np.ndarray | None = None,
        keep: np.ndarray | None = None,
        labels: np.ndarray | None = None,
    ) -> tuple[float, np.ndarray]:
        """Return the sum of the errors in nats over positions whose mask is not 0, and the state after."""
        errors, last = self.errors(x, y, state, keep, labels)
        return float(np.sum(errors if mask is None else errors * mask, dtype="float64")), last

    def gradients(
        self,
        x: np.ndarray,
        y: np.ndarray,
        state: np.ndarray | None = None,
        mask: np.ndarray | None = None,
        keep: np.ndarray | None = None,
        labels: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """Return the gradient of the cost by parameter, where training stands; arguments as of `step`.

        With L2 and per-step clipping, before clipping by value or norm.
        """
        (gradient,) = self._gradient_function(*self._inputs.batch(x, y, state, mask, keep, labels))
        return self._vector.split(gradient)

    def condition(self, labels: Sequence[Mapping[int, float]] = ()) -> np.ndarray:
        """Return what labels add to the first layer's input, (W,).

        Parameters
        ----------
        labels : sequence of mappings
            For each column the shares of its label ids, such as ``[{3: 0.6, 1: 0.4}]``; no labels by default.
        """
        total = np.zeros(self.network.input_width, self.hyper.dtype)
        parameters = self.parameters if self.network.label_sizes else {}  # these are copies
        for k in range(len(self.network.label_sizes)):
            for label, share in (labels[k] if labels else {0: 1.0}).items():
                total += np.asarray(share, total.dtype) * parameters[f"Y{k}"][label]
        return total

    def predict(
        self, x: np.ndarray, state: np.ndarray | None = None, condition: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run along sequences.

        Parameters
        ----------
        x : int array (T, B), or frames (T, B, V)
        state : array (L, B, S), optional
            Before the first symbols; blank by default.
        condition : array (W,) or (B, W), optional
            What labels add to the first layer's input, as of `condition`.

        Returns
        -------
        logits : array (T, B, V)
            Or what else the head reads, (T, B, width).
        states : array (L, T, B, S)
        """
        x = self._inputs.sequence(x, "x")
        arguments = [x, self._inputs.state(state, x.shape[1])]
        if self.network.label_sizes:
            condition = self.condition() if condition is None else np.asarray(condition, self.hyper.dtype)
            arguments.append(np.ascontiguousarray(np.broadcast_to(condition, (1, x.shape[1], condition.shape[-1]))))
        logits, states = self._predict_function(*arguments)
        return logits, states

    def process(
        self, x: np.ndarray, state: np.ndarray | None = None, temp: float = 1.0, condition: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run along one sequence.

        Parameters
        ----------
        x : int array (T,), or frames (T, V)
        state : array (L, S), optional
            Before the first symbol; blank by default.
        temp : float
            Temperature of the softmax.
        condition : array (W,), optional
            What labels add to the first layer's input, as of `condition`.

        Returns
        -------
        probabilities : array (T, V)
            Of the symbol after each; or of each note, whatever else sounds.
        states : array (T, L, S)
            After each symbol.
        """
        outputs, states = self.predict(np.asarray(x)[:, None], self._inputs.state(state)[:, None], condition)
        head, outputs = self.network.head, np.asarray(outputs[:, 0])
        if isinstance(head, heads.Bernoulli):
            probabilities = marginals(head.estimator(outputs, self.parameters), temp)
        else:
            probabilities = softmax(outputs / temp)
        return probabilities, np.ascontiguousarray(states[:, :, 0].transpose(1, 0, 2))

    def generate(
        self,
        start: np.ndarray,
        state: np.ndarray,
        uniforms: np.ndarray,
        temp: float = 1.0,
        argmax: bool = False,
        skip: int = 0,
        condition: np.ndarray | None = None,
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
        condition : array (W,), optional
            What labels add to the first layer's input, as of `condition`.

        Returns
        -------
        symbols : int32 array (n, R)
        state : array (L, R, S)
            Before the last symbol is read.

        Raises
        ------
        InvalidValue
            The model is one of notes, or a symbol or shape is another.
        """
        if self.network.head.frames:
            raise InvalidValue(f"generate needs a head of symbols, not {self.hyper.head!r}: see generate_frames.")
        return self._generator(
            self._inputs.symbols(start, "start"),
            self._inputs.state(state, len(start)),
            np.ascontiguousarray(uniforms, self.hyper.dtype),
            float(temp),
            argmax,
            skip,
            self.condition() if condition is None else np.ascontiguousarray(condition, self.hyper.dtype),
        )

    def generate_frames(
        self,
        start: np.ndarray,
        state: np.ndarray,
        uniforms: np.ndarray,
        temp: float = 1.0,
        conditions: Conditions | None = None,
        condition: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Write frames of notes, R samples side by side.

        Parameters
        ----------
        start : array (R, V)
            The frames that come before: zeros for silence.
        state : array (L, R, S)
            States before ``start`` is read.
        uniforms : array (n, R, V)
            A number in [0, 1) for each note: it sounds if that is below its probability. Of 0.5 everywhere come the
            notes that are likelier than not.
        temp : float
            Temperature: logits are divided by it.
        conditions : Conditions, optional
            Notes that are given, pitches that are allowed, and how many may sound at once.
        condition : array (W,), optional
            What labels add to the first layer's input, as of `condition`.

        Returns
        -------
        frames : uint8 array (n, R, V)
        state : array (L, R, S)
            Before the last frame is read.

        Raises
        ------
        InvalidValue
            The model is one of symbols.
        """
        head = self.network.head
        if not isinstance(head, heads.Bernoulli):
            raise InvalidValue(f"generate_frames needs a head of notes, not {self.hyper.head!r}: see generate.")
        conditions = conditions or Conditions()
        given = conditions.pitches(*np.shape(uniforms))
        frames, parameters, last = np.empty(np.shape(uniforms), np.uint8), self.parameters, np.asarray(start)
        state = self._inputs.state(state, len(last))
        for i, u in enumerate(uniforms):
            outputs, states = self.predict(last[None], state, condition)
            state = states[:, 0]
            of = head.estimator(np.asarray(outputs[0]), parameters)
            frames[i], _ = draw_notes(of, u, temp, given[i], conditions.most)
            last = frames[i]
        return frames, state


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the softmax over the last axis.

    >>> softmax(np.zeros((1, 4))).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)
