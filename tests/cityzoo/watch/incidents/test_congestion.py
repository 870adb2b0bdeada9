"""Jams: several slow vehicles for the rule's seconds; one slow vehicle and the other direction are none."""

import pytest

from cityzoo.watch.scene import Scene, Zone
from tests.cityzoo.watch.watched_paths import drive, stop, watch

BEFORE = [drive(-10, 100, 80, start) for start in range(0, 30, 3)]
WEST = [drive(410, 150, -80, start) for start in range(1, 80, 3)]
JAM = [stop(0, 380 - 45 * k, 36 + k * 1.2, 70, 100, 80) for k in range(7)]
LANE = Scene(zones=(Zone("lane", ((0, 0.4), (1, 0.4), (1, 0.6), (0, 0.6))),))


@pytest.mark.parametrize(
    ("rule", "scene"), [("congestion for 10s", Scene()), ("congestion in lane for 10s", LANE)]
)
def test_a_jam_is_found_and_dissolves(rule, scene):
    """Seven vehicles stand from about 40 to 70 s, while the other direction flows."""
    told, events = watch([*BEFORE, *WEST, *JAM], 90, [rule], scene)
    assert [kind for kind, _ in told] == ["congestion raised", "congestion released"]
    assert 48 <= told[0][1] <= 60 and 70 <= told[1][1] <= 85
    assert events[0].get("zone") == ("lane" if scene is LANE else None)


@pytest.mark.parametrize("paths", [[*BEFORE, *WEST], [*BEFORE, *WEST, *JAM[:2]]])
def test_flowing_traffic_and_two_stops_are_none(paths):
    """At least four vehicles are slow in a jam."""
    assert watch(paths, 90, ["congestion for 10s"])[0] == []


def test_a_jam_is_no_stopped_vehicle():
    """Nor is its head."""
    assert watch([*BEFORE, *WEST, *JAM], 90, ["stopped for 10s"])[0] == []
