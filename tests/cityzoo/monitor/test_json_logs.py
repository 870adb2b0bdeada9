"""Every line of a log is one JSON object with the id of its request, whatever is logged."""

import io
import json
import logging
import threading

import pytest

from cityzoo.monitor.json_logs import JsonFormatter, choose_request_id, request_id, start_json_logs


@pytest.fixture
def stream():
    """What is logged; the root logger is as before afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    text = io.StringIO()
    start_json_logs(text, mask=lambda words: words.replace("B-AB 123", "[plate]"))
    yield text
    root.handlers[:] = handlers
    root.setLevel(level)


def rows(stream):
    """The lines, parsed."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_lines_carry_request_ids(stream):
    """Those of the thread that logs; none outside of a request."""
    log = logging.getLogger("cityzoo.serve")

    def answer(name):
        with request_id(name):
            log.info("answered %s", name, extra={"seconds": 0.02, "model": "cars"})

    threads = [threading.Thread(target=answer, args=(f"job-{i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    logging.getLogger("uvicorn.access").info("GET /metrics")
    found = rows(stream)
    assert {(row["message"], row.get("request_id")) for row in found[:-1]} == {
        (f"answered job-{i}", f"job-{i}") for i in range(8)
    }
    assert found[0]["seconds"] == 0.02 and found[0]["model"] == "cars" and found[0]["level"] == "info"
    assert found[-1]["logger"] == "uvicorn.access" and "request_id" not in found[-1]
    assert found[0]["time"].endswith("Z")


def test_nothing_forges_a_line_or_a_field(stream):
    """Line breaks stay inside a string, and fields do not replace message or level."""
    logging.getLogger("x").warning('a\n{"level": "info"}', extra={"level": "debug", "path": "p\nq"})
    (row,) = rows(stream)
    assert row["level"] == "warning" and row["message"].startswith("a\n") and row["path"] == "p\nq"


def test_everything_is_masked(stream):
    """Message, fields and traceback."""
    try:
        raise ValueError("no B-AB 123")
    except ValueError:
        logging.getLogger("x").exception("saw %s", "B-AB 123", extra={"text": "B-AB 123"})
    assert "123" not in stream.getvalue()
    assert (
        rows(stream)[0]["message"] == "saw [plate]" and "ValueError: no [plate]" in rows(stream)[0]["error"]
    )


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, 'a"b', "a\nb", "\u00e4"])
def test_odd_ids_are_replaced(given):
    """An id of a client goes into logs: only short plain ones are taken."""
    assert choose_request_id({"x-request-id": given}) != given
    assert len(choose_request_id({"x-request-id": given})) == 32


def test_formatter_without_a_mask():
    """Texts stay as they are."""
    record = logging.LogRecord("x", logging.INFO, "f", 1, "at %d", (5,), None)
    assert json.loads(JsonFormatter().format(record))["message"] == "at 5"
