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
