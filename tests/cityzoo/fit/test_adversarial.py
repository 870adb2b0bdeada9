"""Training with --adversarial: what is planned, what is refused, and the run that is trained."""

import numpy as np
import pytest

from cityzoo import tasks
from cityzoo.cli.attack import Attack, read_attack
from cityzoo.errors import InputError
from cityzoo.fit import adversarial, auto_settings
from cityzoo.fit.adversarial import add_attack
from cityzoo.fit.checkpoint import load_checkpoint
from cityzoo.spec import CLOSED_FORM, Phase

VEHICLES = tasks.find("vehicle_classify")
FLAG = "pgd:eps=2,steps=2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cw", "attack 'cw'"),
        ("fgsm:steps=3", "fgsm has eps"),
        ("pgd:eps=2,eps=4", "each once"),
        ("pgd:eps=0", "above 0"),
        ("pgd:eps=4,steps=2.5", "whole number"),
        ("pgd:eps=300", "at most 64"),
        ("pgd:beta=2", "pgd has eps, steps"),
    ],
)
def test_values_that_cannot_be_used(text, message):
    """One line each."""
    with pytest.raises(InputError, match=message) as raised:
        read_attack(text)
    assert "\n" not in str(raised.value)


def test_defaults():
    """4 of 255 gray levels, 7 steps, beta 6; FGSM takes one step."""
    assert read_attack("trades") == Attack("trades", 4.0, 7, 6.0)
    assert read_attack("fgsm:eps=1") == Attack("fgsm", 1.0, 1, 6.0)


def test_what_does_not_go_with_it(make_resolved, tmp_path):
    """The other flag is named; detectors are refused."""
    own = {"task": "vehicle_classify", "adversarial": FLAG}
    spec = make_resolved(tmp_path / "run", Phase("C4", 1, 0.1), **own, teacher="runs/x")
    with pytest.raises(InputError, match="--adversarial and --teacher"):
        add_attack(spec, VEHICLES)
    spec = make_resolved(tmp_path / "run", Phase("C4", 1, 0.1), **own, robust_groups="light")
    with pytest.raises(InputError, match="--adversarial and --robust-groups"):
        add_attack(spec, VEHICLES)
    boxes = tasks.find("vehicle_detect")
    with pytest.raises(InputError, match="--adversarial supports classifiers"):
        boxes.modality.check(boxes.make_spec({"adversarial": FLAG}), boxes)


def plan(sorts, **flags):
    """The phases of a training with these flags."""
    spec = VEHICLES.make_spec({"task": "vehicle_classify", "adversarial": FLAG, **flags})
    output = VEHICLES.output_for(sorts.train.class_names, spec.output)
    return [phase.freeze for phase in auto_settings.plan_phases(spec, VEHICLES, output, 16, 4)]


def test_a_frozen_backbone_is_attacked_through(sorts):
    """The head in closed form knows no attacks, so that a phase by gradients follows; that phase alone is refused."""
    assert plan(sorts, freeze="backbone") == [CLOSED_FORM, "backbone"]
    assert plan(sorts, freeze="backbone", adversarial=None) == [CLOSED_FORM]
    with pytest.raises(InputError, match="--phases closed_form,backbone:10"):
        plan(sorts, phases=[(CLOSED_FORM, 1)])


@pytest.fixture(scope="module")
def attacked(go, sorts, make_resolved, tmp_path_factory):
    """Return a function that trains under attack: (name, *plan) -> what `go` returns."""
    where = tmp_path_factory.mktemp("attacked")

    def train(name, *plan, resume=None, kind=FLAG, **more):
        given = {"task": "vehicle_classify", "adversarial": kind, "views": 2, "augment": "none", **more}
        spec = make_resolved(where / name, *plan, **given)
        with pytest.MonkeyPatch.context() as patch:
            task = add_attack(spec, VEHICLES)
            patch.setattr(tasks, "find", lambda name: task)
            patch.setattr(adversarial, "LEAST_STEPS", 2)
            return go(spec, resume, sorts)

    return train


@pytest.mark.parametrize(
    "kind",
    [
        "trades:eps=2,steps=2,beta=3",
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in (FLAG, "fgsm:eps=2")),
    ],
)
def test_phases_see_attacked_images(attacked, kind):
    """The head in closed form, then one epoch by gradients; validation under attack chooses the epoch."""
    found = attacked(kind[:4], Phase(CLOSED_FORM, 1, 0.01), Phase("backbone", 1, 0.001), kind=kind)
    values = [row["val_attacked_balanced_accuracy"] for row in found.state.history]
    assert len(values) == 2 and found.state.best == max(values)
    assert all(0 <= value <= 1 for value in values)
    before = found.start["head_logits"][0]
    assert not np.allclose(before, found.assembled.model.get_layer("head_logits").get_weights()[0])


@pytest.mark.slow
def test_a_resumed_run_draws_the_same_starts(attacked, stop_after, monkeypatch):
    """Stopped after the first of two epochs, it ends with the weights of a run that was not."""
    whole = attacked("whole", Phase("C4", 2, 0.01))
    stop_after(1)
    with pytest.raises(InputError, match="interrupted"):
        attacked("stopped", Phase("C4", 2, 0.01))
    monkeypatch.undo()
    folder = whole.folder.path.parent / "stopped"
    again = attacked("stopped", Phase("C4", 2, 0.01), resume=folder)
    pairs = zip(
        *(load_checkpoint(each.folder.checkpoint)[0]["model"] for each in (whole, again)), strict=True
    )
    assert all(np.allclose(a, b, atol=1e-6) for a, b in pairs)
