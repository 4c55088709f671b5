import json

import pytest

from charrnn.data.documents.labels import LabelTable, shares
from charrnn.errors import CorruptFile, InvalidValue, UnknownName


def test_ids_follow_the_names_and_leave_zero_for_none():
    table = LabelTable("author", {"Keats": 2, "Ärger": 1, "Blake": 7})
    assert table.labels == ("Blake", "Keats", "Ärger")
    assert [table.idof(label) for label in (None, *table.labels)] == [0, 1, 2, 3]
    assert [table.labelof(i) for i in range(table.size)] == [None, *table.labels]
    assert len(table) == 3


def test_an_unknown_label_is_refused_with_what_was_meant():
    table = LabelTable("author", {f"author {n}": 1 for n in range(10_000)} | {"Blake": 1})
    with pytest.raises(UnknownName, match=r"No document has the author 'Blak'\. Did you mean: Blake"):
        table.idof("Blak")
    with pytest.raises(UnknownName, match="9,961 more") as caught:
        table.idof("???")
    assert len(str(caught.value)) < 1000
    assert len(repr(table)) < 1000


def test_record_survives_json():
    table = LabelTable("voice", {"b": 2, "a": 1, "é\n": 3})
    again = LabelTable.from_json(json.loads(json.dumps(table.to_json())))
    assert again == table
    assert hash(again) == hash(table)
    assert again != LabelTable("voice", {"b": 2, "a": 1})
    for record in ({}, {"name": "x", "counts": 3}, {"name": "x", "counts": {"a": "many"}}):
        with pytest.raises(CorruptFile, match="labels"):
            LabelTable.from_json(record)


def test_labels_that_are_numbers_may_be_asked_for_as_such():
    table = LabelTable("year", {"1794": 2, "0.5": 1, "True": 1})
    assert [table.labelof(table.idof(label)) for label in (1794, 1794.0, 0.5, True)] == ["1794", "1794", "0.5", "True"]


@pytest.mark.parametrize("several", [["Blake", "Keats"], {"Blake"}])
def test_several_labels_without_shares_are_refused(several):
    tables = [LabelTable("author", {"Blake": 1, "Keats": 1}), LabelTable("form", {"ode": 1})]
    with pytest.raises(InvalidValue, match="is not a label of author: expected one, or several with shares"):
        shares(tables, {"author": several})


def test_a_column_without_labels_can_be_spoken_of():
    with pytest.raises(InvalidValue, match="label columns empty, form"):
        shares([LabelTable("empty", {}), LabelTable("form", {"ode": 1})], "ode")
