"""Metrics by hand, halves, and the questions that are read."""

import re

import numpy as np
import pytest

from cityzoo.answer.calibration import Calibration
from cityzoo.answer.evaluate import (
    Found,
    Question,
    evaluate_answers,
    measure_answers,
    read_questions,
    split_halves,
)
from cityzoo.answer.index import PassageIndex
from cityzoo.answer.page import layout
from cityzoo.answer.passages import Passage
from cityzoo.errors import InputError
from cityzoo.report.write import write_report


def test_metrics_by_hand():
    """Probabilities of six questions: right, wrong, right (all answered), asked back, outside (answered), outside."""
    p = np.array([0.9, 0.8, 0.7, 0.4, 0.6, 0.2])
    features = np.zeros((6, 4))
    features[:, 0] = np.log(p / (1 - p))
    calibration = Calibration((1, 0, 0, 0, 0), (1, 0, 0, 0, 1), 0.5, 0.1)  # 0.4: one of two is right at 0.64
    ranks = np.array([0, 2, 0, 1, -1, -1])
    is_inside = [True] * 4 + [False] * 2
    found = measure_answers(calibration, Found(features, ranks, np.full(6, False)), is_inside)
    expected = {
        "n_inside": 4, "n_outside": 2, "n_answered": 4, "n_clarified": 1, "hits_1": 0.5, "hits_3": 1.0,
        "answered": 4 / 6, "answered_inside": 0.75, "wrong": 0.5, "outside_rejected": 0.5, "clarified": 1 / 6,
        "clarified_right": 1.0, "auroc_outside": 7 / 8,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert found["wrong_interval"] == pytest.approx([0.0676, 0.9324], abs=1e-4)  # of 2 in 4, tables of 1934
    assert found["coverage_curve"]["accuracy"] == pytest.approx([1, 1 / 2, 2 / 3, 2 / 4, 2 / 5, 2 / 6])
    assert found["reliability"]["n"] == [1] * 6
    stored = np.arange(6) == 3  # a stored question is answered at any threshold
    assert measure_answers(calibration, Found(features, ranks, stored), is_inside)["answered"] == 5 / 6


def test_halves_share_outside_questions_and_do_not_depend_on_order():
    questions = [Question(f"q{number}", frozenset("k" if number % 3 else "")) for number in range(30)]
    first, second = split_halves(questions)
    assert sorted(each.text for each in first + second) == sorted(each.text for each in questions)
    assert [sum(not each.keys for each in half) for half in (first, second)] == [5, 5]
    assert split_halves(questions[::-1]) == (first, second)


def test_answers_are_called_by_key_source_or_place(passages, tmp_path):
    index = PassageIndex(passages)
    file = tmp_path / "asked.csv"
    file.write_text(
        "question,expected\na,bulky\nb,Traffic\nc,faq.jsonl:4\nd,\n,bulky\ne,How do I get a permit for visitors?\n"
    )
    keys = [sorted(each.keys) for each in read_questions(file, index)]
    assert keys == [["bulky"], ["residents", "visitors"], ["library"], [], ["visitors"]]
    file.write_text("question,expected\na,bulkyy\n")
    with pytest.raises(InputError, match=r"did you mean 'bulky'"):
        read_questions(file, index)
    file.write_text("question,other\na,b\n")
    with pytest.raises(InputError, match="expected"):
        read_questions(file, index)


def test_a_report_of_questions_that_the_threshold_was_not_chosen_on(tmp_path):
    passages = [
        Passage(f"<b>answer {n}</b>", f"faq.csv:{n}", f"word{n} thing{n} part{n}", key=str(n))
        for n in range(40)
    ]
    inside = [Question(f"word{n} thing{n} please", frozenset([str(n)])) for n in range(40)]
    outside = [Question(f"other{n} subject{n} thing{n}", frozenset()) for n in range(40)]
    calibration, report = evaluate_answers(PassageIndex(passages), inside + outside, 0.1)
    assert (report["n_calibrated"], report["n_questions"], calibration.questions) == (40, 40, 40)
    assert (report["hits_1"], report["auroc_outside"], report["wrong"]) == (1.0, 1.0, 0.0)
    assert report["by_source"] == [
        {"source": "faq.csv", "right": 20, "wrong": 0, "not_answered": 20, "outside": 20}
    ]
    write_report(tmp_path, report, layout())
    page = (tmp_path / "report.html").read_text()
    assert "Accuracy against coverage" in page and "Reliability" in page
    assert re.sub("<.*?>", "", page).count("was chosen on 40 other questions") == 1
