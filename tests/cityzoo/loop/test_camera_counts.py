"""Counts of cameras become flows of arms; what was not observed is never zero."""

import csv

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.loop.camera_counts import read_counts

HEADER = ("time", "sensor", "value", "low", "high", "observed_share", "counted")


def write_day(folder, sensor, value, low, high, gaps=(), step=5, day="2026-03-02", zone="+00:00"):
    """Write counts.csv of a day with the same count in every interval; intervals in `gaps` are not observed."""
    folder.mkdir(exist_ok=True)
    with (folder / "counts.csv").open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(HEADER)
        for index in range(1440 // step):
            minute = index * step
            time = f"{day}T{minute // 60:02d}:{minute % 60:02d}:00{zone}"
            cells = ("", "", "", 0, 0) if index in gaps else (value, low, high, 1.0, round(value))
            writer.writerow([time, sensor, *cells])
    return folder


@pytest.fixture
def watched(tmp_path):
    """Four arms with 1, 2, 3, 4 vehicles in five minutes; north lost 5 minutes at 0:00 and 15 at 1:00."""
    gaps = {"north": (0, 12, 13, 14)}
    return [
        write_day(tmp_path / arm, f"cam.{arm}.in", count, count - 0.5, count + 1, gaps.get(arm, ()))
        for count, arm in enumerate(("north", "east", "south", "west"), 1)
    ]


def test_intervals_add_up_to_quarters(watched):
    """Three intervals of five minutes; one that is missing is scaled, three that are missing are no count."""
    counts = read_counts(watched)
    assert counts.values.shape == (1, 96, 4) and str(counts.dates[0]) == "2026-03-02"
    assert counts.values[0, 40].tolist() == [3, 6, 9, 12]
    assert counts.low[0, 40].tolist() == [1.5, 4.5, 7.5, 10.5] and counts.high[0, 40, 0] == 6
    assert counts.values[0, 0, 0] == 3 and np.isnan(counts.values[0, 4, 0])
    assert counts.is_observed.sum() == 4 * 96 - 1


def test_sensors_of_an_arm_add_up_and_arms_can_be_named(watched, tmp_path):
    """East and a second lane of 5; a sensor that is not named does not count."""
    watched.append(write_day(tmp_path / "lane", "cam.lane2.in", 5, 5, 5))
    arms = {"north": ["cam.north.in"], "east": ["cam.east.in", "cam.lane2.in"]}
    arms |= {"south": ["cam.south.in"], "west": ["cam.west.in"]}
    assert read_counts(watched, arms).values[0, 50].tolist() == [3, 21, 9, 12]
    assert read_counts(watched).values[0, 50].tolist() == [3, 6, 9, 12]


def test_days_are_local(watched):
    """Berlin is an hour ahead in winter: the gap at 1:00 UTC is at 2:00."""
    counts = read_counts(watched, timezone="Europe/Berlin")
    missing = np.argwhere(~counts.is_observed[0, :, 0]).ravel()
    assert set(range(4)) < set(missing) and 8 in missing  # nothing before 1:00 local


def test_gaps_are_filled_for_totals_alone(watched):
    """A day without other days of its kind: the mean of the arm's other quarters; movements by the shares."""
    days = read_counts(watched).as_days((0.25, 0.5, 0.25))
    assert days.counts.shape == (1, 96, 4, 3)
    assert days.counts[0, :, 3].sum(axis=0).tolist() == [288, 576, 288]
    assert days.counts[0, :, 0].sum() == pytest.approx(288, abs=2)


def test_an_interval_that_ends_early_counts_for_its_own_time(watched):
    """By the unit of its row."""
    file = watched[0] / "counts.csv"
    lines = file.read_text().splitlines()
    units = ["unit", *["vehicles per 300 s"] * 120, "vehicles per 100 s"]
    cut = [f"{line},{unit}" for line, unit in zip(lines[:122], units, strict=True)]
    cut[121] = "2026-03-02T10:00:00+00:00,cam.north.in,2,2,2,1.0,2,vehicles per 500 s"
    file.write_text("\n".join(cut))
    counts = read_counts(watched)
    assert counts.values[0, 40, 0] == pytest.approx(2 * 900 / 500) and counts.values[0, 39, 0] == 3
    file.write_text("\n".join(cut).replace("per 500 s", "per 100 s"))
    assert np.isnan(read_counts(watched).values[0, 40, 0])  # a ninth of the quarter is too little


def test_the_excess_is_what_the_limits_allow(watched):
    """6 instead of 3 in the north, 15 instead of 12 in the west."""
    assert read_counts(watched).excess([0])[40].tolist() == pytest.approx([1.0, 0.5, 1 / 3, 0.25])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: (folder / "counts.csv").unlink(), "cannot be read"),
        (lambda folder: (folder / "counts.csv").write_text("time,sensor\n"), "has no column 'value'"),
        (lambda folder: write_day(folder, "cam.north.in", -1, 0, 0), "negative"),
        (lambda folder: write_day(folder, "cam.north.in", 1, 0, 0, step=20), "intervals of 1200 s"),
        (lambda folder: write_day(folder, "cam.other.in", 1, 0, 0), "no sensor for arm 'north'"),
        (lambda folder: write_day(folder, "cam.north.in", 1, 0, 0, step=1440), "a single interval"),
        (
            lambda folder: write_day(folder, "cam.north.in", 1, 0, 0, gaps=range(200)),
            "not one day is observed",
        ),
    ],
)
def test_bad_counts_are_one_line(watched, change, words):
    """What is wrong, and where."""
    change(watched[0])
    if words.startswith("not one"):
        for folder in watched[1:]:
            write_day(folder, f"cam.{folder.name}.in", 1, 0, 0, gaps=range(200))
    with pytest.raises(InputError, match=words):
        read_counts(watched)


def test_a_folder_twice_and_unknown_names_are_refused(watched):
    """The same row twice would count twice; the nearest sensor is offered."""
    with pytest.raises(InputError, match="two counts for"):
        read_counts([*watched, watched[0]])
    with pytest.raises(InputError, match="cam.north.in"):
        read_counts(watched, {"north": ["cam.north.inn"]})
    with pytest.raises(InputError, match="Europe/Berlin"):
        read_counts(watched, timezone="Berlin")
