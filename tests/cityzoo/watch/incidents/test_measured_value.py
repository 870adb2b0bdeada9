"""Limits of what is measured: raised when beyond them for four fifths of the time, released by hold."""

import pytest

from cityzoo.watch.incidents.build import make_observers
from cityzoo.watch.scene import Ground, Line, Scene, Zone
from tests.cityzoo.watch.watched_paths import NAMES, drive, stop, watch

ZONE = Zone("yard", ((0.4, 0.3), (0.6, 0.3), (0.6, 0.7), (0.4, 0.7)))  # x 160 to 240
GROUND = Ground(((0, 0), (1, 0), (1, 1), (0, 1)), ((0, 0), (40, 0), (40, 20), (0, 20)))  # a pixel is 0.1 m
SCENE = Scene(lines=(Line("gate", ((0.5, 0.2), (0.5, 0.8))),), zones=(ZONE,), ground=GROUND)
THREE = [stop(0, 180 + 20 * k, 10, 40, 80 + 20 * k) for k in range(3)]


@pytest.mark.parametrize(
    ("rule", "type_"),
    [
        ("speed in yard < 5", "congestion"),
        ("speed in yard > 5", "limit"),
        ("queue in yard > 5", "congestion"),
        ("count in yard > 5", "limit"),
    ],
)
def test_types(rule, type_):
    """A low speed is a jam, a high one is not."""
    (observer,) = make_observers("road", SCENE, NAMES, rules=[rule])
    assert observer.log.type == type_


@pytest.mark.parametrize(
    ("rule", "paths", "raised", "released"),
    [
        ("count in yard > 2 for 10s", THREE, (16, 20), (38, 46)),
        ("count in yard > 3 for 10s", THREE, None, None),
        ("queue in yard > 2 for 10s", THREE, (17, 24), (38, 46)),
        ("occupancy in yard > 80 % for 10s", THREE, (15, 20), (41, 46)),
        ("occupancy on gate > 80 % for 10s", [stop(0, 200, 10, 40)], (16, 20), (41, 46)),
        ("dwell in yard > 20 s", [stop(0, 200, 10, 40)], (28, 33), (41, 46)),
        ("speed in yard < 10 km/h for 8s", [stop(0, 200, 10, 40, speed=80)], (16, 23), None),
        (
            "speed in yard > 20 km/h",
            [drive(0, 100, 80, 10)],
            (11, 15),
            (42, 46),
        ),  # 80 px/s are 8 m/s, 28.8 km/h
        ("headway on gate < 2 s", [drive(0, 100, 80, start) for start in (5, 6.2)], (7, 11), (38, 42)),
        ("headway on gate > 20 s", [drive(0, 100, 80, 5)], (27, 31), None),
    ],
)
def test_limits(rule, paths, raised, released):
    """A table by hand: when each alarm may come and go."""
    told, events = watch(paths, 50, [rule], SCENE)
    assert len(told) == (raised is not None) + (released is not None)
    if raised:
        assert raised[0] <= told[0][1] <= raised[1] and "value" in events[0]
    if released:
        assert released[0] <= told[1][1] <= released[1]


def test_unseen_time_is_no_empty_zone():
    """An alarm on too little traffic does not rise in a gap."""
    rule = ["count in yard < 1 for 30s"]
    parked = drive(200, speed=0.0)
    assert watch([parked], 60, rule, SCENE, gaps=[(10, 50)])[0] == []


def test_an_empty_zone_ends_an_alarm_on_speeds():
    """Slow vehicles until 20 s, then nobody: there is no speed, and no alarm for ever."""
    slow = [drive(140, 80 + 20 * k, 8, 2, end=20) for k in range(2)]
    told, events = watch(slow, 80, ["speed in yard < 10 for 5s"], SCENE)
    assert [kind for kind, _ in told] == ["congestion raised", "congestion released"]
    assert told[0][1] < 20 and 44 <= told[1][1] <= 48 and "value" in events[0]
