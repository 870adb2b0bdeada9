"""Training with --independent-of: the groups it takes, what is refused, the loss it trains by, and what is measured."""

import json

import numpy as np
import pytest

from cityzoo import tasks
from cityzoo.errors import InputError
from cityzoo.fit import auto_settings
from cityzoo.fit.robust_groups import add_groups
from cityzoo.metrics.groups import WORST
from cityzoo.outputs.group_robust import measure_dependence, split_weight
from cityzoo.spec import CLOSED_FORM, Phase
from cityzoo.tasks import Task
from heads.independence_loss import IndependenceLoss
from tests.cityzoo.fit.test_robust_groups import ROOT, draw, run

VEHICLES = tasks.find("vehicle_classify")


@pytest.fixture(scope="module")
def parity(sorts, tmp_path_factory):
    """A table: of each class every second image is "odd"."""
    table = tmp_path_factory.mktemp("table") / "light.csv"
    rows = [f"{s}{n}.png,{'odd' if n % 4 > 1 else 'even'}" for s in ("train", "val") for n in range(16)]
    table.write_text("\n".join(rows))
    return str(table)


@pytest.fixture
def add(sorts, make_resolved, tmp_path):
    """Return a function that adds the groups of a flag's value."""

    def make(by, **flags):
        spec = make_resolved(tmp_path / "run", Phase("C4", 1, 0.1), task="vehicle_classify", **flags)
        output = VEHICLES.output_for(sorts.train.class_names, {**spec.output, "independent_of": by})
        return add_groups(spec, VEHICLES, sorts, output)

    return make


def test_groups_values_and_weight(add, parity):
    """Four groups of two values; the worst group chooses the epoch; targets come with a column for each group."""
    task, output = add(f"{parity}:2.5")
    assert output.groups.names == ("even, blue", "even, red", "odd, blue", "odd, red")
    assert output.groups.member_of_values().tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]
    assert task.monitor == WORST and split_weight(f"{parity}:2.5") == (parity, 2.5)
    loss = output.loss((64, 64))
    assert isinstance(loss, IndependenceLoss) and loss.weight == 2.5


def test_what_is_refused(add, parity, sorts, tmp_path):
    """The classes themselves, another flag, a weight of 0, and a training without gradients; each names this flag."""
    table = tmp_path / "class.csv"
    rows = (f"{split}{n}.png,c{n % 2}" for split in ("train", "val") for n in range(16))
    table.write_text("\n".join(rows))
    with pytest.raises(InputError, match="--independent-of .* gives the classes themselves") as raised:
        add(f"{table}:2")
    assert "--robust-groups" not in str(raised.value) and "\n" not in str(raised.value)
    with pytest.raises(InputError, match="--independent-of and --teacher"):
        add(parity, teacher="runs/x")
    with pytest.raises(InputError, match="--robust-groups and --independent-of"):
        add(parity, robust_groups=parity)
    with pytest.raises(InputError, match="above 0"):
        split_weight("light:0")
    spec = VEHICLES.make_spec(
        {"task": "vehicle_classify", "independent_of": parity, "phases": [(CLOSED_FORM, 1)]}
    )
    output = VEHICLES.output_for(sorts.train.class_names, spec.output)
    with pytest.raises(InputError, match="--independent-of trains by gradients"):
        auto_settings.plan_phases(spec, VEHICLES, output, 16, 4)


def test_a_head_in_closed_form_is_trained_on(go, sorts, parity, make_resolved, tmp_path):
    """Its targets are the classes alone; an epoch by gradients follows, and the worst group's accuracy is recorded."""
    plan = Phase(CLOSED_FORM, 1, 0.01), Phase("backbone", 1, 0.001)
    given = {"task": "vehicle_classify", "independent_of": f"{parity}:2", "views": 1, "augment": "none"}
    spec = make_resolved(tmp_path / "run", *plan, **given)
    output = VEHICLES.output_for(sorts.train.class_names, spec.output)
    task, output = add_groups(spec, VEHICLES, sorts, output.with_train_statistics(sorts.train))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "find", lambda name: task)
        patch.setattr(Task, "output_for", lambda self, *args: output)
        patch.setattr(type(output), "with_train_statistics", lambda self, *args: self)
        found = go(spec, None, sorts)
    assert [f"val_{WORST}" in row for row in found.state.history] == [True, True]
    assert "group_weights" not in found.state.solved


def test_dependence_by_hand():
    """Within each class probabilities follow the value, or do not."""
    targets, values = np.repeat(np.eye(2), 4, axis=0), np.tile(np.repeat(np.eye(2), 2, axis=0), (2, 1))
    follows = np.where(values[:, :1] > 0, [0.9, 0.1], [0.4, 0.6])
    assert measure_dependence(follows, values, targets) == pytest.approx(1.0, abs=1e-4)
    assert measure_dependence(targets * 0.8 + 0.1, values, targets) == pytest.approx(0.0, abs=1e-4)


@pytest.mark.slow
def test_the_command_reports_the_dependence(tmp_path):
    """train.py in a process of its own: both trainings, the schema, the page; the classes themselves end it with 2."""
    import jsonschema

    for label in (0, 1):
        for has_mark in (0, 1):
            draw(tmp_path / "bars", "train", label, has_mark, 12, 2 * label + has_mark)
            draw(tmp_path / "bars", "val", label, has_mark, 6, 10 + 2 * label + has_mark)
    flags = "--task vehicle_classify --backbone mobilenet_025 --weights random --image-size 64 --views 1 --data bars"
    more = "--augment none --phases backbone:2 --batch-size 24 --out run"
    done = run(tmp_path, "train.py", *flags.split(), *more.split(), "--independent-of", "(mark|plain)_:4")
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    jsonschema.validate(report, json.loads((ROOT / "cityzoo/report/report.schema.json").read_text()))
    found = report["independent_of"]
    assert found["by"] == "(mark|plain)_:4" and len(found["groups"]) == 4
    assert list(found["models"])[1:] == ["without --independent-of", "this model"]
    assert all(0 <= row["dependence"] <= 1 for row in found["models"].values())
    assert "independent_of/models/this model/dependence" in (tmp_path / "run" / "report.html").read_text()
    done = run(tmp_path, "train.py", *flags.split(), "--independent-of", "(flat|upright)/")
    assert done.returncode == 2 and "the classes themselves" in done.stderr
