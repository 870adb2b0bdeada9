"""Go on learning from a later table of the same sensors."""

import csv
import json

import numpy as np
import pytest

from cityzoo.fit.replay_memory import read_memory
from tests.cityzoo.continual.test_continuing import report_of

SMALL = ["--history", "4", "--horizon", "2", "--hidden-size", "4", "--epochs", "1"]
COMMANDS = {
    "known": ("train.py", ["--task", "traffic_flow", "--data", "may.csv", *SMALL, "--out", "known"]),
    "grown": (
        "train.py",
        [
            "--continue",
            "known",
            "--data",
            "june.csv",
            "--epochs",
            "1",
            "--replay-memory",
            "30",
            "--out",
            "grown",
        ],
    ),
    "other": ("train.py", ["--continue", "known", "--data", "other.csv", "--out", "x1"]),
}


def write_table(path, first, sensors):
    """Write two days of half hours."""
    times = np.datetime64(first) + np.arange(96) * np.timedelta64(30, "m")
    speeds = 40 + 10 * np.sin(np.arange(96)[:, None] / 7 + np.arange(len(sensors)))
    with path.open("w", newline="") as file:
        rows = zip(times.astype(str), *speeds.T.round(2), strict=True)
        csv.writer(file).writerows([("time", *sensors), *rows])


@pytest.mark.slow
def test_a_later_table_is_joined_with_windows_of_the_earlier_one(tmp_path, as_scripts):
    """Both models are compared on both tables; a table of other sensors is refused."""
    write_table(tmp_path / "may.csv", "2026-05-04T00:00", "ab")
    write_table(tmp_path / "june.csv", "2026-06-01T00:00", "ab")
    write_table(tmp_path / "other.csv", "2026-06-01T00:00", "az")
    answers = as_scripts(tmp_path, COMMANDS)
    assert answers["grown"][0] in (0, None), answers["grown"]
    found = report_of(tmp_path, "grown")["lineage"]
    assert all(isinstance(cell, float) for row in found["matrix"] for cell in row)
    (source,) = read_memory(tmp_path / "grown")
    assert len(source.train) == 30 and all(name.startswith("2026-05-0") for name in source.train)
    assert json.loads((tmp_path / "grown" / "sensors.json").read_text())["sensors"] == ["a", "b"]
    assert answers["other"][0] == 2 and "'b'" in answers["other"][2]
