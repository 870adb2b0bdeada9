#!/usr/bin/env python3
"""Fine-tune a pretrained backbone on a city's own data: python train.py --backbone vgg16 --task vehicle_detect."""

from __future__ import annotations

import importlib
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
    """Train as the flags say, once or on several draws, and leave a run folder."""
    asked = parse_training(arguments)
    if asked is None:  # --list has been answered
        return 0
    with cli.quiet_start():  # only now: TensorFlow takes seconds to load
        from cityzoo import backend
        from cityzoo.fit import distributed
        from cityzoo.tune import repeats

        backend.prepare()

    distributed.start()
    if asked.preview:
        draw_preview(asked.spec, asked.preview)
    elif asked.spec.draws > 1:
        repeats.run_repeats(asked.spec, asked.resume, train)
    else:
        train(asked.spec, asked.resume)
    return 0


def train(asked: TrainSpec, resumed: str | None = None) -> dict[str, Any]:
    """Train, judge the best epoch on held-out images, leave a run folder; return the report."""
    from cityzoo import tasks
    from cityzoo.fit import devices, distributed, fine_tune, memory_trial, run_folder
    from cityzoo.report import run_report
    from cityzoo.tune import repeats

    course = tasks.find(asked.task).course
    if course:  # sensors rather than images
        return importlib.import_module(course).train(asked, resumed)
    start = time.perf_counter()
    task, data, output = fine_tune.load_task_data(asked)
    spec = devices.resolve(asked, data, output, memory_trial.memory_trial(output, data))
    fine_tune.check_processes_agree(spec, data)
    fine_tune.seed_everything(spec.seed)
    with distributed.distribution_scope(), devices.strategy().scope():
        assembled = fine_tune.build_model(spec, output, data)
        with run_folder.open_or_create(spec, resumed) as folder:
            progress = fine_tune.fine_tune(spec, task, output, data, assembled, folder, resume=bool(resumed))

    report: dict[str, Any] = {}
    if distributed.is_chief():
        figures = run_report.evaluate(folder, output, data.val, folder.path, seed=spec.seed)
        seconds = round(time.perf_counter() - start, 1)
        counts = fine_tune.parameter_counts(assembled)
        facts = run_report.training_facts(
            spec, data.findings.as_dict(), assembled.origin, counts, progress, seconds
        )
        facts["unlabelled"] = repeats.compare_with_labelled_only(asked, folder.path, figures, train)
        report = run_report.write(folder.path, output, facts, figures, spec.seed)
    distributed.barrier()
    return report


def draw_preview(asked: TrainSpec, path: str) -> None:
    """Draw augmented training images with their labels, instead of training."""
    from cityzoo.fit import devices, fine_tune, preview

    _, data, output = fine_tune.load_task_data(asked)
    preview.write(fine_tune.training_views(devices.resolve(asked, data, output), output, data), path)


if __name__ == "__main__":
    sys.exit(cli.run(main, sys.argv[1:], "train.py"))
