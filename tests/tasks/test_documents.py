"""`ModelState` on documents: poems with labels learned, written, scored, classified, and found again."""

import re

import numpy as np
import pytest

from charrnn import ModelState
from charrnn.data.documents.labels import NO_LABEL
from charrnn.errors import InvalidValue, SourceUnusable, UnknownName
from charrnn.training.validate import validate
from tests.sessions import everything

SMALL = {"layers": 1, "state_size": 12, "seq_len": 9, "learnrate": 0.02, "optimizer": "adam", "regcost": 0.0}


def poems(count=60):
    """Two authors who share no letter but the space, and a third who writes once."""
    rng = np.random.default_rng(0)
    rows = [("Ann", "ab "), ("Bob", "xy ")]
    texts = [
        (rows[i % 2][0], "".join(rng.choice(list(rows[i % 2][1]), 4 + i % 7)).strip() or "z") for i in range(count)
    ]
    return [*texts, ("Cy", "mno")]


@pytest.fixture(scope="module")
def csv(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "poems.csv"
    path.write_text("author,text\n" + "".join(f'{author},"{text}"\n' for author, text in poems()))
    return path


@pytest.fixture(scope="module")
def trained(csv, tmp_path_factory):
    ms = ModelState.initfromsrcfile(csv, tmp_path_factory.mktemp("models") / "m", labels="author", **SMALL)
    ms.train(num_rounds=30, batchsize=4, verbose=0)
    return ms


def test_training_on_documents_learns_the_labels(trained):
    ann = trained.generate(n=20, label="Ann", rng=1, temp=0.7)
    assert sum(bool(re.fullmatch("[ab ]*", text)) for text in ann) > 15
    assert trained.score("xyx yx", label="Bob").nats < trained.score("xyx yx", label="Ann").nats - 1
    found = trained.classify("abba ab")
    assert found.best == "Ann"
    assert sum(found.probabilities.values()) == pytest.approx(1)
    assert list(found.nats.values()) == sorted(found.nats.values())


def test_classification_is_bayes_rule_with_a_flat_prior(trained):
    found = trained.classify("ab xy")
    nats = {label: trained.score("ab xy", label=label).total_nats for label in ("Ann", "Bob", "Cy")}
    total = sum(np.exp(-n) for n in nats.values())
    for label, n in nats.items():
        assert found.nats[label] == pytest.approx(n, rel=1e-5)
        assert found.probabilities[label] == pytest.approx(np.exp(-n) / total, rel=1e-4)


def test_the_validation_loss_is_that_of_each_document_alone(trained):
    """Packed streams with resets against every document scored on its own, its end included."""
    data, model = trained.valid_data, trained.model
    nats = symbols = right = 0.0
    by_author = {}
    for number in range(len(data)):
        document, label = data[number], data.labels[number]
        x, y = document[:-1, None], document[1:, None]
        errors, correct, _ = model.assess(x, y, labels=np.broadcast_to(label, (len(x), 1, 1)))
        nats, symbols, right = nats + errors.sum(), symbols + len(x), right + correct.sum()
        total = by_author.setdefault(trained.label_tables[0].labelof(int(label[0])), np.zeros(2))
        total += errors.sum(), len(x)
    for batchsize in (1, 2, 5):
        found = validate(model, data, batchsize)
        assert found.loss == pytest.approx(nats / symbols, rel=1e-5)
        assert found.accuracy == pytest.approx(right / symbols, rel=1e-5)
        for author, (total, count) in by_author.items():
            assert found.by_label["author"][author] == pytest.approx(total / count, rel=1e-5)
    assert trained.calc_loss() == pytest.approx(nats / symbols, rel=1e-5)


def test_the_history_tells_accuracy_and_the_loss_of_every_label(trained):
    row = list(trained.history)[-1]
    assert 0 < row["valid_accuracy"] <= 1
    assert 0 < row["train_accuracy"] <= 1
    assert row["author=Ann"] > 0


def test_a_session_goes_on_bit_for_bit(csv, tmp_path):
    plan = {"train_len": 7, "batchsize": 3, "verbose": 0}
    whole = ModelState.initfromsrcfile(csv, tmp_path / "whole", labels="author", threads=1, **SMALL)
    whole.train(num_rounds=4, **plan)
    part = ModelState.initfromsrcfile(csv, tmp_path / "part", labels="author", threads=1, **SMALL)
    part.train(num_rounds=2, **plan)
    again = ModelState.load(tmp_path / "part", threads=1)
    again.train(num_rounds=2, **plan)
    assert everything(again) == everything(whole)
    assert again.generate(n=3, label="Bob", rng=2) == whole.generate(n=3, label="Bob", rng=2)


def test_labels_are_hidden_from_training_at_the_rate_asked_for(csv, tmp_path):
    ms = ModelState.initfromsrcfile(csv, tmp_path / "m", labels="author", label_dropout=0.5, **SMALL)
    data = ms.train_data

    def hidden(epoch):
        batches = [data.batch(pos, 4, epoch) for pos in range(data.batchepoch(4))]
        return np.concatenate([b.labels[b.mask > 0].ravel() == NO_LABEL for b in batches])

    shares = [hidden(epoch).mean() for epoch in range(20)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.08)
    assert len(set(shares)) > 1
    np.testing.assert_array_equal(hidden(3), hidden(3))
    assert not any((ms.valid_data.batch(pos, 4).labels[..., 0][ms.valid_data.batch(pos, 4).mask > 0] == 0).any()
                   for pos in range(ms.valid_data.batchepoch(4)))  # fmt: skip


def test_documents_without_labels_and_of_many_kinds(tmp_path):
    texts = [text for _, text in poems()]
    (tmp_path / "lines.txt").write_text("\n\n".join(texts))
    sources = {"list": (texts, {}), "paragraphs": (tmp_path / "lines.txt", {"documents": True}),
               "divided": (tmp_path / "lines.txt", {"delimiter": "\n\n"})}  # fmt: skip
    for name, (source, options) in sources.items():
        ms = ModelState.initfromsrcfile(source, tmp_path / name, **options, **SMALL)
        assert ms.corpus.documents == len(texts), name
    ms.train(train_len=3, verbose=0)
    assert isinstance(ms.generate(rng=1), str)
    assert len(ms.generate(n=5, prompt="a")) == 5
    with pytest.raises(InvalidValue, match="no labels"):
        ms.generate(label="Ann")
    with pytest.raises(InvalidValue, match="no labels"):
        ms.classify("ab")


def test_first_characters_follow_the_data(tmp_path):
    ms = ModelState.initfromsrcfile(["ab"] * 30 + ["ba"] * 10, tmp_path / "m", init_checkpoint=False, **SMALL)
    starts = [text[0] for text in ms.generate(n=400, numchars=2, rng=1)]
    assert starts.count("a") / 400 == pytest.approx(0.75, abs=0.07)


def test_checkpoints_are_compared_by_a_whole_document(trained):
    compared = trained.diff(0)
    assert compared.b.sample == trained.generate(300, rng=0)
    assert compared.a.sample != compared.b.sample


def test_vectors_of_documents(trained):
    vectors = trained.vectors(["abab", "baba b", "xyxy"])
    assert vectors.shape == (3, 12)
    _, states = trained.model.process(np.array([1, *trained.chars.encode("abab")]))
    np.testing.assert_allclose(vectors[0], states[1:, -1].mean(axis=0), rtol=1e-5)
    assert np.linalg.norm(vectors[0] - vectors[1]) < np.linalg.norm(vectors[0] - vectors[2])
    with pytest.raises(InvalidValue, match="Text 1 is empty"):
        trained.vectors(["ab", ""])


def test_what_cannot_be(trained, csv, tmp_path):
    with pytest.raises(UnknownName, match="Did you mean: Ann"):
        trained.generate(label="An")
    with pytest.raises(UnknownName, match="author"):
        trained.generate(label={"autor": "Ann"})
    with pytest.raises(UnknownName, match="author"):
        trained.classify("ab", column="autor")
    with pytest.raises(InvalidValue, match="guidance"):
        trained.generate(guidance=2)
    with pytest.raises(InvalidValue, match="guidance"):
        trained.generate(label="Ann", guidance="much")
    with pytest.raises(InvalidValue, match="init_state"):
        trained.generate(init_state=np.zeros((1, 12)))
    with pytest.raises(InvalidValue, match="n="):
        trained.generate(n=0)
    with pytest.raises(InvalidValue, match="mixture"):
        trained.score("ab", label={"Ann": 0.5, "Bob": 0.5})
    for options in ({"text": "poem"}, {"labels": "autor"}, {"only": {"author": ["Dan"]}}):
        with pytest.raises(UnknownName):
            ModelState.initfromsrcfile(csv, tmp_path / "m", **options, **SMALL)
    with pytest.raises(InvalidValue, match="documents=False"):
        ModelState.initfromsrcfile(csv, tmp_path / "m", documents=False, labels="author", **SMALL)
    with pytest.raises(SourceUnusable, match="no document"):
        ModelState.initfromsrcfile([""], tmp_path / "m", **SMALL)
    assert not (tmp_path / "m").exists()


def test_only_some_labels_are_kept(csv, tmp_path):
    ms = ModelState.initfromsrcfile(csv, tmp_path / "m", labels="author", min_documents=2, **SMALL)
    assert ms.label_tables[0].labels == ("Ann", "Bob")
    ms = ModelState.initfromsrcfile(csv, tmp_path / "n", labels="author", only={"author": "Bob"}, **SMALL)
    assert ms.corpus.documents == 30


def test_one_document_and_many_labels(tmp_path):
    one = ModelState.initfromsrcfile(["only this one"], tmp_path / "one", **SMALL)
    one.train(num_rounds=2, verbose=0)
    assert isinstance(one.generate(), str)
    from charrnn.data.documents.document import Document

    many = [Document("ab" * (1 + i % 3), {"id": str(i)}) for i in range(10_000)]
    ms = ModelState.initfromsrcfile(many, tmp_path / "many", **SMALL)
    ms.train(train_len=2, valid_len=2, verbose=0)
    assert len(ms.classify("ab").probabilities) == 10_000
    assert "10,000 labels" not in repr(ms.classify("ab"))
