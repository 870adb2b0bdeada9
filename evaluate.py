#!/usr/bin/env python3
"""Evaluate a trained run on labeled data, or let it predict new data: python evaluate.py RUN."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from cityzoo import cli
from cityzoo.commands.evaluate_flags import EvaluateCommand, parse_evaluation
from cityzoo.evaluation.quality_gate import failed_gates


def main(arguments: Sequence[str]) -> int:
    """Evaluate a run as the flags say; return 1 if a required metric is missed."""
    command = parse_evaluation(arguments)
    if command.verify:
        verify_runs((command.subject, *command.others), command.verify)
    with cli.start_backend():
        import tensorflow  # noqa: F401  (its start-up messages are suppressed here)

        from cityzoo.data import files

    shown = redirect_stdout(sys.stderr) if command.json else nullcontext()  # progress bars are not JSON
    with shown, files.allow_outside(command.allows_outside):
        report = evaluate(command)
    if report is None:
        return 0
    if command.json:
        sys.stdout.write(json.dumps(report, default=str) + "\n")
    return 1 if failed_gates(report, command.require) else 0


def verify_runs(runs: Sequence[str], public_key: str) -> None:
    """Check the signatures of run folders, and of the folders of exported files, before anything of them is loaded.

    Raises:
        InputError: unsigned, signed by another key, or a file is changed, missing or extra.
    """
    from cityzoo.security.signing import verify_folder

    for run in map(Path, runs):
        verify_folder(run if (run / "spec.json").is_file() else run.parent, Path(public_key))


def evaluate(command: EvaluateCommand) -> dict[str, Any] | None:
    """Evaluate a run next to other runs, write its report and return it; None if there are no labels."""
    from cityzoo.evaluation import evaluate as evaluation
    from cityzoo.evaluation import evaluated_run, predict_folder, projector
    from cityzoo.export import exported_run
    from cityzoo.report import run_report
    from cityzoo.report.tensorboard import write_runs_table

    subject = exported_run.open_any(command.subject, command.options)
    exported_run.refuse_gradients(subject, command.flags)
    unlabelled = predict_folder.find_unlabelled(command, subject.task)
    if unlabelled:
        apply_policy(subject, command)
        predict_folder.write(subject, unlabelled, command)
        return None
    exported_run.require_data(subject, command.data)
    truth, facts = evaluated_run.load_truth(subject, command)
    others = [exported_run.open_any(path) for path in command.others]
    class_map = command.flags.get("class_map") or {}
    compared = {o.path: evaluated_run.compare_with(o, subject, truth, class_map) for o in others}
    folder = evaluated_run.choose_folder(command)
    flags = {**command.flags, "others": others}
    facts |= evaluated_run.optional_sections(subject, truth, flags, folder)
    metrics = evaluation.evaluate(
        *(subject.folder, subject.task, subject.output, truth, folder, compared),
        seed=subject.spec.run.seed,
        slice_by=command.flags.get("slice_by", "auto"),
        exported=subject if subject.file else None,
    )
    report = run_report.write(folder, subject.task, subject.output, facts, metrics, subject.spec.run.seed)
    if others:
        write_runs_table(report, [subject, *others], folder)
    if command.flags["projector"]:
        projector.write_projector(subject, truth, folder / "logs" / "report")
    return report


def apply_policy(subject: Any, command: EvaluateCommand) -> None:
    """Refuse predictions that the policy next to a run forbids; its score for review is the default of the flag.

    Raises:
        InputError: with the rule that is broken.
    """
    from cityzoo.security.policy import find_policy

    policy = find_policy(Path(command.subject))
    if policy is None:
        return
    policy.check("predict", subject.spec.run.task_name, subject.output.class_names)
    command.flags.setdefault("review_below", policy.review_below)


if __name__ == "__main__":
    sys.exit(cli.run(main, sys.argv[1:], "evaluate.py"))
