"""What tests of whole sessions share: a small model, and all that must be found again of it."""

SMALL = {"layers": 1, "state_size": 5, "seq_len": 7, "learnrate": 0.01}


def everything(ms):
    """Return all that a session must find again, byte for byte."""
    arrays = {name: array.tobytes() for name, array in ms.model.arrays().items()}
    state = None if ms.place.state is None else ms.place.state.tobytes()
    return arrays, state, ms.place.epoch, ms.place.pos, ms.model.steps, ms.policy.to_json()
