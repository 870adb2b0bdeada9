#!/usr/bin/env python3
"""Fine-tune a pretrained backbone on a city's own data: python train.py --backbone vgg16 --task vehicle_detect."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's own start-up lines would bury ours

from cityzoo import cli
from cityzoo.commands.train_flags import parse_training
from cityzoo.spec import TrainSpec


def main(arguments: Sequence[str]) -> int:
    """Train as the flags say, once or several times, and leave a run folder."""
    command = parse_training(arguments)
    if command is None:  # --list or --print-config has been answered
        return 0
    with cli.start_backend():  # only now: TensorFlow takes seconds to load
        from cityzoo.data import files
        from cityzoo.fit import distributed
        from cityzoo.tune import repeats

    distributed.start()
    with files.allow_outside(command.spec.run.allow_outside):
        if command.preview:
            draw_preview(command.spec, command.preview)
        elif command.spec.run.repeats > 1:
            repeats.run_repeats(command.spec, command.resume, train)
        else:
            report = train(command.spec, command.resume)
            return 1 if (report.get("lineage") or {}).get("lost") else 0
    return 0


def train(asked: TrainSpec[Any], resumed: str | None = None) -> dict[str, Any]:
    """Train, evaluate the best epoch on held-out data, leave a run folder; return the report."""
    from cityzoo.continual import bounds, forgetting
    from cityzoo.evaluation import evaluate, run_facts
    from cityzoo.fit import auto_settings, devices, distributed, fine_tune, memory_trial, refit, run_data
    from cityzoo.fit.run_folder import open_or_create
    from cityzoo.fit.speed_trial import plan_within_time
    from cityzoo.report import run_report
    from cityzoo.tune import folds, group_comparison, repeats

    start = time.perf_counter()
    task, data, output = fine_tune.load_task_data(asked)
    try_batches = memory_trial.memory_trial(task, output, data)
    spec = auto_settings.resolve(asked, task, data, output, try_batches)
    spec, task, data, output = plan_within_time(asked, spec, task, output, data, start)
    fine_tune.check_processes_agree(spec, task, data)
    fine_tune.seed_everything(spec.run.seed)
    with open_or_create(spec, resumed) as folder:
        changes = run_data.check_resumed(folder, task.modality, data)
        repeats.train_labelled_only(asked, folder.path, train)
        with distributed.distribution_scope(), devices.strategy().scope():
            trained = task.modality.training_spec(spec)
            assembled = task.modality.build(trained, output, data)
            state = fine_tune.fine_tune(trained, task, output, data, assembled, folder, resume=bool(resumed))
            output = refit.finish(spec, task, output, data, assembled, folder, state)
        report: dict[str, Any] = {}
        if distributed.is_chief():
            task.modality.write_manifest(folder.path, data, output)
            metrics = evaluate.evaluate(folder, task, output, data.held_out, folder.path, seed=spec.run.seed)
            seconds = round(time.perf_counter() - start, 1)
            facts = run_facts.training_facts(spec, data.findings, assembled, state, seconds)
            facts |= group_comparison.compare(asked, folder, task, output, data, state, metrics, train)
            found = folds.estimate_new_sources(asked, spec, folder.path, metrics, train)
            lineage = forgetting.evaluate_lineage(folder.path, task, state.history, data, spec)
            facts |= {"new_sources": found, "lineage": bounds.add_bounds(asked, folder.path, lineage, train)}
            facts["warnings"] += [*changes, *(found.pop("warnings") if found else [])]
            report = run_report.finish(folder.path, task, output, facts, metrics, spec.run)
        distributed.barrier()
        return report


def draw_preview(asked: TrainSpec[Any], path: str) -> None:
    """Draw augmented training examples with their labels, instead of training."""
    from cityzoo.fit import auto_settings, fine_tune

    task, data, output = fine_tune.load_task_data(asked)
    spec = auto_settings.resolve(asked, task, data, output)
    task.modality.write_preview(task.modality.views(spec, output, data)[0], path)


if __name__ == "__main__":
    sys.exit(cli.run(main, sys.argv[1:], "train.py"))
