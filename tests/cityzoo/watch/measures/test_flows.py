"""Turning movements: the first place and the last, once per vehicle."""

from cityzoo.watch.measures.flows import FlowMeter
from cityzoo.watch.measures.motion import Motion
from cityzoo.watch.scene import Flow, Line, Scene, Zone
from tests.cityzoo.watch.watched_paths import NAMES, drive, observe

SCENE = Scene(
    lines=(Line("west", ((0.1, 0), (0.1, 1))), Line("east", ((0.9, 0), (0.9, 1)))),
    zones=(Zone("middle", ((0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6))),),
    flows=(Flow("through", "west", "east"), Flow("back", "east", "west"), Flow("parking", "west", "middle")),
)


def follow(paths, seconds=30, **settings):
    """Return the flows and the totals."""
    meter = FlowMeter(SCENE, Motion(), NAMES)
    events = observe(paths, seconds, [meter], SCENE, **settings)
    return [(event["flow"], event["from"], event["to"], event["class"]) for event in events], dict(
        meter.totals
    )


def test_flows():
    """Two go through, over the middle, one goes back, one ends in the middle, one begins there."""
    told, totals = follow(
        [
            *(drive(-10, 100, 60, start) for start in (1, 9)),
            drive(410, 40, -60, 2, label=1),
            drive(-10, 90, 60, 16, end=19.4),
            drive(200, 110, 60, 22),
        ]
    )
    assert totals == {"through": 2, "back": 1, "parking": 1}
    assert sorted(told) == [
        ("back", "east", "west", "truck"),
        ("parking", "west", "middle", "car"),
        ("through", "west", "east", "car"),
        ("through", "west", "east", "car"),
    ]


def test_a_vehicle_that_is_lost_on_its_way_is_one():
    """Hidden for more than a second between the lines: found under a new id."""
    path = drive(-10, 100, 60, 1)
    hidden = [lambda seconds: None if 4 <= seconds < 5.4 else path(seconds)]
    assert follow(hidden)[1]["through"] == 1
