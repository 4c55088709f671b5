"""Training and generation reproduce the recorded results; see `tests.bits`.

On the same stack, with the same vector width, they agree to the last bit. Other stacks add in another order, and agree
to 1e-5.
"""

import pytest

from tests import bits

RECORDS = bits.records()
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=(64, 32, 16))
def now(request):
    if request.param not in bits.widths():
        pytest.skip(f"This processor has no vectors of {request.param} bytes.")
    return bits.measured(request.param)


def test_every_width_and_stack_agrees_with_every_record(now):
    for record in RECORDS:
        about = f"against {record['width']} bytes on {record['stack']}"
        assert bits.difference(now, record) < 1e-5, about
        for name, result in record["results"].items():
            assert now["results"][name]["written"] == result["written"], f"{name} {about}"


def test_the_same_stack_finds_the_same_bits(now):
    same = [record for record in RECORDS if bits.key(record) == bits.key(now)]
    if not same:
        pytest.skip(f"Nothing is recorded for {now['stack']}: python -m tests.bits --record")
    assert now["results"] == same[0]["results"]
