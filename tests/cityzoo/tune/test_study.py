"""The study's folder, its journal and what is set aside: refused, repaired, spread evenly."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("optuna")

from cityzoo import tasks
from cityzoo.cli.search_range import Options, Range
from cityzoo.errors import InputError
from cityzoo.spec import Phase
from cityzoo.tune.journal import JournalLock, open_study
from cityzoo.tune.search_space import Dimension, build_space, first_trials, parse_searches, searchable_fields
from cityzoo.tune.study import Request, StudyFolder, claim, read_request
from cityzoo.tune.trial_run import choose_aside, rungs_of


def request_of(task="vehicle_classify", data="a", **more):
    """Return what a study of a task and data is asked for."""
    spec = tasks.find(task).make_spec({"task": task, "data": data})
    return Request(spec.as_dict(), objectives=(tasks.find(task).monitor,), **more)


def test_the_same_request_continues_and_another_one_is_refused(tmp_path):
    """Another task, other data, another search: one line each, which names the difference."""
    folder = StudyFolder(tmp_path / "s")
    assert claim(folder, request_of()) and not claim(folder, request_of())
    assert read_request(folder)["spec"]["run"]["data"] == "a"
    others = (request_of(data="b"), request_of("text_intent"), request_of(searches=("head=linear",)))
    for other, word in zip(others, ('"b"', "text_intent", "searches"), strict=True):
        with pytest.raises(InputError) as error:
            claim(folder, other)
        assert word in str(error.value) and "--resume" in str(error.value) and "\n" not in str(error.value)


def test_folders_that_are_no_studies_are_refused(tmp_path):
    """A folder with other files; one without a request; a damaged one."""
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "file").touch()
    with pytest.raises(InputError):
        claim(StudyFolder(tmp_path / "x"), request_of())
    with pytest.raises(InputError):
        read_request(StudyFolder(tmp_path / "x"))
    (tmp_path / "x" / "request.json").write_text("{")
    with pytest.raises(InputError):
        read_request(StudyFolder(tmp_path / "x"))


def test_a_line_that_a_killed_process_left_unfinished_is_cut_off(tmp_path):
    """kill -9 in the middle of a write: the trials before are there, and the next ones are written."""
    folder = StudyFolder(tmp_path)
    study = open_study(folder, ["maximize"], "halving", 0)
    study.tell(study.ask(), 0.5)
    with folder.journal.open("ab") as file:
        file.write(b'{"op_code": 5, "worker_id": "x", "tri')
    again = open_study(folder, ["maximize"], "halving", 0)
    again.tell(again.ask(), 0.75)
    assert [t.value for t in open_study(folder, ["maximize"], "halving", 0).get_trials()] == [0.5, 0.75]
    assert all(json.loads(line) for line in folder.journal.read_text().splitlines())
    lock = JournalLock(folder.journal)
    assert lock.acquire()
    lock.release()


def test_examples_are_set_aside_evenly_and_by_whole_groups():
    """Half of each label; a scene is on one side; the same input gives the same part."""
    labels = [b"a"] * 20 + [b"b"] * 6
    aside = choose_aside([""] * 26, labels, 0.5)
    assert aside[:20].sum() == 10 and aside[20:].sum() == 3
    assert np.array_equal(aside, choose_aside([""] * 26, labels, 0.5))
    scenes = [f"scene{i // 4}" for i in range(40)]
    by_scene = choose_aside(scenes, [b"x"] * 40, 0.5).reshape(10, 4)
    assert (by_scene.all(axis=1) | ~by_scene.any(axis=1)).all() and by_scene.sum() == 20
    assert choose_aside([""] * 30, [b"x"] * 30, 0.2).sum() == 6


def test_rungs_are_a_ninth_a_third_and_all_of_a_plan():
    """Of 27 epochs 3, 9 and 27; one rung where the head is computed."""
    assert rungs_of((Phase("closed_form", 1, 0.01), Phase("C3", 26, 0.001))) == [3, 9, 27]
    assert rungs_of((Phase("closed_form", 1, 0.01),)) == [1]


def test_neighbours_are_one_step_away():
    """The next option; three times as much, downwards at the end; a quarter of the range."""
    dimensions = {
        "head": Dimension("head", Options(("linear", "cosine")), "cosine"),
        "rate": Dimension("rate", Range(1e-4, 1e-2, is_log=True), 1e-2),
        "dropout": Dimension("dropout", Range(0.0, 0.4, needs_gradients=True), 0.2),
        "epochs": Dimension("epochs", Range(2, 40, is_log=True, is_whole=True), 10),
    }
    found = {name: each.find_neighbour() for name, each in dimensions.items()}
    assert found["head"] == "linear" and found["epochs"] == 30
    assert found["rate"] == pytest.approx(1e-2 / 3) and found["dropout"] == pytest.approx(0.3)
    queue = first_trials(list(dimensions.values()), has_gradients=False)
    assert queue[0][0] == "defaults" and len(queue) == 4  # dropout does nothing in closed form


@pytest.mark.parametrize("name", tasks.names())
def test_every_task_can_be_tuned(name):
    """At least two settings declare what to try; what changes the examples cannot be searched."""
    task = tasks.find(name)
    fields = searchable_fields(task)
    assert sum(item.metadata["search"] is not None for item in fields.values()) >= 2
    assert not {"data", "val", "seed", "split", "shots", "limit", "history"} & set(fields)
    with pytest.raises(InputError):
        parse_searches(("learning_rate=0.1..0.2", "learning_rate=0.1,0.2"), task)


@pytest.mark.parametrize(("weights", "is_varied"), [("auto", False), ("random", False), ("runs/roads", True)])
def test_random_weights_are_not_frozen_by_a_search(weights, is_varied):
    """Forecasts start from random numbers unless a run is given; frozen, these would be of no use."""
    task = tasks.find("traffic_flow")
    spec = task.make_spec({"task": "traffic_flow", "weights": weights, "freeze": "none"})
    default = SimpleNamespace(**vars(spec), plan=[Phase("none", 30, 0.004)])
    space = {each.name: each for each in build_space(spec, default, task, {})}
    assert ("freeze" in space) == is_varied and "learning_rate" in space
    given = build_space(spec, default, task, parse_searches(["freeze=none,encoder"], task))
    assert "freeze" in {each.name for each in given}


@pytest.mark.parametrize(
    ("freeze", "search", "is_varied"),
    [("backbone", [], False), ("C4", [], True), ("backbone", ["freeze=backbone,C4"], True)],
)
def test_a_frozen_backbone_has_no_layer_decay(freeze, search, is_varied):
    """Rates of its layers matter where some trial unfreezes them."""
    task = tasks.find("vehicle_classify")
    spec = task.make_spec({"task": "vehicle_classify", "freeze": freeze})
    plan = [Phase("closed_form", 1, 0.01), Phase(freeze, 9, 0.01)]
    default = SimpleNamespace(**vars(spec.replace(layer_decay=1.0)), plan=plan)
    space = build_space(spec, default, task, parse_searches(search, task), ["image_size"])
    assert ("layer_decay" in {each.name for each in space}) == is_varied


@pytest.mark.parametrize(("name", "is_varied"), [("vehicle_classify", True), ("incident_classify", False)])
def test_only_heads_that_a_task_supports_are_searched(name, is_varied):
    """Class means and cosines give one class per image."""
    assert (
        "head"
        in {key for key, item in searchable_fields(tasks.find(name)).items() if item.metadata.get("search")}
    ) == is_varied
