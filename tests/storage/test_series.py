import base64

import numpy as np

from charrnn.storage.series import join, pack, unpack


def test_columns_return_bit_for_bit_in_single_precision():
    columns = {"step": np.arange(3, 10), "loss": np.random.default_rng(0).normal(size=7)}
    columns["loss"][[1, 4]] = np.nan, 1e300
    found = unpack(pack(columns))
    assert found["step"].tolist() == list(range(3, 10))
    with np.errstate(over="ignore"):
        assert found["loss"].tobytes() == columns["loss"].astype(np.float32).tobytes()


def test_numbers_are_little_endian():
    assert base64.b64decode(pack({"step": np.array([258])})["step"]) == b"\x02\x01\x00\x00"
    assert base64.b64decode(pack({"loss": np.array([1.0])})["loss"]) == b"\x00\x00\x80\x3f"


def test_steps_taken_again_replace_the_former():
    taken = [range(1, 6), range(6, 9), range(4, 6), range(6, 7), range(6, 8)]
    pieces = [{"step": np.array(steps), "piece": np.full(len(steps), n)} for n, steps in enumerate(taken)]
    kept = {step: n for n, steps in enumerate(taken) for step in steps if all(step < min(s) for s in taken[n + 1 :])}
    joined = join(pieces)
    assert dict(zip(joined["step"].tolist(), joined["piece"].tolist(), strict=True)) == kept
    assert joined["step"].tolist() == list(range(1, 8))


def test_nothing_joins_to_nothing():
    assert join([]) == {}
