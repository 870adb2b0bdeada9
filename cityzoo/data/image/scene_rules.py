"""What is known of a fixed camera: where objects of a class can stand, and how tall they are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cityzoo.data.image.polygons import Points, check_polygon, find_inside, parse_pairs, parse_points
from cityzoo.data.rule_entries import check_keys, require_list
from cityzoo.errors import InputError, unknown

KEYS = {
    "the rules": ("reference", "places", "heights", "scenes"),
    "a scene": ("places", "heights"),
    "a place": ("name", "points", "classes"),
    "a height": ("classes", "at", "least", "most"),
}
EDGE = 0.002  # of the image; points on its border count as inside of what reaches it
PLACE, HEIGHT = "place", "height"
STEPS = np.linspace(0, 1, 21)  # heights in the image at which rules are compared


@dataclass(frozen=True)
class Place:
    """A polygon that the bottom center of a box must lie in, or in another place of its class."""

    points: Points  # 0..1 of the image
    classes: tuple[str, ...]
    name: str = ""


@dataclass(frozen=True)
class Height:
    """Limits of the height of a box, linear in the y of its bottom; all numbers are 0..1 of the image's height."""

    classes: tuple[str, ...]
    at: tuple[float, float]  # y of two bottoms
    least: tuple[float, float]  # heights there
    most: tuple[float, float]

    def limits(self, bottoms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the least and greatest height of boxes with bottoms (N,), 0..1.

        Example:
            >>> least, most = Height(("car",), (0.5, 1.0), (0.1, 0.2), (0.2, 0.5)).limits(np.array([0.75]))
            >>> least.round(3).tolist(), most.round(3).tolist()
            ([0.15], [0.35])
        """
        share = (bottoms - self.at[0]) / (self.at[1] - self.at[0])
        low, high = (ends[0] + share * (ends[1] - ends[0]) for ends in (self.least, self.most))
        return low, high


@dataclass(frozen=True)
class SceneRules:
    """The rules of one camera.

    Example:
        >>> road = Place(((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)), ("car",), "road")
        >>> boxes = np.array([[10.0, 10, 20, 20], [10, 70, 20, 80]])
        >>> SceneRules((road,)).find_violations(boxes, ["car", "car"], (100, 100)).tolist()
        ['place', '']
    """

    places: tuple[Place, ...] = ()
    heights: tuple[Height, ...] = ()

    def find_violations(
        self, boxes_xyxy: np.ndarray, names: Sequence[str], size_hw: tuple[int, int]
    ) -> np.ndarray:
        """Return which rule each box breaks, (N,) str: "place", "height" or "".

        Args:
            boxes_xyxy: (N, 4) pixels.
            names: class of each box.
            size_hw: height and width of the image in pixels.
        """
        height, width = size_hw
        found = np.full(len(boxes_xyxy), "", object)
        bottoms = boxes_xyxy[:, 3] / height
        centers = np.stack([boxes_xyxy[:, ::2].mean(axis=1) / width, bottoms], axis=1).clip(EDGE, 1 - EDGE)
        cut = bottoms > 1 - 2 * EDGE  # by the image: the whole object may be taller
        tall = (boxes_xyxy[:, 3] - boxes_xyxy[:, 1]) / height
        for name in set(names):
            own = np.array([each == name for each in names])
            for rule in (each for each in self.heights if name in each.classes):
                low, high = rule.limits(bottoms)
                found[own & (((tall < low) & ~cut) | (tall > high))] = HEIGHT
            places = [each for each in self.places if name in each.classes]
            if places:
                inside = np.any([find_inside(centers, each.points) for each in places], axis=0)
                found[own & ~inside] = PLACE
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the rules as a file has them."""

        def rounded(value: Any) -> Any:
            return [rounded(each) for each in value] if isinstance(value, tuple) else value

        def plain(rule: Any) -> dict[str, Any]:
            return {name: rounded(value) for name, value in vars(rule).items() if value != ""}

        return {"places": [*map(plain, self.places)], "heights": [*map(plain, self.heights)]}


@dataclass(frozen=True)
class Rules:
    """The rules of all cameras: those of its scene for an image, else the general ones."""

    general: SceneRules = SceneRules()
    scenes: Mapping[str, SceneRules] = field(default_factory=dict)

    def find(self, scene: str) -> SceneRules:
        """Return the rules for images of a scene."""
        return self.scenes.get(scene, self.general)


def parse_rules(content: Any, class_names: Sequence[str]) -> Rules:
    """Make rules from the content of a file.

    Args:
        content: `places`, `heights` and `reference` ([width, height] where coordinates are pixels) for all images, and
            `scenes`, the same by name of the scene.
        class_names: that the model knows.

    Raises:
        InputError: unknown keys or classes, points outside the image, polygons without area or that cross themselves,
            least above most, limits of a class that exclude each other.
    """
    rules = check_keys(content, "the rules", KEYS["the rules"])
    size = (1.0, 1.0)
    if rules.get("reference") is not None:
        (size,) = parse_pairs([rules["reference"]], "reference")
        if not min(size) > 0:
            raise InputError(
                f"reference {rules['reference']}: expected [width, height] of the image in pixels"
            )
    scenes = rules.get("scenes") or {}
    if not isinstance(scenes, Mapping):
        raise InputError(f"scenes: expected names of scenes with their rules, not {str(scenes)[:40]!r}")
    kind, known = "a scene", KEYS["a scene"]
    found = Rules(
        _parse_scene({name: rules.get(name) for name in known}, size, class_names),
        {
            str(name): _parse_scene(check_keys(s, kind, known), size, class_names)
            for name, s in scenes.items()
        },
    )
    if not any((each.places or each.heights) for each in (found.general, *found.scenes.values())):
        raise InputError("the rules are empty: give places or heights, or write them with --rules fit")
    return found


def _parse_scene(
    values: Mapping[str, Any], size: tuple[float, float], class_names: Sequence[str]
) -> SceneRules:
    places = [_parse_place(item, size, class_names) for item in require_list(values, "places")]
    heights = [_parse_height(item, size, class_names) for item in require_list(values, "heights")]
    for name in class_names:
        limits = [each.limits(STEPS) for each in heights if name in each.classes]
        if limits and (np.max([low for low, _ in limits], 0) > np.min([high for _, high in limits], 0)).all():
            raise InputError(
                f"two heights of class '{name}' exclude each other: no box can satisfy both; remove one"
            )
    return SceneRules(tuple(places), tuple(heights))


def _parse_place(item: Any, size: tuple[float, float], class_names: Sequence[str]) -> Place:
    values = check_keys(item, "a place", KEYS["a place"])
    where = f"place '{str(values['name'])[:40]}'" if values.get("name") else "a place"
    points = parse_points(values.get("points") or [], where, size, 3)
    check_polygon(points, where)
    return Place(points, _parse_classes(values, where, class_names), str(values.get("name", "")))


def _parse_height(item: Any, size: tuple[float, float], class_names: Sequence[str]) -> Height:
    values = check_keys(item, "a height", KEYS["a height"])
    classes = _parse_classes(values, "a height", class_names)
    where = f"height of {', '.join(classes)[:60]}"
    pairs = []
    for key in ("at", "least", "most"):
        ((first, second),) = parse_pairs([values.get(key)], f"{where}: {key}")
        pairs.append((first / size[1], second / size[1]))
    at, least, most = pairs
    if at[0] == at[1]:
        raise InputError(
            f"{where}: both of 'at' are {values['at'][0]}: give two different heights in the image"
        )
    if least[0] > most[0] or least[1] > most[1]:
        raise InputError(f"{where}: least {values['least']} is above most {values['most']}: exchange them")
    if min(most) < 0:
        raise InputError(f"{where}: most {values['most']} is below 0: no box is so small")
    return Height(classes, at, least, most)


def _parse_classes(values: Mapping[str, Any], where: str, class_names: Sequence[str]) -> tuple[str, ...]:
    classes = values.get("classes")
    if classes is None:
        return tuple(class_names)
    if not isinstance(classes, list) or not classes:
        raise InputError(f"{where}: classes {str(classes)[:40]!r}: expected a list of names, e.g. [car, bus]")
    for name in classes:
        if name not in class_names:
            raise unknown(f"class of {where}", str(name), class_names)
    return tuple(classes)
