"""Confused pairs and texts that went wrong."""

import numpy as np

from cityzoo.data.text.texts import TextExample, TextSet
from cityzoo.metrics.intents import find_mistakes

NAMES = ("bin", "lamp")
ROWS = (
    ("the lamp is out", [0, 1], [0.8, 0.2], 0),
    ("call 0171 2345678 about the bin", [1, 0], [0.9, 0.1], -1),
    ("tell me a joke", [0, 0], [0.3, 0.7], 1),
    ("the bin is full", [1, 0], [0.95, 0.05], 0),
)


def test_mistakes_are_sorted_by_kind_and_masked():
    """A wrong answer, a wrong refusal, an answer to what no class fits; the right answer is none of them."""
    examples = tuple(
        TextExample(text, f"a.csv:{n}", np.array(target)) for n, (text, target, *_) in enumerate(ROWS)
    )
    shares, labels = np.array([row[2] for row in ROWS]), np.array([row[3] for row in ROWS])
    found = find_mistakes(TextSet("val", NAMES, examples), shares, labels)
    assert {name: [each["truth"] for each in rows] for name, rows in found.items()} == {
        "wrong_answers": ["lamp"],
        "wrong_refusals": ["bin"],
        "answered_outside": ["outside"],
    }
    assert found["wrong_refusals"][0]["text"] == "call [phone] about the bin"
    assert found["answered_outside"][0]["answer"] == "lamp"
