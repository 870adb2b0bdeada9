"""Paths walked over a line, and the crossings that a person would count."""

import numpy as np
import pytest

from cityzoo.watch.counting import LineCounter
from cityzoo.watch.scene import Line
from cityzoo.watch.tracking import Track

LINE = Line("road", ((0.1, 0.5), (0.9, 0.5)), ("north", "south"))  # y = 216, x from 77 to 691
HW = (432, 768)  # dead band 8.64 px
DOWN, UP = list(range(100, 340, 10)), list(range(340, 100, -10))


def walk(ys, x=400, ids=1, confirmed=True, half=(20, 15), score=0.3):
    """One track per frame along `ys`; None: not detected."""
    ys, (w, h) = list(ys), half
    ids = [ids] * len(ys) if isinstance(ids, int) else ids
    return [
        [] if y is None else [Track(i, (x - w, y - h, x + w, y + h), score, 1, 1.0, 1.0, confirmed)]
        for y, i in zip(ys, ids, strict=True)
    ]


def together(*walks):
    return [sum(frame, []) for frame in zip(*walks, strict=True)]


def count(frames, line=LINE, fps=10.0):
    counter = LineCounter(line, HW)
    found = [crossing for i, tracks in enumerate(frames) for crossing in counter.update(tracks, i / fps)]
    assert counter.totals == {way: sum(x.direction == way for x in found) for way in ("forward", "back")}
    return tuple(counter.totals.values())


random = np.random.default_rng(0)
JITTER = list(216 + random.uniform(-8, 8, 200))
CASES = {  # name: (frames, (forward, back))
    "down": (walk(DOWN), (1, 0)),
    "up": (walk(UP), (0, 1)),
    "jitter on the line": (walk(JITTER), (0, 0)),
    "down with a stop on the line": (walk([*range(100, 216, 10), *JITTER, *range(216, 340, 10)]), (1, 0)),
    "stop on the line, then back": (walk([*range(100, 216, 10), *JITTER, *range(216, 100, -10)]), (0, 0)),
    "turn in the dead band": (walk([*range(100, 222, 4), *range(222, 100, -4)]), (0, 0)),
    "turn beyond it": (walk([*DOWN, *UP]), (1, 1)),
    "shuttles by less than a box": (walk([*range(100, 240, 10), *([196, 196, 236, 236] * 5)]), (1, 1)),
    "round and round": (walk([*DOWN, *UP, *DOWN, *UP]), (2, 2)),
    "one frame of noise beyond the line": (walk([*[200] * 10, 228, *[200] * 10]), (0, 0)),
    "starts beyond the line": (walk(range(230, 340, 10)), (0, 0)),
    "born in the band, moves across": (walk(range(210, 340, 4)), (1, 0)),
    "born in the band, moves away": (walk(range(210, 100, -4)), (0, 0)),
    "born on the line's other side, moves on": (walk(range(219, 340, 4)), (0, 0)),
    "beyond the line's end": (walk(DOWN, x=720), (0, 0)),
    "round the line's end and back over it": (
        together(walk([*DOWN, *UP]))[:24] + walk([335] * 40, x=720) + walk([100] * 5, x=720),
        (1, 0),
    ),
    "unconfirmed": (walk(DOWN, confirmed=False), (0, 0)),
    "confirmed after the line": (walk(DOWN[:14], confirmed=False) + walk(DOWN[14:]), (1, 0)),
    "two at once": (together(walk(DOWN, 200, 1), walk(UP, 500, 2)), (1, 1)),
    "two one behind the other": (
        together(walk(DOWN, 400, 1), walk([y - 60 for y in DOWN], 400, 2)),
        (2, 0) if DOWN[-1] - 60 > 240 else (1, 0),
    ),
    "id switch on the line": (walk(DOWN, ids=[1] * 12 + [2] * 12), (1, 0)),
    "id switch before it": (walk(DOWN, ids=[1] * 11 + [2] * 13), (1, 0)),
    "id switch after it": (walk(DOWN, ids=[1] * 14 + [2] * 10), (1, 0)),
    "five ids while it stands on the line": (
        walk(
            [*range(100, 216, 10), *JITTER[:50], *range(216, 340, 10)],
            ids=[1] * 12 + [2, 3, 4, 5, 6] * 10 + [7] * 13,
        ),
        (1, 0),
    ),
    "lost for half a second at the line": (walk([*DOWN[:9], *[None] * 5, *DOWN[14:]]), (1, 0)),
    "lost at the line and found under another id": (
        walk([*DOWN[:9], *[None] * 5, *DOWN[14:]], ids=[1] * 9 + [2] * 15),
        (1, 0),
    ),
    "follower born where the first was lost": (
        walk([*range(100, 250, 10), *[None] * 3, *range(200, 340, 10)], ids=[1] * 18 + [2] * 14),
        (2, 0),
    ),
    "every 6th frame": (walk(DOWN[::6]), (1, 0)),
    "one frame on either side": (walk([150, 290]), (1, 0)),
    "drops of frames": (walk([100, 110, None, None, None, 180, None, 250, 260]), (1, 0)),
}


@pytest.mark.parametrize("frames, expected", CASES.values(), ids=CASES.keys())
def test_crossings_of_a_path(frames, expected):
    assert count(frames) == expected


@pytest.mark.parametrize("name", ["down", "up", "turn beyond it", "two at once", "every 6th frame"])
def test_reversed_line_swaps_the_directions(name):
    frames, (forward, back) = CASES[name]
    line = Line("road", LINE.points[::-1], LINE.sides)
    assert count(frames, line) == (back, forward)


def test_only_the_wanted_direction():
    assert count(CASES["turn beyond it"][0], Line("road", LINE.points, direction="back")) == (0, 1)


def test_time_and_point_are_interpolated():
    counter = LineCounter(LINE, HW)
    frames = walk(range(100, 340, 30))
    (crossing,) = [x for i, tracks in enumerate(frames) for x in counter.update(tracks, 100 + i * 0.5)]
    assert crossing.time == pytest.approx(100 + (216 - 100) / 30 * 0.5)
    assert crossing.point == pytest.approx((400, 216))
    assert crossing.sides == ("north", "south")


def test_corner_of_a_line_of_two_segments():
    line = Line("corner", ((0.2, 0.2), (0.5, 0.5), (0.8, 0.2)))
    assert count(walk(range(40, 400, 10), x=384), line) == (1, 0)
    assert count(walk(range(40, 400, 10), x=730), line) == (0, 0)


def test_a_truck_and_its_cab_count_once_but_neighbors_and_followers_each():
    truck, later = walk(DOWN, half=(60, 50)), [None] * 3 + DOWN[:-3]
    cab = walk(later, ids=2)
    counter = LineCounter(LINE, HW)
    for frame, tracks in enumerate(together(truck, cab)):
        counter.update(tracks, frame / 10)
    assert (counter.totals["forward"], counter.doubles) == (1, 1)
    assert count(together(truck, walk(later, x=490, ids=2))) == (2, 0), "beside it"
    assert count(together(truck, walk(UP, ids=2))) == (1, 1), "the other way"
    follower = walk([None] * 17 + DOWN[:-17], ids=2)
    assert count(together(truck, follower)) == (1, 0), "does not reach the line"
    assert count(together(walk(DOWN[:18] + [None] * 24, half=(60, 50)), walk([None] * 18 + DOWN, ids=2))) == (
        2,
        0,
    )


def test_weak_detections_settle_nothing_until_a_strong_one_comes():
    def totals(after):
        counter = LineCounter(LINE, HW, strong=0.25)
        frames = walk(DOWN[:10]) + walk(DOWN[10:], score=0.1)[:after] + walk(DOWN[10 + after :])
        for frame, tracks in enumerate(frames):
            counter.update(tracks, frame / 10)
        return counter.totals["forward"]

    assert totals(len(DOWN) - 10) == 0
    assert totals(8) == 1


def test_one_strong_flash_of_a_faint_track_settles_nothing():
    counter = LineCounter(LINE, HW, strong=0.25)
    scores = [0.3] * 2 + [0.1] * 14 + [0.3] + [0.1] * 7
    for frame, (y, score) in enumerate(zip(DOWN, scores, strict=True)):
        counter.update(walk([y], score=score)[0], frame / 10)
    assert counter.totals["forward"] == 0
