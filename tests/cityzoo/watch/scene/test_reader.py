"""A scene of every part, in three notations, and one clear line for whatever is wrong with one."""

import copy
import json

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.watch.scene import Ground, Zone, parse_scene, read_scene

TEXT = """
lines:
  - {name: north, points: [[0.1, 0.5], [0.9, 0.5]], from: city, to: harbour, direction: forward}
  - {name: east, points: [[0.9, 0.1], [0.9, 0.9]]}
zones:
  - {name: lane, points: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]], purpose: stopped, dwell: 2min, classes: [car]}
flows:
  - {from: north, to: east}
forbidden:
  - {line: north, direction: back}
ground: {image: [[0.4, 0.3], [0.6, 0.3], [1, 1], [0, 1]], metres: [[0, 0], [7, 0], [7, 40], [0, 40]]}
rules: ["stopped car in lane for 20s"]
"""
LINE = {"name": "north", "points": [[0.1, 0.5], [0.9, 0.5]]}
ZONE = {"name": "lane", "points": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}


@pytest.fixture
def scene(tmp_path):
    file = tmp_path / "scene.yaml"
    file.write_text(TEXT)
    return read_scene(file)


def test_every_part_is_read(scene):
    assert scene.lines[0].sides == ("city", "harbour")
    assert (scene.zones[0].dwell_seconds, scene.zones[0].classes) == (120, ("car",))
    assert scene.flows[0].name == "north to east"
    assert scene.forbidden == (("north", "back"),)
    assert scene.rules == ("stopped car in lane for 20s",)


def test_ground_maps_its_corners_and_keeps_lines_straight(scene):
    assert scene.ground.to_metres(np.array(scene.ground.image)) == pytest.approx(
        np.array(scene.ground.metres)
    )
    middle = scene.ground.to_metres(np.array([[0.5, y] for y in (0.4, 0.6, 0.8)]))
    assert middle[:, 0] == pytest.approx([3.5] * 3)
    assert (np.diff(middle[:, 1]) > 0).all()
    assert np.diff(middle[:, 1])[0] > np.diff(middle[:, 1])[1], "a step in the distance is longer"


def test_pixels_equal_relative_coordinates():
    pixels = {"reference": [200, 100], "lines": [{"name": "north", "points": [[20, 50], [180, 50]]}]}
    assert parse_scene(pixels) == parse_scene({"lines": [LINE]})


def test_geojson_equals_yaml(tmp_path):
    features = [
        {
            "type": "Feature",
            "geometry": {"type": kind, "coordinates": points},
            "properties": {"name": item["name"]},
        }
        for item, kind, points in (
            (LINE, "LineString", LINE["points"]),
            (ZONE, "Polygon", [[*ZONE["points"], ZONE["points"][0]]]),
        )
    ]
    file = tmp_path / "scene.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    assert read_scene(file) == parse_scene({"lines": [LINE], "zones": [ZONE]})


def test_points_in_a_concave_zone():
    zone = Zone("L", ((0, 0), (1, 0), (1, 0.4), (0.4, 0.4), (0.4, 1), (0, 1)))
    assert zone.contains(np.array([[0.2, 0.9], [0.9, 0.2], [0.8, 0.8]])).tolist() == [True, True, False]


BAD = {
    "unknown key of the scene": ({"line": []}, "unknown key of the scene 'line': did you mean 'lines'"),
    "unknown key of a line": ({"lines": [{**LINE, "form": "a"}]}, "unknown key of a line 'form'"),
    "no mapping": ("north", "the scene is 'north': expected keys"),
    "nothing": (None, "expected keys"),
    "no list": ({"lines": LINE}, "lines: expected a list"),
    "no name": ({"lines": [{"points": LINE["points"]}]}, "a line has no name"),
    "no points": ({"lines": [{"name": "a"}]}, "not pairs of numbers"),
    "one point": ({"lines": [{"name": "a", "points": [[0, 0]]}]}, "has 1 points: expected at least 2"),
    "point twice": ({"lines": [{"name": "a", "points": [[0, 0], [0, 0]]}]}, "same point twice"),
    "words": ({"lines": [{"name": "a", "points": [["x", 0], [1, 1]]}]}, "not pairs of numbers"),
    "not a number": ({"lines": [{"name": "a", "points": [[float("nan"), 0], [1, 1]]}]}, "not finite"),
    "outside": (
        {"lines": [{"name": "a", "points": [[0, 0.5], [1.2, 0.5]]}]},
        r"\[1.2, 0.5\] is outside the image",
    ),
    "pixels": ({"lines": [{"name": "a", "points": [[0, 200], [640, 200]]}]}, "give 'reference: "),
    "outside in pixels": (
        {"reference": [640, 352], "lines": [{"name": "a", "points": [[0, 9], [700, 9]]}]},
        "0..640 and 0..352",
    ),
    "reference": ({"reference": [0, 3]}, r"expected \[width, height\]"),
    "sides": ({"lines": [{**LINE, "from": "a", "to": "a"}]}, "both sides are named 'a'"),
    "direction": ({"lines": [{**LINE, "direction": "up"}]}, "unknown direction of line 'north' 'up'"),
    "same names": (
        {"lines": [LINE], "zones": [{**ZONE, "name": "north"}]},
        "two lines or zones are named 'north'",
    ),
    "crossing polygon": (
        {"zones": [{"name": "z", "points": [[0, 0], [1, 1], [1, 0], [0, 1]]}]},
        "edges after points 1 and 3 cross",
    ),
    "flat polygon": ({"zones": [{"name": "z", "points": [[0, 0], [0.5, 0.5], [1, 1]]}]}, "has no area"),
    "purpose": ({"zones": [{**ZONE, "purpose": "park"}]}, "unknown purpose of zone 'lane' 'park'"),
    "dwell": ({"zones": [{**ZONE, "dwell": "soon"}]}, "dwell 'soon': expected a time"),
    "classes": ({"zones": [{**ZONE, "classes": "car"}]}, "expected a list of names"),
    "flow": (
        {"lines": [LINE], "flows": [{"from": "north", "to": "est"}]},
        "unknown line or zone of a flow 'est'",
    ),
    "forbidden": (
        {"lines": [LINE], "forbidden": [{"line": "south"}]},
        "unknown line of a forbidden direction",
    ),
    "ground of three": (
        {"ground": {"image": [[0, 0], [1, 0], [1, 1], [0, 1]], "metres": [[0, 0], [1, 0], [1, 1]]}},
        "expected 4 of each",
    ),
    "ground crossed": (
        {"ground": {"image": [[0, 0], [1, 1], [1, 0], [0, 1]], "metres": [[0, 0], [1, 0], [1, 1], [0, 1]]}},
        "convex quadrilateral",
    ),
    "rules": ({"rules": [3]}, "expected a list of texts"),
    "geometry": (
        {"type": "FeatureCollection", "features": [{"geometry": {"type": "Point"}}]},
        "unknown geometry of a feature 'Point'",
    ),
}


@pytest.mark.parametrize("content, message", BAD.values(), ids=BAD.keys())
def test_bad_scene_is_one_clear_line(content, message):
    with pytest.raises(InputError, match=message) as caught:
        parse_scene(copy.deepcopy(content))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"lines: [", b"\xff\xfe\x00", b"", b"[[[[", b"!!python/object:os.system x"])
def test_damaged_file_names_the_file(tmp_path, data):
    file = tmp_path / "scene.yaml"
    file.write_bytes(data)
    with pytest.raises(InputError, match="scene.yaml") as caught:
        read_scene(file)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        read_scene(tmp_path / "none.yaml")


def test_ground_alone():
    square = ((0, 0), (1, 0), (1, 1), (0, 1))
    assert np.allclose(Ground(square, square).homography, np.eye(3))
