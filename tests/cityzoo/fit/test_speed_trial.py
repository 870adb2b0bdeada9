"""A batch in the frozen part and steps of each phase are measured, and leave no trace in the run."""

import keras
import pytest

from cityzoo import tasks
from cityzoo.fit import speed_trial
from cityzoo.fit.time_budget import Costs
from cityzoo.modalities.image import build

DETECT = tasks.find("vehicle_detect")


@pytest.mark.slow
def test_costs_of_each_phase_and_nothing_left_behind(street, small_zoo, spec, monkeypatch):
    """Positive seconds; layers are numbered from one again."""
    monkeypatch.setattr(build, "dtype_policies", lambda spec: ("float32", "float32"))
    output = DETECT.output_for(street.train.class_names)
    monkeypatch.setattr(speed_trial, "REPEATS", 1)
    costs = speed_trial.measure_costs(spec, DETECT, output, street, 0.0)
    assert costs.spent > 0 and costs.example > 0 and len(costs.steps) == 2 and min(costs.steps) > 0
    assert keras.layers.Dense(1).name == "dense"


def test_repeats_of_a_run_are_measured_once_and_the_data_is_read_again_if_fewer_images_are_used(
    spec, monkeypatch
):
    """Seeds 0 and 1 of one process get the same plan: half of ten demo images."""
    measured, limits = [], []
    monkeypatch.setattr(speed_trial, "measure_costs", lambda *given: measured.append(1) or Costs(0, 0, (1,)))

    def adapt(asked, spec, task, data, measure):
        measure()
        return spec.replace(limit=5)

    monkeypatch.setattr(speed_trial, "adapt", adapt)
    monkeypatch.setattr(speed_trial, "_MEASURED", {})
    monkeypatch.setattr(
        speed_trial.fine_tune,
        "load_task_data",
        lambda spec: limits.append(spec.run.limit) or ("task", "data", "output"),
    )
    for seed in (0, 1):
        found = speed_trial.plan_within_time(spec, spec.replace(seed=seed), DETECT, None, None, 0.0)
        assert found[0].run.limit == 5 and found[1:] == ("task", "data", "output")
    assert (len(measured), limits) == (1, [5, 5])
