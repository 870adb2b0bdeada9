"""Rules that a scene cannot serve are one line."""

import pytest

from cityzoo.errors import InputError
from cityzoo.watch.incidents.build import make_observers
from cityzoo.watch.scene import Line, Scene, Zone

SCENE = Scene(lines=(Line("north", ((0, 0.5), (1, 0.5))),), zones=(Zone("lane", ((0, 0), (1, 0), (1, 1))),))


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("stopped car in lanes", "did you mean 'lane'"),
        ("stopped car in north", "unknown place of alarm"),
        ("wrong way on north", "no direction of line 'north' is forbidden"),
        ("headway in lane > 5", "unknown place of alarm"),
        ("headway > 5", "name a line, as in 'headway on north < 1'"),
        ("speed in lane < 15", "give 'ground' with four points"),
        ("stopped dog in lane", "unknown class"),
    ],
)
def test_rules_that_do_not_fit(rule, message):
    """Place, class or calibration is missing."""
    with pytest.raises(InputError) as caught:
        make_observers("road", SCENE, ["car", "truck"], rules=[rule])
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_marks_alone_are_rules():
    """A zone without stopping, one without vehicles, a forbidden direction; a written rule takes their place."""
    corners = ((0, 0), (1, 0), (1, 1))
    zones = (Zone("bay", corners, "stopped", 90.0), Zone("tram", corners, "forbidden"), Zone("lane", corners))
    scene = Scene(SCENE.lines, zones, forbidden=(("north", "back"),))
    texts = [item.rule.text for item in make_observers("road", scene, ["car"], rules=["stopped car in lane"])]
    assert texts == ["stopped car in lane", "stopped in bay for 90s", "vehicle in tram", "wrong way on north"]
    written = ["stopped car in bay for 5s", "wrong way on north severity low", "car in tram >= 0.5"]
    assert [item.rule.text for item in make_observers("road", scene, ["car"], rules=written)] == written
