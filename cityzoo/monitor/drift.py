"""Distance between what a model sees and answers now and what it saw and answered at evaluation."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Values = Mapping[str, Sequence[float]]  # signal -> its values in one example
CONFIDENCE = "confidence"
SEVERAL = ("detections", "entities", "classes")  # keys of answers that name any number of things
WINDOW = 128  # examples that are compared with the reference
MOST_VALUES = 64  # of a channel in one window
FEWEST = 64  # values on either side: with fewer, two samples of the same differ by more than the least limit


class Histogram(NamedTuple):
    """Counts between edges.

    Attributes:
        edges: E of them, increasing.
        counts: E + 1 of them; the first is below all edges, the last above.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def find_bin(self, value: float) -> int:
        """Return the bin of a value.

        Example:
            >>> Histogram((1.0, 2.0), (0, 0, 0)).find_bin(1.5)
            1
        """
        return bisect_right(self.edges, value)


def js_divergence(first: np.ndarray, second: np.ndarray) -> float:
    """Return the Jensen-Shannon divergence of two histograms, 0 (the same shares) to 1 (nothing in common).

    Base 2 (Lin, "Divergence measures based on the Shannon entropy", IEEE Trans. Information Theory 1991). Unlike the
    population stability index it is bounded, symmetric and defined where a bin is empty.

    Args:
        first: counts, not all 0.
        second: counts of the same bins.

    Example:
        >>> js_divergence(np.array([5, 5]), np.array([1, 1])), js_divergence(np.array([9, 0]), np.array([0, 4]))
        (0.0, 1.0)
    """
    p, q = (np.asarray(counts, np.float64) / np.sum(counts) for counts in (first, second))
    middle = (p + q) / 2
    terms = [shares[shares > 0] @ np.log2(shares[shares > 0] / middle[shares > 0]) for shares in (p, q)]
    return float(np.clip(sum(terms) / 2, 0, 1))


class DriftWindow:
    """The last examples of one camera, against a reference.

    Example:
        >>> window = DriftWindow({"brightness": Histogram((100.0,), (50, 50))})
        >>> for _ in range(100):
        ...     window.add({"brightness": [30.0]})
        >>> round(window.scores()["brightness"], 2)
        0.31
    """

    def __init__(self, reference: Mapping[str, Histogram], size: int = WINDOW) -> None:
        """Start empty; `size` is the number of examples kept."""
        self._reference = {name: (each, np.array(each.counts)) for name, each in reference.items()}
        self._counts = {name: np.zeros(len(each.counts), np.int64) for name, each in reference.items()}
        self._kept: deque[tuple[dict[str, list[int]], float]] = deque()
        self._size = size

    def add(self, values: Values) -> None:
        """Add one example; signals that the reference does not have, and values that are not finite, are left out."""
        bins = {
            name: [self._reference[name][0].find_bin(v) for v in given if math.isfinite(v)]
            for name, given in values.items()
            if name in self._reference
        }
        self._kept.append((bins, next(iter(values.get(CONFIDENCE, ())), math.nan)))
        self._count(bins, 1)
        if len(self._kept) > self._size:
            self._count(self._kept.popleft()[0], -1)

    def _count(self, bins: Mapping[str, Sequence[int]], step: int) -> None:
        for name, places in bins.items():
            for place in places:
                self._counts[name][place] += step

    def scores(self) -> dict[str, float]:
        """Return the divergence of every signal with enough values, 0 to 1; nothing while there are few examples."""
        fewest = min(FEWEST, self._size)
        if len(self._kept) < fewest:  # the many values of one example are alike
            return {}
        return {
            name: js_divergence(counts, self._reference[name][1])
            for name, counts in self._counts.items()
            if counts.sum() >= fewest
        }

    def mean_confidence(self) -> float:
        """Return the mean of the examples' confidence, NaN if there are too few examples."""
        known = [value for _, value in self._kept if math.isfinite(value)]
        return sum(known) / len(known) if len(known) >= min(FEWEST, self._size) else math.nan


def read_signals(
    statistics: Mapping[str, float], answer: Mapping[str, Any], class_names: Sequence[str], score: float
) -> dict[str, list[float]]:
    """Return the values of every signal in one example.

    Args:
        statistics: of the image, see `cityzoo.monitor.image_statistics.measure_image`.
        answer: see `read_scores`.
        class_names: of the reference.
        score: what scores lower is left out.

    Returns:
        `statistics`; `detections`, their number; `class`, positions in `class_names`; `confidence`, the highest score
        or 0; by class, `score:NAME`. Of answers without classes: `count` and `score`.

    Example:
        >>> answer = {"detections": [{"class": "bus", "score": 0.75}, {"class": "car", "score": 0.1}]}
        >>> read_signals({"blur": 9.0}, answer, ("bus", "car"), 0.5)
        {'blur': [9.0], 'detections': [1.0], 'class': [0.0], 'confidence': [0.75], 'score:bus': [0.75]}
    """
    signals = {name: [value] for name, value in statistics.items()}
    places = {name: float(place) for place, name in enumerate(class_names)}
    if not {*SEVERAL, "class"} & answer.keys():
        return signals | {name: [float(answer[name])] for name in ("count", "score") if name in answer}
    found = [(name, value) for name, value in read_scores(answer) if value >= score]
    if "detections" in answer:
        signals["detections"] = [float(len(found))]
    signals["class"] = [places.get(name, float(len(places))) for name, _ in found]
    signals[CONFIDENCE] = [max((value for _, value in found), default=0.0)]
    for name, value in found:
        signals.setdefault(f"score:{name}", []).append(value)
    return signals


def read_inputs(feeds: Mapping[str, np.ndarray]) -> dict[str, list[float]]:
    """Return the values of every signal in one window of a series task.

    Args:
        feeds: `series` and `mask`, (..., steps, sensors, channels).

    Returns:
        `series:0`, `series:1` ..., at most 64 measured values of each channel, and `missing`, the share that is not.

    Example:
        >>> mask = np.array([[[1.0], [0.0]], [[1.0], [1.0]]])
        >>> read_inputs({"series": np.array([[[5.0], [0.0]], [[6.0], [7.0]]]), "mask": mask})
        {'missing': [0.25], 'series:0': [5.0, 6.0, 7.0]}
    """
    series, mask = (np.asarray(feeds[name]) for name in ("series", "mask"))
    signals = {"missing": [1 - float(mask.mean())]}
    for channel in range(series.shape[-1]):
        values = series[..., channel][mask[..., channel] > 0]
        signals[f"series:{channel}"] = values[:: max(1, math.ceil(len(values) / MOST_VALUES))].tolist()
    return signals


def read_scores(answer: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Return class and score of everything that an answer names.

    Example:
        >>> read_scores({"detections": [{"class": "car", "score": 0.5, "box": [0, 0, 9, 9]}]})
        [('car', 0.5)]
        >>> read_scores({"class": "jam", "score": 0.75})
        [('jam', 0.75)]
    """
    rows = next((answer[name] for name in SEVERAL if name in answer), (answer,))
    return [(str(row["class"]), float(row["score"])) for row in rows if "class" in row and "score" in row]
