"""A model at work: parameters, optimizer, and the compiled functions over them.

>>> from charrnn.settings.hyper import HyperParams
>>> import numpy as np
>>> model = Model(HyperParams(layers=1, state_size=8), "GRUEncode", vocab_size=5, engine="cpu")
>>> x = np.zeros((4, 2), "int32")
>>> result = model.step(x, x, model.freshstate(2))
>>> model.steps, result.state.shape
(1, (1, 2, 8))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytensor

from charrnn.model import heads
from charrnn.model.cells import modeltypes
from charrnn.model.choice import Choice
from charrnn.model.engines import engine as engines
from charrnn.model.functions import Build, Functions
from charrnn.model.heads.notes import Conditions
from charrnn.model.initial import initial_parameters
from charrnn.model.inputs import Inputs
from charrnn.model.kernels import threads as kernel_threads
from charrnn.model.network import Network
from charrnn.model.objective import AVERAGE, Objective
from charrnn.model.parameters import ParameterVector
from charrnn.model.values import Values
from charrnn.settings.hyper import HyperParams


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
        A name that `charrnn.model.cells.modeltypes.names` lists.
    vocab_size : int
        V.
    engine : {"auto", "cpu", "jax"}
        What runs the expressions; see `charrnn.model.engines.engine.resolve`.
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
        self.network = Network(
            kind.cell(hyper),
            kind.stage,
            heads.make(hyper, vocab_size),
            hyper.layers,
            hyper.state_size,
            hyper.dtype,
            hyper.tied,
            label_sizes,
        )
        self._inputs = Inputs(self.network, documents)
        self.steps = 0
        self._vector = ParameterVector(self.network.shapes(), hyper.dtype)
        self._vector.shared.set_value(self._vector.join(initial_parameters(self.network, hyper)), borrow=True)
        self._learnrate = pytensor.shared(np.asarray(hyper.learnrate, hyper.dtype), name="learnrate", shape=())
        self._count = pytensor.shared(np.asarray(1, hyper.dtype), name="count", shape=())
        self.objective = Objective(self.network, self._vector, hyper, self._learnrate, self._count, documents)
        self._values = Values(self._vector, self.objective.slots)
        # Training goes on from the parameters; everything else uses their average, if there is one.
        self._seen = self._vector.of(self.objective.slots[AVERAGE]) if hyper.average else self._vector
        resolved, n_threads = engines.resolve(engine), kernel_threads.resolve(threads)
        self._functions = Functions(self.network, self.objective, self._seen, resolved, n_threads, announce)

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
        return self._values.slots()

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all arrays that training changes, by name, for a checkpoint."""
        return self._values.arrays()

    def load_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over what `arrays` returned, of this or another process.

        Raises
        ------
        CorruptFile
            If an array is missing, unexpected, or of another shape or type; nothing was changed.
        """
        self._values.load(arrays, repr(self))

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

    def vectors(self) -> dict[str, Any]:
        """Return all that training changes, not copied: a step replaces these arrays and writes into none of them."""
        return self._values.vectors()

    def show(self, vectors: Mapping[str, Any]) -> None:
        """Take on the `vectors` of another model of the same shape; nothing is copied."""
        self._values.show(vectors)

    def freshstate(self, batchsize: int = 0) -> np.ndarray:
        """Return the blank state: zeros (L, B, S), or (L, S) for a batchsize of 0."""
        return self._inputs.blank(batchsize)

    def checked_state(self, state: np.ndarray | None, name: str = "state") -> np.ndarray:
        """Return a state (L, S) in the model's precision; None stands for the blank one.

        Raises
        ------
        InvalidValue
            If its shape is another; the message calls it `name`, and says which states it holds.
        """
        return self._inputs.state(state, name=name)

    def regularization(self) -> float:
        """Return the L2 penalty (regcost / 2) * sum(W**2) over the weight matrices as they are now."""
        weights = np.asarray(self._vector.shared.get_value(borrow=True))[: self._vector.n_weights]
        return float(self.hyper.regcost / 2 * np.dot(weights.astype("float64"), weights))

    # -- compiled functions -------------------------------------------------------------------------------------------

    @property
    def engine(self) -> str:
        """What runs the functions: "cpu" or "jax"."""
        return self._functions.engine

    @property
    def threads(self) -> int:
        """Number of CPU threads."""
        return self._functions.threads

    @property
    def compilations(self) -> list[tuple[str, float]]:
        """What was compiled, and the seconds it took."""
        return self._functions.compilations

    def function(self, what: str, build: Build) -> Callable[..., list[np.ndarray]]:
        """Return a function of the parameters as they are at each call, compiled on first use.

        Parameters
        ----------
        what : str
            The name under which it is kept.
        build : callable
            Takes the network and its parameters as expressions, by name; returns the inputs and the outputs.

        Examples
        --------
        >>> model = Model(HyperParams(layers=1, state_size=8), "GRUEncode", vocab_size=5, engine="cpu")
        >>> model.function("bias", lambda network, p: ([], [p["c"]]))()
        [array([0., 0., 0., 0., 0.], dtype=float32)]
        """
        return self._functions.other(what, build)

    def use_engine(self, engine: str) -> None:
        """Run on another engine from now on; values are kept."""
        self._functions.use_engine(engines.resolve(engine))
        engines.to_numpy([self._vector.shared, self._learnrate, self._count, *self.objective.slots.values()])

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
        loss, accurate, norm, last = self._functions.training(*batch)
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
        errors, correct, last = self._functions.losses(x, y, state, *others)
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
        (gradient,) = self._functions.gradients(*self._inputs.batch(x, y, state, mask, keep, labels))
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
        logits, states = self._functions.predictions(*arguments)
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
        probabilities = self.network.head.probabilities(np.asarray(outputs[:, 0]), self.parameters, temp)
        return probabilities, np.ascontiguousarray(states[:, :, 0].transpose(1, 0, 2))

    def generate(
        self,
        start: np.ndarray,
        state: np.ndarray,
        uniforms: np.ndarray,
        choice: Choice | None = None,
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
        choice : Choice, optional
            How a symbol is chosen; from the predicted distribution as it is by default.
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
        start = self.network.head.start(start)
        return self._functions.generation(
            start,
            self._inputs.state(state, len(start)),
            np.ascontiguousarray(uniforms, self.hyper.dtype),
            choice or Choice(),
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
        return self.network.head.write_frames(
            lambda frames, states: self.predict(frames, states, condition),
            self.parameters,
            start,
            self._inputs.state(state, len(start)),
            uniforms,
            temp,
            conditions or Conditions(),
        )
