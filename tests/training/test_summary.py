"""What a call of training reports."""

import json

from charrnn.training.summary import Round, TrainingSummary, in_units


def a_round(**changes):
    losses = {"train_loss": 2.0, "valid_loss": 1.0}
    facts = {"epoch": 1.5, "step": 30, "learnrate": 0.1, "batches": 10, "characters": 400, "seconds": 2.0}
    return Round(**{**facts, **losses, **changes})


def test_a_round_is_a_row_of_json():
    row = json.loads(json.dumps(a_round().to_json()))
    assert row["chars_per_s"] == 200
    assert row["valid_loss"] == 1.0


def test_a_call_adds_up_its_rounds():
    summary = TrainingSummary((a_round(), a_round(valid_loss=None)), "e0001", 1.0, 5.0, interrupted=True)
    assert (summary.batches, summary.characters, summary.valid_loss, summary.train_loss) == (20, 800, None, 2.0)
    assert "round 2" in repr(summary)
    assert "e0001" in repr(summary)


def test_a_round_without_steps_or_validation_can_be_shown():
    round_ = a_round(train_loss=None, valid_loss=None, seconds=0.0, batches=0, characters=0)
    assert round_.losses == "no step, validation not measured"
    assert round_.progress == "epoch 1.50, step 30, 0 characters/s"


def test_units():
    assert in_units(0.6931471805599453) == "0.693 nats/char (1.000 bits, perplexity 2.00)"
    assert "perplexity 1.0e+304" in in_units(1e6)
