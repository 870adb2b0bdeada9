"""What a redaction found and covered: counts by kind and width, the area, and the recall where labels are given."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from cityzoo.redact.regions import Region, mark

WIDTHS = ((0, 20), (20, 40), (40, math.inf))  # pixels of the image, below the upper end
COVERED = 0.9  # of a labeled box: then it counts as covered


class Summary:
    """Counts over images or frames.

    Attributes:
        images: number of images or frames.
        found: (kind, lower end of the width class) -> regions.
        recall: (class, lower end of the width class) -> labeled boxes that are covered, all of them.
    """

    def __init__(self) -> None:
        self.images, self.area, self.unlabeled_area = 0, 0.0, 0.0
        self.found: Counter[tuple[str, float]] = Counter()
        self.recall: dict[tuple[str, float], tuple[int, int]] = {}

    def add(self, size_hw: tuple[int, int], regions: Sequence[Region], labels: Iterable[Region] = ()) -> None:
        """Count the regions of an image.

        Args:
            size_hw: height and width of the image.
            regions: grown, in whole pixels.
            labels: what should be covered.

        Example:
            >>> summary = Summary()
            >>> plate = Region("plate", (10, 10, 40, 20))
            >>> summary.add((100, 100), [plate], [plate, Region("plate", (60, 60, 90, 70))])
            >>> summary.recall
            {('plate', 20): (1, 2)}
        """
        covered, labeled = mark(size_hw, regions), np.zeros(size_hw, bool)
        self.images += 1
        self.found.update((region.kind, width_class(region.width)) for region in regions)
        self.area += float(covered.mean())
        for label in labels:
            box = label.grow(0.0, size_hw, least=0.0)
            own = mark(size_hw, [box])
            labeled |= own
            key = (label.kind, width_class(label.width))
            hits, count = self.recall.get(key, (0, 0))
            self.recall[key] = hits + bool(own.any() and covered[own].mean() >= COVERED), count + 1
        self.unlabeled_area += float((covered & ~labeled).mean())

    def lines(self) -> Iterator[str]:
        """Yield lines of text: what was found, the area, and the recall with its 95 % intervals."""
        for kind in sorted({kind for kind, _ in self.found}):
            sizes = [f"{self.found[kind, low]} of {_range(low, high)}" for low, high in WIDTHS]
            yield f"{kind}: {sum(n for (k, _), n in self.found.items() if k == kind)} regions ({', '.join(sizes)})"
        if not self.found:
            yield "nothing was found"
        images = max(self.images, 1)
        yield f"area of them: {self.area / images:.2%}"
        if self.recall:
            yield f"area of them without a label: {self.unlabeled_area / images:.2%}"
        for kind in sorted({kind for kind, _ in self.recall}):
            for low, high in WIDTHS:
                hits, count = self.recall.get((kind, low), (0, 0))
                yield f"recall of {kind}, {_range(low, high)}: {share(hits, count)}"


def _range(low: float, high: float) -> str:
    return f"{low}+ px" if math.isinf(high) else f"under {high} px" if not low else f"{low} to {high} px"


def width_class(width: float) -> float:
    """Return the lower end of the class that a width is in.

    Example:
        >>> width_class(19.9), width_class(20), width_class(400)
        (0, 20, 40)
    """
    return next(low for low, high in WIDTHS if width < high)


def share(hits: int, count: int) -> str:
    """Return a share with its interval in words.

    Example:
        >>> share(43, 44), share(0, 0)
        ('43 of 44, 0.977 (95 % interval 0.882 to 0.996)', 'no labels: nothing can be promised')
    """
    if not count:
        return "no labels: nothing can be promised"
    low, high = wilson_interval(hits, count)
    return f"{hits} of {count}, {hits / count:.3f} (95 % interval {low:.3f} to {high:.3f})"


def wilson_interval(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927, Probable inference).

    Example:
        >>> [round(side, 3) for side in wilson_interval(10, 10)]
        [0.722, 1.0]
    """
    z = 1.959964
    middle = (hits + z**2 / 2) / (count + z**2)
    half = z / (count + z**2) * math.sqrt(hits * (count - hits) / count + z**2 / 4)
    return max(middle - half, 0.0), min(middle + half, 1.0)
