"""The grid lies where the coordinates say, and what moves is not in the frame."""

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.watch.drawing.grid_image import LINE, draw_grid, median_frame
from cityzoo.watch.scene import parse_scene
from cityzoo.watch.sources import open_source

SCENE = {
    "lines": [{"name": "north", "points": [[0.2, 0.5], [0.8, 0.5]], "from": "city", "to": "harbour"}],
    "zones": [{"name": "lane", "points": [[0.1, 0.6], [0.9, 0.6], [0.9, 0.9], [0.1, 0.9]]}],
    "ground": {
        "image": [[0.2, 0.2], [0.8, 0.2], [0.8, 0.4], [0.2, 0.4]],
        "metres": [[0, 9], [7, 9], [7, 0], [0, 0]],
    },
}


def test_the_line_lies_on_its_coordinates_and_its_arrow_points_to_its_second_side():
    """Points of the line are orange; the tip of the arrow is below, where the side `to` is."""
    image = np.zeros((300, 600, 3), np.uint8)
    drawn = draw_grid(image, parse_scene(SCENE))
    assert image.max() == 0
    orange = (drawn == LINE).all(axis=-1)
    assert orange[150, 200] and orange[150, 470] and not orange[150, 100] and not orange[150, 520]
    above, below = orange[136:149, 290:311].sum(), orange[152:165, 290:311].sum()
    assert below > above > 0  # the head is wider than the tail


def test_grid_lines_are_at_tenths():
    """A row of an empty image brightens at every tenth of the width, most at the half."""
    row = draw_grid(np.zeros((300, 600, 3), np.uint8), parse_scene({}))[45, :, 0]
    assert np.flatnonzero(row).tolist() == [0, 60, 120, 180, 240, 300, 360, 420, 480, 540, 599]
    assert row[300] > row[60] > 0


def test_the_median_has_no_moving_object(tmp_path):
    """A white square that moves through nine images leaves no trace; a camera without frames is an error."""
    from PIL import Image

    for index in range(9):
        image = np.full((40, 90, 3), 100, np.uint8)
        image[10:20, 10 * index : 10 * index + 10] = 255
        Image.fromarray(image).save(tmp_path / f"{index}.png")
    with open_source(str(tmp_path)) as source:
        assert np.unique(median_frame(source)).tolist() == [100]


def test_a_camera_without_frames_is_one_line(monkeypatch):
    """With the cause that its health names."""
    pytest.importorskip("av")
    monkeypatch.setattr("cityzoo.watch.drawing.grid_image.PATIENCE", 1.0)
    with (
        open_source("rtsp://user:secret@127.0.0.1:9/none") as source,
        pytest.raises(InputError, match="no frame within 1 s: connection refused") as caught,
    ):
        median_frame(source)
    assert "secret" not in str(caught.value)
