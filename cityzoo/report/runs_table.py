"""TensorBoard's table of several runs: settings that differ, and metrics on the same examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo.report.tensorboard import varying_settings, write_hparams

if TYPE_CHECKING:
    from cityzoo.evaluation.evaluated_run import EvaluatedRun


def write_table(report: Mapping[str, Any], runs: Sequence[EvaluatedRun], folder: Path) -> None:
    """Write the table of an evaluated run and the runs that it was compared with.

    Args:
        report: of the first run, compared with the others.
        runs: the evaluated run, then the others.
        folder: of the report; the table lies in its `logs/`.
    """
    names = [str(run.folder.path) for run in runs]
    settings = varying_settings(
        {name: _flat(run.spec.as_dict()) for name, run in zip(names, runs, strict=True)}
    )
    others = {name: report["compared"][name]["figures"] for name in names[1:]}
    metrics = {name: {key: row["other"] for key, row in rows.items()} for name, rows in others.items()}
    metrics[names[0]] = {key: report.get(key) for key in runs[0].output.primary_metrics}
    write_hparams(folder / "logs", {name: (settings[name], metrics[name]) for name in names})


def _flat(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value
        for section in spec.values()
        if isinstance(section, Mapping)
        for key, value in section.items()
    }
