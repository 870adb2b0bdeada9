"""Where SUMO is missing or fails, what to do is said."""

import importlib.util

import pytest

from cityzoo.commands import signals as command
from cityzoo.errors import InputError
from cityzoo.traffic_signals import sumo


def test_without_the_extra_the_line_that_installs_it(monkeypatch, capsys):
    """From the command, before anything is drawn; exit code 2 is the command line's."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.delenv("SUMO_HOME", raising=False)
    with pytest.raises(InputError, match=r'run pip install "cityzoo\[signals\]"'):
        command.main(["--hours", "7-8"])
    assert capsys.readouterr().out == ""


def test_a_sumo_of_the_system_is_found(monkeypatch, tmp_path):
    """By SUMO_HOME; and a program that stops is an error with its last words."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("SUMO_HOME", str(tmp_path))
    program = tmp_path / "bin" / "sumo"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'Error: no lanes.' >&2\nexit 3\n")
    program.chmod(0o755)
    assert sumo.sumo_home() == tmp_path
    with pytest.raises(InputError, match="SUMO's sumo .* code 3: Error: no lanes."):
        sumo.call("sumo", [], tmp_path)
