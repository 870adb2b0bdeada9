"""The benchmark of intents: what it runs, and the table of what reports say."""

import json
import subprocess

import pytest

from benchmarks import text_intent


def test_a_cell_is_what_the_report_of_the_real_command_says(monkeypatch):
    """The command's flags go through; a failure ends with the last line."""
    commands = []

    def run(command, **_):
        commands.append(command)
        report = {"accuracy": 0.9, "parameters": {"trainable": 2, "total": 100}, "seconds": {"total": 3}}
        folder = text_intent.Path(command[command.index("--out") + 1])
        folder.mkdir()
        (folder / "report.json").write_text(json.dumps(report))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(text_intent.subprocess, "run", run)
    cell = text_intent.measure(["--shots", "10"])
    assert (cell["accuracy"], cell["trainable_share"], cell["phases"]) == (0.9, 0.02, {"total": 3})
    assert commands[0][1].endswith("train.py") and commands[0][-2:] == ["--shots", "10"]
    failed = subprocess.CompletedProcess([], 2, "", "one\ntrain.py: error: no such data\n")
    monkeypatch.setattr(text_intent.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(SystemExit, match="no such data"):
        text_intent.measure([])


def test_the_table_has_a_row_a_way_and_gaps():
    cell = {"accuracy": 0.9437, "cpu_seconds": 614, "trainable_share": None}
    lines = text_intent.page("Of intents.", {"a": {"all texts": cell}, "b": {"ten": cell}}).splitlines()
    assert lines[-2:] == ["| a | .944, 614 s |  |", "| b |  | .944, 614 s |"]
