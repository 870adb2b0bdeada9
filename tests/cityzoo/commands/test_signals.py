"""The command: its help, its table, its files, on an hour of SUMO."""

import csv
import json
from datetime import date

import numpy as np
import pytest

from cityzoo import cli
from cityzoo.commands import signals as command
from cityzoo.errors import InputError
from cityzoo.traffic_signals import sumo
from cityzoo.traffic_signals.forecast_file import read_forecasts

try:
    sumo.sumo_home()
    missing = ""
except InputError as error:
    missing = str(error)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--hours", "9-7"], "two hours of the day, e.g. 7-9"),
        (["--scale", "0"], "a factor from 0.1 to 3"),
        (["--seed", "-1"], "whole number, 0"),
        (["--period", "20"], "choose from"),
        (["--foreacst", "x"], "did you mean '--forecast'"),
    ],
)
def test_wrong_flags_are_one_line(arguments, said, capsys):
    """Exit code 2."""
    with pytest.raises(SystemExit) as left:
        command.main(arguments)
    assert left.value.code == 2 and said in capsys.readouterr().err


def test_help_teaches(capsys):
    """The four plans, shadow mode, the forecast's format, the extra."""
    with pytest.raises(SystemExit):
        command.main(["--help"])
    said = capsys.readouterr().out
    assert all(
        words in said
        for words in ("shadow mode", "time,north,east,south,west", 'pip install "cityzoo[signals]"')
    )


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """One run of an hour for all: its words and its folder."""
    if missing:
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("signals") / "out"
    with pytest.MonkeyPatch.context() as patch:
        said = []
        patch.setattr("sys.stdout.write", said.append, raising=False)
        given = ["--hours", "7-8", "--period", "30", "--scale", "0.7", "--out", str(folder)]
        code = cli.run(command.main, given, "signals")
    return code, "".join(said), folder


def test_the_table_has_every_plan_and_what_was_applied(ran):
    """Rows in one order; the share of periods at the forecast's alone; the result last."""
    code, said, _ = ran
    lines = said.splitlines()
    assert code == 0 and lines[0].startswith("Thursday 2026-01-22, 7-8 h; ")
    rows = [
        line for line in lines if line.startswith(("fixed  ", "time of day  ", "actuated  ", "forecast  "))
    ]
    assert [row.split("  ")[0] for row in rows] == ["fixed", "time of day", "actuated", "forecast"]
    assert rows[3].endswith("/2") and lines[-1].startswith("result: ")


def test_the_same_vehicles_met_every_plan(ran):
    """As many as were counted; delays of a junction, forecast no worse than fixed or said so."""
    _, said, folder = ran
    report = json.loads((folder / "signals.json").read_text())
    counts = list(csv.DictReader((folder / "counts.csv").open()))
    hour = [row for row in counts if row["time"][:13] == "2026-01-22T07"]
    assert report["vehicles"] == sum(
        float(row[arm]) / 2 for row in hour for arm in ("north", "east", "south", "west")
    )
    delays = {name: plan["mean_delay"] for name, plan in report["plans"].items()}
    assert all(15 < delay < 80 for delay in delays.values())
    assert report["released"] == (delays["forecast"] <= delays["fixed"]) != ("NOT released" in said)


def test_the_formula_and_the_simulation_agree(ran):
    """On the fixed plan, within a third: the simulation also counts slowing down at the turn, the formula none."""
    _, _, folder = ran
    report = json.loads((folder / "signals.json").read_text())
    plans = list(csv.DictReader((folder / "plan.csv").open()))
    expected = np.mean([float(row["fixed s/veh"]) for row in plans if row["time"][:2] == "07"])
    assert report["plans"]["fixed"]["mean_delay"] == pytest.approx(expected, rel=0.33)


def test_the_plan_file_runs_the_fixed_plan_where_the_forecasts_was_kept_back(ran):
    """Every period of the day has a row with whole greens that make its cycle."""
    _, _, folder = ran
    fixed = json.loads((folder / "signals.json").read_text())["fixed_plan"]["greens"]
    rows = list(csv.DictReader((folder / "plan.csv").open()))
    assert len(rows) == 48
    for row in rows:
        greens = [int(value) for name, value in row.items() if name.startswith("green")]
        assert sum(greens) + 20 == int(row["cycle"]) <= 120 and row["why"]
        assert row["plan"] == "forecast" or greens == fixed


def test_the_forecast_that_was_written_can_be_given_back(ran):
    """In the form of --forecast."""
    forecast = read_forecasts(str(ran[2] / "forecast.csv"), date(2026, 1, 22), 30)[date(2026, 1, 22)]
    assert forecast.flows.shape == (48, 4) and np.all(forecast.upper >= forecast.flows)


def test_a_run_can_be_looked_at(ran):
    """Network, demand and programs stay for sumo-gui; the large records of trips do not."""
    names = {file.name for file in (ran[2] / "sumo").iterdir()}
    assert {"junction.net.xml", "2026-01-22.rou.xml", "2026-01-22.forecast.add.xml"} <= names
    assert not [name for name in names if "trips" in name]
