#!/usr/bin/env python3
"""Judge a trained run on labelled pictures, or let it look at new ones: python evaluate.py RUN."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from cityzoo import cli, tasks
from cityzoo.data import load_pictures
from cityzoo.errors import InputError
from cityzoo.judging import evaluation_parser, free_folder, pictures_to_judge


def main(arguments: Sequence[str]) -> int:
    """Load a run's best model and judge it, or write what it sees."""
    flags = evaluation_parser().parse_args(arguments)
    with cli.quiet_start():
        import tensorflow  # noqa: F401  (its start-up lines are kept back here)

        from cityzoo import backend
        from cityzoo.fit.run_folder import open_run
        from cityzoo.model import class_names, load
        from cityzoo.report import of_run, seen

        backend.prepare()

    run, spec = open_run(flags.run)
    if spec.draws > 1:
        raise InputError(f"'{run.path}' holds {spec.draws} draws: give one of them, e.g. {run.path}/draw-1")
    model = load(run.model)
    task = tasks.find(spec.task)
    kind = task.kind_for(class_names(model), spec.options)
    facts = of_run.earlier_facts(run.path)
    kind = kind.recalling(facts)
    if flags.predict:
        pictures = load_pictures(flags.predict, labels=flags.labels, limit=flags.limit)
        folder = free_folder(flags.out, run.path, "predictions")
        seen.write(folder, model, kind, pictures, flags.predict, facts, flags.score)
        return 0
    truth, findings = pictures_to_judge(flags, spec, task, kind.class_names)
    elsewhere = flags.data is not None or flags.split is not None or flags.limit is not None
    folder = free_folder(flags.out, run.path, "evaluation") if elsewhere or flags.out else run.path
    if elsewhere:  # what the report said of the training's own held-out pictures does not hold here
        facts = {**facts, **of_run.elsewhere(spec, kind, truth, findings)}
    report = of_run.write(folder, kind, facts, of_run.judge(model, kind, truth, folder), spec.seed)
    if flags.json:
        sys.stdout.write(json.dumps(report, default=str) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(cli.run(main, sys.argv[1:], "evaluate.py"))
