"""Follow objects over frames as ByteTrack does."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cityzoo.errors import InputError
from cityzoo.watch.tracking.assignment import compute_covered_shares, compute_overlaps, match_pairs
from cityzoo.watch.tracking.motion import BoxMotion

HIGH_OVERLAP, LOW_OVERLAP, NEW_OVERLAP = 0.2, 0.3, 0.3  # least intersection over union in the three stages
LONGEST_REACH = 1.5  # box lengths
COVERED = 0.7  # share of a box covered by a tracked one at which it is no object of its own


class Detections(Protocol):
    """What a detector found in one frame."""

    @property
    def boxes(self) -> np.ndarray:
        """(N, 4), x1, y1, x2, y2 in pixels."""

    @property
    def scores(self) -> np.ndarray:
        """(N,), 0..1."""

    @property
    def labels(self) -> np.ndarray:
        """(N,), classes."""


@dataclass(frozen=True)
class Track:
    """An object in the frame where it was last detected."""

    id: int  # from 1, never reused
    box: tuple[float, float, float, float]  # x1, y1, x2, y2 in pixels, filtered
    score: float  # of the detection in this frame
    label: int  # class with the greatest sum of scores over the track
    class_share: float  # 0..1, its share of that sum
    age_seconds: float  # since the first detection
    is_confirmed: bool  # detected often enough to be counted

    @property
    def center(self) -> tuple[float, float]:
        """Center of the box in pixels."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


class _Memory:
    """What is known of a track besides its motion."""

    def __init__(self, number: int, seconds: float) -> None:
        self.number, self.first, self.last = number, seconds, seconds
        self.hits, self.score = 0, 0.0
        self.votes: dict[int, float] = defaultdict(float)

    def see(self, seconds: float, score: float, label: int) -> None:
        self.last, self.score, self.hits = seconds, score, self.hits + 1
        self.votes[label] += score


class Tracker:
    """Join detections of successive frames into tracks.

    Detections of at least the score `high` are matched to all tracks first, those between `low` and `high` then
    to the confirmed tracks that are left; only the former start tracks. Detectors that were
    trained briefly give good boxes low scores: take both thresholds from the report of the run. Classes do not
    restrict the matching, since they flip from frame to frame: a track's class is the one with the most votes.

    Unlike the original, steps take the real time between frames, overlaps are not multiplied by scores (which
    discards every match of a detector with scores around 0.2), and a detection left over continues a new track by
    its distance, since at low frame rates an object may not overlap itself in its second frame.

    Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", ECCV 2022,
    https://arxiv.org/abs/2110.06864.

    Args:
        high: 0..1, least score of a detection that starts a track.
        low: 0..high, least score of a detection that continues one; default: a third of `high`.
        lost_seconds: time after which a track that is not detected ends.
        hits: number of detections after which a track is confirmed.
        reach: fastest motion, in box lengths per second, at which an unconfirmed track, whose speed is not known
            yet, is continued without overlap, over 1.5 lengths at most; 0: never.

    Raises:
        InputError: values out of range.

    Example:
        >>> from types import SimpleNamespace
        >>> tracker = Tracker(high=0.2)
        >>> for frame in range(3):
        ...     box = np.array([[10.0 * frame, 0, 10.0 * frame + 40, 30]])
        ...     found = SimpleNamespace(boxes=box, scores=np.array([0.3]), labels=np.array([2]))
        ...     tracks = tracker.update(found, seconds=frame / 10)
        >>> [(track.id, track.label, track.is_confirmed) for track in tracks]
        [(1, 2, True)]
    """

    def __init__(
        self,
        high: float,
        low: float | None = None,
        *,
        lost_seconds: float = 1.0,
        hits: int = 2,
        reach: float = 4.0,
    ) -> None:
        low = high / 3 if low is None else low
        if not 0 < low <= high <= 1:
            raise InputError(f"tracking scores low {low:g}, high {high:g}: expected 0 < low <= high <= 1")
        if not (lost_seconds > 0 and hits >= 1 and reach >= 0):
            raise InputError(
                f"tracker with lost_seconds {lost_seconds:g}, hits {hits}, reach {reach:g}: "
                "expected lost_seconds > 0, hits >= 1, reach >= 0"
            )
        self.high, self.low, self.lost_seconds, self.hits, self.reach = high, low, lost_seconds, hits, reach
        self.highest_score = 0.0  # seen so far
        self._motion, self._memories = BoxMotion(), list[_Memory]()
        self._time: float | None = None
        self._step = 0.0
        self._started = 0

    def update(self, detections: Detections, seconds: float) -> list[Track]:
        """Return the tracks detected in this frame, by id.

        Args:
            detections: of one frame; overlapping boxes of several classes already reduced to one.
            seconds: time of the frame. Time that runs backwards (a stream that starts again) ends all tracks.
        """
        boxes = np.asarray(detections.boxes, float).reshape(-1, 4)
        scores, labels = np.asarray(detections.scores, float), np.asarray(detections.labels)
        self.highest_score = max(self.highest_score, float(scores.max(initial=0)))
        self._begin(seconds)
        strong, weak = scores >= self.high, (scores >= self.low) & (scores < self.high)
        confirmed = np.array([memory.hits >= self.hits for memory in self._memories], bool)
        free = np.ones(len(self._memories), bool)
        seen = np.zeros(len(boxes), bool)
        stages = (
            (strong, confirmed, HIGH_OVERLAP),
            (weak, confirmed, LOW_OVERLAP),
            (strong, ~confirmed, NEW_OVERLAP),
            (strong, ~confirmed, 0.0),
        )
        predicted = self._motion.boxes
        for usable, candidates, overlap in stages:
            rows, columns = np.flatnonzero(candidates & free), np.flatnonzero(usable & ~seen)
            if len(rows) and len(columns) and (overlap or self.reach):
                pairs = self._match(predicted[rows], boxes[columns], overlap)
                rows, columns = rows[pairs[:, 0]], columns[pairs[:, 1]]
                free[rows], seen[columns] = False, True
                self._motion.correct(rows, boxes[columns])
                for row, column in zip(rows, columns, strict=True):
                    self._memories[row].see(seconds, scores[column], int(labels[column]))
        self._forget(free & ~confirmed)
        doubles = compute_covered_shares(
            boxes, self._motion.boxes[[m.last == seconds for m in self._memories]]
        )
        for column in np.flatnonzero(strong & ~seen & (doubles < COVERED)):
            self._start(boxes[column], scores[column], int(labels[column]), seconds)
        return self._report(seconds)

    def check_scores(self) -> None:
        """Refuse a count of zero that only says that the threshold is too high.

        Raises:
            InputError: no detection has reached the threshold so far.
        """
        if self.highest_score < self.high:
            raise InputError(
                f"nothing would be counted: the highest score is {self.highest_score:.2f}, tracks start at "
                f"{self.high:.2f}; give a lower threshold or train the detector longer"
            )

    def _begin(self, seconds: float) -> None:
        """Move all tracks to the time of a frame, end those lost for too long."""
        previous, self._time = self._time, seconds
        if previous is not None and seconds >= previous:
            self._step = seconds - previous
            self._motion.predict(seconds - previous)
            self._forget(np.array([seconds - m.last > self.lost_seconds for m in self._memories], bool))
        else:
            self._forget(np.ones(len(self._memories), bool))

    def _match(self, tracks: np.ndarray, boxes: np.ndarray, overlap: float) -> np.ndarray:
        """Match by overlap, or by distance in box lengths where no overlap is asked for."""
        if overlap:
            return match_pairs(compute_overlaps(tracks, boxes), overlap)
        centers, lengths = zip(*((_centers(item), _lengths(item)) for item in (tracks, boxes)), strict=True)
        distance = np.linalg.norm(centers[0][:, None] - centers[1][None], axis=2)
        larger = np.maximum(lengths[0][:, None], lengths[1][None])
        smaller = np.minimum(lengths[0][:, None], lengths[1][None])
        reach = min(self.reach * self._step, LONGEST_REACH)
        nearness = np.where(smaller > larger / 2, 1 + reach - distance / larger, 0)
        return match_pairs(nearness, 1.0)

    def _start(self, box: np.ndarray, score: float, label: int, seconds: float) -> None:
        self._started += 1
        memory = _Memory(self._started, seconds)
        memory.see(seconds, score, label)
        self._memories.append(memory)
        self._motion.append(box[None])

    def _forget(self, ended: np.ndarray) -> None:
        if ended.any():
            self._motion.keep(~ended)
            self._memories = [memory for memory, end in zip(self._memories, ended, strict=True) if not end]

    def _report(self, seconds: float) -> list[Track]:
        tracks = []
        for memory, box in zip(self._memories, self._motion.boxes.tolist(), strict=True):
            if memory.last == seconds:
                label = max(memory.votes, key=memory.votes.__getitem__)
                share = memory.votes[label] / sum(memory.votes.values())
                age, confirmed = seconds - memory.first, memory.hits >= self.hits
                tracks.append(Track(memory.number, tuple(box), memory.score, label, share, age, confirmed))
        return tracks


def _centers(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def _lengths(boxes: np.ndarray) -> np.ndarray:
    return np.maximum(boxes[:, 2:] - boxes[:, :2], 1).max(axis=1)
