"""Plans carried out: dry run, cooldown, escalation until somebody acknowledges, links to cameras and signals."""

import json
import subprocess
import sys

import pytest

from cityzoo.errors import InputError
from cityzoo.security.audit_lines import verify_audit
from cityzoo.watch.response.acknowledgements import Acknowledgements, acknowledge
from cityzoo.watch.response.actions import Actions
from cityzoo.watch.response.reader import parse_plans
from cityzoo.watch.response.responder import Responder
from tests.cityzoo.watch.sinks.conftest import receiver, wait_for

__all__ = ["receiver"]
ALARM = {
    "id": "a1",
    "incident": "i1",
    "type": "stopped",
    "state": "raised",
    "camera": "north",
    "zone": "lane",
    "time": "2026-05-01T06:00:00.000+00:00",
}
LEVELS = [{"after": "5min", "do": [{"person": "Bob"}]}, {"after": "10min", "do": [{"person": "Eve"}]}]
BLOCKED = {"name": "blocked", "on": {"type": "stopped"}, "do": [{"person": "Ada"}]}
PLANS = parse_plans({"plans": [BLOCKED | {"cooldown": "1min", "escalate": LEVELS}]})


class Case:
    """A responder with a clock that is set by hand."""

    def __init__(self, out, plans=PLANS, acts=True):
        self.now, self.done, self.out = 0.0, [], out
        act = (lambda action, alarm: self.done.append((action.target, alarm["level"]))) if acts else None
        self.responder = Responder(plans, out, act, lambda: self.now)

    def at(self, seconds):
        """Look at a time."""
        self.now = seconds
        self.responder.check()
        return self.done

    def results(self):
        """Return the results in the log."""
        lines = (self.out / "responses.jsonl").read_text().splitlines()
        return [json.loads(line)["result"] for line in lines]


def test_an_alarm_that_nobody_acknowledges_escalates_level_by_level(tmp_path):
    case = Case(tmp_path)
    case.responder.send({"type": "crossing", "id": "c"})
    case.responder.send(ALARM)
    assert case.at(299) == [("Ada", 0)]
    assert case.at(300) == [("Ada", 0), ("Bob", 1)]
    assert case.at(601) == [("Ada", 0), ("Bob", 1), ("Eve", 2)]
    assert len(case.at(9000)) == 3
    case.responder.close()
    assert case.results() == ["done"] * 3


def test_acknowledged_and_released_alarms_do_not_escalate(tmp_path):
    case = Case(tmp_path)
    case.responder.send(ALARM)
    case.responder.send(ALARM | {"id": "b1", "incident": "i2", "zone": "other"})
    Acknowledgements(tmp_path).append("a1", "Ada Lovelace", "mqtt")
    case.responder.send(ALARM | {"id": "b2", "incident": "i2", "state": "released"})
    assert case.at(9000) == [("Ada", 0), ("Ada", 0)]
    case.responder.send(ALARM | {"id": "a3", "repeat": True})  # the same incident again: somebody knows it
    case.responder.close()
    assert sorted(case.results()[2:]) == ["acknowledged by Ada Lovelace", "known already", "released"]


def test_an_incident_that_comes_back_unacknowledged_acts_again(tmp_path):
    case = Case(tmp_path)
    case.responder.send(ALARM)
    case.responder.send(ALARM | {"id": "a2", "state": "released"})
    case.at(400)
    case.responder.send(ALARM | {"id": "a3", "repeat": True})
    assert case.at(700) == [("Ada", 0), ("Ada", 0), ("Bob", 1)]
    case.responder.close()


def test_a_plan_cools_down_by_camera_and_place(tmp_path):
    case = Case(tmp_path)
    for number, (seconds, zone) in enumerate([(0, "lane"), (59, "lane"), (59, "other"), (60, "lane")]):
        case.now = seconds
        case.responder.send(ALARM | {"id": str(number), "incident": str(number), "zone": zone})
    case.responder.close()
    assert case.results()[:4] == ["done", "cooldown", "done", "done"]
    assert case.results()[4:] == ["not acknowledged when the watch ended"] * 3


def test_without_act_everything_is_a_dry_run(tmp_path):
    case = Case(tmp_path, acts=False)
    case.responder.send(ALARM)
    case.at(400)
    case.responder.close()
    assert case.results() == ["dry run", "dry run", "not acknowledged when the watch ended"]
    assert case.responder.summary() == {"sink": "responses", "sent": 0, "lost": 0, "dry_run": True}


def test_an_action_that_fails_does_not_stop_the_next_one(tmp_path):
    def act(action, alarm):
        raise RuntimeError("no line")

    plans = parse_plans({"plans": [{"name": "a", "do": [{"person": "b"}, {"person": "c"}]}]})
    responder = Responder(plans, tmp_path, act)
    responder.send(ALARM)
    responder.close()
    lines = (tmp_path / "responses.jsonl").read_text().splitlines()
    assert [json.loads(line)["result"] for line in lines] == 2 * ["failed: no line"]


def test_a_running_watch_sees_what_another_process_acknowledges(tmp_path):
    (tmp_path / "alarms.jsonl").write_text(json.dumps(ALARM) + "\n")
    case = Case(tmp_path)
    case.responder.send(ALARM)
    code = "import sys; from cityzoo.commands.watch import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "--acknowledge", str(tmp_path), "i1", "--by", "Ada"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout.startswith("i1: acknowledged by Ada at 20")
    wait_for(lambda: case.results()[-1] == "acknowledged by Ada")
    assert case.at(9000) == [("Ada", 0)]
    case.responder.close()


def test_acknowledgements_are_an_audit_log_and_unknown_alarms_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"alarms\.jsonl"):
        acknowledge(tmp_path, "a1", "Ada")
    (tmp_path / "alarms.jsonl").write_text(json.dumps(ALARM) + "\n")
    with pytest.raises(InputError, match="the last one is i1"):
        acknowledge(tmp_path, "a9", "Ada")
    with pytest.raises(InputError, match="printable"):
        acknowledge(tmp_path, "a1", "Ada\n")
    acknowledge(tmp_path, "a1", "Ada")
    acknowledge(tmp_path, "i1", "Bob")
    path = tmp_path / "acknowledgements.jsonl"
    assert verify_audit(path) == []
    reader = Acknowledgements(tmp_path)
    assert reader.read_new() == [("a1", "Ada"), ("i1", "Bob")]
    assert reader.read_new() == []
    path.write_text(path.read_text().replace("Ada", "Eve"))
    assert "was changed" in verify_audit(path)[0]


class Recorder:
    """Keeps which clips were asked for."""

    def __init__(self):
        self.started = []

    def start(self, event):
        self.started.append((event["camera"], event["type"]))
        return "name"


def test_actions_reach_webhooks_neighbors_and_signals(receiver, tmp_path):
    signals = {"junction": "7", "program": "jam", "minutes": 10}
    do = [{"webhook": receiver.url}, {"clip": ["south", "east"]}, {"signals": signals}, {"person": "Ada"}]
    plans, recorder = parse_plans({"plans": [{"name": "jam", "do": do}]}), Recorder()
    actions = Actions(plans, tmp_path, ["north", "south", "east"], recorder=recorder)
    responder = Responder(plans, tmp_path, actions.act)
    for sink in (responder, actions):
        sink.send(ALARM)
    wait_for(lambda: receiver.requests)
    responder.close()
    actions.close(1)
    (sent,) = [json.loads(body) for _, _, body in receiver.requests]
    assert sent == ALARM | {"plan": "jam", "level": 0, "person": "Ada"}
    assert recorder.started == [("south", "stopped"), ("east", "stopped")]
    request = json.loads((tmp_path / "signal_requests.jsonl").read_text())
    expected = signals | {"shadow": True, "plan": "jam", "alarm": "a1", "camera": "north"}
    assert {key: request[key] for key in expected} == expected
    assert actions.summary()["sent"] == 2


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ({"mqtt": {"topic": "a"}}, "--mqtt"),
        ({"mail": "a@b.example"}, "--mail-server"),
        ({"clip": "north"}, "--no-evidence"),
        ({"webhook": "ftp://x"}, "protocol"),
    ],
)
def test_what_a_plan_needs_is_checked_before_the_first_alarm(tmp_path, action, words):
    plans = parse_plans({"plans": [{"name": "a", "do": [action]}]})
    with pytest.raises(InputError, match=words):
        Actions(plans, tmp_path, ["north"])


def test_cameras_of_clips_have_to_be_watched(tmp_path):
    plans = parse_plans({"plans": [{"name": "a", "do": [{"clip": "nord"}]}]})
    with pytest.raises(InputError, match="did you mean 'north'"):
        Actions(plans, tmp_path, ["north"], recorder=Recorder())
