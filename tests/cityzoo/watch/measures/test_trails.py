"""Speeds of tracks, the clock of observation, and identities."""

from types import SimpleNamespace

import numpy as np
import pytest

from cityzoo.watch.measures.flow_field import FlowField, locate
from cityzoo.watch.measures.motion import Motion
from cityzoo.watch.scene import Ground, Scene
from tests.cityzoo.watch.watched_paths import drive, observe


class Probe:
    """Remembers what the trails say in each frame."""

    def __init__(self, ground=None):
        self.motion, self.rows = Motion(ground), []

    def update(self, observation):
        """Take a frame, twice: the second time changes nothing."""
        for _ in range(2):
            self.motion.update(observation)
        trails = self.motion.trails
        ids = [trails.identities[track.id] for track in trails.tracks]
        self.rows.append(
            (trails.clock, trails.velocity.copy(), trails.metres.copy(), trails.pace.copy(), ids)
        )
        return []


@pytest.mark.parametrize("fps", [3, 5, 12.5, 30])
def test_speeds(fps):
    """40 px/s are 4 m/s on this ground and 1.63 sizes of 24.5 px per second."""
    probe = Probe(Ground(((0, 0), (1, 0), (1, 1), (0, 1)), ((0, 0), (40, 0), (40, 20), (0, 20))))
    observe([drive(0)], 6, [probe], Scene(), fps=fps, jitter=0.0)
    _, velocity, metres, pace, _ = probe.rows[-1]
    assert velocity[0] == pytest.approx([40, 0], abs=0.5) and metres[0] == pytest.approx(4, abs=0.1)
    assert pace[0] == pytest.approx(40 / np.sqrt(600), rel=0.02)


def test_the_clock_stands_still_in_gaps():
    """Twenty seconds of which ten are not observed."""
    probe = Probe()
    observe([drive(0)], 20, [probe], Scene(), gaps=[(5, 15)])
    assert probe.rows[-1][0] == pytest.approx(9.6, abs=0.3)


def test_a_lost_vehicle_keeps_its_identity():
    """Hidden for 1.4 s, in which the tracker forgets it; a vehicle far behind is another one."""
    path = drive(0)
    probe = Probe()
    observe([lambda s: None if 4 <= s < 5.4 else path(s), drive(0, 160, 40, 6)], 8, [probe], Scene())
    assert len({key for row in probe.rows for key in row[4]}) == 2


def test_the_usual_direction_needs_several_that_agree():
    """Seven vehicles are too few; fifty-fifty is no direction."""
    field, cell = FlowField(), np.zeros(1, int)
    for _ in range(7):
        field.learn(cell, np.array([[3.0, 0.0]]), np.array([2.0]))
    assert not field.directions(cell).any()
    field.learn(cell, np.array([[3.0, 0.0]]), np.array([2.0]))
    assert field.directions(cell).tolist() == [[1.0, 0.0]] and field.paces(cell)[0] == pytest.approx(2)
    for _ in range(8):
        field.learn(cell, np.array([[-3.0, 0.0]]), np.array([2.0]))
    assert not field.directions(cell).any()
    assert locate(np.array([[0.0, 0.0], [1.0, 1.0], [0.5, 0.0]])).tolist() == [0, 431, 12]


def test_a_frame_after_a_gap_is_a_frame_of_its_own():
    """The clock stands still, the tracks are others: as many cells as tracks."""
    probe = Probe()
    counts = []

    def note(observation):
        probe.update(observation)
        field, trails = probe.motion.field, probe.motion.trails
        counts.append(
            (len(field.cells), len(field.ways), len(field.slow), len(trails.tracks), trails.after_gap)
        )
        return []

    paths = [drive(0, 100), drive(100, 50, 40, 0, 6), *(drive(50 * k, 150, 20, 13) for k in range(4))]
    observe(paths, 20, [SimpleNamespace(update=note)], Scene(), gaps=[(6, 14)])
    assert all(len(set(row[:4])) == 1 for row in counts) and sum(row[4] for row in counts) == 1
