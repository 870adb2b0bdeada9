"""Read a scene from YAML, JSON or GeoJSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cityzoo.data.image.polygons import check_polygon, check_quadrilateral, parse_pairs, parse_points
from cityzoo.errors import InputError, escape_control, shorten, unknown
from cityzoo.watch.scene.line import BACK, BOTH, FORWARD, Line
from cityzoo.watch.scene.scene import PURPOSES, Flow, Ground, Scene, Zone

KEYS = {
    "scene": ("reference", "lines", "zones", "flows", "forbidden", "ground", "rules"),
    "line": ("name", "points", "from", "to", "direction"),
    "zone": ("name", "points", "purpose", "dwell", "classes", "arrow"),
    "flow": ("name", "from", "to"),
    "forbidden": ("line", "direction"),
    "ground": ("image", "metres"),
}
SECONDS = {"s": 1, "min": 60, "h": 3600}


def read_scene(path: Path) -> Scene:
    """Read a scene file.

    Coordinates are 0..1 of the image, or pixels with `reference: [width, height]`. In GeoJSON a LineString is a
    line and a Polygon a zone, with the other keys as properties.

    Raises:
        InputError: not there, damaged, unknown keys, points outside the image, polygons that cross themselves.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text) if path.suffix in (".json", ".geojson") else yaml.safe_load(text)
    except OSError as error:
        raise InputError(
            f"'{path}' cannot be read ({error.strerror}): give a scene as YAML or GeoJSON"
        ) from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"'{path}' is not a scene ({reason}): correct it") from error
    try:
        return parse_scene(content)
    except InputError as error:
        raise InputError(shorten(escape_control(f"'{path}': {error}"))) from error


def parse_scene(content: Any) -> Scene:
    """Make a scene from the content of a file.

    Raises:
        InputError: as `read_scene`.

    Example:
        >>> line = {"name": "north", "points": [[0.1, 0.5], [0.9, 0.5]], "from": "city", "to": "harbour"}
        >>> parse_scene({"lines": [line]}).lines[0].sides
        ('city', 'harbour')
    """
    if isinstance(content, Mapping) and content.get("type") == "FeatureCollection":
        content = _lift_features(content)
    scene = _check_keys(content, "scene", "the scene")
    size = _parse_reference(scene.get("reference"))
    lines = tuple(_parse_line(item, size) for item in _list(scene, "lines"))
    zones = tuple(_parse_zone(item, size) for item in _list(scene, "zones"))
    names = [line.name for line in lines] + [zone.name for zone in zones]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two lines or zones are named '{name}': give each its own name")
    flows = tuple(_parse_flow(item, names) for item in _list(scene, "flows"))
    forbidden = tuple(
        _parse_forbidden(item, [line.name for line in lines]) for item in _list(scene, "forbidden")
    )
    rules = _list(scene, "rules")
    if not all(isinstance(rule, str) for rule in rules):
        raise InputError("rules: expected a list of texts, e.g. 'stopped car in lane for 20s'")
    ground = _parse_ground(scene["ground"], size) if scene.get("ground") is not None else None
    return Scene(lines, zones, flows, forbidden, ground, tuple(rules))


def _parse_line(item: Any, size: tuple[float, float]) -> Line:
    values, where = _check_item(item, "line")
    direction = values.get("direction", BOTH)
    if direction not in (BOTH, FORWARD, BACK):
        raise unknown(f"direction of {where}", str(direction), (BOTH, FORWARD, BACK))
    sides = (str(values.get("from", "from")), str(values.get("to", "to")))
    if sides[0] == sides[1]:
        raise InputError(f"{where}: both sides are named '{sides[0]}': give two names")
    return Line(values["name"], parse_points(values.get("points"), where, size, 2), sides, direction)


def _parse_zone(item: Any, size: tuple[float, float]) -> Zone:
    values, where = _check_item(item, "zone")
    points = parse_points(values.get("points"), where, size, 3)
    points = points[:-1] if points[0] == points[-1] else points
    if len(points) < 3:
        raise InputError(f"{where} has {len(points)} points: expected at least 3")
    check_polygon(points, where)
    purpose = values.get("purpose", "count")
    if purpose not in PURPOSES:
        raise unknown(f"purpose of {where}", str(purpose), PURPOSES)
    classes = values.get("classes") or []
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise InputError(
            f"{where}: classes {str(classes)[:60]!r}: expected a list of names, e.g. [car, truck]"
        )
    arrow = values.get("arrow") or ()
    arrow = parse_points(arrow, f"{where}: arrow", size, 2)[:2] if arrow else ()
    seconds = _parse_seconds(values.get("dwell", 20), where)
    return Zone(values["name"], points, purpose, seconds, tuple(classes), arrow)


def _parse_flow(item: Any, names: list[str]) -> Flow:
    values = _check_keys(item, "flow", "a flow")
    ends = [str(values.get(key, "")) for key in ("from", "to")]
    for end in ends:
        if end not in names:
            raise unknown("line or zone of a flow", end, names)
    return Flow(str(values.get("name", " to ".join(ends))), *ends)


def _parse_forbidden(item: Any, lines: list[str]) -> tuple[str, str]:
    values = _check_keys(item, "forbidden", "a forbidden direction")
    line, direction = str(values.get("line", "")), str(values.get("direction", ""))
    if line not in lines:
        raise unknown("line of a forbidden direction", line, lines)
    if direction not in (FORWARD, BACK):
        raise unknown(f"forbidden direction of line '{line}'", direction, (FORWARD, BACK))
    return line, direction


def _parse_ground(item: Any, size: tuple[float, float]) -> Ground:
    values = _check_keys(item, "ground", "ground")
    image = parse_points(values.get("image"), "ground: image", size, 4)
    metres = parse_pairs(values.get("metres"), "ground: metres")
    if len(image) != 4 or len(metres) != 4:
        raise InputError(
            f"ground: {len(image)} points in the image, {len(metres)} in metres: expected 4 of each"
        )
    for points, where in ((image, "ground: image"), (metres, "ground: metres")):
        check_quadrilateral(points, where)
    return Ground(image, metres)


def _parse_reference(value: Any) -> tuple[float, float]:
    if value is None:
        return 1, 1
    ((width, height),) = parse_pairs([value], "reference")
    if not (width > 0 and height > 0):
        raise InputError(f"reference: {value}: expected [width, height] of the image in pixels")
    return width, height


def _parse_seconds(value: Any, where: str) -> float:
    text = str(value).strip()
    unit = next((unit for unit in ("min", "h", "s") if text.endswith(unit)), "")
    try:
        seconds = float(text.removesuffix(unit)) * SECONDS.get(unit, 1)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise InputError(f"{where}: dwell '{text[:40]}': expected a time above 0, e.g. 20s or 2min")
    return seconds


def _check_item(item: Any, kind: str) -> tuple[dict[str, Any], str]:
    values = _check_keys(item, kind, f"a {kind}")
    if not isinstance(values.get("name"), str) or not values["name"].strip():
        raise InputError(f"a {kind} has no name: give 'name: ...'")
    return values, f"{kind} '{values['name'][:40]}'"


def _check_keys(item: Any, kind: str, where: str) -> dict[str, Any]:
    if not isinstance(item, Mapping):
        raise InputError(f"{where} is {str(item)[:40]!r}: expected keys and values ({', '.join(KEYS[kind])})")
    for key in item:
        if key not in KEYS[kind]:
            raise unknown(f"key of {where}", str(key), KEYS[kind])
    return dict(item)


def _list(scene: Mapping[str, Any], key: str) -> list[Any]:
    value = scene.get(key)
    if value is not None and not isinstance(value, list):
        raise InputError(f"{key}: expected a list, every entry after a '-', not {str(value)[:40]!r}")
    return value or []


def _lift_features(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return GeoJSON features as lines and zones, and the other members as they are."""
    scene: dict[str, Any] = {key: value for key, value in content.items() if key not in ("type", "features")}
    scene |= {"lines": [], "zones": []}
    for feature in _list(content, "features"):
        geometry = feature.get("geometry") if isinstance(feature, Mapping) else None
        shape = geometry if isinstance(geometry, Mapping) else {}
        kind, points = shape.get("type"), shape.get("coordinates")
        if kind not in ("LineString", "Polygon"):
            raise unknown("geometry of a feature", str(kind), ("LineString", "Polygon"))
        if kind == "Polygon":
            if not isinstance(points, list) or len(points) != 1:
                raise InputError("a Polygon of GeoJSON: expected one ring without holes")
            points = points[0]
        properties = feature.get("properties")
        values = dict(properties) if isinstance(properties, Mapping) else {}
        scene["lines" if kind == "LineString" else "zones"].append(values | {"points": points})
    return scene
