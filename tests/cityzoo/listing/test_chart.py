"""The chart of runs."""

import numpy as np
import pytest
from PIL import Image

from cityzoo.errors import InputError
from cityzoo.listing.chart import draw_runs
from cityzoo.listing.runs import FINISHED, UNFINISHED, RunRow


def run(name, value, interval=None):
    return RunRow(name, FINISHED, metric="AP", value=value, interval=interval)


def test_the_best_run_is_at_the_top_right(tmp_path):
    rows = [run("better", 0.8, (0.7, 0.9)), run("worse", 0.4), RunRow("none", UNFINISHED)]
    draw_runs(rows, tmp_path / "runs.png")
    pixels = np.asarray(Image.open(tmp_path / "runs.png").convert("RGB")).astype(int)
    rows, columns = np.nonzero(abs(pixels - [0, 114, 178]).sum(axis=2) < 12)
    top, bottom = columns[rows < rows.mean()], columns[rows > rows.mean()]
    assert top.min() > bottom.max()


@pytest.mark.parametrize("rows", [[], [run("a", 0.1), RunRow("b", FINISHED, metric="MAE", value=2.0)]])
def test_what_cannot_be_compared_is_refused(rows, tmp_path):
    with pytest.raises(InputError, match="one task"):
        draw_runs(rows, tmp_path / "runs.png")
