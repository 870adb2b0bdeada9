"""Errors of counts by hand."""

import pytest

from cityzoo.errors import InputError
from cityzoo.watch.counting.calibration import calibrate_count, measure_rates, read_calibration
from cityzoo.watch.evaluate.alarm_times import evaluate_alarms, poisson_interval
from cityzoo.watch.evaluate.count_errors import (
    compare_classes,
    compare_crossings,
    compare_intervals,
    compare_totals,
    worst_interval,
)
from cityzoo.watch.evaluate.truth import Incident, Passage


def passages(*seconds, direction="forward", label="car"):
    return [Passage(each, "north", direction, label) for each in seconds]


def test_errors_that_cancel_in_the_total_show_in_the_intervals():
    counted, true = passages(5, 10, 70), passages(5, 70, 80)
    total = compare_totals(counted, true, 120.0)
    assert (total["error"], total["relative"], total["geh"]) == (0, 0, 0)
    rows = compare_intervals(counted, true, 120.0, 60.0)
    assert [row["error"] for row in rows] == [1, -1]
    assert worst_interval(rows) == 1.0


def test_the_last_interval_is_short_and_keeps_what_crosses_at_the_end():
    rows = compare_intervals(passages(90.2), passages(90.0), 90.1, 60.0)
    assert [(row["start"], row["end"], row["counted"], row["true"]) for row in rows] == [
        (0, 60, 0, 0),
        (60, 90.1, 1, 1),
    ]


def test_each_crossing_is_matched_once_within_the_tolerance():
    counted = passages(1.0, 1.2, 9.0) + passages(20.0, direction="back", label="bus")
    true = passages(1.5, 12.0) + passages(20.4, direction="back", label="car")
    found = compare_crossings(counted, true)
    assert (found["matched"], found["missed"], found["extra"]) == (2, 1, 2)
    assert (found["precision"], found["recall"]) == (0.5, pytest.approx(2 / 3))
    assert found["class_accuracy"] == 0.5


def test_a_shifted_row_of_crossings_is_matched_as_a_whole():
    true = passages(*range(0, 20, 2))
    assert (
        compare_crossings([Passage(p.seconds + 0.9, p.line, p.direction) for p in true], true)["matched"]
        == 10
    )


def test_classes_are_compared_by_name():
    assert compare_classes(passages(1, 2), passages(1, label="bus"))["bus"] == {
        "counted": 0,
        "true": 1,
        "error": -1,
        "relative": -1.0,
    }


def test_time_to_alarm_and_false_alarms():
    incidents = [Incident("stopped", 10.0, 50.0), Incident("wrong_way", 100.0, 106.0)]
    raised = [("stopped", 13.5), ("stopped", 40.0), ("wrong_way", 90.0), ("fire", 5.0)]
    found = evaluate_alarms(raised, incidents, 3600.0)
    assert [row["seconds_to_alarm"] for row in found["incidents"]] == [3.5, None]
    assert (found["found"], found["found_soon"], found["repeated"], found["false"]) == (1, 1, 1, 1)
    assert found["not_evaluated"] == 1
    assert found["false_per_day"] == 24


def test_no_false_alarm_in_three_hours_is_below_24_a_day():
    assert evaluate_alarms([], [], 3 * 3600.0)["false_per_day_interval"] == pytest.approx([0, 24], abs=0.04)
    assert poisson_interval(10) == pytest.approx((4.795, 18.39), abs=0.01)  # tables of Garwood


def test_a_calibration_corrects_later_counts_and_widens_them():
    rates = measure_rates(200, 20, 0)
    value, low, high = calibrate_count(100, rates)
    assert value == pytest.approx(110)
    assert 102 < low < value < high < 120
    few = calibrate_count(100, measure_rates(20, 2, 0))
    assert few[0] == pytest.approx(110)
    assert few[2] - few[1] > high - low  # a short clip says less
    assert calibrate_count(0, rates) == (0, 0, 0)
    assert calibrate_count(7, measure_rates(0, 3, 0)) == (7, 7, 7)


def test_the_interval_of_a_calibrated_count_covers_the_truth():
    import numpy as np

    random, covered = np.random.default_rng(0), 0
    for _ in range(200):
        missed, extra = random.poisson((0.1 * 100, 0.04 * 100))
        later_missed, later_extra = random.poisson((0.1 * 60, 0.04 * 60))
        _, low, high = calibrate_count(60, measure_rates(100, int(missed), int(extra)))
        covered += low <= 60 + later_missed - later_extra <= high
    assert covered / 200 > 0.93


def test_a_damaged_calibration_is_one_clear_line(tmp_path):
    file = tmp_path / "calibration.json"
    for text in ("", "[]", '{"lines": [{"line": "north"}]}'):
        file.write_text(text)
        with pytest.raises(InputError, match="--calibration .* cannot be read"):
            read_calibration(file)
    with pytest.raises(InputError, match="cannot be read"):
        read_calibration(tmp_path / "none.json")
