"""Response plans from YAML."""

import pytest
import yaml

from cityzoo.errors import InputError
from cityzoo.watch.response.plan import Action
from cityzoo.watch.response.reader import parse_plans, read_plans

TEXT = """
timezone: Europe/Vienna
plans:
  - name: blocked lane
    on: {type: [stopped, wrong_way], camera: "north*", class: car, between: "06:00-22:00", days: [mon, fri]}
    do:
      - webhook: https://control.example/alarms
      - mqtt: {topic: city/signs/7, message: {text: slow}}
      - mail: duty@city.example
      - clip: [south, east]
      - signals: {junction: "7", program: jam}
      - person: Duty officer
    cooldown: 10min
    escalate:
      - after: 5min
        do: [{mail: [head@city.example]}]
      - {after: 1h, do: [{person: Mayor}]}
"""
ALARM = {
    "id": "a1",
    "type": "stopped",
    "state": "raised",
    "camera": "north2",
    "class": "car",
    "time": "2026-05-01T04:30:00.000+00:00",  # Friday, 06:30 in Vienna
}


def test_a_file_is_read_with_levels_and_targets(tmp_path):
    (tmp_path / "plans.yaml").write_text(TEXT)
    (plan,) = read_plans(tmp_path / "plans.yaml")
    assert [level.after for level in plan.levels] == [0, 300, 3600]
    assert plan.levels[0].actions[3:] == (
        Action("clip", ("south", "east")),
        Action("signals", {"junction": "7", "program": "jam"}),
        Action("person", "Duty officer"),
    )
    assert plan.levels[1].actions == (Action("mail", ("head@city.example",)),)
    assert plan.cooldown == 600


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"type": "wrong_way"}, True),
        ({"type": "congestion"}, False),
        ({"camera": "south"}, False),
        ({"class": "person"}, False),
        ({"state": "released"}, False),
        ({"time": "2026-05-01T03:59:59.000+00:00"}, False),  # 05:59 in Vienna
        ({"time": "2026-05-01T20:00:00.000+00:00"}, False),  # 22:00
        ({"time": "2026-04-30T23:59:00.000+00:00"}, False),  # Friday there, but at night
        ({"time": "2026-05-02T10:00:00.000+00:00"}, False),  # Saturday
    ],
)
def test_a_plan_fits_by_fields_patterns_and_local_time(changes, expected):
    (plan,) = parse_plans(yaml.safe_load(TEXT))
    assert plan.fits(ALARM | changes) is expected


def plan(**changes):
    """Return the content of a file with a plan."""
    return {"plans": [{"name": "a", "do": [{"person": "b"}]} | changes]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "expected keys and values"),
        ({}, "no plans"),
        ({"plan": []}, "did you mean 'plans'"),
        ({"plans": "x"}, "expected a list"),
        (plan(name=""), "no name"),
        ({"plans": 2 * plan()["plans"]}, "two plans are named 'a'"),
        (plan(do=[]), "does nothing"),
        (plan(do=[{"shell": "rm"}]), "unknown key of plan 'a': an action 'shell'"),
        (plan(do=[{"mqtt": {"topic": "a/#"}}]), "without \\+ and #"),
        (plan(do=[{"mqtt": {"topics": "a"}}]), "did you mean 'topic'"),
        (plan(do=[{"signals": {"junction": 1}}]), "signals need"),
        (plan(do=[{"webhook": ["x"]}]), "expected a text"),
        (plan(on={"typ": "x"}), "did you mean 'type'"),
        (plan(on={"state": "open"}), "unknown state"),
        (plan(on={"days": ["monday"]}), "did you mean 'mon'"),
        (plan(on={"between": "6-22h"}), "two times"),
        (plan(on={"between": "06:00-06:00"}), "two times"),
        (plan(on={"camera": {}}), "a name or a list"),
        (plan(cooldown="soon"), "30s, 10min or 2h"),
        (plan(cooldown="0s"), "30s, 10min or 2h"),
        (plan(escalate=[{"do": [{"person": "c"}]}]), "after is 'None'"),
        (plan(escalate=[{"after": f"{n}s", "do": [{"person": "c"}]} for n in (9, 8)]), "in the order"),
        (plan() | {"timezone": "Wien"}, "Europe/Vienna"),
        (plan() | {"timezone": "../etc"}, "Europe/Vienna"),
    ],
)
def test_errors_name_the_place_and_what_is_allowed(content, words):
    with pytest.raises(InputError, match=words) as error:
        parse_plans(content)
    assert "\n" not in str(error.value)


def test_files_that_are_no_plans_are_one_line(tmp_path):
    (tmp_path / "bad.yaml").write_text("plans: [\x1b")
    for name, words in (("none.yaml", "cannot be read"), ("bad.yaml", "no YAML")):
        with pytest.raises(InputError, match=words) as error:
            read_plans(tmp_path / name)
        assert "\n" not in str(error.value)
    (tmp_path / "on.yaml").write_text("plans:\n- name: a\n  on: {type: fire}\n  do: [{person: b}]\n")
    assert read_plans(tmp_path / "on.yaml")[0].patterns == {"type": ("fire",)}
