"""Write a scene as YAML, as `read_scene` reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cityzoo.errors import InputError
from cityzoo.replace_file import replace_file
from cityzoo.watch.scene import Line, Scene, Zone

DIGITS = 4  # of coordinates: a tenth of a pixel in 1000


def scene_content(scene: Scene) -> dict[str, Any]:
    """Return a scene as plain lists and mappings, without keys that have nothing in them.

    Example:
        >>> line = Line("north", ((0.1, 0.5), (0.9, 0.5)), ("city", "harbour"))
        >>> scene_content(Scene(lines=(line,)))["lines"]
        [{'name': 'north', 'points': [[0.1, 0.5], [0.9, 0.5]], 'from': 'city', 'to': 'harbour', 'direction': 'both'}]
    """
    ground = scene.ground
    content = {
        "lines": [_line(line) for line in scene.lines],
        "zones": [_zone(zone) for zone in scene.zones],
        "flows": [{"name": flow.name, "from": flow.start, "to": flow.end} for flow in scene.flows],
        "forbidden": [{"line": line, "direction": direction} for line, direction in scene.forbidden],
        "ground": {"image": _round(ground.image), "metres": _round(ground.metres)} if ground else None,
        "rules": list(scene.rules),
    }
    return {key: value for key, value in content.items() if value}


def write_scene(scene: Scene, path: Path) -> None:
    """Write a scene as YAML; a file that is there is replaced at once.

    Raises:
        InputError: the file cannot be written.
    """
    import yaml

    text = yaml.safe_dump(scene_content(scene), sort_keys=False, default_flow_style=None, allow_unicode=True)
    try:
        with replace_file(path) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"'{path}' cannot be written ({error.strerror}): choose a folder that you may write to"
        ) from error


def _line(line: Line) -> dict[str, Any]:
    start, end = line.sides
    return {
        "name": line.name,
        "points": _round(line.points),
        "from": start,
        "to": end,
        "direction": line.direction,
    }


def _zone(zone: Zone) -> dict[str, Any]:
    content: dict[str, Any] = {"name": zone.name, "points": _round(zone.points), "purpose": zone.purpose}
    if zone.purpose in ("dwell", "stopped"):
        content["dwell"] = f"{zone.dwell_seconds:g}s"
    return content | ({"classes": list(zone.classes)} if zone.classes else {})


def _round(points: tuple[tuple[float, float], ...]) -> list[list[float]]:
    return [[round(x, DIGITS), round(y, DIGITS)] for x, y in points]
