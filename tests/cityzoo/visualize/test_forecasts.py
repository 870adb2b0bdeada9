"""Plots of forecasts: which there are, what they are called, sensors that measured nothing."""

import numpy as np
import pytest
from PIL import Image

from cityzoo.data.series.windows import windows_of
from cityzoo.visualize.forecasts import draw_forecasts
from tests.cityzoo.series_town import town


@pytest.fixture
def drawn(series, tmp_path):
    """Return a function that draws forecasts of a day: places of the sensors -> (titles, folder)."""

    def draw(values, places=None):
        windows = windows_of("test", series(values, places=places), range(200, 288), 12, 12)
        median = np.nan_to_num(windows.targets(), nan=60.0) + 2
        quantiles = np.stack([median - 3, median, median + 3], axis=-1)
        return draw_forecasts(tmp_path, windows, quantiles, (0.1, 0.5, 0.9), median - 4), tmp_path

    return draw


def test_without_places_there_is_no_map(drawn):
    titles, folder = drawn(town(days=1))
    assert list(titles) == ["days", "strip"] and "60min ahead" in titles["days"]
    assert {path.stem for path in folder.glob("*.png")} == set(titles)
    for stem in titles:
        pixels = np.asarray(Image.open(folder / f"{stem}.png").convert("RGB"))
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20  # something is drawn


def test_with_places_errors_are_on_a_map(drawn):
    """Of the sensors whose place is known."""
    places = np.array([[52.0, 13.0], [52.1, 13.1], [np.nan, np.nan], [52.2, 13.3]])
    titles, folder = drawn(town(days=1), places)
    assert "map" in titles and (folder / "map.png").is_file()


def test_a_sensor_that_measured_nothing_is_left_out(drawn):
    values = town(days=1)
    values[:, 1] = np.nan
    titles, _ = drawn(values)
    assert list(titles) == ["days", "strip"]
