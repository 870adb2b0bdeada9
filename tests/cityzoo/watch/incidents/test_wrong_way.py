"""Vehicles against the direction: found in time, by line, arrow and what is usual; nothing else is."""

import pytest

from cityzoo.watch.scene import Line, Scene, Zone
from tests.cityzoo.watch.watched_paths import drive, watch

EAST = [drive(-10, 60, 80, start) for start in range(0, 60, 3)]
WEST = [drive(410, 140, -80, start) for start in range(1, 60, 3)]
GHOST = drive(410, 60, -60, 50)
ARROW = Scene(
    zones=(Zone("north", ((0, 0.1), (1, 0.1), (1, 0.5), (0, 0.5)), arrow=((0.2, 0.3), (0.8, 0.3))),)
)
GATE = Scene(lines=(Line("gate", ((0.5, 0.1), (0.5, 0.5))),), forbidden=(("gate", "forward"),))


def u_turn(seconds):
    """Drive east in the northern lane, turn at x = 200 and leave in the southern lane."""
    if not 50 <= seconds < 62:
        return None
    passed = 60 * (seconds - 50)
    x, y = (passed, 60) if passed < 200 else (400 - passed, 140)
    return (x - 15, y - 10, x + 15, y + 10), 0


@pytest.mark.parametrize(
    ("rule", "scene"), [("wrong way", Scene()), ("wrong way in north", ARROW), ("wrong way on gate", GATE)]
)
def test_a_ghost_driver_is_found(rule, scene):
    """Within 5 s of coming into view, once; direction learned, by arrow, by line."""
    told, events = watch([*EAST, *WEST, GHOST], 70, [rule], scene)
    assert [kind for kind, _ in told] == ["wrong_way raised", "wrong_way released"]
    assert 50 <= told[0][1] <= 55 and events[0]["severity"] == "high" and events[0]["class"] == "car"


@pytest.mark.parametrize("scene", [Scene(), ARROW])
@pytest.mark.parametrize("paths", [[*EAST, *WEST], [*EAST, *WEST, u_turn]])
def test_traffic_and_turns_raise_nothing(paths, scene):
    """Noise, lost detections, vehicles in both directions, a U-turn between the lanes."""
    rule = "wrong way in north" if scene is ARROW else "wrong way"
    assert watch(paths, 70, [rule], scene, jitter=0.05, missed=0.15)[0] == []


def test_an_id_that_jumps_back_raises_nothing():
    """A vehicle vanishes where another one appears behind it, again and again."""

    def jump(seconds):
        x = 100 + 80 * (seconds % 1.0) - 40 * (seconds // 1.0 % 3)
        return ((x - 15, 50, x + 15, 70), 0) if 40 <= seconds < 60 else None

    assert watch([*EAST, jump], 70, ["wrong way in north"], ARROW)[0] == []


def test_a_parked_car_with_jitter_raises_nothing():
    """Its box trembles by a tenth of its size."""
    assert watch([*EAST, drive(200, 60, 0.0)], 60, ["wrong way in north"], ARROW, jitter=0.1)[0] == []


def test_without_an_usual_direction_there_is_no_alarm():
    """Both directions in one lane."""
    both = [drive(410, 60, -80, start) for start in range(1, 60, 6)]
    assert watch([*EAST, *both], 60, ["wrong way"])[0] == []


def test_the_next_one_is_another_incident():
    """Twenty seconds later at the same place; and one that is lost for a second on its way is one."""
    hidden = drive(410, 60, -60, 70, 90)
    lost = lambda seconds: None if 73.2 <= seconds < 74.6 else hidden(seconds)  # noqa: E731
    _, events = watch([*EAST, GHOST, lost], 85, ["wrong way in north"], ARROW)
    raised = [event for event in events if event["state"] == "raised"]
    assert len(raised) == 2 == len({event["incident"] for event in raised})
    assert not any("repeat" in event for event in raised)


def test_hops_in_a_jam_raise_nothing():
    """A queue stands; a track hops from its head to its end, a vehicle a second, again and again."""
    queue = [drive(60 + 70 * k, 60, 0.0, 40) for k in range(4)]

    def hop(seconds):
        x = 330 - 35 * ((seconds - 45) % 6)
        return ((x - 15, 50, x + 15, 70), 0) if (seconds - 45) % 6 < 2 and 45 <= seconds < 63 else None

    assert watch([*EAST[:13], *queue, hop], 65, ["wrong way in north"], ARROW)[0] == []
