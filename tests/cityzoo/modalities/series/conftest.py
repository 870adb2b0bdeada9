"""One small run on a series of four sensors, shared by the tests of this folder."""

import numpy as np
import pytest

from tests.cityzoo.series_town import ROWS_A_DAY, SMALL, run_train, town, written

RULE = "speed < 50 within 30min with 0.5 probability"


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """A folder with the series of four sensors and a dead one, and the report of a run on it."""
    folder = tmp_path_factory.mktemp("town")
    values = np.concatenate([town(), np.full((6 * ROWS_A_DAY, 1), np.nan, np.float32)], axis=1)
    data = written(folder / "town.csv", values)
    return folder, run_train(*SMALL, "--data", data, "--out", folder / "run", "--alarm", RULE)
