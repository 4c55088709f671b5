"""The networks written out in numpy, one step after the other, and their gradients without a chain rule.

Every step has a parameter set of its own, (T, *shape), so that a derivative is one step's contribution to the gradient.
The derivative is the imaginary part that an imaginary step of 1e-30 leaves (Squire & Trapp 1998): exact to rounding.
"""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def hard_sigmoid(x):
    y = 0.2 * x + 0.5
    return np.where(y.real < 0, 0.0, np.where(y.real > 1, 1.0, y))


GATES = {"sigmoid": sigmoid, "hard_sigmoid": hard_sigmoid}


def gru(x, state, p, gate="sigmoid", reset="before"):
    (h,), gate = state, GATES[gate]
    z = gate(x @ p["Uz"] + h @ p["Wz"] + p["bz"])
    r = gate(x @ p["Ur"] + h @ p["Wr"] + p["br"])
    if reset == "before":
        c = np.tanh(x @ p["Uc"] + (r * h) @ p["Wc"] + p["bc"])
    else:
        c = np.tanh(x @ p["Uc"] + p["bc"] + r * (h @ p["Wc"] + p["dc"]))
    return ((1 - z) * c + z * h,)


def lstm(x, state, p, gate="sigmoid"):
    (h, c), gate = state, GATES[gate]
    i, f, o = (gate(x @ p[f"U{g}"] + h @ p[f"W{g}"] + p[f"b{g}"]) for g in "ifo")
    c = f * c + i * np.tanh(x @ p["Ug"] + h @ p["Wg"] + p["bg"])
    return o * np.tanh(c), c


def rnn(x, state, p):
    return (np.tanh(x @ p["U"] + state[0] @ p["W"] + p["b"]),)


def layer_norm(a):
    return (a - a.mean(axis=1, keepdims=True)) / np.sqrt(a.var(axis=1, keepdims=True) + 1e-5)


def normalised_sums(v, p, kind, gates):
    """Ba et al. 2016: one product with the gates' matrices side by side, normalised, and times the gains."""
    matrices, gains = (np.concatenate([p[name + g] for g in gates], axis=-1) for name in (kind, f"g{kind}"))
    return np.split(layer_norm(v @ matrices) * gains, len(gates), axis=1)


def normalised_gru(x, state, p, reset="before"):
    (h,) = state
    parts = zip(normalised_sums(x, p, "U", "zr"), normalised_sums(h, p, "W", "zr"), (p["bz"], p["br"]), strict=True)
    z, r = (sigmoid(sum(part)) for part in parts)
    (u,) = normalised_sums(x, p, "U", "c")
    if reset == "before":
        c = np.tanh(u + normalised_sums(r * h, p, "W", "c")[0] + p["bc"])
    else:
        c = np.tanh(u + p["bc"] + r * (normalised_sums(h, p, "W", "c")[0] + p["dc"]))
    return ((1 - z) * c + z * h,)


def normalised_lstm(x, state, p):
    h, c = state
    biases = [p[f"b{g}"] for g in "ifog"]
    parts = zip(normalised_sums(x, p, "U", "ifog"), normalised_sums(h, p, "W", "ifog"), biases, strict=True)
    i, f, o, g = map(sum, parts)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(layer_norm(c) * p["gm"] + p["bm"]), c


def normalised_rnn(x, state, p):
    return (np.tanh(layer_norm(x @ p["U"] + state[0] @ p["W"]) * p["g"] + p["b"]),)


def each_step(parameters, T):
    """Give each of T steps its own copy of the parameters."""
    return {name: np.broadcast_to(value, (T, *value.shape)) for name, value in parameters.items()}


def run(cell, x, initial, parameters, keep=None):
    """Return each state (T, B, H) of a cell over x (T, B, D); parameters (T, *shape)."""
    states, every = list(initial), []
    for t in range(len(x)):
        if keep is not None:
            states = [s * keep[t] for s in states]
        states = cell(x[t], states, {name: value[t] for name, value in parameters.items()})
        every.append(states)
    return [np.stack(each) for each in zip(*every, strict=True)]


def network(cell, n_states, parameters, x, state, keep=None):
    """Return logits (T, B, V) and states (L, T, B, S) for symbols x (T, B) and parameters (T, *shape) by name."""
    layers, H = len(state), state.shape[2] // n_states
    vocab_size = parameters["c"].shape[1]
    inputs = np.eye(vocab_size)[x]
    if "E" in parameters:
        inputs = inputs @ parameters["E"]
    if "a" in parameters:
        inputs = np.tanh(inputs + parameters["a"][:, None])
    every = []
    for layer in range(layers):
        own = {n.removeprefix(f"{layer + 1}."): v for n, v in parameters.items() if n.startswith(f"{layer + 1}.")}
        initial = [state[layer][:, k * H : (k + 1) * H] for k in range(n_states)]
        states = run(cell, inputs, initial, own, keep)
        inputs = states[0]
        every.append(np.concatenate(states, axis=2))
    output = parameters["V"] if "V" in parameters else parameters["E"].swapaxes(1, 2)
    return inputs @ output + parameters["c"][:, None], np.stack(every)


def log_softmax(logits):
    shifted = logits - logits.real.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def errors(logits, y):
    """Return the cross-entropy in nats (T, B)."""
    return -np.take_along_axis(log_softmax(logits), y[..., None], axis=-1)[..., 0]


def gradient(function, arrays):
    """Return the derivatives of ``function(arrays)``, a number, for every element of some named arrays."""
    result = {}
    for name, array in arrays.items():
        d = np.empty(array.shape)
        for at in np.ndindex(array.shape):
            moved = array.astype(complex)
            moved[at] += 1e-30j
            d[at] = function({**arrays, name: moved}).imag / 1e-30
        result[name] = d
    return result
