"""Exported files where evaluation takes runs: the same report, the same comparisons, another runtime."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cityzoo.cli import flag_name
from cityzoo.errors import InputError
from cityzoo.evaluation.evaluated_run import EvaluatedRun, open_evaluated, output_of
from cityzoo.evaluation.run_facts import earlier_facts
from cityzoo.fit.run_folder import open_run
from cityzoo.runtime.exported_folder import open_described
from cityzoo.runtime.runtime_model import is_exported


def open_any(path: str, options: Mapping[str, Any] | None = None) -> EvaluatedRun:
    """Open a run's folder, or an exported file in the folder that it was exported to.

    Args:
        path: the folder, or the file.
        options: see `cityzoo.evaluation.evaluated_run.open_evaluated`.

    Raises:
        InputError: neither; the file's runtime is missing; or its folder lacks the spec of its run.
    """
    if not is_exported(Path(path)):
        return open_evaluated(path, options)
    file, about = open_described(Path(path))
    folder, spec = open_run(str(Path(path).parent))
    facts = earlier_facts(folder.path)
    task, output = output_of(spec, tuple(about["class_names"]), facts, options)
    facts = {"task": spec.run.task, "backbone": spec.run.backbone, **facts}
    facts["exported"] = {name: about[name] for name in ("format", "variant", "precision")}
    return EvaluatedRun(folder, spec, task, output, facts, file, Path(path))


def require_data(run: EvaluatedRun, data: str | None) -> None:
    """Raise InputError if an exported file is to be evaluated without data: it does not know that of its run."""
    if data is None and run.file is not None and run.spec.run.data is not None:
        raise InputError(f"'{run.file}' was exported from its data: give labeled data with --data")


def refuse_gradients(run: EvaluatedRun, flags: Mapping[str, Any]) -> None:
    """Raise InputError for sections of the report that need a Keras model."""
    sections = ("explain", "robustness", "interventions", "adversarial", "patch_search")
    wanted = next((name for name in sections if run.file is not None and flags.get(name)), None)
    if wanted:
        raise InputError(
            f"{flag_name(wanted)} needs the trained model, '{run.file}' is an exported file: give its run folder"
        )
