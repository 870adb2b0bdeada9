"""Cycles begin, wait, resume, end and are recorded; nothing is promoted that a gate refused."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from cityzoo.commands import models
from cityzoo.errors import InputError
from cityzoo.serve.traffic import Share, read_traffic
from tests.cityzoo.update.conftest import PROGRAMS

NAMES = [f"{number}.png" for number in range(5)]
LOST = [{"run": "road", "metric": "accuracy", "loss": 0.2, "limit": 0.05}]


def test_a_cycle_from_new_data_to_the_stable_version(town, caplog):
    """It waits for labels and for the canary; then the link names the new run, from which the next cycle starts."""
    caplog.set_level("INFO")
    town.add(*NAMES)
    assert town.update() == 0
    found = town.cycle()
    assert found["steps"]["label"]["status"] == "waiting" and "train" not in found["steps"]
    assert len(list((town.root / "to_label").rglob("*.png"))) == 4
    assert town.update() == 0  # still waiting
    town.label()
    assert town.update() == 0
    traffic = read_traffic(town.root / "models" / "cars")
    assert (traffic.stable, traffic.canary) == (1, Share(2, 20))
    assert town.cycle()["steps"]["canary"]["status"] == "waiting"
    models.main([str(town.root / "models"), "promote", "cars"])
    assert town.update() == 0
    found = town.cycle()
    assert found["outcome"] == "promoted" and found["results"]["labeled"] == 4
    current = (town.root / "cycles" / "current").resolve()
    assert current.name.startswith("road-") and (current / "model.keras").is_file()
    (start,) = town.starts()
    assert start.split()[0] == "runs/road" and start.split()[1].startswith("labeled/")
    assert "--no-flips" in found["steps"]["train"]["command"]
    caplog.clear()
    assert town.update() == 0 and "nothing to do" in caplog.text
    town.add(*(f"new/{name}" for name in NAMES[:3]))
    assert town.update() == 0
    assert town.cycle()["run"] == os.path.relpath(current, town.root)


def test_data_is_known_by_its_content(town):
    """A copy under another name is not new; no drift ends the cycle, and its data is used up."""
    town.behave(drift={"drift": False})
    town.add(*NAMES)
    assert town.update() == 0
    assert town.cycle()["outcome"] == "no drift" and not (town.root / "to_label").exists()
    for name in NAMES:
        (town.root / "incoming" / f"copy-{name}").write_bytes((town.root / "incoming" / name).read_bytes())
    assert town.update() == 0
    assert len(list((town.root / "cycles").glob("*/cycle.json"))) == 1


def test_files_that_may_still_be_written_are_left(town, caplog):
    """Until they are old enough."""
    caplog.set_level("INFO")
    town.write_plan(settle_seconds=1000)
    town.add(*NAMES)
    assert (
        town.update() == 0 and "5 files" in caplog.text and not (town.root / "cycles" / "index.html").exists()
    )
    for name in NAMES:
        os.utime(town.root / "incoming" / name, (time.time() - 2000,) * 2)
    town.update()
    assert town.cycle()["results"]["new"] == 5


@pytest.mark.parametrize(
    ("behavior", "reason"),
    [
        ({"train.py": {"lost": LOST}}, "accuracy lost 0.200 on road"),
        ({"train.py": {"gain": -0.2, "interval": [-0.3, -0.1]}}, "worse on the new data: -0.200"),
        ({"train.py": {"gain": -0.02}}, "-0.020 on the new data"),
        ({"export": {"refused": True}}, "answers otherwise"),
    ],
    ids=["forgot", "worse", "no gain", "export"],
)
def test_a_refused_model_is_recorded_and_not_served(town, behavior, reason):
    """Exit code 1 once; the run in service stays."""
    town.write_plan(select=None, gate={"min_gain": -0.01})
    town.behave(**behavior)
    town.add(*NAMES)
    assert town.update() == 1
    found = town.cycle()
    assert found["outcome"] == "refused" and reason in found["results"]["reasons"][0]
    assert read_traffic(town.root / "models" / "cars").canary is None
    assert not (town.root / "models" / "cars" / "2").exists()
    assert not (town.root / "cycles" / "current").exists()
    assert town.update() == 0


def go_on(town, number, **behavior):
    """Take new data to its labels and through the training; return the exit code and how that was started."""
    town.behave(**{"train.py": behavior})
    town.add(*(f"{number}{name}" for name in NAMES))
    assert town.update() == 0
    town.label()
    return town.update(), *town.starts()[0].split()


def test_labels_of_refused_cycles_are_learned_until_a_model_is_accepted(town, caplog):
    """All are counted; those that people took away are left out, with a warning."""
    caplog.set_level("INFO")
    town.write_plan(promote=None)
    code, _, first = go_on(town, 0, lost=LOST)
    assert code == 1 and town.cycle()["results"]["relearned"] == 0
    first, runs = first.split("/")[1], "cycles/{0}/road-{0}"
    code, run, second, others = go_on(town, 1, gain=-0.2, interval=[-0.3, -0.1])
    assert (code, run, others) == (1, "runs/road", runs.format(first))
    assert town.cycle()["results"]["relearned"] == 4 and "with 4 labels of refused cycles" in caplog.text
    second = second.split("/")[1]
    *_, others = go_on(town, 2, lost=LOST)
    assert others == f"{runs.format(first)},{runs.format(second)}"
    assert town.cycle()["results"]["relearned"] == 8
    (town.root / "labeled" / second).rename(town.root / "wrong")
    code, *_, others = go_on(town, 3)
    assert code == 0 and second not in others and others.count(",") == 1
    assert f"'labeled/{second}'" in caplog.text and "left out" in caplog.text
    assert len(go_on(town, 4)) == 3  # an accepted model has learned them


def test_a_training_with_labels_of_a_refused_cycle_is_resumed_with_them(town):
    """What the cycle began with stands in its state, where data is labeled as it arrives, too."""
    town.write_plan(select=None, promote=None)
    town.behave(**{"train.py": {"lost": LOST}})
    town.add(*NAMES)
    assert town.update() == 1
    refused = town.cycle()["steps"]["train"]["command"]
    town.behave(**{"train.py": {"sleep": 60}})
    town.add(*(f"more-{name}" for name in NAMES))
    with start(town) as process:
        wait_for("*-2/road-*/starts.txt", town)
        process.send_signal(signal.SIGTERM)
    run, data = (refused[refused.index(flag) + 1] for flag in ("--out", "--data"))
    assert town.cycle()["results"]["refused"] == {run: data}
    assert town.update() == 0
    assert town.starts()[0].endswith(f" {run}") and town.starts()[1:] == ["resume"]
    assert town.cycle()["results"]["relearned"] == len(NAMES)


def test_a_failed_step_stops_the_cycle_until_it_succeeds(town):
    """Exit code 1 of a crash is no gate; the log's last line is named; the failed step's settings may be corrected."""
    town.write_plan(select=None)
    town.behave(**{"train.py": {"fail": "disk on fire", "code": 1}})
    town.add(*NAMES)
    with pytest.raises(InputError, match="train.*exit code 1.*disk on fire") as error:
        town.update()
    assert "\n" not in str(error.value)
    assert town.cycle()["steps"]["train"]["status"] == "failed"
    assert not (town.root / "models" / "cars" / "2").exists()
    town.behave()
    town.write_plan(select=None, drift={"when": "always"})
    with pytest.raises(InputError, match=r"drift\.when.*--abandon"):
        town.update()
    town.write_plan(select=None, train={"epochs": 7}, gate={"min_gain": 0.1})
    assert town.update() == 0
    command = town.cycle()["steps"]["train"]["command"]
    assert command[command.index("--epochs") + 1] == "7" and len(town.starts()) == 1


def test_an_abandoned_cycle_gives_its_data_back(town):
    """Its folder stays."""
    town.add(*NAMES)
    town.update()
    assert town.update(abandon=True) == 0 and town.cycle()["outcome"] == "abandoned"
    with pytest.raises(InputError, match="--abandon"):
        town.update(abandon=True)
    town.update()
    assert [town.cycle(n)["results"]["new"] for n in (0, 1)] == [5, 5]


def test_hours_of_a_canary_and_a_roll_back(town):
    """After the hours it is promoted; one that was rolled back leaves the run in service, exit code 1."""
    promotion = {"models": "models", "name": "cars", "canary": 20}
    town.write_plan(select=None, promote={**promotion, "canary_hours": 0})
    town.add(*NAMES)
    assert town.update() == 0
    assert read_traffic(town.root / "models" / "cars").stable == 2 and town.cycle()["outcome"] == "promoted"
    current = (town.root / "cycles" / "current").resolve()
    town.write_plan(select=None, promote=promotion)
    town.add("a.png", "b.png", "c.png")
    assert town.update() == 0
    models.main([str(town.root / "models"), "rollback", "cars"])
    assert town.update() == 1 and town.cycle()["outcome"] == "rolled back"
    assert town.cycle()["results"]["reasons"] == ["requested"]
    assert (town.root / "cycles" / "current").resolve() == current


def test_a_version_is_added_once_and_only_unchanged(town):
    """A process that was killed after it had added the version does not add it again."""
    town.write_plan(select=None)
    town.add(*NAMES)
    town.update()
    file = next((town.root / "cycles").glob("*/cycle.json"))
    found = json.loads(file.read_text())
    found["steps"].pop("canary")
    found["steps"]["promote"]["status"] = "running"
    file.write_text(json.dumps(found))
    assert town.update() == 0
    assert not (town.root / "models" / "cars" / "3").exists() and town.cycle()["results"]["version"] == 2
    file.write_text(json.dumps(found))
    (file.parent / "export" / "model.onnx").write_bytes(b"other")
    with pytest.raises(InputError, match="export.*changed"):
        town.update()


def start(town):
    """Start an update in a process of its own."""
    script = (
        "import sys; from cityzoo import cli; from cityzoo.commands import update; from cityzoo.update import work\n"
        f"work.PYTHON = (sys.executable, {str(PROGRAMS)!r})\n"
        f"sys.exit(cli.run(update.main, [{str(town.file)!r}], 'update'))"
    )
    return subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True)


def wait_for(pattern, town):
    """Wait until a file exists."""
    until = time.monotonic() + 60
    while not list((town.root / "cycles").glob(pattern)):
        assert time.monotonic() < until, pattern
        time.sleep(0.02)


def test_a_killed_update_resumes_its_training(town):
    """While the training that it left behind runs, no other update starts; then it is resumed, not begun again."""
    town.write_plan(select=None)
    town.behave(**{"train.py": {"sleep": 3}})
    town.add(*NAMES)
    with start(town) as process:
        wait_for("*/road-*/starts.txt", town)
        process.kill()
    assert town.cycle()["steps"]["train"]["status"] == "running"
    with pytest.raises(InputError, match="still running"):
        town.update()
    wait_for("*/road-*/report.html", town)
    until = time.monotonic() + 60
    while True:
        try:
            assert town.update() == 0
            break
        except InputError:
            assert time.monotonic() < until
            time.sleep(0.05)
    assert town.starts()[1:] == ["resume"] and town.cycle()["results"]["version"] == 2


def test_an_interrupted_update_stops_its_training(town):
    """SIGTERM, as of Kubernetes: exit code 2, one line, and the next start resumes."""
    town.write_plan(select=None)
    town.behave(**{"train.py": {"sleep": 60}})
    town.add(*NAMES)
    with start(town) as process:
        wait_for("*/road-*/starts.txt", town)
        process.send_signal(signal.SIGTERM)
        errors = process.stderr.read()
    assert process.returncode == 2 and "train" in errors.splitlines()[-1] and "Traceback" not in errors
    assert town.cycle()["steps"]["train"]["status"] == "stopped"
    assert town.update() == 0 and town.starts()[1:] == ["resume"]


def test_the_page_has_a_row_for_each_cycle_and_links_that_lead_to_files(town):
    """Newest first; metrics before and after; logs."""
    town.add(*NAMES)
    town.update()
    town.label()
    town.update()
    content = json.loads((town.root / "cycles" / "cycles.json").read_text())
    (row,) = content["cycles"].values()
    assert (row["before"], row["after"], row["interval"]) == (0.7, 0.8, [-0.1, 0.3])
    assert (row["new"], row["labeled"], row["gate"], row["version"], row["drift"]) == (
        5,
        4,
        "passed",
        2,
        "1 changed",
    )
    logs = [step["log"] for step in content["steps"].values() if step["log"]]
    (reports,) = content["reports"].values()
    links = [*reports.values(), *logs]
    assert len(logs) == 6 and all((town.root / "cycles" / link).is_file() for link in links)
    page = (town.root / "cycles" / "index.html").read_text()
    assert all(f'href="{link}"' in page for link in links)
