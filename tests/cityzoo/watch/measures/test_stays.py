"""Zones: entries, stays, dwell, occupancy and queues by hand."""

import pytest

from cityzoo.watch.measures.motion import Motion
from cityzoo.watch.measures.stays import StayMeter
from cityzoo.watch.scene import Ground, Scene, Zone
from tests.cityzoo.watch.watched_paths import NAMES, drive, observe, stop

CORNERS = ((0.25, 0.3), (0.75, 0.3), (0.75, 0.7), (0.25, 0.7))  # x 100 to 300
GROUND = Ground(((0, 0), (1, 0), (1, 1), (0, 1)), ((0, 0), (40, 0), (40, 20), (0, 20)))  # a pixel is 0.1 m


def measure(paths, seconds=60, zone=None, ground=None, **settings):
    """Return the events, as (type, time, seconds), and the meter."""
    zone = zone or Zone("yard", CORNERS)
    meter = StayMeter(zone, Motion(ground), NAMES)
    events = observe(paths, seconds, [meter], Scene(zones=(zone,)), **settings)
    return [(event["type"], event["stream_seconds"], event.get("seconds")) for event in events], meter


def test_a_visit():
    """In the zone from 2.5 to 22.5 s, with a stop: it enters once, leaves once, and stays 20 s."""
    told, meter = measure([stop(0, 200, 5, 20)])
    assert [kind for kind, _, _ in told] == ["zone_enter", "zone_leave"]
    assert told[0][1] == pytest.approx(2.7, abs=0.5) and told[1][2] == pytest.approx(20, abs=0.7)
    row = meter.interval(0, 60)["yard"]
    assert row["dwell_seconds"] == row["dwell_longest"] == told[1][2]
    assert row["occupancy"] == pytest.approx(20 / 60, abs=0.02) and row["queue_longest"] == 1
    assert row["queue"] == pytest.approx(15 / 60, abs=0.04) and meter.interval(0, 60) == {}


def test_dwell_is_reported_once():
    """After the zone's seconds."""
    zone = Zone("yard", CORNERS, "dwell", 10.0)
    told, _ = measure([stop(0, 200, 5, 30)], zone=zone)
    assert [kind for kind, _, _ in told] == ["zone_enter", "dwell", "zone_leave"]
    assert told[1][1] == pytest.approx(12.5, abs=0.7)


def test_a_vehicle_that_is_lost_and_found_stays():
    """Hidden for 0.8 s at a stop and found under a new id; one hour that nobody saw is no stay."""
    path = stop(0, 200, 5, 20)
    hidden = [lambda seconds: None if 10 <= seconds < 10.8 else path(seconds)]
    assert [kind for kind, _, _ in measure(hidden)[0]] == ["zone_enter", "zone_leave"]
    told, meter = measure([stop(0, 200, 5, 1e9)], 100, gaps=[(10, 90)])
    assert meter.interval(0, 100)["yard"]["occupancy"] > 0.8 and told[-1][0] != "dwell"


def test_classes_of_the_zone():
    """Trucks alone."""
    zone = Zone("yard", CORNERS, classes=("truck",))
    assert [kind for kind, _, _ in measure([drive(0), drive(0, 120, label=1)], zone=zone)[0]].count(
        "zone_enter"
    ) == 1


def test_queue_in_metres():
    """Three stand 40 px, 4 m, apart before the stop line at x = 300: 9 m to the last one's middle, and its length."""
    zone = Zone("yard", CORNERS, arrow=((0.25, 0.5), (0.75, 0.5)))
    paths = [stop(0, 290 - 40 * k, 10 + k, 40) for k in range(3)]
    row = measure(paths, 35, zone, GROUND, jitter=0.01)[1].interval(0, 35)["yard"]
    assert row["queue_longest"] == 3 and row["queue_metres"] == pytest.approx(9 + 5, abs=0.6)
    far = [*paths, stop(0, 110, 20, 40)]  # 10 m behind the last, still of the queue
    assert measure(far, 35, zone, GROUND, jitter=0.01)[1].interval(0, 35)["yard"]["queue_metres"] > 23
