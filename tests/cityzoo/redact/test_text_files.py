"""Masked copies of text files keep their form."""

import csv
import json

import pytest

from cityzoo.errors import InputError
from cityzoo.redact.text_files import read_names, redact_text_file

TEXT = "call 0171 2345678, Frau Weber"
MASKED = "call [phone], Frau [name]"


def test_each_form_stays_what_it_is(tmp_path):
    """Lines, cells and strings are masked; numbers of JSON, commas and quotes stay."""
    (tmp_path / "a.log").write_text(f"2026-11-29 {TEXT}\n[phone] kept\n")
    (tmp_path / "a.csv").write_text(f'id,text\n17,"{TEXT}"\n')
    lines = [{"time": 1764419000.123, "count": 4111111111111111, "text": [TEXT]}, {"a@b.de": None}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    (tmp_path / "a.json").write_text(json.dumps(lines))
    found = [redact_text_file(path, tmp_path / f"new{path.suffix}") for path in sorted(tmp_path.glob("a.*"))]
    assert [dict(masks) for masks in found] == [
        {"phone": 1, "name": 1},
        {"phone": 1, "name": 1, "email": 1},
        {"phone": 1, "name": 1, "email": 1},
        {"phone": 1, "name": 1},
    ]
    assert (tmp_path / "new.log").read_text() == f"2026-11-29 {MASKED}\n[phone] kept\n"
    assert list(csv.reader((tmp_path / "new.csv").open())) == [["id", "text"], ["17", MASKED]]
    wanted = [{"time": 1764419000.123, "count": 4111111111111111, "text": [MASKED]}, {"[email]": None}]
    assert [json.loads(line) for line in (tmp_path / "new.jsonl").read_text().splitlines() if line] == wanted
    assert json.loads((tmp_path / "new.json").read_text()) == wanted


def test_damaged_files_leave_nothing(tmp_path):
    """Neither bytes that are no text nor half a JSON document."""
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "a.json").write_text('{"a": ')
    for name in ("a.txt", "a.json"):
        with pytest.raises(InputError, match="cannot be read"):
            redact_text_file(tmp_path / name, tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.txt"]
    with pytest.raises(InputError, match="one name per line"):
        list(read_names(tmp_path / "nowhere"))
