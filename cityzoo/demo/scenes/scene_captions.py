"""Traffic scenes with a caption each: sentences made from templates, of what is really drawn."""

from __future__ import annotations

import colorsys
import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from cityzoo.demo.scenes.fire import FireAndSmoke, box_of, render_fire
from cityzoo.demo.scenes.incident_scene import draw_exhausts, low_sun, plan_blaze
from cityzoo.demo.scenes.meshes import Color, Thing
from cityzoo.demo.scenes.traffic_scene import Plan, boxes_of, plan_scene, render
from cityzoo.demo.scenes.vehicles import CLASS_NAMES
from cityzoo.demo.texts import write_table
from cityzoo.demo.write import Progress, scene_seed, write_once

VERSION = 1
COUNTS = {"train": 7000, "val": 500, "test": 1000}
SIZE_HW = (192, 256)
DESCRIBED = 3  # vehicles, the largest ones
NUMBERS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
LIGHTS = {
    "day": "on a clear day",
    "overcast": "under a gray sky",
    "dusk": "at dusk",
    "night": "at night",
    "rain": "in the rain",
    "fog": "in fog",
}
VIEWS = {
    "motorway": "a motorway",
    "street": "a street",
    "junction": "a junction",
    "overview": "a road seen from high above",
    "low": "a road seen from low down",
}


def write_captioned(
    folder: Path,
    seed: int = 0,
    counts: Mapping[str, int] | None = None,
    progress: Progress = lambda done, total: None,
) -> Path:
    """Write train.csv, val.csv and test.csv, with columns image and text, and their images once; return the folder.

    Args:
        folder: new or empty, or with the same content.
        seed: 0 or more; equal seeds give equal files.
        counts: scenes of each split; None: `COUNTS`.
        progress: called as progress(done, total) after each scene.

    Raises:
        InputError: the folder has other content.
    """
    counts = dict(counts or COUNTS)
    done, total = itertools.count(1), sum(counts.values())

    def fill(draft: Path) -> None:
        for split, scenes in counts.items():
            (draft / "images" / split).mkdir(parents=True)
            rows = []
            for number in range(scenes):
                image, caption = draw_captioned(scene_seed(seed, split, number))
                name = f"images/{split}/{number:04d}.jpg"
                Image.fromarray(image).save(draft / name, quality=90)
                rows.append((name, caption))
                progress(next(done), total)
            write_table(draft / f"{split}.csv", ("image", "text"), rows)

    return write_once(
        folder, {"task": "captioned_scenes", "version": VERSION, "seed": seed, "counts": counts}, fill
    )


def draw_captioned(seed: int, size_hw: tuple[int, int] = SIZE_HW) -> tuple[np.ndarray, str]:
    """Render a scene that may have fire or smoke, and describe it.

    Args:
        seed: 0 or more; equal seeds give equal scenes.
        size_hw: height and width in pixels, both even and at least 64.

    Returns:
        The image, (H, W, 3) uint8 RGB, and its caption.

    Example:
        >>> image, caption = draw_captioned(3)
        >>> image.shape, caption.split(".")[0]
        ((192, 256, 3), 'A motorway on a clear day, leading straight ahead')
    """
    plan = plan_scene(seed, size_hw)
    layers = render(plan)
    blaze = plan_blaze(plan, layers)
    image = render_fire(plan, layers, draw_exhausts(plan) if blaze is None else [blaze], low_sun(plan))
    sentences = [
        _describe_place(plan),
        _describe_surroundings(plan),
        *_describe_vehicles(plan.vehicles, boxes_of(layers, plan.vehicles), size_hw[1]),
        _describe_fire(blaze, size_hw[1]),
    ]
    return image, " ".join(f"{each[0].upper()}{each[1:]}." for each in sentences if each)


def _describe_place(plan: Plan) -> str:
    light = plan.light
    words = LIGHTS[light.condition] + (
        " at night" if light.condition == "rain" and light.lamps == 1.0 else ""
    )
    way = (
        "straight ahead"
        if abs(plan.camera.yaw) < 0.1
        else f"to the {'left' if plan.camera.yaw > 0 else 'right'}"
    )
    return f"{VIEWS[plan.layout]} {words}, leading {way}"


def _describe_surroundings(plan: Plan) -> str:
    """Name the color of the nearest house on each side is, and how many trees there are."""
    houses = sorted((t for t in plan.scenery if t.size_m[0] >= 8), key=lambda t: math.hypot(t.x, t.y))
    trees = sum(each.size_m[1] == 0.6 for each in plan.scenery)
    found = []
    for is_left in (True, False):
        own = [each for each in houses if _is_left(each, plan) == is_left]
        found += [f"{_article(_name_coat(own[0]))} house {_side(is_left)}"] if own else []
    return _join(
        [*(found or ["no houses"]), "many trees" if trees > 8 else "few trees" if trees else "no trees"]
    )


def _is_left(thing: Thing, plan: Plan) -> bool:
    ((column, _),), _ = plan.camera.project(np.array([[thing.x, thing.y, thing.size_m[2] / 2]]))
    return bool(column < plan.camera.size_wh[0] / 2)


def _side(is_left: bool) -> str:
    return f"on the {'left' if is_left else 'right'}"


def _describe_vehicles(vehicles: Sequence[Thing], boxes: np.ndarray, width: int) -> list[str]:
    """Count the vehicles by type, and describe the largest ones."""
    if not vehicles:
        return ["an empty road"]
    counts = Counter(CLASS_NAMES[each.label] for each in vehicles)
    counted = [_count(counts[name], name) for name in CLASS_NAMES if counts[name]]
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    largest = np.argsort(-areas, kind="stable")[:DESCRIBED].tolist()
    named = [
        f"{_article(_name_coat(vehicles[row]))} {CLASS_NAMES[vehicles[row].label]} {_place(boxes[row], width)}"
        for row in largest
    ]
    return [_join(counted), f"nearest: {', '.join(named)}"]


def _count(count: int, name: str) -> str:
    number = NUMBERS[count] if count < len(NUMBERS) else str(count)
    plural = {"bus": "buses"}.get(name, f"{name}s")
    return f"{number} {name if count == 1 else plural}"


def _join(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _place(box: Sequence[float] | np.ndarray, width: int) -> str:
    center = (box[0] + box[2]) / 2 / width
    return "in the middle" if 0.36 < center < 0.64 else _side(center < 0.5)


def _article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _name_coat(thing: Thing) -> str:
    """Return the color of most of the paint of a thing."""
    coats: Counter[Color] = Counter()
    for part in thing.parts:
        for points, color, finish in part:
            if finish == "paint":
                spread = np.ptp(np.array(points), axis=0)
                coats[color] += int(1e4 * np.sort(spread)[1:].prod())
    return name_color(coats.most_common(1)[0][0])


def name_color(color: Color) -> str:
    """Return the name of a color.

    Args:
        color: red, green and blue, 0..255.

    Example:
        >>> name_color((204, 40, 40)), name_color((232, 232, 230)), name_color((44, 72, 128))
        ('red', 'white', 'blue')
    """
    hue, saturation, value = colorsys.rgb_to_hsv(*(part / 255 for part in color[:3]))
    if saturation < 0.18 or value < 0.2:
        return "black" if value < 0.25 else "dark gray" if value < 0.5 else "gray" if value < 0.8 else "white"
    if saturation < 0.4 and 0.05 < hue < 0.17:
        return "beige"
    if 0.03 < hue < 0.12:
        return "orange" if value > 0.7 else "brown"
    return "red" if hue < 0.03 or hue > 0.9 else "yellow" if hue < 0.2 else "green" if hue < 0.47 else "blue"


def _describe_fire(blaze: FireAndSmoke | None, width: int) -> str:
    if blaze is None:
        return "no fire and no smoke"
    found = []
    for name, veil in (("fire", blaze.fire), ("smoke", blaze.smoke)):
        box = box_of(veil)
        if veil is not None and box is not None:
            tone = veil.color[veil.alpha >= 0.15].mean() if name == "smoke" else 0.0
            shade = "" if name == "fire" else "dark " if tone < 90 else "gray " if tone < 165 else "white "
            large = "large " if (box[2] - box[0]) * (box[3] - box[1]) > 0.04 * width * width else ""
            found.append(f"{large}{shade}{name} {_place(box, width)}")
    return " and ".join(found)
