"""A model at work: a network, its parameters and optimizer, and the compiled functions over them.

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
from typing import NamedTuple, TypeAlias

import numpy as np

from charrnn.model import heads
from charrnn.model.cells import modeltypes
from charrnn.model.engines import engine as engines
from charrnn.model.functions import Build, Functions
from charrnn.model.heads.notes import Conditions
from charrnn.model.inputs import Inputs
from charrnn.model.kernels import threads as kernel_threads
from charrnn.model.network import Network
from charrnn.model.sampling import Choice
from charrnn.model.values import Values
from charrnn.settings.hyper import HyperParams

Array: TypeAlias = np.ndarray
Given: TypeAlias = np.ndarray | None


class StepResult(NamedTuple):
    """The result of one training step.

    Loss in nats per character before the update, norm of the gradient, state (L, B, S) after the batch, accuracy: the
    share of positions where the likeliest symbol came.
    """

    loss: float
    grad_norm: float
    state: np.ndarray
    accuracy: float


class Model(Values):
    """A network, its parameters and its optimizer; functions are compiled when they are first called.

    Arrays of states are (L, B, S): the states of the cell, (L, B, H) each, side by side on the last axis. S is H for
    cells with one state; for an LSTM, h and c lie side by side.

    Parameters
    ----------
    hyper : HyperParams
        Sizes, optimizer, cost; the initial parameters follow from ``hyper.random_seed``.
    modeltype : str or ModelType
        A name that `charrnn.model.cells.modeltypes.names` lists.
    vocab_size : int
        V.
    engine : {"auto", "cpu", "jax"}
        The engine that runs the expressions; see `charrnn.model.engines.engine.resolve`.
    threads : int, optional
        CPU threads, all cores by default. Results are the same bits where five things are the same: the number of
        threads, the width of the processor's vectors (CHARRNN_VECTOR_BYTES narrows it), the processor that LLVM
        compiles for, the one that BLAS takes it for, and PyTensor's version. Otherwise sums are added in another
        order: a loss with 1 and with 2 threads differs by about 5e-8 of it. The engines differ likewise.
    announce : callable, optional
        Takes a line about each compilation.
    documents : bool
        Whether batches mark where documents begin, by ``keep``; a document begins with a blank state.
    label_sizes : sequence of int
        For each label column the number of labels, id 0 for "no label" included; batches then bring ``labels``.

    Attributes
    ----------
    learnrate : float
        The learning rate of the next step; settable.
    steps : int
        Training steps done.

    Raises
    ------
    UnknownName
        If `modeltype` or `engine` is not a known name.
    EngineUnavailable
        If the engine is not installed.
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
        kind, engine, n_threads = modeltypes.get(modeltype), engines.resolve(engine), kernel_threads.resolve(threads)
        network = Network(
            kind.cell(hyper),
            kind.stage,
            heads.make(hyper, vocab_size),
            hyper.layers,
            hyper.state_size,
            hyper.dtype,
            hyper.tied,
            label_sizes,
        )
        super().__init__(hyper, network, documents)
        self.modeltype, self.vocab_size, self.steps = kind.name, vocab_size, 0
        self._inputs = Inputs(network, documents)
        self._functions = Functions(network, self.objective, self._seen, engine, n_threads, announce)

    def __repr__(self) -> str:
        n = self._vector.size
        size = f"{self.hyper.layers}x{self.hyper.state_size}"
        return f"<Model {self.modeltype} {size}, {n:,} parameters, engine {self.engine}>"

    @property
    def even_loss(self) -> float:
        """The loss of guessing evenly: ln V nats per character; of frames ln 2 for each of V pitches."""
        return self.network.head.even_loss

    def freshstate(self, batchsize: int = 0) -> np.ndarray:
        """Return the blank state: zeros (L, B, S), or (L, S) for a batchsize of 0."""
        return self._inputs.blank(batchsize)

    def checked_state(self, state: Given, name: str = "state") -> np.ndarray:
        """Return a state (L, S) in the model's precision; None stands for the blank one.

        Raises
        ------
        InvalidValue
            If its shape is wrong; the message calls it `name` and gives the shape of each of the cell's states.
        """
        return self._inputs.state(state, name=name)

    # -- compiled functions -------------------------------------------------------------------------------------------

    @property
    def engine(self) -> str:
        """The engine that runs the functions: "cpu" or "jax"."""
        return self._functions.engine

    @property
    def threads(self) -> int:
        """Number of CPU threads."""
        return self._functions.threads

    @property
    def compilations(self) -> list[tuple[str, float]]:
        """The names of the functions compiled so far, and the seconds that each took."""
        return self._functions.compilations

    def function(self, what: str, build: Build) -> Callable[..., list[np.ndarray]]:
        """Return a function of the current parameters, compiled on first use.

        Parameters
        ----------
        what : str
            The name under which the function is kept.
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
        """Switch to another engine; values are kept."""
        self._functions.use_engine(engines.resolve(engine))
        self._to_numpy()

    # -- batches ------------------------------------------------------------------------------------------------------

    def step(
        self, x: Array, y: Array, state: Given = None, mask: Given = None, keep: Given = None, labels: Given = None
    ) -> StepResult:
        """Train on one batch.

        Parameters
        ----------
        x, y : int array (T, B), or frames (T, B, V)
            Symbols, and the symbols that follow them.
        state : array (L, B, S), optional
            States before the batch; blank by default.
        mask : array (T, B), optional
            0 at positions that do not count.
        keep : array (T, B, 1), optional
            0 where a document begins; only models of documents use it.
        labels : int array (T, B, K), optional
            Label ids; only models with label columns use them.

        Raises
        ------
        InvalidValue
            If a symbol is not in the vocabulary, or an array has another shape.
        """
        batch = self._inputs.batch(x, y, state, mask, keep, labels)
        self._count.set_value(np.asarray(self.steps + 1, self.hyper.dtype))
        loss, accurate, norm, last = self._functions.training(*batch)
        self.steps += 1
        return StepResult(float(loss), float(norm), last, float(accurate))

    def assess(
        self, x: Array, y: Array, state: Given = None, keep: Given = None, labels: Given = None
    ) -> tuple[Array, Array, Array]:
        """Return the errors (T, B) of `errors`, 1 or 0 for right or wrong predictions (T, B), and the state after."""
        x, y, state, _, *others = self._inputs.batch(x, y, state, None, keep, labels)
        errors, correct, last = self._functions.losses(x, y, state, *others)
        return errors, correct, last

    def errors(
        self, x: Array, y: Array, state: Given = None, keep: Given = None, labels: Given = None
    ) -> tuple[Array, Array]:
        """Return the cross-entropy of each position in nats, (T, B), and the state (L, B, S) after.

        For the arguments see `step`.
        """
        errors, _, last = self.assess(x, y, state, keep, labels)
        return errors, last

    def loss(
        self, x: Array, y: Array, state: Given = None, mask: Given = None, keep: Given = None, labels: Given = None
    ) -> tuple[float, Array]:
        """Return the sum of the errors in nats over positions whose mask is not 0, and the state after."""
        errors, last = self.errors(x, y, state, keep, labels)
        return float(np.sum(errors if mask is None else errors * mask, dtype="float64")), last

    def gradients(
        self, x: Array, y: Array, state: Given = None, mask: Given = None, keep: Given = None, labels: Given = None
    ) -> dict[str, Array]:
        """Return the gradient of the cost by parameter, at the parameters that training updates (not their average).

        For the arguments see `step`. The gradient includes L2 and per-step clipping, but not clipping by value or norm.
        """
        (gradient,) = self._functions.gradients(*self._inputs.batch(x, y, state, mask, keep, labels))
        return self._vector.split(gradient)

    # -- sequences ----------------------------------------------------------------------------------------------------

    def condition(self, labels: Sequence[Mapping[int, float]] = ()) -> np.ndarray:
        """Return the term that labels add to the first layer's input, (W,).

        Parameters
        ----------
        labels : sequence of mappings
            The shares of label ids in each column, such as ``[{3: 0.6, 1: 0.4}]``; no labels by default.
        """
        parameters = self.parameters if self.network.label_sizes else {}  # these are copies
        return self.network.input.mixed(parameters, labels)

    def predict(self, x: Array, state: Given = None, condition: Given = None) -> tuple[Array, Array]:
        """Return logits and states along sequences.

        Parameters
        ----------
        x : int array (T, B), or frames (T, B, V)
        state : array (L, B, S), optional
            State before the first symbols; blank by default.
        condition : array (W,) or (B, W), optional
            The term that labels add to the first layer's input; see `condition`.

        Returns
        -------
        logits : array (T, B, V)
            Or other outputs that the head reads, (T, B, width).
        states : array (L, T, B, S)
        """
        x = self._inputs.sequence(x, "x")
        arguments = [x, self._inputs.state(state, x.shape[1])]
        if self.network.label_sizes:
            condition = self.condition() if condition is None else np.asarray(condition, self.hyper.dtype)
            arguments.append(np.ascontiguousarray(np.broadcast_to(condition, (1, x.shape[1], condition.shape[-1]))))
        logits, states = self._functions.predictions(*arguments)
        return logits, states

    def process(self, x: Array, state: Given = None, temp: float = 1.0, condition: Given = None) -> tuple[Array, Array]:
        """Return probabilities and states along one sequence.

        Parameters
        ----------
        x : int array (T,), or frames (T, V)
        state : array (L, S), optional
            State before the first symbol; blank by default.
        temp : float
            Temperature of the predictions.
        condition : array (W,), optional
            The term that labels add to the first layer's input; see `condition`.

        Returns
        -------
        probabilities : array (T, V)
            Probabilities of the next symbol; or of each note, regardless of other notes.
        states : array (T, L, S)
            States after each symbol.
        """
        outputs, states = self.predict(np.asarray(x)[:, None], self._inputs.state(state)[:, None], condition)
        probabilities = self.network.head.probabilities(np.asarray(outputs[:, 0]), self.parameters, temp)
        return probabilities, np.ascontiguousarray(states[:, :, 0].transpose(1, 0, 2))

    # -- writing ------------------------------------------------------------------------------------------------------

    def generate(
        self, start: Array, state: Given, uniforms: Array, choice: Choice | None = None, condition: Given = None
    ) -> tuple[Array, Array]:
        """Return generated symbols, R samples side by side, from one compiled call.

        Parameters
        ----------
        start : int array (R,)
            The symbols before the first generated one.
        state : array (L, R, S)
            States before ``start`` is read.
        uniforms : array (n, R)
            One number in [0, 1) for each draw, by inverse cumulative distribution.
        choice : Choice, optional
            How a symbol is chosen; drawn from the predicted distribution by default.
        condition : array (W,), optional
            The term that labels add to the first layer's input; see `condition`.

        Returns
        -------
        symbols : int32 array (n, R)
        state : array (L, R, S)
            States before the last symbol is read.

        Raises
        ------
        InvalidValue
            If the model predicts notes, a symbol is not in the vocabulary, or an array has another shape.
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
        start: Array,
        state: Given,
        uniforms: Array,
        temp: float = 1.0,
        conditions: Conditions | None = None,
        condition: Given = None,
    ) -> tuple[Array, Array]:
        """Return generated frames of notes, R samples side by side.

        Parameters
        ----------
        start : array (R, V)
            The frames before the first generated one: zeros for silence.
        state, condition
            See `generate`.
        uniforms : array (n, R, V)
            A number in [0, 1) for each note; the note sounds if the number is below its probability. With 0.5
            everywhere, all notes with a probability above 0.5 sound.
        temp : float
            Temperature, by which logits are divided.
        conditions : Conditions, optional
            Given notes, allowed pitches, and the number of notes that may sound at once.

        Returns
        -------
        frames : uint8 array (n, R, V)
        state : array (L, R, S)
            States before the last frame is read.

        Raises
        ------
        InvalidValue
            If the model predicts symbols.
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
