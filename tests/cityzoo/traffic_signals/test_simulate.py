"""SUMO itself: what a lane lets through is what the formulas take."""

from xml.etree import ElementTree

import pytest

from cityzoo.errors import InputError
from cityzoo.traffic_signals import sumo
from cityzoo.traffic_signals.junction import Junction, exit_arm
from cityzoo.traffic_signals.sumo import period_program, write_network, write_xml
from cityzoo.traffic_signals.webster import Plan

try:
    sumo.sumo_home()
except InputError as missing:
    pytest.skip(str(missing), allow_module_level=True)


def through(folder, junction, plan):
    """Vehicles that a queue without end sends through north's two lanes in each cycle."""
    turns = [
        "straight",
        "left",
        "straight",
        "right",
        "left",
        "straight",
        "left",
        "straight",
        "left",
        "straight",
    ]
    queue = [
        f'<vehicle id="{i}" depart="{i * 1.5:.1f}" departLane="best" departSpeed="max">'
        f'<route edges="north_in {exit_arm("north", turns[i % 10])}_out"/></vehicle>'
        for i in range(1200)
    ]
    write_xml(folder / "queue.rou.xml", "routes", queue)
    counters = [
        f'<inductionLoop id="{lane}" lane="north_in_{lane}" pos="-1" period="{plan.cycle}" file="loops.xml"/>'
        for lane in (0, 1)
    ]
    write_xml(folder / "queue.add.xml", "additional", [*period_program(junction, [plan], 1440, 0), *counters])
    given = ["-n", "junction.net.xml", "-r", "queue.rou.xml", "-a", "queue.add.xml", "--end", "1800"]
    sumo.call("sumo", [*given, "--no-step-log", "--no-warnings", "--time-to-teleport", "-1"], folder)
    counted = {"0": [], "1": []}
    for interval in ElementTree.parse(folder / "loops.xml").getroot():
        if 300 <= float(interval.get("begin")) <= 1800 - plan.cycle:
            counted[interval.get("id")].append(int(interval.get("nVehContrib")))
    return [sum(counts) / len(counts) for counts in counted.values()]


def test_lanes_let_through_what_the_formulas_take(tmp_path):
    """Saturation flow x effective green, within 15 %."""
    junction, plan = Junction(), Plan((36, 15, 11, 5), 5, 1)
    write_network(junction, tmp_path)
    straight, left = through(tmp_path, junction, plan)
    assert straight == pytest.approx(1680 * 35 / 3600, rel=0.15)
    assert left == pytest.approx(1600 * 14 / 3600, rel=0.15)
