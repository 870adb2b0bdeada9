"""The command: wrong flags in one line, and a day of the demo with a real SUMO."""

import json

import pytest

from cityzoo import cli
from cityzoo.commands import loop
from cityzoo.errors import InputError


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give folders of python -m cityzoo watch, or --demo"),
        (["--demo", "watched"], "give folders"),
        (["--demo", "--arms", "north:a"], "expected ARM=SENSOR"),
        (["--demo", "--arms", "up=a"], "north"),
        (["--demo", "--turns", "0.5,0.6,0.1"], "add up to 1"),
        (["--demo", "--hours", "9-7"], "two hours"),
    ],
)
def test_wrong_flags_are_one_line(arguments, words, capsys, tmp_path):
    """Exit code 2."""
    try:
        code = cli.run(loop.main, [*arguments, "--out", str(tmp_path)], loop.PROG)
    except SystemExit as end:
        code = end.code
    assert code == 2 and words in capsys.readouterr().err


@pytest.mark.slow
def test_a_demo_day_runs_in_sumo(tmp_path):
    """Two morning hours of the last day: less delay than with the fixed plan, more than with the oracle's knowledge."""
    pytest.importorskip("sumo")
    assert loop.main(["--demo", "--out", str(tmp_path), "--days", "1", "--hours", "7-9"]) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["delay"]["loop"] < 0.9 * report["delay"]["fixed"]
    assert report["worse_hours"] == 0 and report["arms"]["north"]["error"] < 0
    assert (tmp_path / "flows.csv").is_file() and (tmp_path / "report.html").is_file()


def test_a_missing_sumo_is_one_line(monkeypatch, tmp_path):
    """Before anything is written."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.delenv("SUMO_HOME", raising=False)
    with pytest.raises(InputError, match=r'pip install "cityzoo\[signals\]"'):
        loop.main(["--demo", "--out", str(tmp_path / "new")])
    assert not (tmp_path / "new").exists()
