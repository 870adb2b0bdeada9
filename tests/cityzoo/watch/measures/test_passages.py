"""Lines: headways and occupancy by hand."""

import pytest

from cityzoo.watch.measures.motion import Motion
from cityzoo.watch.measures.passages import PassageMeter
from cityzoo.watch.scene import Line, Scene
from tests.cityzoo.watch.watched_paths import drive, observe, stop

LINE = Line("gate", ((0.5, 0.1), (0.5, 0.9)))


def measure(paths, seconds, **settings):
    """Return the columns of the direction with headways, or of any."""
    meter = PassageMeter(LINE, Motion())
    observe(paths, seconds, [meter], Scene(lines=(LINE,)), **settings)
    rows = meter.interval(0, seconds)
    assert meter.interval(0, seconds) == {("gate", "forward"): {}, ("gate", "back"): {}}
    return max(rows.values(), key=len)


def test_headways():
    """Crossings 3 and 7 s apart; the other direction has its own."""
    row = measure([drive(-10, 60, 80, start) for start in (1, 4, 11)] + [drive(410, 140, -80, 6)], 20)
    assert row["headway_seconds"] == pytest.approx(5, abs=0.1) and row["headway_shortest"] == pytest.approx(
        3, abs=0.1
    )


def test_a_gap_is_no_headway():
    """Two vehicles, and half a minute between them that nobody saw."""
    row = measure([drive(-10, 60, 80, start) for start in (1, 41)], 50, gaps=[(8, 40)])
    assert "headway_seconds" not in row


def test_occupancy():
    """A vehicle stands on the line for 30 of 60 s."""
    assert measure([stop(0, 200, 10, 40)], 60)["occupancy"] == pytest.approx(0.5, abs=0.03)
