#!/usr/bin/env python3
"""Fine-tune a pretrained backbone on a city's own data: python train.py --backbone vgg16 --task vehicle_detect."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's own start-up lines would bury ours

from cityzoo import cli, tasks
from cityzoo.flags import parse_training


def main(arguments: Sequence[str]) -> int:
    """Train as the flags say, judge the best epoch on held-out pictures, leave a run folder."""
    asked = parse_training(arguments)
    if asked is None:  # --list has been answered
        return 0
    with cli.quiet_start():  # only now: TensorFlow takes seconds to load
        from cityzoo import backend, preview
        from cityzoo.fit import hardware, hosts, memory, run, run_folder
        from cityzoo.model import load
        from cityzoo.report import of_run

        backend.prepare()

    start = time.perf_counter()
    hosts.start()
    task = tasks.find(asked.spec.task)
    data = run.read_data(asked.spec, task)
    kind = task.kind_for(data.train.class_names, asked.spec.options).seeing(data.train)
    spec = hardware.resolve(asked.spec, data, kind, memory.memory_trial(kind, data))
    if asked.preview:
        preview.write(run.training_views(spec, kind, data), asked.preview)
        return 0
    run.same_everywhere(spec, data)
    run.seed_everything(spec.seed)
    with hosts.together(), hardware.strategy().scope():
        assembled = run.build_model(spec, kind, data)
        with run_folder.opened(spec, asked.resume) as folder:
            progress = run.fine_tune(spec, task, kind, data, assembled, folder, resume=bool(asked.resume))

    if hosts.is_chief():
        figures = of_run.judge(load(folder.model), kind, data.val, folder.path)
        seconds = round(time.perf_counter() - start, 1)
        counts = run.parameters(assembled)
        facts = of_run.training_facts(
            spec, data.findings.as_dict(), assembled.origin, counts, progress, seconds
        )
        of_run.write(folder.path, kind, facts, figures, spec.seed)
    hosts.wait()
    return 0


if __name__ == "__main__":
    sys.exit(cli.run(main, sys.argv[1:], "train.py"))
