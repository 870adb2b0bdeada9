"""The range of a count over neighbouring thresholds."""

from types import SimpleNamespace

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.watch.counting import CountSpread, count_intervals
from cityzoo.watch.scene import Line


def detect(y, scores):
    """Cars side by side at height y."""
    x = 100.0 + 100 * np.arange(len(scores))
    boxes = np.stack([x - 20, np.full_like(x, y - 15), x + 20, np.full_like(x, y + 15)], axis=1)
    return SimpleNamespace(boxes=boxes, scores=np.array(scores), labels=np.zeros(len(scores), int))


def run(scores, high):
    spread = CountSpread([Line("road", ((0, 0.5), (1, 0.5)))], (432, 768), high)
    for frame in range(24):
        spread.update(detect(100 + 10 * frame, scores), frame / 10)
    return spread


def test_scores_near_the_threshold_widen_the_count():
    spread = run([0.5, 0.42, 0.36], high=0.4)
    counts = {name: len(times) for name, times in spread.times("road", "forward").items()}
    assert counts == {"lower": 3, "nominal": 2, "higher": 1}
    (row,) = count_intervals(spread.times("road", "forward"), [(0, 2.4)], 0, 2.4, 60)
    assert (row.low, row.value, row.high) == (1, 2, 3)


def test_clear_scores_leave_no_doubt():
    counts = run([0.9, 0.8], high=0.4).times("road", "forward")
    assert {len(times) for times in counts.values()} == {2}


def test_thresholds_above_every_score():
    with pytest.raises(InputError, match="nothing would be counted"):
        run([0.3], high=0.6).check_scores()


def test_what_is_written_is_forgotten_but_stays_in_the_totals():
    spread = run([0.5, 0.42], high=0.4)
    crossed = spread.times("road", "forward")["nominal"]
    assert len(crossed) == 2
    spread.forget(max(crossed) + 1)
    assert spread.times("road", "forward")["nominal"] == []
    assert spread.totals("road", "forward") == {"lower": 2, "nominal": 2, "higher": 1}
    assert spread.totals("road", "forward", label=0)["nominal"] == 2
    assert spread.totals("road", "forward", label=1)["nominal"] == 0
    assert (spread.labels("road", "forward"), spread.labels("road", "back")) == ([0], [])


def test_a_crossing_that_is_settled_after_its_interval_was_written_counts_in_the_next():
    spread = CountSpread([Line("road", ((0, 0.5), (1, 0.5)))], (432, 768), 0.4)
    heights = [*range(100, 219, 10), *[218] * 30, *range(218, 340, 10)]  # stops just behind the line
    for frame, y in enumerate(heights):
        spread.update(detect(y, [0.5]), frame / 10)
        if frame == 30:
            spread.forget(3.0)
    assert spread.times("road", "forward")["nominal"] == [3.0]
