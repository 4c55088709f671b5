"""Hyperparameters: everything about a model and its training that is chosen once, checked when it is chosen."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from charrnn import checks
from charrnn.errors import UnknownName, near_matches
from charrnn.model.optimizers import OPTIMIZERS
from charrnn.settings.presets import get_preset

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
    """The hyperparameters of a model; immutable, use `replace` for a changed copy.

    Parameters
    ----------
    layers : int
        Number of recurrent layers, L.
    state_size : int
        Width of every hidden state, H.
    learnrate : float
        Learning rate at the start of training; the policy adapts it from there.
    decay : float
        Decay of RMSProp's running average of squared gradients, in [0, 1).
    regcost : float
        Weight λ of the L2 penalty (λ/2)·ΣW² over weight matrices; 0 for none.
    optimizer : {"rmsprop", "sgd", "momentum", "nesterov", "adagrad", "adam", "adamw"}
        How a gradient becomes an update, see `charrnn.model.optimizers`.
    momentum : float
        Of momentum and Nesterov, and Adam's β₁; in [0, 1).
    epsilon : float, optional
        What RMSProp, Adagrad and Adam add to what they divide by; 1e-6, 1e-8 and 1e-8 by default.
    weight_decay : float
        AdamW's decay of all parameters, apart from the gradient.
    clip : {"value", "step", "norm", None}
        What is clipped at `clip_at`: each element of the summed gradient, each element of every time step's
        contribution before summing (the ancestor's form), the norm of all gradients together, or nothing.
    clip_at : float
        The bound of the clipping.
    cost : {"sum", "mean"}
        Minimise the sum over T and B of the cross-entropy plus the penalty, or that divided by T·B. Gradients of the
        mean are T·B times smaller, for which RMSProp's epsilon is not: prefer Adam with it.
    gate : {"sigmoid", "hard_sigmoid"}
        The function of the gates. Measured with the defaults on tinyshakespeare, the hard one is 0.01 nats/char ahead
        for six epochs (1.638 and 1.645) and behind after seven (1.626 and 1.622), so the smooth one is the default.
    reset : {"before", "after"}
        Where a GRU's reset gate acts: on the state before the recurrent product (the ancestor's), or on the
        product (cuDNN's and torch's).
    policy : {"plateau", "ancestor", "constant", "cosine", "exponential", "onecycle"}
        How the learning rate changes, see `charrnn.training.policies`.
    decay_rate, decay_after : float, int
        Policy "exponential" multiplies the learning rate by `decay_rate` at the end of every epoch but the first
        `decay_after`.
    average : float
        Decay of a running average of the parameters, such as 0.999, with which the model predicts and writes, while
        training goes on with the parameters themselves; 0 for none.
    bptt_truncate : int
        Back-propagate only through the last n steps of each sequence; -1 for all of them.
    dropout, dropout_inputs, dropout_weights : float
        Rates at which training drops every layer's outputs, the first layer's inputs, and recurrent weights; below 1.
    label_dropout : float
        Rate at which training hides labels, so that a model of labelled documents also learns to go without.
    tied : bool
        Whether the output layer's matrix is the input layer's, transposed.
    head : {"softmax", "bernoulli", "nade"}
        What the outputs mean: one of V symbols; or frames of notes, independent of each other, or each dependent on
        those above it. See `charrnn.model.heads`.
    note_units : int
        Hidden units between the notes of a frame, for the head "nade".
    layer_norm : bool
        Whether the sums of GRUs, LSTMs and plain RNNs are normalised over the units (Ba et al. 2016), see
        `charrnn.model.cells.normalise`.
    init : {"uniform", "normal", "small"}
        Initial weights: the ancestor's, PoetRNN's or min-char-rnn's, see `charrnn.model.initial`.
    forget_bias : float
        Initial bias of an LSTM's forget gate.
    random_seed : int
        Seed of the initial parameters and of everything random in training.
    dtype : {"float32", "float64"}
        Precision of parameters and states.

    Raises
    ------
    InvalidValue
        If a number makes no sense.
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
    dropout: float = 0.0
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
        rates = ("decay", "average", "momentum", "dropout", "dropout_inputs", "dropout_weights", "label_dropout")
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
        """Return the hyperparameters of a named recipe, see `charrnn.settings.recipes`.

        ``"rngru"`` is exactly the Theano GRU program that charrnn succeeds: hard sigmoid, clipping per time
        step, its rule for the learning rate. ``ModelState.initfromsrcfile(..., preset=name)`` takes all of a recipe.

        >>> HyperParams.preset("rngru").clip
        'step'
        """
        return cls(**get_preset(name).get("hyper", {}))

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of all hyperparameters."""
        return [field.name for field in dataclasses.fields(cls)]

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some hyperparameters changed."""
        for name in changes:
            if name not in self.names():
                meant = OTHER_NAMES.get(name)
                hint = f"It is called {meant} here." if meant else near_matches(name, self.names())
                raise UnknownName(f"There is no hyperparameter {name!r}. {hint}")
        return dataclasses.replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """Return the hyperparameters as a dictionary that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return the hyperparameters that `to_json` wrote."""
        return cls().replace(**values)

    def _check(self, check: Callable[..., Any], name: str, **limits: Any) -> None:
        """Check a field, and keep it as Python's own type, which JSON can hold."""
        object.__setattr__(self, name, check(name, getattr(self, name), **limits))
