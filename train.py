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
from cityzoo.flags import parse_training
from cityzoo.spec import TrainSpec


def main(arguments: Sequence[str]) -> int:
    """Train as the flags say, once or on several draws, and leave a run folder."""
    asked = parse_training(arguments)
    if asked is None:  # --list has been answered
        return 0
    with cli.quiet_start():  # only now: TensorFlow takes seconds to load
        from cityzoo import backend
        from cityzoo.fit import hosts, trials

        backend.prepare()

    hosts.start()
    if asked.preview:
        draw_preview(asked.spec, asked.preview)
    elif asked.spec.draws > 1:
        trials.run_draws(asked.spec, asked.resume, train)
    else:
        train(asked.spec, asked.resume)
    return 0


def train(asked: TrainSpec, resumed: str | None = None) -> dict[str, Any]:
    """Train, judge the best epoch on held-out pictures, leave a run folder; return the report."""
    from cityzoo import tasks
    from cityzoo.fit import hardware, hosts, memory, run, run_folder, trials
    from cityzoo.report import of_run

    course = tasks.find(asked.task).course
    if course:  # sensors rather than pictures
        return importlib.import_module(course).train(asked, resumed)
    start = time.perf_counter()
    task, data, kind = run.read_task(asked)
    spec = hardware.resolve(asked, data, kind, memory.memory_trial(kind, data))
    run.same_everywhere(spec, data)
    run.seed_everything(spec.seed)
    with hosts.together(), hardware.strategy().scope():
        assembled = run.build_model(spec, kind, data)
        with run_folder.opened(spec, resumed) as folder:
            progress = run.fine_tune(spec, task, kind, data, assembled, folder, resume=bool(resumed))

    report: dict[str, Any] = {}
    if hosts.is_chief():
        figures = of_run.judge(folder, kind, data.val, folder.path, seed=spec.seed)
        seconds = round(time.perf_counter() - start, 1)
        counts = run.parameters(assembled)
        facts = of_run.training_facts(
            spec, data.findings.as_dict(), assembled.origin, counts, progress, seconds
        )
        facts["unlabelled"] = trials.compare_with_labelled_only(asked, folder.path, figures, train)
        report = of_run.write(folder.path, kind, facts, figures, spec.seed)
    hosts.wait()
    return report


def draw_preview(asked: TrainSpec, path: str) -> None:
    """Draw augmented training pictures with their labels, instead of training."""
    from cityzoo import preview
    from cityzoo.fit import hardware, run

    _, data, kind = run.read_task(asked)
    preview.write(run.training_views(hardware.resolve(asked, data, kind), kind, data), path)


if __name__ == "__main__":
    sys.exit(cli.run(main, sys.argv[1:], "train.py"))
