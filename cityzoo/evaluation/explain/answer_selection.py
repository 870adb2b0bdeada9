"""Selection of informative predictions: confident correct ones, confident mistakes, uncertain ones."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cityzoo.errors import InputError
from cityzoo.metrics.matching import UNMATCHED, match
from cityzoo.sample import Detections, ImageExample, ImageSet

LEAST_SCORE = 0.3  # of a detection to be selected
OF_A_FILE = 6  # crops explained of a requested file
LISTED = 3


class Answer(NamedTuple):
    """A prediction of a model.

    Attributes:
        row: of the image in its set.
        number: rank among the predictions for its image, 0 has the highest confidence.
        label: position in the class names.
        confidence: 0..1.
        right: whether it is correct.
    """

    row: int
    number: int
    label: int
    confidence: float
    right: bool


def list_answers(row: int, image: ImageExample, result: Any) -> list[Answer]:
    """Return all predictions for an image by descending confidence.

    Args:
        row: of the image in its set.
        image: with its labels.
        result: Detections, or (C,) probabilities.

    Example:
        >>> list_answers(7, ImageExample("a.jpg", (9, 9), target=[0, 1]), np.array([0.25, 0.75]))[0]
        Answer(row=7, number=0, label=1, confidence=0.75, right=True)
    """
    if isinstance(result, Detections):
        right = match(image, result) != UNMATCHED
        found = zip(result.labels, result.scores, right, strict=True)
        return [
            Answer(row, i, int(label), float(score), bool(hit)) for i, (label, score, hit) in enumerate(found)
        ]
    target, order = np.asarray(image.target), np.argsort(-np.asarray(result), kind="stable")
    return [
        Answer(row, i, int(label), float(result[label]), bool(target[label] > 0))
        for i, label in enumerate(order)
    ]


def select_informative(
    truth: ImageSet, results: Sequence[Any], count: int, several: bool = False
) -> list[Answer]:
    """Select predictions, one per image: in turn the most confident correct one, mistake, and the least confident.

    Each of the three takes the classes in turn, and new scenes first.

    Args:
        truth: labeled images.
        results: Detections, or (C,) probabilities, of each.
        count: maximum number of predictions.
        several: whether classes are independent: then a missed class is a mistake, too.
    """
    every = [
        answer
        for row, (image, result) in enumerate(zip(truth.examples, results, strict=True))
        for answer in _candidates(list_answers(row, image, result), result, several)
    ]
    if several:  # the prediction is that the class is present or absent
        every = [each._replace(right=each.right == (each.confidence >= 0.5)) for each in every]
    queues = [
        _in_turn([each for each in every if each.right], lambda each: -each.confidence),
        _in_turn([each for each in every if not each.right], lambda each: -each.confidence),
        _in_turn(every, lambda each: each.confidence),
    ]
    chosen: list[Answer] = []
    rows: set[int] = set()
    scenes: Counter[str] = Counter()
    while len(chosen) < count and any(queues):
        for queue in queues:
            queue[:] = [each for each in queue if each.row not in rows]
            if queue and len(chosen) < count:
                best = min(queue, key=lambda each: scenes[truth.examples[each.row].scene])
                chosen.append(best)
                rows.add(best.row)
                scene = truth.examples[best.row].scene
                scenes[scene] += bool(scene)
    return chosen


def _candidates(answers: list[Answer], result: Any, several: bool) -> list[Answer]:
    if isinstance(result, Detections):
        return [each for each in answers if each.confidence >= LEAST_SCORE]
    if several:
        return [each for each in answers if each.right or each.confidence >= 0.5][:1]
    return answers[:1]


def _in_turn(answers: list[Answer], order: Callable[[Answer], float]) -> list[Answer]:
    """Sort with one of each class before the next of any class."""
    turns: Counter[int] = Counter()
    placed = []
    for each in sorted(answers, key=order):
        placed.append((turns[each.label], each))
        turns[each.label] += 1
    return [each for _, each in sorted(placed, key=lambda pair: pair[0])]


def find_requested(truth: ImageSet, results: Sequence[Any], name: str) -> list[Answer]:
    """Return a requested prediction for a held-out image, or one for each crop of its file.

    Args:
        truth: the images.
        results: Detections, or (C,) probabilities, of each.
        name: of the file, with or without folders; with ":2" the prediction of the second-highest confidence.

    Raises:
        InputError: no such image or prediction.
    """
    path, _, tail = name.rpartition(":")
    rows, number = _rows(truth, name), 1
    if not rows and path and tail.isdecimal():
        rows, number = _rows(truth, path), int(tail)
    if not rows:
        some = ", ".join(dict.fromkeys(Path(each.path).name for each in truth.examples[:LISTED]))
        raise InputError(
            f"'{name}' is not among the {len(truth)} held-out images ({some} ...): give one of their names, or a number"
        )
    answers = [list_answers(row, truth.examples[row], results[row]) for row in rows[:OF_A_FILE]]
    found = [each[number - 1] for each in answers if 1 <= number <= len(each)]
    if not found:
        most = max(map(len, answers))
        hint = f"give :1 to :{most}" if most else "give another image"
        raise InputError(f"'{name}' requests prediction {number} of {most}: {hint}")
    return found


def _rows(truth: ImageSet, name: str) -> list[int]:
    wanted = os.path.normpath(name).split(os.sep)
    return [
        row
        for row, each in enumerate(truth.examples)
        if os.path.normpath(each.path).split(os.sep)[-len(wanted) :] == wanted
    ]
