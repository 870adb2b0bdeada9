"""Fine-tune a compressed model in a run folder of its own, and compare it with the run that it comes from."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cityzoo.evaluation import evaluate, evaluated_run, run_facts
from cityzoo.fit import devices, distributed, fine_tune, refit, run_data
from cityzoo.fit.run_folder import RunFolder, open_or_create
from cityzoo.modalities import Dataset
from cityzoo.outputs import Output
from cityzoo.report import run_report
from cityzoo.spec import ResolvedSpec
from cityzoo.tasks import Task

# Flags of a network whose head has learned as much as its backbone: no stage is slowed, and the input stays as it is.
FINE_TUNED = {"backbone_rate": 1.0, "layer_decay": 1.0, "train_scale": 1.0}


def fine_tune_start(
    spec: ResolvedSpec[Any],
    task: Task,
    data: Dataset,
    output: Output,
    own: RunFolder,
    more: dict[str, Any],
    source: evaluated_run.EvaluatedRun,
    others: Sequence[evaluated_run.EvaluatedRun] = (),
    describe: Callable[[evaluated_run.EvaluatedRun, Mapping[str, Any]], dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Train as the spec says, from the start or the folder's checkpoint; write the report and return it.

    Args:
        spec: its `weights` are the compressed model.
        task: of the run.
        data: of the run.
        output: of the run.
        own: the folder, which exists.
        more: sections of the report.
        source: the run before compression.
        others: more runs to compare with.
        describe: returns sections of the report, from the trained run and its comparisons with the others.

    Raises:
        InputError: as `fine_tune`.
    """
    started = time.perf_counter()
    fine_tune.seed_everything(spec.run.seed)
    with open_or_create(spec, str(own.path)) as folder:
        changes = run_data.check_resumed(folder, task.modality, data)
        with distributed.distribution_scope(), devices.strategy().scope():
            trained = task.modality.training_spec(spec)
            assembled = task.modality.build(trained, output, data)
            is_begun = folder.checkpoint.is_file()
            state = fine_tune.fine_tune(trained, task, output, data, assembled, folder, resume=is_begun)
            refit.finish(spec, task, output, data, assembled, folder, state)
        task.modality.write_manifest(folder.path, data, output)
        subject = evaluated_run.open_evaluated(str(folder.path))
        rivals = {
            run.path: evaluated_run.compare_with(run, subject, data.held_out, {}) for run in (source, *others)
        }
        metrics = evaluate.evaluate(
            folder, task, output, data.held_out, folder.path, rivals, seed=spec.run.seed
        )
        seconds = round(time.perf_counter() - started, 1)
        facts = run_facts.training_facts(spec, data.findings, assembled, state, seconds)
        facts["warnings"] += changes
        more = more | describe(subject, metrics["compared"]) if describe else more
        return run_report.write(folder.path, task, output, facts | more, metrics, spec.run.seed)
