"""Tables, records and folders of passages, and what is wrong with them."""

import json

import pytest

from cityzoo.answer.passages import read_passages
from cityzoo.errors import InputError


def test_duplicates_and_empty_rows_are_counted_and_left_out(tmp_path):
    file = tmp_path / "faq.csv"
    file.write_text(
        "Frage;Antwort;url\nWo ist der Bus?;Am Markt.;https://a.example\nwo ist der bus;Am Markt!;\nLeer?;;\n"
        "Wo ist der Bus?;Am Bahnhof.;\n"
    )
    passages, findings = read_passages(str(file), {})
    assert [(each.answer, each.place, each.url) for each in passages] == [
        ("Am Markt.", "faq.csv:2", "https://a.example"),
        ("Am Bahnhof.", "faq.csv:5", ""),
    ]
    assert findings.counts == {"duplicate": 1, "empty": 1, "contradiction": 1}
    assert "2 passages, 2 answers" in findings.text()


def test_rows_with_one_key_give_one_answer(tmp_path):
    rows = [{"q": "Bus?", "a": "Market.", "intent": "bus"}, {"q": "Tram?", "a": "Market.", "intent": "tram"}]
    (tmp_path / "a.json").write_text(json.dumps({"faq": rows}))
    passages, _ = read_passages(str(tmp_path / "a.json"), {"question": "q", "answer": "a"})
    assert [each.key for each in passages] == ["bus", "tram"]
    for each in rows:
        del each["intent"]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    passages, _ = read_passages(str(tmp_path / "a.json"), {"question": "q", "answer": "a"})
    assert [each.key for each in passages] == ["market", "market"]


def test_a_folder_of_documents_in_any_encoding(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "waste.md").write_bytes("# Müll\nJede Woche.".encode("cp1252"))
    (tmp_path / "b.txt").write_text("Open\u202e daily.", encoding="utf-16")
    (tmp_path / "c.pdf").write_bytes(b"%PDF")
    passages, findings = read_passages(str(tmp_path), {})
    assert [(each.place, each.title, each.answer) for each in passages] == [
        ("b.txt", "Open daily.", "Open daily."),
        ("sub/waste.md#Müll", "Müll", "Jede Woche."),
    ]
    assert findings.counts == {"encoding": 2, "control": 1, "unused file": 1}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "x,y\n1,2\n", "--answer-column"),
        ("a.csv", "question,answer\na,b,c\n", "line 2"),
        ("a.csv", "question,answer\n,\n", "no passages"),
        ("a.json", "[1]", "not an object"),
        ("a.jsonl", '{"answer": "b"}\n{', "line 2"),
        ("a.csv", "question\0answer", "text file"),
        ("a.pdf", "x", "no passages"),
    ],
)
def test_unusable_files_are_one_line(tmp_path, name, content, said):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=said):
        read_passages(str(tmp_path / name), {})
    with pytest.raises(InputError, match="does not exist"):
        read_passages(str(tmp_path / "none.csv"), {})
