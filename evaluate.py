#!/usr/bin/env python3
"""Judge a trained run on labelled images, or let it look at new ones: python evaluate.py RUN."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from typing import TYPE_CHECKING, Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from cityzoo import cli
from cityzoo.commands.evaluate_flags import evaluation_parser
from cityzoo.evaluation.evaluation_data import (
    load_evaluation_data,
    next_free_folder,
    unlabelled_source,
    uses_other_data,
)
from cityzoo.evaluation.quality_gate import failed_gates

if TYPE_CHECKING:
    from cityzoo.evaluation.evaluated_run import EvaluatedRun


def main(arguments: Sequence[str]) -> int:
    """Judge a run as the flags say; return 1 if it falls short of what is required of it."""
    flags = evaluation_parser().parse_args(arguments)
    with cli.quiet_start():
        import tensorflow  # noqa: F401  (its start-up lines are kept back here)

        from cityzoo import backend, tasks
        from cityzoo.fit.run_folder import open_run

        backend.prepare()

    with redirect_stdout(sys.stderr) if flags.json else nullcontext():  # bars of progress are no JSON
        run, spec = open_run(flags.runs[0])
        course = tasks.find(spec.task).course
        # Sensors have a course of their own, images go on here.
        report = (
            importlib.import_module(course).evaluate(run.path, spec, flags) if course else of_images(flags)
        )
    if report is None:
        return 0
    if flags.json:
        sys.stdout.write(json.dumps(report, default=str) + "\n")
    return 1 if failed_gates(report, flags.require) else 0


def of_images(flags: argparse.Namespace) -> dict[str, Any] | None:
    """Judge a run on labelled images, or let it look at others; return the report, None where nothing is judged."""
    from cityzoo.evaluation.evaluated_run import open_judged

    wishes = {"wanted_precision": flags.wanted_precision, "false_alarms": flags.false_alarms}
    subject = open_judged(flags.runs[0], wishes)
    frames = flags.predict or unlabelled_source(flags)
    if frames:
        look_at(subject, frames, flags)
        return None
    return judge(subject, flags)


def look_at(subject: EvaluatedRun, frames: str, flags: argparse.Namespace) -> None:
    """Write what a run sees in images without labels."""
    from cityzoo.data.image import load_images
    from cityzoo.evaluation import predict_folder

    images = load_images(frames, labels=flags.labels, limit=flags.limit)
    folder = next_free_folder(flags.out, subject.folder.path, "predictions")
    predict_folder.write(folder, subject.model, subject.output, images, frames, subject.facts, flags.score)


def judge(subject: EvaluatedRun, flags: argparse.Namespace) -> dict[str, Any]:
    """Judge a run on labelled images, beside the other runs; write its report and return it."""
    from cityzoo.evaluation import camera_groups
    from cityzoo.evaluation.evaluated_run import (
        evaluate_other_run,
        open_judged,
        optional_sections,
        write_table,
    )
    from cityzoo.report import run_report

    if flags.slice_by != "auto":
        camera_groups.parse_slice_by(
            flags.slice_by
        )  # a pattern that cannot be used is said before anything is computed
    run, spec, output, facts = subject.folder, subject.spec, subject.output, subject.facts
    truth, findings = load_evaluation_data(flags, spec, subject.task, output.class_names)
    others = [open_judged(path) for path in flags.runs[1:]]
    rivals = {
        str(o.folder.path): evaluate_other_run(o, subject, truth, flags.class_map or {}) for o in others
    }
    aside = uses_other_data(flags) or others or flags.out
    folder = next_free_folder(flags.out, run.path, "evaluation") if aside else run.path
    if uses_other_data(flags):  # what the report says of the run's own held-out images does not hold here
        facts = run_report.training_provenance(facts)
    facts = {**facts, "data": findings["source"], "findings": findings}
    facts |= optional_sections(subject, truth, flags, folder)
    figures = run_report.evaluate(run, output, truth, folder, rivals, spec.seed, flags.slice_by)
    report = run_report.write(folder, output, facts, figures, spec.seed)
    if others:
        write_table(report, [subject, *others], folder)
    return report


if __name__ == "__main__":
    sys.exit(cli.run(main, sys.argv[1:], "evaluate.py"))
