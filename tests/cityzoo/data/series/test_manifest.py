"""sensors.json: what a model must be fed with, and nothing else."""

import json

import numpy as np
import pytest

from cityzoo.data.series import manifest
from cityzoo.data.series.windows import windows_of
from cityzoo.errors import InputError


def windows(data, history=12, horizon=6):
    """All windows of a series."""
    return windows_of("test", data, range(len(data)), history, horizon)


@pytest.fixture
def run(tmp_path, series):
    """A run folder of two sensors, and the series."""
    data = series(np.zeros((30, 2)), timezone="Europe/Berlin")
    manifest.write(tmp_path, windows(data), (0.1, 0.5, 0.9))
    return tmp_path, data


def test_it_says_all_that_it_takes_to_feed_the_model(run):
    assert json.loads((run[0] / "sensors.json").read_text()) == {
        **{"sensors": ["s0", "s1"], "channels": ["speed"], "units": ["km/h"], "timezone": "Europe/Berlin"},
        **{"step_seconds": 300, "history": 12, "horizon": 6, "quantiles": [0.1, 0.5, 0.9]},
    }
    manifest.require_same(run[0], windows(run[1]))


def test_other_sensors_channels_or_steps_are_refused(run, series):
    """One line each; sensors in another order are other sensors."""
    folder, data = run
    with pytest.raises(
        InputError, match="knows 2 sensors, the data has 3, among them 's2' out of place: .*--weights"
    ):
        manifest.require_same(folder, windows(series(np.zeros((30, 3)))))
    with pytest.raises(InputError, match="'s1' out of place"):
        manifest.require_same(folder, windows(data.subset(["s1", "s0"])))
    with pytest.raises(
        InputError, match=r"trained on channels \['speed'\], the data has \['speed', 'flow'\]"
    ):
        manifest.require_same(folder, windows(series(np.zeros((30, 2, 2)))))


def test_windows_of_other_rows_are_refused(run):
    """As of a run with another --history or --horizon, to which it is compared."""
    with pytest.raises(InputError, match="trained on history 12, the data has 6"):
        manifest.require_same(run[0], windows(run[1], history=6))
    with pytest.raises(InputError, match="trained on horizon 6, the data has 3"):
        manifest.require_same(run[0], windows(run[1], horizon=3))


def test_a_run_that_did_not_end_is_refused(tmp_path, run):
    with pytest.raises(InputError, match="has no sensors.json: .*--resume .*other"):
        manifest.require_same(tmp_path / "other", windows(run[1]))
