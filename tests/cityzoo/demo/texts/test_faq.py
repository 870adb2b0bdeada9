"""Demo FAQ: every expected question is one of the FAQ's."""

import csv

from cityzoo.commands.demo import main
from cityzoo.demo.texts import faq


def test_files(tmp_path, capsys):
    """Written by the command."""
    assert main(["faq", "--out", str(tmp_path / "faq")]) == 0
    assert "questions.csv" in capsys.readouterr().out
    known = [row["question"] for row in csv.DictReader((tmp_path / "faq" / "faq.csv").open(encoding="utf-8"))]
    asked = [*csv.DictReader((tmp_path / "faq" / "questions.csv").open(encoding="utf-8"))]
    assert len(known) == len(set(known)) == 61
    assert {row["expected"] for row in asked} == {*known, ""}
    assert len({text.lower() for text, _ in faq.make_questions()}) == len(asked)
