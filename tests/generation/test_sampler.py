"""Sampling: prompts, seeds, temperature, streaming, and draws that follow the model's probabilities."""

import copy
import itertools
import math
import pickle
import warnings

import numpy as np
import pytest
from scipy import stats

from charrnn.data.text.charset import CharSet, UnknownCharacterWarning
from charrnn.errors import InvalidValue, UnknownCharacters
from charrnn.generation.sampler import BLOCK, Sampler, generate, loop_of
from charrnn.model.model import Model
from charrnn.model.sampling import Choice
from charrnn.settings.hyper import HyperParams
from tests.fakes import FakeModel

TEXT = "the hat\non the mat\n"


@pytest.fixture
def charset():
    return CharSet.from_text(TEXT)


@pytest.fixture
def model(charset):
    model = FakeModel(charset.vocab_size)
    model.table[:] = np.random.default_rng(3).normal(size=model.table.shape)
    return model


def test_the_prompt_is_echoed_once_and_numchars_follow(model, charset):
    sample = generate(model, charset, 17, prompt="the ", rng=1)
    assert sample.startswith("the ")
    assert len(sample) == 4 + 17
    assert sample.prompt == "the "


def test_a_seed_gives_the_same_text_again(model, charset):
    sample = generate(model, charset, 600)
    assert generate(model, charset, 600, rng=sample.rng_seed) == sample
    assert generate(model, charset, 600, rng=sample.rng_seed + 1) != sample
    one, other = (generate(model, charset, 50, rng=np.random.default_rng(5)) for _ in range(2))
    assert one == other == generate(model, charset, 50, rng=one.rng_seed)


def test_pieces_of_a_stream_are_the_whole(model, charset):
    sampler = Sampler(model, charset, rng=9)
    pieces = list(itertools.islice(sampler.write(), 3))
    assert [len(piece) for piece in pieces] == [BLOCK] * 3
    assert "\n" + "".join(pieces) == generate(model, charset, 3 * BLOCK, rng=9)


def test_writing_goes_on_from_the_end_state(model, charset):
    whole = generate(model, charset, 40, rng=9, argmax=True)
    part = generate(model, charset, 15, rng=9, argmax=True)
    rest = generate(model, charset, 25, prompt=part[-1], init_state=part.state, argmax=True)
    assert part + rest[1:] == whole
    assert part.state.shape == (1, 1)


def test_the_model_reads_the_whole_prompt_in_order(charset):
    read = []

    class Reader(FakeModel):
        def predict(self, x, state=None, condition=None):
            assert state.ravel() == (read[-1] if read else -1)  # the state of this fake is the last symbol read
            read.extend(x[:, 0])
            return super().predict(x, state, condition)

        def generate(self, start, *others, **options):
            read.extend(start)
            return super().generate(start, *others, **options)

    for length in (1, 2, 3, 8, 23, BLOCK + 1, 2 * BLOCK + 7):
        read.clear()
        prompt = (TEXT * length)[:length]
        generate(Reader(charset.vocab_size), charset, 1, prompt=prompt)
        assert charset.decode(read) == prompt


def test_a_prompt_read_at_once_leads_where_one_read_character_by_character_does():
    model = Model(HyperParams(layers=2, state_size=6), "GRUEncode", vocab_size=9, engine="cpu")
    symbols = np.random.default_rng(2).integers(9, size=BLOCK + 12).astype(np.int32)
    state = model.freshstate(1)
    for symbol in symbols[:-1]:
        _, state = model.generate(np.array([symbol]), state, np.zeros((1, 1)))
    charset = CharSet.from_text("abcdefgh")
    sampler = Sampler(model, charset, prompt=charset.decode(symbols))
    np.testing.assert_allclose(sampler.state, state[:, 0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("argmax", [False, True])
def test_skipped_symbols_are_never_written(model, charset, argmax):
    model.table[:, 0] = 9  # U+FFFD is likeliest everywhere
    assert "\ufffd" in generate(model, charset, 50, rng=1, argmax=argmax)
    assert "\ufffd" not in generate(model, charset, 50, rng=1, argmax=argmax, skip=1)


def test_draws_follow_the_softmax(model, charset):
    temp, start = 0.7, charset.idxofchar("t")
    draws = np.concatenate(
        [charset.encode(generate(model, charset, 1, temp=temp, prompt="t", rng=seed)[1:]) for seed in range(3000)]
    )
    odds = np.exp(model.table[start].astype(float) / temp)
    counts = np.bincount(draws, minlength=charset.vocab_size)
    assert stats.chisquare(counts, 3000 * odds / odds.sum()).pvalue > 1e-3


@pytest.mark.parametrize("engine", ["cpu", "jax"])
def test_draws_of_a_real_model_follow_its_softmax(engine):
    pytest.importorskip(engine)
    model = Model(HyperParams(layers=2, state_size=6), "GRUEncode", vocab_size=9, engine=engine)
    sharper = {name: array * 4 if name.startswith("param/") else array for name, array in model.arrays().items()}
    model.load_arrays(sharper)  # a new model guesses nearly evenly
    R, first, second = 5000, 3, 7
    _, state = model.generate(np.array([first]), model.freshstate(1), np.zeros((1, 1)))
    uniforms = np.random.default_rng(1).random((1, R))
    draws, _ = model.generate(np.full(R, second), np.repeat(state, R, axis=1), uniforms, Choice(0.7))
    probabilities = model.process(np.array([first, second]), temp=0.7)[0][1].astype(float)
    assert probabilities.max() > 2 / 9
    expected = R * probabilities / probabilities.sum()
    assert stats.chisquare(np.bincount(draws[0], minlength=9), expected).pvalue > 1e-3


def test_argmax_takes_the_likeliest(model, charset):
    sample = generate(model, charset, 20, prompt="t", argmax=True)
    for now, after in itertools.pairwise(charset.encode(sample)):
        assert model.table[now].argmax() == after


def test_an_empty_prompt_is_a_random_line_start(model, charset):
    starts = {generate(model, charset, 0, prompt="", rng=seed) for seed in range(60)}
    assert starts == set(charset.linestarts) == {"o"}


def test_a_text_without_newlines_needs_no_notice():
    charset = CharSet.from_text("abcab")
    sample = generate(FakeModel(charset.vocab_size), charset, 3)
    assert sample.prompt in "abc"


def test_unknown_characters_follow_the_policy(model, charset):
    with pytest.warns(UnknownCharacterWarning, match="Ω"):
        assert generate(model, charset, 0, prompt="tΩ") == "t\ufffd"
    with pytest.warns(UnknownCharacterWarning, match="Ω"):
        assert generate(model, charset, 0, prompt="tΩ", on_unknown="skip") == "t"
    with pytest.raises(UnknownCharacters, match="Ω"):
        generate(model, charset, 0, prompt="tΩ", on_unknown="error")


def test_a_prompt_of_which_nothing_is_left_begins_a_line(model, charset):
    with warnings.catch_warnings(action="ignore"):
        assert generate(model, charset, 0, prompt="ΩΨ", on_unknown="skip") == "o"


@pytest.mark.parametrize("temp", [0, -1, math.nan, math.inf, "warm", None, True])
def test_nonsense_temperatures_are_refused(model, charset, temp):
    with pytest.raises(InvalidValue, match="temp="):
        generate(model, charset, temp=temp)


@pytest.mark.parametrize(
    "options",
    [
        *[{"numchars": bad} for bad in (-1, 1.5, True, "9")],
        *[{"rng": bad} for bad in (-1, "seed", 0.5)],
        {"init_state": np.zeros((2, 2))},
    ],
)
def test_other_nonsense_is_refused_by_name(model, charset, options):
    with pytest.raises(InvalidValue, match=next(iter(options))):
        generate(model, charset, **options)


def test_a_sample_shows_itself_as_text_and_can_be_copied(model, charset):
    sample = generate(model, charset, 30, rng=4)
    assert repr(sample) == str(sample)
    for copied in (copy.deepcopy(sample), pickle.loads(pickle.dumps(sample))):
        assert (copied, copied.prompt, copied.rng_seed) == (sample, sample.prompt, 4)
        np.testing.assert_array_equal(copied.state, sample.state)


def test_a_text_goes_on_from_its_state_and_last_character(ms):
    whole = ms.generate(60, prompt="3 and", argmax=True)
    begun = ms.generate(25, prompt="3 and", argmax=True)
    on = ms.generate(35, prompt=begun[-1], init_state=begun.state, argmax=True)
    assert begun + on[1:] == whole
    np.testing.assert_array_equal(on.state, whole.state)


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("Said the " + "cat to the " * 3, 11),
        ("x" * 22, 1),
        ("x" * 20, None),
        ("ab" * 11, 2),
        ("ab" * 10, None),
        ("the cat sat on the mat and the dog sat by", None),
        ("a" * 30 + "b", None),
        ("one long line that comes again\n" * 2, 31),
        ("one long line that comes again\n" * 2 + "one", 31),
        ("", None),
    ],
)
def test_loops_at_the_end_are_found(text, period):
    found = loop_of(text)
    assert found == period
    if found:
        assert text.endswith(text[-found:] * 2)


def test_a_loop_of_the_likeliest_characters_is_told(ms):
    sample = ms.generate(400, argmax=True)
    assert sample.period  # a small state comes back to where it was
    every = "one character" if sample.period == 1 else f"every {sample.period} characters"
    assert repr(sample).endswith(f"\n(It repeats {every}; temp=0.5 instead of argmax leaves that to chance.)")
    assert f"It repeats {every}" in sample._repr_html_()
    assert "repeats" not in str(sample)
    assert copy.copy(sample).period == sample.period
    assert ms.generate(400, temp=0.9, rng=1).period is None
