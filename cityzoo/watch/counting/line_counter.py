"""Count tracks that cross a line, each once and in its direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cityzoo.watch.counting.path import Path
from cityzoo.watch.scene.line import BACK, BOTH, FORWARD, Line, intersect, measure_sides
from cityzoo.watch.tracking import Track
from cityzoo.watch.tracking.assignment import compute_covered_shares

Box = tuple[float, float, float, float]

BAND_OF_BOX, BAND_OF_IMAGE = (
    0.1,
    0.02,
)  # half the width of the dead band: of the box and of the image, in heights
FRAMES = 2  # beyond the dead band until a track is settled on the other side
FAR = 5.0  # dead bands at which one frame is enough: fast vehicles and low frame rates
AWAY = 1.0  # box lengths that a track departs before it counts again in the same direction
DOUBLE_SECONDS = 1.5  # in which two boxes on one object cross
INSIDE = 0.8  # share of the smaller box inside the other one, at which both are on one object
STRONG_SHARE = 1 / 3  # of the detections of the last second
JOIN_SECONDS = 1.0  # after which a new track no longer continues a lost one


@dataclass(frozen=True)
class Crossing:
    """A track that has crossed a line."""

    line: str
    direction: str  # "forward" or "back"
    sides: tuple[str, str]  # names of the side that it came from and of the one that it went to
    track: int
    label: int  # class, by vote so far
    class_share: float
    score: float
    time: float  # interpolated between the frames, in the clock of the updates
    point: tuple[float, float]  # interpolated, in pixels
    is_joined: bool  # the track was lost at the line and found under another id


class LineCounter:
    """Count crossings of the centers of tracks over a line.

    A track is settled on a side while its center is beyond the dead band, which is a tenth of its box high and at
    least 2 % of the image. It counts when it is settled on the other side and its way led over the line itself, not
    over the line's extension. Jitter on the line, stops on it and turns in the dead band count nothing.

    Two boxes on one object, such as a truck and its cab, count once: the second one lies inside the first, and crosses
    in the same direction right after it. A track settles only where it has a strong detection, and a third of those
    of the last second are strong: when an object leaves the image, its track often slips to a faint box of the
    background, which lives long.

    Args:
        line: to count at.
        image_hw: height and width of the image in pixels.
        strong: 0..1, score of a detection that settles a track; the tracker's `high`.

    Example:
        >>> counter = LineCounter(Line("north", ((0, 0.5), (1, 0.5)), ("north", "south")), (100, 200))
        >>> for frame in range(10):
        ...     y = 20.0 + 8 * frame
        ...     track = Track(1, (90, y - 5, 110, y + 5), 0.3, 2, 1.0, frame / 10, True)
        ...     for crossing in counter.update([track], frame / 10):
        ...         print(crossing.direction, crossing.sides, round(crossing.time, 3), crossing.point)
        forward ('north', 'south') 0.375 (100.0, 50.0)
    """

    def __init__(self, line: Line, image_hw: tuple[int, int], strong: float = 0.0) -> None:
        self.strong = strong
        self.line, self.points, self.least_band = line, line.scale(image_hw), BAND_OF_IMAGE * image_hw[0]
        self.totals = {FORWARD: 0, BACK: 0}
        self.joins = 0  # of tracks that were found under another id
        self.doubles = 0  # second boxes on objects that were counted
        self._counted: list[Crossing] = []  # lately
        self._paths: dict[int, Path] = {}

    def update(self, tracks: Sequence[Track], time: float) -> list[Crossing]:
        """Return the crossings that this frame settles, by track.

        Args:
            tracks: that were detected in the frame; unconfirmed ones are followed, never counted.
            time: of the frame, in seconds.
        """
        present = {track.id for track in tracks}
        self._paths = {
            key: path
            for key, path in self._paths.items()
            if key in present or 0 <= time - path.time <= JOIN_SECONDS
        }
        centers = np.array([track.center for track in tracks], float).reshape(-1, 2)
        distances = measure_sides(centers, self.points).tolist()
        found = [
            self._follow(track, point, distance, time, present)
            for track, point, distance in zip(tracks, centers, distances, strict=True)
        ]
        boxes = {track.id: track.box for track in tracks}
        self._counted = [item for item in self._counted if 0 <= time - item.time <= DOUBLE_SECONDS]
        crossings = [
            crossing for crossing in found if crossing and self.line.direction in (BOTH, crossing.direction)
        ]
        return [crossing for crossing in crossings if self._is_first(crossing, boxes)]

    def _is_first(self, crossing: Crossing, boxes: Mapping[int, Box]) -> bool:
        """Count a crossing, unless it is of a second box on an object that was counted."""
        for other in self._counted:
            if (
                other.direction != crossing.direction
                or other.track == crossing.track
                or other.track not in boxes
            ):
                continue
            here, there = np.array([boxes[crossing.track]]), np.array([boxes[other.track]])
            inside = max(compute_covered_shares(here, there)[0], compute_covered_shares(there, here)[0])
            if inside >= INSIDE:
                self.doubles += 1
                return False
        self._counted.append(crossing)
        self.totals[crossing.direction] += 1
        return True

    def _follow(
        self, track: Track, point: np.ndarray, distance: float, time: float, present: set[int]
    ) -> Crossing | None:
        width, height = track.box[2] - track.box[0], track.box[3] - track.box[1]
        band, length = max(BAND_OF_BOX * height, self.least_band), max(width, height)
        path = self._paths.get(track.id) or self._join(track.id, point, time, length, present)
        if path is None:
            side = int(np.sign(distance)) if abs(distance) > band else 0
            path = Path(track.id, point, time, side, distance, distance, length=length)
            self._paths[track.id] = path
            path.note_score(time, track.score >= self.strong)
            return None
        share_strong = path.note_score(time, track.score >= self.strong)
        is_over = path.distance * distance <= 0
        share = intersect(path.point, point, self.points) if is_over else None
        if share is not None:
            path.crossing = (
                path.time + share * (time - path.time),
                path.point + share * (point - path.point),
            )
        path.move(point, time, length)
        path.distance = distance
        path.farthest = {key: max(value, abs(distance)) for key, value in path.farthest.items()}
        return self._settle(path, track, distance, band, share_strong >= STRONG_SHARE)

    def _settle(
        self, path: Path, track: Track, distance: float, band: float, is_clear: bool
    ) -> Crossing | None:
        """Put a track on the side where it is for good, and return its crossing."""
        side = int(np.sign(distance))
        if abs(distance) <= band or side == path.side:
            path.frames, path.is_strong = 0, False
            if abs(distance) > band:
                path.crossing = None  # it is back where it came from
            return None
        path.frames += 1
        path.is_strong |= track.score >= self.strong
        is_sure = track.is_confirmed and path.is_strong and is_clear
        if not is_sure or (path.frames < FRAMES and abs(distance) < FAR * band):
            return None
        was_other_side = path.side == -side or (path.start * side < 0)
        crossing, path.crossing, path.side, path.frames = path.crossing, None, side, 0
        path.is_strong = False
        is_new = path.farthest.get(side, np.inf) >= AWAY * path.length
        if crossing is None or not was_other_side or not is_new:
            return None
        path.farthest[side] = 0.0
        return self._describe(path, track, side, crossing)

    def _describe(self, path: Path, track: Track, side: int, crossing: tuple[float, np.ndarray]) -> Crossing:
        forward, (time, point) = side > 0, crossing
        return Crossing(
            line=self.line.name,
            direction=FORWARD if forward else BACK,
            sides=self.line.sides if forward else (self.line.sides[1], self.line.sides[0]),
            track=track.id,
            label=track.label,
            class_share=track.class_share,
            score=track.score,
            time=time,
            point=(float(point[0]), float(point[1])),
            is_joined=path.is_joined,
        )

    def _join(
        self, number: int, point: np.ndarray, time: float, length: float, present: set[int]
    ) -> Path | None:
        """Return the path of a lost track that a new one continues, now under its number."""
        lost = [
            path
            for key, path in self._paths.items()
            if key not in present and path.continues_at(point, time, length)
        ]
        if not lost:
            return None
        path = min(lost, key=lambda item: float(np.linalg.norm(item.point - point)))
        self._paths[number] = self._paths.pop(path.track)
        path.track, path.is_joined = number, True
        self.joins += 1
        return path
