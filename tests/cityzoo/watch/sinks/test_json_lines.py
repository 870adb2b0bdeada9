"""JSON lines in files that are rotated."""

import json

import pytest

from cityzoo.errors import InputError
from cityzoo.watch.sinks.json_lines import JsonLinesSink


def test_files_rotate_and_no_line_is_torn(tmp_path):
    sink = JsonLinesSink(tmp_path / "deep/events.jsonl", most_bytes=100, kept=2)
    for number in range(12):
        sink.send({"id": number, "street": "Schönbrunner"})
    sink.close()
    names = sorted(path.name for path in (tmp_path / "deep").iterdir())
    assert names == ["events.jsonl", "events.jsonl.1", "events.jsonl.2"]
    found = [
        json.loads(line)["id"]
        for name in reversed(names)
        for line in (tmp_path / "deep" / name).read_text("utf-8").splitlines()
    ]
    assert found == list(range(12))[-len(found) :]
    assert len(found) >= 4
    assert all((tmp_path / "deep" / name).stat().st_size <= 100 for name in names)
    assert sink.summary() == {"sink": "events.jsonl", "sent": 12, "lost": 0}


def test_a_full_disk_loses_events_and_stops_nothing(tmp_path):
    sink = JsonLinesSink(tmp_path / "events.jsonl")
    sink._file = open("/dev/full", "w")  # noqa: SIM115
    sink.send({"id": 1})
    sink.send({"id": 2})
    assert sink.lost == 2


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        JsonLinesSink(tmp_path / "file/events.jsonl")
