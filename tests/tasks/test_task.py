"""The tasks of the three kinds of data: what they do with a model, and what they refuse."""

import re

import numpy as np
import pytest

from charrnn import ModelState
from charrnn.data.documents.document import Document
from charrnn.data.documents.options import DocumentOptions
from charrnn.data.music.options import MusicOptions
from charrnn.data.music.rolls import Roll
from charrnn.data.recognise import recognise
from charrnn.data.text.source import ReadOptions
from charrnn.errors import InvalidValue, SourceNotFound
from charrnn.generation.piece import Piece
from charrnn.model.model import Model
from charrnn.settings.hyper import HyperParams
from charrnn.tasks import task_for, task_type
from charrnn.training.place import Place

KINDS = ["text", "documents", "music"]
TEXT = "".join(f"{n} and {n} make {2 * n}, said Abba.\n" for n in range(40))
POEMS = [Document("ab" * (n % 3 + 1) + "\nc" * (n % 2), {"author": "XY"[n % 2]}) for n in range(20)]
ROLLS = [np.eye(88)[n : n + 9 + n % 3] for n in range(30, 40)]
HYPER = HyperParams(layers=2, state_size=7)


class Case:
    """A task with a small model, whose parameters are random enough to tell inputs apart."""

    def __init__(self, kind, directory, labels="author"):
        (directory / "text.txt").write_text(TEXT)
        given = {"text": directory / "text.txt", "documents": POEMS, "music": ROLLS}[kind]
        options = DocumentOptions(labels=labels) if kind == "documents" and labels else DocumentOptions(documents=None)
        if not labels:
            given = [poem.text for poem in POEMS]
        source = recognise(given, ReadOptions(), options, MusicOptions())
        self.corpus, self.never_written = source.encode(directory, 6, 0.7)
        self.parts = self.corpus.open(directory)
        self.task = task_for(self.corpus, lambda: self.parts, self.never_written)
        hyper, shape = task_type(kind).suited(HYPER, "it"), self.corpus.shape()
        self.model = Model(hyper, "GRUEncode", shape.vocab_size, "numba", 1, None, shape.resets, shape.label_sizes)
        draw = np.random.default_rng(5)
        self.model.load_parameters({k: v + draw.normal(0, 0.3, v.shape) for k, v in self.model.parameters.items()})
        self.thing = Piece.from_planes(ROLLS[0]) if kind == "music" else "abba"


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def case(kind, tmp_path_factory):
    return Case(kind, tmp_path_factory.mktemp(kind))


def same(one, other):
    if isinstance(one, Roll):
        return np.array_equal(one.planes, other.planes)
    return one == other


def test_heads_suit_the_kind(kind):
    suited = task_type(kind).suited(HYPER, "x")
    if kind == "music":
        assert suited.head == "nade"
        assert task_type(kind).suited(HYPER.replace(head="bernoulli"), "x").head == "bernoulli"
    else:
        assert suited is HYPER
        with pytest.raises(InvalidValue, match=r"head='nade' is for music, which a\.txt is not"):
            task_type(kind).suited(HYPER.replace(head="nade"), "a.txt")


def test_a_seed_writes_the_same_again(case):
    one, other = (case.task.write(case.model, 9, rng=3) for _ in range(2))
    assert same(one, other)
    assert not same(one, case.task.write(case.model, 9, rng=4))
    several = case.task.write(case.model, 9, rng=3, n=2)
    assert len(several) == 2
    again = case.task.write(case.model, 9, rng=3, temp=case.task.temp, prompt=None)
    assert same(one, again)


def test_options_of_other_kinds_are_refused_unless_they_are_at_their_defaults(kind, case):
    defaults = {"argmax": False, "on_unknown": "replace", "label": None, "guidance": 1.0, "clamp": None}
    foreign = {"argmax": True, "label": "X", "guidance": 2.0, "clamp": {(0, 1): 1.0}, "on_unknown": "skip"}
    if kind != "music":
        defaults, foreign = {"keys": None, "most": None}, {"keys": (30, 40), "scale": "C major", "most": 2}
    assert same(case.task.write(case.model, 5, rng=1, **defaults), case.task.write(case.model, 5, rng=1))
    for name, value in foreign.items():
        with pytest.raises(InvalidValue, match=rf"^{name} is for models of (texts|music); this one learned .*\.$"):
            case.task.write(case.model, 5, **{name: value})
    with pytest.raises(TypeError, match="no option speed"):
        case.task.write(case.model, 5, speed=3)


def test_what_is_refused_is_a_method_and_says_why_in_one_sentence(case):
    for name, sentence in case.task.refusals.items():
        assert hasattr(ModelState, name) or name in ("test_loss", "test_data")
        assert sentence.endswith(".")
        assert not re.search(r"\w\. ", sentence)
        with pytest.raises(InvalidValue) as raised:
            case.task.require(name)
        assert str(raised.value) == sentence
    assert case.task.require("generate") is case.task
    with pytest.raises(InvalidValue, match="no part for testing"):
        _ = case.task.test_data


def test_what_each_kind_refuses(kind, case, tmp_path):
    assert {"test_loss", "test_data"} < case.task.refusals.keys()
    kept = {"diff", "excerpt", "vectors", "statistics", "score", "generate", "trackneurons", "explain", "verify"}
    assert not kept & case.task.refusals.keys()
    others = {
        "text": {"classify"},
        "documents": {"finetune"},
        "music": {"chars", "classify", "finetune", "find_neurons", "generatestring", "neurons", "saliency", "share",
                  "stream"},
    }  # fmt: skip
    assert case.task.refusals.keys() - {"test_loss", "test_data"} == others[kind]
    if kind == "documents":
        assert Case(kind, tmp_path, labels=None).task.refusals.keys() >= {"classify"}
    else:
        with pytest.raises(InvalidValue):
            case.task.classify(case.model, "ab")


def test_scores_are_what_the_model_finds(kind, case):
    encoded = case.task.encode(case.thing)
    before = {"text": [case.corpus.charset.idxofchar("\n")] if kind == "text" else None, "documents": [1],
              "music": np.zeros((1, 88))}[kind]  # fmt: skip
    x = np.concatenate([before, encoded])[:-1]
    errors, _ = case.model.errors(x[:, None], encoded[:, None], case.model.freshstate(1))
    found = case.task.score(case.model, case.thing)
    if kind == "music":
        np.testing.assert_allclose(found.per_frame, errors[1:, 0], rtol=1e-5)
        with pytest.raises(InvalidValue, match="label is for models of texts"):
            case.task.score(case.model, case.thing, label="X")
    else:
        np.testing.assert_allclose(found.per_char, errors[:, 0], rtol=1e-5)


def test_vectors_are_means_of_the_last_layer(kind, case):
    longer = Piece.from_planes(np.concatenate(ROLLS[1:3])) if kind == "music" else "abbab"
    vectors = case.task.vectors(case.model, [case.thing, longer])
    assert vectors.shape == (2, 7)
    for vector, thing in zip(vectors, (case.thing, longer), strict=True):
        before = case.task.before()
        _, states = case.model.process(np.concatenate([before, case.task.encode(thing)]))
        np.testing.assert_allclose(vector, states[len(before) :, -1].mean(axis=0), rtol=1e-5, atol=1e-7)
    assert case.task.vectors(case.model, []).shape == (0, 7)
    with pytest.raises(InvalidValue, match="1 is empty"):
        case.task.vectors(case.model, [case.thing, "" if kind != "music" else np.zeros((0, 88))])
    with pytest.raises(InvalidValue, match="not a list"):
        case.task.vectors(case.model, "abba")


def test_excerpts_are_of_the_training_data(kind, case):
    train = case.parts.train
    for seed in range(5):
        excerpt = case.task.excerpt(4, rng=seed)
        assert same(excerpt, case.task.excerpt(4, rng=seed))
        if kind == "text":
            assert excerpt in TEXT[: len(train)]
            assert len(excerpt) == 4
        elif kind == "documents":
            assert any(excerpt in poem.text for poem in POEMS)
            assert 1 <= len(excerpt) <= 4
        else:
            rows = [tuple(row) for row in excerpt.frames.astype(int).tolist()]
            wholes = [[tuple(map(int, row)) for row in piece] for piece in train]
            assert any(rows == whole[at : at + 4] for whole in wholes for at in range(len(whole)))
            assert (excerpt.dt, excerpt.beats) == (case.corpus.dt, case.corpus.beats)
    with pytest.raises(InvalidValue, match="length"):
        case.task.excerpt(0)


def test_the_beginning_of_the_validation_data(kind, case):
    beginning = case.task.beginning(12)
    if kind == "text":
        assert beginning == TEXT[case.corpus.split :][:12]
    elif kind == "documents":
        texts = case.task.passages(12)
        assert set(texts) <= {poem.text for poem in POEMS}
        assert beginning == "\n\n".join(texts)[:12]
    else:
        np.testing.assert_array_equal(beginning.planes, np.concatenate(list(case.parts.valid))[:12])


def test_what_training_shows_depends_on_the_steps_and_a_seed(kind, case):
    place = Place(state=np.full((2, 3, 7), 0.5, np.float32))
    sample = case.task.sample(case.model, place, seed=4)
    assert isinstance(sample, str)
    assert sample == case.task.sample(case.model, place, seed=4)
    assert sample != case.task.sample(case.model, place, seed=5)
    rng = np.random.default_rng([4, case.model.steps])
    if kind == "text":
        state = place.state[:, 0]
        assert sample == case.task.write(case.model, 100, prompt=TEXT[0], init_state=state, rng=rng)
        assert sample != case.task.sample(case.model, Place(), seed=4)
    elif kind == "documents":
        assert sample == case.task.write(case.model, 300, rng=rng)
    else:
        assert sample == repr(case.task.write(case.model, 64, rng=rng))


def test_the_other_kind_cannot_be_read(kind, case):
    if kind == "music":
        wrong, sentence = "to be or not to be", "is not music, which this model learned: give a piece or a MIDI file"
    else:
        wrong, sentence = ROLLS[0], "is not a text: this model learned"
    for call in (case.task.encode, lambda thing: case.task.score(case.model, thing)):
        with pytest.raises(InvalidValue, match=sentence):
            call(wrong)
    with pytest.raises(InvalidValue, match="too short: expected 1 or more"):
        case.task.encode(np.zeros((0, 88)) if kind == "music" else "", least=1)


def test_streams(kind, case):
    if kind == "music":
        with pytest.raises(InvalidValue, match=r"ms\.stream is for models of texts"):
            case.task.stream(case.model)
    elif kind == "text":
        parts = case.task.stream(case.model, 300, prompt="4 ", rng=2, argmax=True)
        assert "".join(parts) == case.task.write(case.model, 300, prompt="4 ", rng=2, argmax=True)
    else:
        parts = case.task.stream(case.model, 30, rng=2, label="X")
        texts = [next(parts) for _ in range(3)]
        assert len(set(texts)) > 1
        assert all(text.endswith("\n\n") and len(text) <= 32 for text in texts)


def test_exercises_run(case):
    exercises = case.task.exercises(case.model)
    assert [*exercises] == ["writing", "scoring", "neurons"]
    for exercise in exercises.values():
        exercise()


def test_a_page_learns_how_texts_begin_and_end(kind, case):
    if kind == "music":
        with pytest.raises(InvalidValue, match=r"ms\.share is for models of texts"):
            case.task.page_record()
        piece = case.task.write(case.model, 100, rng=1)
        assert case.task.drawing(piece).startswith("<svg")
        assert max(map(len, case.task.shown(piece, 50).splitlines())) <= 50
    else:
        record = case.task.page_record()
        starts = {case.corpus.charset.charatidx(symbol): n for symbol, n in record["firsts"]}
        assert starts == (case.corpus.firsts if kind == "documents" else case.corpus.charset.linestarts)
        assert (record["newlines"], record["ends"]) == ((False, [1, 2]) if kind == "documents" else (True, []))
        assert case.task.drawing("text") is None
        assert case.task.shown("text", 50) == "text"


def test_without_the_data_what_needs_them_says_so(case):
    def missing():
        raise SourceNotFound("not here")

    task = task_for(case.corpus, missing, case.never_written)
    assert task.score(case.model, case.thing)
    for call in (task.excerpt, lambda: task.beginning(9)):
        with pytest.raises(SourceNotFound):
            call()


class Blank:
    """Writes blanks as often as it is told to, then words; and notes what it was to continue."""

    def __init__(self, times):
        self.times, self.asked = times, []

    def __call__(self, model, length, *, temp, rng, prompt="x", init_state=None):
        self.asked.append((prompt, init_state))
        self.times -= 1
        return (prompt or "x") + ("  \n " if self.times >= 0 else "words")


def test_a_sample_begins_with_the_line_that_is_being_read(tmp_path, monkeypatch):
    case = Case("text", tmp_path)
    task, T = case.task, case.parts.train.seq_len
    text = task._decoded(case.parts.train.symbols)
    states = np.arange(28, dtype="float32").reshape(2, 2, 7)
    for pos in (0, 1, 3, 8):
        written = Blank(0)
        monkeypatch.setattr(task, "write", written)
        sample = task.sample(case.model, Place(0, pos, states), seed=4)
        read = text[max(0, (pos - 1) * T) : pos * T + 1]  # the last sequence, and the character that comes next
        assert sample == (read[:-1].rpartition("\n")[2] + read[-1] + "words").lstrip("\n")
        assert written.asked[0][0] == read[-1]
        np.testing.assert_array_equal(written.asked[0][1], states[:, 0])


@pytest.mark.parametrize("times", [0, 1, 3, 100])
def test_blank_samples_are_replaced(kind, tmp_path, monkeypatch, times):
    if kind == "music":
        pytest.skip("Silence is music too.")
    case = Case(kind, tmp_path)
    written = Blank(times)
    monkeypatch.setattr(case.task, "write", written)
    sample = case.task.sample(case.model, Place(0, 1, np.zeros((2, 2, 7), "float32")), seed=4)
    assert sample.endswith("words" if times < 5 else " ")
    assert sample.strip()
    assert len(written.asked) <= 6


@pytest.mark.parametrize(("call", "words"), [
    (lambda ms: ms.generate(10, frames=20), "same argument"),
    (lambda ms: ms.score(txt="a"), "text"),
    (lambda ms: ms.score("a", clamp={(0, 0): 1.0}), "takes no clamp"),
    (lambda ms: ms.generate(1, 0.5, "x", None, False, 1, "replace", 3), "positional"),
])  # fmt: skip
def test_arguments_that_cannot_be_meant_are_refused(ms, call, words):
    with pytest.raises(TypeError, match=words):
        call(ms)
