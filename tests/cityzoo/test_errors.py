"""Text of the data in messages: no control characters, no endless lines."""

import pytest

from cityzoo.errors import escape_control, shorten, unknown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[31mred\x1b]0;title\a", "\\x1b[31mred\\x1b]0;title\\x07"),
        ("gnp\u202e.exe", "gnp\\u202e.exe"),
        ("a\nerror: b\r", "a\\nerror: b\\r"),
        ("caf\udce9", "caf\\udce9"),  # a file name that is not UTF-8
        ("Fußgänger 汽车 می‌خواهم 👩‍🚒", "Fußgänger 汽车 می‌خواهم 👩‍🚒"),
    ],
)
def test_control_characters_are_escaped_and_letters_kept(raw, shown):
    """Colors, titles, directions, forged lines, undecodable bytes; joiners are part of Persian and of emoji."""
    assert escape_control(raw) == shown


def test_long_text_keeps_its_beginning_and_its_end():
    """The end of a message is the next step."""
    text = shorten("x" * 3000 + ": correct it", 200)
    assert len(text) <= 200
    assert text.endswith("correct it")


def test_a_hundred_thousand_names_are_not_all_listed():
    """Nor compared with the one received, which takes minutes."""
    text = str(unknown("class", "van" * 1000, [f"class {number}" for number in range(100_000)]))
    assert "and 99940 more" in text
