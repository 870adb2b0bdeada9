"""The chart of plans over a day."""

import numpy as np
import pytest
from PIL import Image

from cityzoo.errors import InputError
from cityzoo.traffic_signals.plan_chart import draw_plans
from cityzoo.traffic_signals.webster import Plan


def test_a_longer_green_takes_more_room(tmp_path):
    draw_plans([Plan((20, 10), 5), Plan((40, 10), 5)], ("through", "left"), tmp_path / "plans.png")
    pixels = np.asarray(Image.open(tmp_path / "plans.png").convert("RGB")).astype(int)
    heights = (abs(pixels - [0, 114, 178]).sum(axis=2) < 12).sum(axis=0)
    filled = np.flatnonzero(heights > 20)
    early, late = heights[filled[len(filled) // 4]], heights[filled[len(filled) // 2]]
    assert late == pytest.approx(2 * early, rel=0.1)


@pytest.mark.parametrize("plans", [[], [Plan((20, 10, 5), 5)]])
def test_other_plans_are_refused(plans, tmp_path):
    with pytest.raises(InputError, match="2 greens"):
        draw_plans(plans, ("through", "left"), tmp_path / "plans.png")
