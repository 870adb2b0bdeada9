"""What a continued run is between: fine-tuning without protection, and training on all data again."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from cityzoo.cli.retain import JOINT, Weights
from cityzoo.continual.lineage import first_weights
from cityzoo.fit.run_files import RunFolder
from cityzoo.spec import TrainSpec
from cityzoo.tune.repeats import Train, finish_run

LOG = logging.getLogger(__name__)
BOUNDS: dict[str, Weights] = {"naive": (), "joint": ((JOINT, 1.0),)}  # folder in the run: value of --retain


def add_bounds(
    asked: TrainSpec[Any], run: Path, lineage: dict[str, Any] | None, train: Train
) -> dict[str, Any] | None:
    """Train the same without protection, and on all data again, each in a folder of the run, if --bounds asks for it.

    What is finished is kept, what was stopped is resumed.

    Args:
        asked: spec of the run as the user gave it.
        run: folder of the run.
        lineage: what `evaluate_lineage` found for the run.
        train: (spec, run folder to resume) -> report.

    Returns:
        `lineage` with `bounds`: for the run and both others `final_mean`, `forgetting` and the metric by the run that
        examples are of.
    """
    if lineage is None or not asked.run.bounds:
        return lineage
    rows = {"this": _row(lineage, lineage["runs"])}
    for name, retain in BOUNDS.items():
        keras.utils.clear_session()
        own = RunFolder(run / name)
        LOG.info("%s training, to compare: %s", name, own.path)
        weights = first_weights(str(asked.run.continue_)) if retain else asked.run.weights
        spec = asked.replace(
            retain=retain, weights=weights, teacher=None, bounds=False, may_lose=(), out=str(own.path)
        )
        found = finish_run(spec, own, train)["lineage"]
        rows[name] = _row(found, lineage["runs"])
        LOG.info("%s: %s %.3f over the data of all runs", name, found["metric"], rows[name]["final_mean"])
    return {**lineage, "bounds": rows}


def _row(lineage: Mapping[str, Any], runs: list[str]) -> dict[str, Any]:
    summary = {name: lineage["summary"][name] for name in ("final_mean", "forgetting")}
    return {**summary, **dict(zip(runs, lineage["matrix"][-1], strict=True))}
