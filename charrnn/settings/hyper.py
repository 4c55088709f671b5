"""Hyperparameters of a model and its training, validated on construction."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

from charrnn import checks
from charrnn.errors import InvalidValue, UnknownName, near_matches
from charrnn.model.optimizers import OPTIMIZERS
from charrnn.settings.presets import get_preset
from charrnn.wording import plural

CLIPS = ("value", "step", "norm", None)
COSTS = ("sum", "mean")
GATES = ("sigmoid", "hard_sigmoid")
INITS = ("uniform", "normal", "small")
HEADS = ("softmax", "bernoulli", "nade")
RESETS = ("before", "after")
POLICIES = ("plateau", "ancestor", "constant", "cosine", "exponential", "onecycle")
DTYPES = ("float32", "float64")
OTHER_NAMES = {  # that other programs have for them
    "hidden_size": "state_size",
    "rnn_size": "state_size",
    "units": "state_size",
    "n_embd": "state_size",
    "num_layers": "layers",
    "n_layers": "layers",
    "n_layer": "layers",
    "rnn_layers": "layers",
    "lr": "learnrate",
    "learning_rate": "learnrate",
    "grad_clip": "clip_at",
    "seed": "random_seed",
}


@dataclass(frozen=True, kw_only=True)
class HyperParams:
    """The hyperparameters of a model; immutable: `replace` returns a changed copy.

    Parameters
    ----------
    layers : int
        Number of recurrent layers, L.
    state_size : int
        Width of every hidden state, H.
    learnrate : float
        Learning rate at the start of training; the policy adapts it.
    decay : float
        Decay of RMSProp's running average of squared gradients, in [0, 1).
    regcost : float
        Weight λ of the L2 penalty (λ/2)·ΣW² over weight matrices; 0 switches it off.
    optimizer : {"rmsprop", "sgd", "momentum", "nesterov", "adagrad", "adam", "adamw"}
        How a gradient becomes an update; see `charrnn.model.optimizers`.
    momentum : float
        Coefficient of momentum and Nesterov, and Adam's β₁; in [0, 1).
    epsilon : float, optional
        Term that RMSProp, Adagrad and Adam add to the divisor; 1e-6, 1e-8 and 1e-8 by default.
    weight_decay : float
        AdamW's decay of all parameters, separate from the gradient.
    clip : {"value", "step", "norm", None}
        Clipping at `clip_at`: of each element of the summed gradient; of each element of every time step's
        contribution before summing (the ancestor's form); of the norm of all gradients together; or none.
    clip_at : float
        The limit of the clipping.
    cost : {"sum", "mean"}
        The cost: the sum of the cross-entropy over T and B plus the penalty, or this sum divided by T·B. Gradients of
        the mean are T·B times smaller, but RMSProp's epsilon is not: prefer Adam with the mean.
    gate : {"sigmoid", "hard_sigmoid"}
        The gate function. With the defaults on tinyshakespeare, the hard one is 0.01 nats/char ahead for six epochs
        (1.638 and 1.645) and behind after seven (1.626 and 1.622); the smooth one is therefore the default.
    reset : {"before", "after"}
        Where a GRU's reset gate acts: on the state before the recurrent product (the ancestor's), or on the
        product (cuDNN's and torch's).
    policy : {"plateau", "ancestor", "constant", "cosine", "exponential", "onecycle"}
        How the learning rate changes; see `charrnn.training.policies`.
    decay_rate, decay_after : float, int
        The policy "exponential" multiplies the learning rate by `decay_rate` at the end of every epoch but the first
        `decay_after`.
    average : float
        Decay of a running average of the parameters, such as 0.999. The model predicts and writes with the average,
        and training updates the parameters themselves. 0 switches it off.
    bptt_truncate : int
        Number of steps, the last of each sequence, that gradients flow back through; -1 for whole sequences.
    dropout : float or sequence of float
        Dropout rate of every layer's outputs, or one for each layer; below 1.
    dropout_inputs, dropout_weights : float
        Dropout rates of the first layer's inputs and of recurrent weights; below 1.
    label_dropout : float
        Probability that training hides a document's labels, so that the model also learns to write without them.
    tied : bool
        Whether the output layer's matrix is the input layer's, transposed.
    head : {"softmax", "bernoulli", "nade"}
        The output distribution: over V symbols; over frames of independent notes; or over frames of notes, each
        dependent on those above it. See `charrnn.model.heads`.
    note_units : int
        Number of hidden units of the head "nade".
    layer_norm : bool
        Whether the sums of GRUs, LSTMs and plain RNNs are normalised over the units (Ba et al. 2016); see
        `charrnn.model.cells.normalise`.
    init : {"uniform", "normal", "small"}
        Initial weights: the ancestor's, PoetRNN's or min-char-rnn's; see `charrnn.model.initial`.
    forget_bias : float
        Initial bias of an LSTM's forget gate.
    random_seed : int
        Seed of the initial parameters and of all randomness in training.
    dtype : {"float32", "float64"}
        Precision of parameters and states.

    Raises
    ------
    InvalidValue
        If a number has the wrong type or is out of range; the message names the allowed values.
    UnknownName
        If a name is not among the values above.

    Examples
    --------
    >>> HyperParams(layers=1).replace(state_size=64).state_size
    64
    >>> HyperParams(layers=0)
    Traceback (most recent call last):
        ...
    charrnn.errors.InvalidValue: layers=0: expected a whole number from 1 up.
    """

    layers: int = 2
    state_size: int = 128
    learnrate: float = 1e-3
    decay: float = 0.95
    regcost: float = 0.1
    optimizer: str = "rmsprop"
    momentum: float = 0.9
    epsilon: float | None = None
    weight_decay: float = 0.01
    clip: str | None = "value"
    clip_at: float = 5.0
    cost: str = "sum"
    gate: str = "sigmoid"
    reset: str = "before"
    policy: str = "plateau"
    decay_rate: float = 0.999
    decay_after: int = 1
    average: float = 0.0
    bptt_truncate: int = -1
    dropout: float | tuple[float, ...] = 0.0
    dropout_inputs: float = 0.0
    dropout_weights: float = 0.0
    label_dropout: float = 0.1
    tied: bool = False
    head: str = "softmax"
    note_units: int = 128
    layer_norm: bool = False
    init: str = "uniform"
    forget_bias: float = 1.0
    random_seed: int = 0
    dtype: str = "float32"

    def __post_init__(self) -> None:
        for name, least in {"layers": 1, "state_size": 1, "random_seed": 0, "note_units": 1, "decay_after": 0}.items():
            self._check(checks.whole, name, least=least)
        if self.bptt_truncate != -1:
            self._check(checks.whole, "bptt_truncate", otherwise=", or -1 for whole sequences")
        rates = ("decay", "average", "momentum", "dropout_inputs", "dropout_weights", "label_dropout")
        self._check_dropout()
        for name in rates:
            self._check(checks.number, name, least=0, below=1)
        self._check(checks.number, "decay_rate", above=0, most=1)
        for name in ("weight_decay", "regcost"):
            self._check(checks.number, name, least=0)
        for name in ("learnrate", "clip_at", *(["epsilon"] if self.epsilon is not None else [])):
            self._check(checks.number, name, above=0)
        self._check(checks.number, "forget_bias")
        for name in ("tied", "layer_norm"):
            self._check(checks.flag, name)
        names = {"optimizer": OPTIMIZERS, "clip": CLIPS, "cost": COSTS, "gate": GATES, "reset": RESETS}
        names |= {"init": INITS, "head": HEADS, "policy": POLICIES, "dtype": DTYPES}
        for name, values in names.items():
            self._check(checks.known, name, values=values)

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.to_json().items())
        return textwrap.fill(f"HyperParams({fields})", width=88, subsequent_indent=" " * 12)

    @classmethod
    def preset(cls, name: str) -> Self:
        """Return the hyperparameters of a named recipe; see `charrnn.settings.recipes`.

        ``"rngru"`` is exactly the Theano GRU program that charrnn succeeds: hard sigmoid, clipping per time
        step, and its learning-rate rule. ``ModelState.initfromsrcfile(..., preset=name)`` takes all of a recipe.

        >>> HyperParams.preset("rngru").clip
        'step'
        """
        return cls(**get_preset(name).get("hyper", {}))

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of all hyperparameters."""
        return [field.name for field in dataclasses.fields(cls)]

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some hyperparameters changed.

        Raises
        ------
        UnknownName
            If a name is not that of a hyperparameter.
        InvalidValue
            If a value has the wrong type or is out of range.
        """
        for name in changes:
            if name not in self.names():
                meant = OTHER_NAMES.get(name)
                hint = f"It is called {meant} here." if meant else near_matches(name, self.names())
                raise UnknownName(f"{name!r} is not a hyperparameter. {hint}")
        return dataclasses.replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """Return the hyperparameters as a JSON-serialisable dictionary."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return the hyperparameters that `to_json` wrote."""
        return cls().replace(**values)

    @property
    def dropouts(self) -> tuple[float, ...]:
        """The dropout rate of each layer's outputs."""
        return self.dropout if isinstance(self.dropout, tuple) else (self.dropout,) * self.layers

    def _check_dropout(self) -> None:
        """Check the rate for all layers, or the rates of each, and keep them as Python's own numbers."""
        if isinstance(self.dropout, str) or not isinstance(self.dropout, Iterable):
            self._check(checks.number, "dropout", least=0, below=1)
            return
        rates = tuple(checks.number("dropout", rate, least=0, below=1) for rate in self.dropout)
        if len(rates) != self.layers:
            raise InvalidValue(f"dropout={rates!r}: expected a rate for each of {plural(self.layers, 'layer')}.")
        object.__setattr__(self, "dropout", rates)

    def _check(self, check: Callable[..., Any], name: str, **limits: Any) -> None:
        """Check a field and store it as a plain Python type, which is JSON-serialisable."""
        object.__setattr__(self, name, check(name, getattr(self, name), **limits))
