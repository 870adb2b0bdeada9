"""Values of sensors that cannot be: the report's section for --rules of tasks on series."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.data.series.sensor_rules import parse_sensor_rules
from cityzoo.data.series.series import carry_forward
from cityzoo.errors import InputError
from cityzoo.evaluation.compare import compare
from cityzoo.metrics.weighted import bootstrap_weights

if TYPE_CHECKING:
    from cityzoo.evaluation.evaluated_run import EvaluatedRun

LOG = logging.getLogger(__name__)


def evaluate_section(
    subject: EvaluatedRun, truth: Any, flags: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """Return `sensor_rules` if flags ask for it: violations of measurements and forecasts, errors of corrected ones.

    Raises:
        InputError: rules that cannot be used.
    """
    if not flags.get("rules"):
        return {}
    try:
        rules = parse_sensor_rules(flags["rules"], truth.series.sensors)
    except InputError as error:
        raise InputError(f"--rules: {error}") from error
    output, results = subject.output, subject.results(truth)
    values = truth.series.values[..., 0].astype(np.float64)
    measured = rules.count(values[truth.rows.start : truth.rows.stop])
    last = carry_forward(values)[truth.origins]
    middle = output.quantiles.index(0.5)  # type: ignore[attr-defined]
    forecast = rules.count(np.stack([each[..., middle] for each in results]).astype(np.float64), last)
    names = ("measured", "of_measured", "forecast", "of_forecast")
    violations = {
        name: dict(zip(names, (*counted, *forecast[name]), strict=True)) for name, counted in measured.items()
    }
    for name, row in violations.items():
        LOG.info("rules, %s: %d of %d measurements and %d of %d forecasts break them", name, *row.values())
    clipped, before = (
        output.weighted_metrics(truth, each) for each in ([*map(rules.clip, results, last)], results)
    )
    groups = subject.task.modality.groups(truth)
    weights = bootstrap_weights(len(truth), output.bootstrap_samples, subject.spec.run.seed, groups)
    metrics = [name for name in output.primary_metrics if name != "loss"]
    filtered = compare(clipped, before, weights, metrics, output.lower_is_better)["figures"]
    return {"sensor_rules": {"violations": violations, "filtered": filtered}}
