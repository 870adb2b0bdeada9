#!/usr/bin/env python3
"""Judge a trained run on labelled pictures, or let it look at new ones: python evaluate.py RUN."""

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
from cityzoo.evaluation_flags import evaluation_parser
from cityzoo.judging import free_folder, looks_elsewhere, pictures_to_judge, without_labels
from cityzoo.requirements import unmet

if TYPE_CHECKING:
    from cityzoo.judged_run import JudgedRun


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
        # Sensors have a course of their own, pictures go on here.
        report = (
            importlib.import_module(course).evaluate(run.path, spec, flags) if course else of_pictures(flags)
        )
    if report is None:
        return 0
    if flags.json:
        sys.stdout.write(json.dumps(report, default=str) + "\n")
    return 1 if unmet(report, flags.require) else 0


def of_pictures(flags: argparse.Namespace) -> dict[str, Any] | None:
    """Judge a run on labelled pictures, or let it look at others; return the report, None where nothing is judged."""
    from cityzoo.judged_run import open_judged

    wishes = {"wanted_precision": flags.wanted_precision, "false_alarms": flags.false_alarms}
    subject = open_judged(flags.runs[0], wishes)
    frames = flags.predict or without_labels(flags)
    if frames:
        look_at(subject, frames, flags)
        return None
    return judge(subject, flags)


def look_at(subject: JudgedRun, frames: str, flags: argparse.Namespace) -> None:
    """Write what a run sees in pictures without labels."""
    from cityzoo.data import load_pictures
    from cityzoo.report import seen

    pictures = load_pictures(frames, labels=flags.labels, limit=flags.limit)
    folder = free_folder(flags.out, subject.folder.path, "predictions")
    seen.write(folder, subject.model, subject.kind, pictures, frames, subject.facts, flags.score)


def judge(subject: JudgedRun, flags: argparse.Namespace) -> dict[str, Any]:
    """Judge a run on labelled pictures, beside the other runs; write its report and return it."""
    from cityzoo.judged_run import also_asked, open_judged, rival_of, write_table
    from cityzoo.report import of_run, scenes

    if flags.slice_by != "auto":
        scenes.naming(flags.slice_by)  # a pattern that cannot be used is said before anything is computed
    run, spec, kind, facts = subject.folder, subject.spec, subject.kind, subject.facts
    truth, findings = pictures_to_judge(flags, spec, subject.task, kind.class_names)
    others = [open_judged(path) for path in flags.runs[1:]]
    rivals = {str(o.folder.path): rival_of(o, subject, truth, flags.class_map or {}) for o in others}
    aside = looks_elsewhere(flags) or others or flags.out
    folder = free_folder(flags.out, run.path, "evaluation") if aside else run.path
    if looks_elsewhere(flags):  # what the report says of the run's own held-out pictures does not hold here
        facts = of_run.made_how(facts)
    facts = {**facts, "data": findings["source"], "findings": findings}
    facts |= also_asked(subject, truth, flags, folder)
    figures = of_run.judge(run, kind, truth, folder, rivals, spec.seed, flags.slice_by)
    report = of_run.write(folder, kind, facts, figures, spec.seed)
    if others:
        write_table(report, [subject, *others], folder)
    return report


if __name__ == "__main__":
    sys.exit(cli.run(main, sys.argv[1:], "evaluate.py"))
