"""Files are whole or not there, and what killed processes left is removed."""

import os
import subprocess
import sys

import pytest

from cityzoo.replace_file import remove_unfinished, replace_file


def test_a_file_is_whole_or_the_one_before(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")
    with pytest.raises(OSError), replace_file(path) as part:
        part.write_text("half")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "before" and [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_what_ended_processes_left_is_removed_and_nothing_else(tmp_path):
    """Of a process that is gone and of an earlier one with this number; not that of a running process."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    gone = (f".{ended.pid}.model.keras", f".{os.getpid()}.a.txt", ".99999999999999999999.x")
    kept = (f".{os.getppid()}.model.keras", ".hidden", "1.txt", ".12")
    for name in gone + kept:
        (tmp_path / name).write_text("")
    (tmp_path / f".{ended.pid}.folder").mkdir()
    remove_unfinished(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == set(kept)
    remove_unfinished(tmp_path / "missing")
