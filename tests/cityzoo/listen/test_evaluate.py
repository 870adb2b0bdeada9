"""Metrics by hand."""

import pytest

from cityzoo.errors import InputError
from cityzoo.listen.evaluate import count_word_errors, evaluate, read_truth


def speech(text, intent=None):
    """An event."""
    return {"type": "speech", "text": text, **({"intent": intent} if intent else {})}


TRUTH = {
    "a.wav": ("the light is broken", "light"),
    "b.wav": ("my bin is full", "bin"),
    "c.wav": ("tell me a joke", "oos"),
    "d.wav": ("", ""),
}


def test_metrics():
    """One word of eight is wrong, one text was invented, three of four intents are right."""
    heard = {
        "a.wav": [speech("The light", "light"), speech("is broken.", "light")],
        "b.wav": [speech("my bin is pool", "bin")],
        "c.wav": [speech("", "not understood")],
        "d.wav": [{"type": "sound"}, speech("thank you", "light")],
    }
    found = evaluate(TRUTH, heard)
    assert found["word_error_rate"]["value"] == pytest.approx(1 / 8)
    low, high = found["word_error_rate"]["interval"]
    assert low == 0 and high == pytest.approx(1 / 4)
    assert found["intents_right"]["value"] == 0.75
    assert (found["recordings"], found["words"], found["without_answer"], found["invented_texts"]) == (
        4,
        8,
        2,
        1,
    )


def test_nothing_was_heard():
    """Every word is missing; without intents they are not counted."""
    found = evaluate({"a.wav": ("one two", None)}, {"a.wav": []})
    assert found["word_error_rate"]["value"] == 1 and "intents_right" not in found


@pytest.mark.parametrize(
    ("truth", "found", "errors"),
    [("a b c", "a b c", 0), ("a b c", "", 3), ("", "a", 1), ("a b c d", "b c x d", 2)],
)
def test_word_errors(truth, found, errors):
    """Replaced, left out, added."""
    assert count_word_errors(truth.split(), found.split()) == errors


def test_tables_that_do_not_fit(tmp_path):
    """A missing column, a recording that nobody heard."""
    (tmp_path / "a.csv").write_text("file,text\na,b\n")
    with pytest.raises(InputError, match="column path"):
        read_truth(tmp_path / "a.csv")
    with pytest.raises(InputError, match=r"'d\.wav'"):
        evaluate(TRUTH, {name: [] for name in TRUTH if name != "d.wav"})
