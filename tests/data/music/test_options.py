import json

import pytest

from charrnn.data.music.options import MusicOptions
from charrnn.errors import CorruptFile, InvalidValue


@pytest.mark.parametrize("options", [{}, {"dt": 0.3, "onsets": True, "transpose": 5}, {"beats": 0.5, "pedal": False}])
def test_options_and_back(options):
    made = MusicOptions(**options)
    assert MusicOptions.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_models_from_before_did_not_heed_the_pedal():
    assert MusicOptions.from_json({"dt": None, "onsets": True}) == MusicOptions(onsets=True, pedal=False)


@pytest.mark.parametrize("record", [{"colour": 1}, {"onsets": "no"}, {"memory_limit": 0}])
def test_damaged_records(record):
    with pytest.raises(CorruptFile, match="record of how music is read"):
        MusicOptions.from_json(record)


def test_flags():
    with pytest.raises(InvalidValue, match="pedal='no'"):
        MusicOptions(pedal="no")
