"""Names that users of Keras, nanoGPT or textgenrnn try: taken where they mean exactly the same, else explained."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from charrnn.errors import InvalidValue, near_matches

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")

ATTRIBUTES = {
    "fit": "ms.train(num_rounds=...) trains it.",
    "train_on_batch": "ms.train(train_len=1) learns one batch.",
    "save": "training saves by itself; ms.newcheckpoint() saves now, and ms.export(file) writes a single file.",
    "save_weights": "training saves by itself; ms.newcheckpoint() saves now.",
    "load_weights": "ms.restore(checkpoint) goes back to a checkpoint.",
    "load_state_dict": "ms.restore(checkpoint) goes back to a checkpoint.",
    "resume": "ms.train() goes on, and ms.job.resume() after a pause in the background.",
    "stop": "Ctrl-C stops training, and ms.job.stop() that in the background.",
    "evaluate": "ms.calc_loss() measures the validation loss, ms.test_loss() that of the test part.",
    "eval": "ms.calc_loss() measures the validation loss.",
    "loss": "ms.calc_loss() measures the validation loss; ms.checkpoint.loss is the last one.",
    "predict": "ms.trackneurons(text, ret_output=True) returns predictions, ms.score(text) how likely a text is.",
    "sample": "ms.generate(500) writes.",
    "write": "ms.generate(500) writes.",
    "summary": "print(ms) describes it, ms.explain() its formulas.",
    "parameters": "ms.model.parameters holds them.",
    "weights": "ms.model.parameters holds them.",
    "get_weights": "ms.model.parameters holds them.",
    "state_dict": "ms.model.parameters holds them.",
    "count_params": "ms.num_parameters counts them.",
    "lr": "ms.learnrate is the learning rate.",
    "learning_rate": "ms.learnrate is the learning rate.",
    "temperature": "ms.generate(temp=0.5) takes it.",
    "vocab": "ms.chars holds the characters.",
    "config": "ms.hyper holds the hyperparameters.",
    "encode_text_vectors": "ms.vectors(texts) returns a vector for each text.",
    "train_from_file": "ModelState.initfromsrcfile(file, directory) makes a model, ms.train() trains it.",
    "generate_to_file": "Path(file).write_text(ms.generate(10000)) writes a file.",
}


def accepting(
    same: Mapping[str, str], explained: Mapping[str, str], unless: Mapping[str, tuple[str, str]] | None = None
) -> Callable[[Callable[Concatenate[S, P], R]], Callable[Concatenate[S, P], R]]:
    """Make a function of a session take other names of its arguments.

    Parameters
    ----------
    same : mapping
        Other names of arguments that mean exactly the same.
    explained : mapping
        Names that mean something else or nothing here, each with a sentence: it is raised as InvalidValue.
    unless : mapping, optional
        Names of `same` that do not mean the same where another argument is given: that one, and a sentence.
    """

    def decorate(function: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
        @functools.wraps(function)
        def run(ms: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
            given = cast("dict[str, Any]", kwargs)
            for name in [*given]:
                other, sentence = (unless or {}).get(name, ("", ""))
                if given.get(other):
                    raise InvalidValue(f"{function.__name__}({name}=..., {other}=...): {sentence}")
                if name in explained:
                    raise InvalidValue(f"{function.__name__} takes no {name}: {explained[name]}")
                if name in same:
                    if same[name] in given:
                        raise InvalidValue(f"{name} is {same[name]}, which is given as well: give one of them.")
                    given[same[name]] = given.pop(name)
            return function(ms, *args, **kwargs)

        return run

    return decorate


def missing(owner: object, name: str) -> AttributeError:
    """Return the error for an attribute that a session does not have."""
    kind = "ModelState"
    if name in ATTRIBUTES:
        return AttributeError(f"A {kind} has no {name}: {ATTRIBUTES[name]}", name=name)
    known = [] if name.startswith("_") else [known for known in dir(type(owner)) if not known.startswith("_")]
    hint = near_matches(name, known)
    return AttributeError(f"A {kind} has no {name}.{f' {hint}' if 'Did you' in hint else ''}", name=name)


TRAIN = {"rounds": "num_rounds", "epochs": "num_rounds", "num_epochs": "num_rounds", "batch_size": "batchsize"}
TRAIN |= {"temperature": "sample_temps", "temp": "sample_temps"}
TRAIN_EXPLAINED = {
    "lr": "set ms.learnrate = 0.001 before.",
    "learning_rate": "set ms.learnrate = 0.001 before.",
    "learnrate": "set ms.learnrate = 0.001 before.",
    "steps": "train_len is the number of batches in a round.",
    "max_iters": "train_len is the number of batches in a round.",
    "steps_per_epoch": "train_len is the number of batches in a round.",
    "callbacks": "callback is one function that is called with a Step after every batch.",
    "validation_data": "a model validates on the part of its text that trainfrac leaves, set when it is made.",
    "validation_split": "a model validates on the part of its text that trainfrac leaves, set when it is made.",
    "train_size": "a model validates on the part of its text that trainfrac leaves, set when it is made.",
    "dropout": "it is a hyperparameter, set when the model is made.",
    "gen_epochs": "print_every shows samples every so many batches.",
    "shuffle": "streams read the text in order, as their hidden states go on.",
    "early_stopping": "patience=3 stops after 3 rounds without a lower loss.",
    "seq_len": "it is set when the model is made.",
}
_ROUNDS = "with a train_len, rounds are not epochs; num_rounds is how many there are."
TRAIN_UNLESS = {"epochs": ("train_len", _ROUNDS), "num_epochs": ("train_len", _ROUNDS)}
_LENGTH = "numchars is the number of characters after the prompt, or the most that a document may have."
GENERATE = {"temperature": "temp", "max_new_tokens": "numchars", "start": "prompt", "prefix": "prompt"}
GENERATE |= {"num_samples": "n", "num_chars": "numchars", "n_chars": "numchars"}
GENERATE_EXPLAINED = {
    "length": _LENGTH,
    "max_length": _LENGTH,
    "max_gen_length": _LENGTH,
    "seed": "prompt is the text to begin with, rng the seed of what is drawn.",
    "primer": "prompt is the text to begin with.",
    "top_k": "temp alone says how much is left to chance, and argmax=True leaves nothing.",
    "top_n": "temp alone says how much is left to chance, and argmax=True leaves nothing.",
    "top_p": "temp alone says how much is left to chance, and argmax=True leaves nothing.",
    "return_as_list": "with n, a list of texts is returned.",
    "do_sample": "argmax=True takes the likeliest character each time.",
}
