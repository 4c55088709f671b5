"""Presets: the settings of every recipe, as plain data; see `charrnn.settings.recipes`."""

from __future__ import annotations

from typing import Any

from charrnn.errors import UnknownName, near_matches

_ALICE: dict[str, Any] = {
    "layers": 1,
    "state_size": 256,
    "optimizer": "adam",
    "learnrate": 1e-3,
    "policy": "constant",
    "cost": "mean",
    "clip": None,
    "regcost": 0.0,
    "dropout": 0.2,
}
_LYRICS: dict[str, Any] = {
    "layers": 2,
    "state_size": 512,
    "optimizer": "adam",
    "learnrate": 1e-3,
    "policy": "constant",
    "cost": "mean",
    "clip": None,
    "regcost": 0.0,
    "forget_bias": 0.0,
}

_PIANO: dict[str, Any] = {
    "layers": 1,
    "state_size": 256,
    "optimizer": "adamw",
    "learnrate": 6e-3,
    "weight_decay": 0.1,
    "policy": "cosine",
    "average": 0.995,
    "cost": "mean",
    "clip": "norm",
    "clip_at": 5.0,
    "regcost": 0.0,
    "dropout": 0.5,
    "head": "nade",
}

PRESETS: dict[str, dict[str, Any]] = {
    "rngru": {
        "about": "The Theano GRU program.",
        "hyper": {"gate": "hard_sigmoid", "clip": "step", "policy": "ancestor"},
    },
    "poetrnn": {
        "about": "PoetRNN's LSTM, for poems as documents. Its batches are 100 poems drawn with replacement and padded; "
        "charrnn's are packed, and an epoch shows each poem once. 52 streams of 100 characters hold as much as 100 of "
        "its haikus, so that an epoch has as many updates.",
        "modeltype": "LSTMResize",
        "trainfrac": 0.95,
        "batchsize": 52,
        "num_rounds": 50,
        "hyper": {
            "layers": 2,
            "state_size": 128,
            "optimizer": "rmsprop",
            "learnrate": 1e-3,
            "decay": 0.95,
            "epsilon": 1e-8,
            "policy": "exponential",
            "decay_rate": 0.999,
            "decay_after": 1,
            "cost": "mean",
            "clip": None,
            "regcost": 0.0,
            "dropout": 0.5,
            "init": "normal",
            "forget_bias": 0.0,
        },
    },
    "alice": {
        "about": "The Keras notebook's LSTM. It reads one number for each character and predicts one character after "
        "every 100; charrnn reads one-hot vectors in streams, and predicts every character.",
        "modeltype": "LSTMResize",
        "trainfrac": 1.0,
        "lower": True,
        "batchsize": 128,
        "num_rounds": 20,
        "hyper": _ALICE,
    },
    "alice-bigger": {
        "about": "The Keras notebook's larger LSTM; see the recipe alice.",
        "modeltype": "LSTMResize",
        "trainfrac": 1.0,
        "lower": True,
        "batchsize": 64,
        "num_rounds": 50,
        "hyper": {**_ALICE, "layers": 2},
    },
    "lyrics": {
        "about": "The PyTorch project's LSTM, for songs as documents. It unrolls whole songs; charrnn unrolls "
        "sequences.",
        "modeltype": "LSTMEmbed",
        "trainfrac": 1.0,
        "batchsize": 50,
        "num_rounds": 1000,
        "hyper": _LYRICS,
    },
    "lyrics-conditional": {
        "about": "The PyTorch project's LSTM for songs by the artists of the column artist; see the recipe lyrics. "
        "It puts the vectors of character and artist side by side; charrnn adds them.",
        "modeltype": "LSTMEmbed",
        "labels": "artist",
        "trainfrac": 1.0,
        "batchsize": 50,
        "num_rounds": 1000,
        "hyper": {**_LYRICS, "label_dropout": 0.0},
    },
    "min-char-rnn": {
        "about": "The numpy gist's plain network, which trains endlessly. At the end of the text it resets the state; "
        "charrnn keeps it.",
        "modeltype": "RNNResize",
        "seq_len": 25,
        "trainfrac": 1.0,
        "batchsize": 1,
        "hyper": {
            "layers": 1,
            "state_size": 100,
            "optimizer": "adagrad",
            "learnrate": 0.1,
            "policy": "constant",
            "clip": "value",
            "clip_at": 5.0,
            "regcost": 0.0,
            "init": "small",
        },
    },
    "piano": {
        "about": "The PyTorch project's LSTM for piano music, whose notes are independent. It unrolls whole pieces, "
        "padded; charrnn unrolls sequences. It cuts MIDI files into frames of 0.3 s: for that, pass dt=0.3.",
        "modeltype": "LSTMEmbed",
        "trainfrac": 1.0,
        "batchsize": 120,
        "num_rounds": 100,
        "hyper": {**_LYRICS, "clip": "norm", "clip_at": 1.0, "head": "bernoulli"},
    },
    "piano-jsb": {
        "about": "The lowest known loss for little piano music, such as the JSB chorales; every epoch has other keys.",
        "seq_len": 32,
        "batchsize": 8,
        "num_rounds": 100,
        "hyper": _PIANO,
    },
    "piano-nottingham": {
        "about": "The lowest known loss for more piano music, such as the Nottingham tunes, in their own keys.",
        "seq_len": 128,
        "batchsize": 8,
        "num_rounds": 20,
        "hyper": {**_PIANO, "learnrate": 5e-3, "weight_decay": 0.01, "clip_at": 1.0, "dropout": 0.4, "average": 0.998},
    },
    "best": {
        "about": "The best of a few settings tried, for ten minutes on two cores and a text of about 1 MB. "
        "Smaller texts need more dropout; see advise.",
        "seq_len": 64,
        "batchsize": 32,
        "num_rounds": 15,
        "hyper": {
            "layers": 1,
            "state_size": 512,
            "learnrate": 3e-3,
            "decay": 0.99,
            "policy": "cosine",
            "clip": "norm",
            "clip_at": 2000.0,
            "regcost": 0.0,
            "average": 0.999,
            "dropout": 0.2,
            "dropout_weights": 0.2,
        },
    },
}


def get_preset(name: str) -> dict[str, Any]:
    """Return a preset by name.

    Raises
    ------
    UnknownName
        If `name` is not a preset; the message lists near matches.
    """
    if name not in PRESETS:
        raise UnknownName(f"{name!r} is not a preset. {near_matches(str(name), PRESETS)}")
    return PRESETS[name]
