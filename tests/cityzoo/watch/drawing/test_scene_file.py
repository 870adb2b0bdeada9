"""A scene that is written reads the same."""

from cityzoo.watch.drawing.scene_file import write_scene
from cityzoo.watch.scene import parse_scene, read_scene

WHOLE = {
    "lines": [
        {
            "name": "Nördlich",
            "points": [[0.1, 0.5], [0.5, 0.55], [0.9, 0.5]],
            "from": "city",
            "to": "harbour",
        },
        {"name": "south", "points": [[0.1, 0.8], [0.9, 0.8]], "direction": "back"},
    ],
    "zones": [
        {
            "name": "lane",
            "points": [[0, 0], [1, 0], [1, 1]],
            "purpose": "stopped",
            "dwell": "2min",
            "classes": ["car"],
        },
        {"name": "house", "points": [[0, 0.5], [0.2, 0.5], [0.2, 0.7]], "purpose": "privacy"},
    ],
    "flows": [{"name": "through", "from": "Nördlich", "to": "south"}],
    "forbidden": [{"line": "south", "direction": "forward"}],
    "ground": {
        "image": [[0.2, 0.9], [0.8, 0.9], [0.6, 0.3], [0.4, 0.3]],
        "metres": [[0, 0], [7, 0], [7, 40], [0, 40]],
    },
    "rules": ["stopped car in lane for 20s"],
}


def test_all_of_a_scene_is_kept(tmp_path):
    """Names with umlauts, dwell times, flows, the ground, rules; empty scenes, too."""
    for content in (WHOLE, {}):
        scene = parse_scene(content)
        write_scene(scene, tmp_path / "scene.yaml")
        assert read_scene(tmp_path / "scene.yaml") == scene
