"""Texts without labels: lines, tables, encodings."""

import json

import pytest

from cityzoo.errors import InputError
from cityzoo.modalities.text.data import read_unlabelled


def test_lines_are_texts_in_their_order(tmp_path):
    file = tmp_path / "calls.txt"
    file.write_text("lamp broken\n\n   \nStra\u00dfe dunkel, bin\u202e voll\n\U0001f6a8\n", encoding="utf-16")
    found = read_unlabelled(str(file))
    assert found.class_names == ()
    assert [(each.text, each.path, each.target) for each in found.examples] == [
        ("lamp broken", "calls.txt:1", None),
        ("Stra\u00dfe dunkel, bin voll", "calls.txt:4", None),
        ("\U0001f6a8", "calls.txt:5", None),
    ]


def test_labels_of_tables_are_not_read_and_copies_stay(tmp_path):
    (tmp_path / "a.csv").write_text("id,text,label\n1,lamp,x\n2,lamp,\n")
    assert [each.text for each in read_unlabelled(str(tmp_path / "a.csv")).examples] == ["lamp", "lamp"]
    (tmp_path / "b.jsonl").write_text(json.dumps({"text": "bin"}))
    assert read_unlabelled(str(tmp_path / "b.jsonl")).examples[0].text == "bin"


def test_words_with_tags_are_read_as_sentences(tmp_path):
    (tmp_path / "c.txt").write_text("Main B-road\nStreet I-road\n\nhere O\n")
    assert read_unlabelled(str(tmp_path / "c.txt")).examples[0].words == ("Main", "Street")


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\x00\x01\x02\x00"])
def test_nothing_to_answer_is_one_line(tmp_path, content):
    (tmp_path / "d.txt").write_bytes(content)
    with pytest.raises(InputError) as failed:
        read_unlabelled(str(tmp_path / "d.txt"))
    assert "\n" not in str(failed.value)
    with pytest.raises(InputError, match="does not exist"):
        read_unlabelled(str(tmp_path / "e.txt"))
