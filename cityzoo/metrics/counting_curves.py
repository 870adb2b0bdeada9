"""What a counter says against what is there, and its error by how large the objects are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cityzoo.sample import ImageExample, ImageSet

POINTS = 500
THIRDS = ("small", "medium", "large")


def scatter(truth: ImageSet, results: Sequence[Any]) -> dict[str, dict[str, list[float]]]:
    """Return true and counted numbers of images, as points.

    Args:
        truth: images with boxes.
        results: with `number`.

    Returns:
        `all`: `true` and `counted`, by the true number; of more than 500 images 500, spread evenly over that order,
        the emptiest and the fullest among them.

    Example:
        >>> from cityzoo.outputs.counting import CountResult
        >>> streets = (ImageExample("a.jpg", (8, 8), [[0, 0, 4, 4]] * 4, [0] * 4), ImageExample("b.jpg", (8, 8)))
        >>> scatter(ImageSet("val", ("car",), streets), [CountResult(3.5), CountResult(0.25)])
        {'all': {'true': [0.0, 4.0], 'counted': [0.25, 3.5]}}
    """
    true, counted = _numbers(truth, results)
    order = np.lexsort((counted, true))
    kept = order[np.linspace(0, len(order) - 1, min(POINTS, len(order))).round().astype(int)]
    return {"all": {"true": true[kept].tolist(), "counted": counted[kept].tolist()}}


def error_by_size(truth: ImageSet, results: Sequence[Any]) -> dict[str, dict[str, float | str]]:
    """Return the error on the thirds of images whose objects are the smallest, between, and the largest.

    The size of an image's objects is the median of the roots of their boxes' areas; small objects are far away,
    hide each other, and are the ones that are missed. By how many there are, see `count_metrics`.

    Args:
        truth: images with boxes.
        results: with `number`.

    Returns:
        a row for each third: `side`, its sizes in pixels, and `n`, `mean_count`, `mae`, `bias` and `relative` as in
        `by_crowding`. Images without boxes have no size and are left out; images of the same size are never
        parted, so that there may be fewer rows.

    Example:
        >>> from cityzoo.outputs.counting import CountResult
        >>> streets = [ImageExample(f"{s}.jpg", (80, 80), [[0, 0, s, s]] * 2, [0, 0]) for s in (10, 20, 60)]
        >>> rows = error_by_size(ImageSet("val", ("car",), tuple(streets)), [CountResult(0.5), CountResult(2.0), CountResult(2.5)])
        >>> {name: (row["side"], row["bias"]) for name, row in rows.items()}
        {'small': ('10 to 10', -1.5), 'medium': ('20 to 20', 0.0), 'large': ('60 to 60', 0.5)}
    """
    true, counted = _numbers(truth, results)
    sides = np.array([_side(image) for image in truth.examples])
    known = sides[~np.isnan(sides)]
    if not len(known):
        return {}
    third = np.searchsorted(np.quantile(known, [1 / 3, 2 / 3]), sides, side="left")  # NaN behind all
    rows = {}
    for number, name in enumerate(THIRDS):
        chosen = (third == number) & ~np.isnan(sides)
        if chosen.any():
            error, mean = counted[chosen] - true[chosen], float(true[chosen].mean())
            mae = float(np.abs(error).mean())
            rows[name] = {
                "side": f"{sides[chosen].min():.0f} to {sides[chosen].max():.0f}",
                "n": int(chosen.sum()),
                "mean_count": mean,
                "mae": mae,
                "bias": float(error.mean()),
                "relative": mae / mean,
            }
    return rows


def _numbers(truth: ImageSet, results: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    true = np.array([len(image.labels) for image in truth.examples], np.float64)
    return true, np.array([result.number for result in results], np.float64)


def _side(image: ImageExample) -> float:
    if not len(image.labels):
        return float("nan")
    width, height = (image.boxes_xyxy[:, 2:] - image.boxes_xyxy[:, :2]).T
    return float(np.median(np.sqrt(width * height)))
