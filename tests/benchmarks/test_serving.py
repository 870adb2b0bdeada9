"""The comparison of servers sums up what it measured, and sends forms that servers understand."""

from collections import Counter
from pathlib import Path

from benchmarks.load_test import Load
from benchmarks.serving import BOUNDARY, FORM, commands, make_form, summarize


def test_a_row_is_the_median_of_rounds_and_the_ratio_of_the_same_round():
    """Two rounds of ten and twenty answers a second, against twice as many; one lost and one refused."""
    slow = [Load(1, 1.0, [0.1] * n, Counter({200: n})) for n in (10, 20)]
    fast = [Load(1, 1.0, [0.05] * n, Counter({200: n})) for n in (20, 40)]
    slow[0].lost, slow[1].statuses[429] = 1, 1
    slow[0].cpu_seconds, slow[1].cpu_seconds = 1.0, 2.0
    assert summarize(slow, fast) == "15.0 | 100 | 100 | 100 | 2 | 100 | 0.50"


def test_a_form_is_parsed_into_the_same_bytes():
    """By the standard library's parser of MIME."""
    from email import message_from_bytes

    parsed = message_from_bytes(f"Content-Type: {FORM}\r\n\r\n".encode() + make_form(b"\xff\xd8\x00image"))
    (part,) = parsed.get_payload()
    assert BOUNDARY in parsed["Content-Type"]
    assert part.get_param("name", header="content-disposition") == "content"
    assert part.get_payload(decode=True) == b"\xff\xd8\x00image"


def test_only_servers_whose_python_is_given_are_started():
    """cityzoo's always."""
    assert list(commands(Path("m"), {"LitServe": None, "BentoML": "python"})) == [
        "cityzoo",
        "cityzoo, form",
        "BentoML",
    ]
