"""The command line of evaluate.py: general flags, and those of the run's own task."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from cityzoo import cli, tasks
from cityzoo.cli.values import parse_count, parse_number, parse_score, parse_share
from cityzoo.evaluation.quality_gate import QualityGate, parse_requirement
from cityzoo.fit.run_folder import RunFolder, open_run
from cityzoo.security.encrypted_folder import require_plain
from cityzoo.spec import TrainSpec

EXAMPLES = """examples:
  the run's own held-out data:                python evaluate.py runs/mine
  both on the same data, with what regressed: python evaluate.py runs/new runs/old
  labeled data of another place:              python evaluate.py runs/mine --data other_place/
  exit code 1 if a metric misses a bound:     python evaluate.py runs/mine --require "{metric}"
"""
# Options of outputs that matter for evaluation alone.
OUTPUT_OPTIONS = {
    "wanted_precision": (
        parse_share,
        "SHARE",
        "target precision; the report gives the score that reaches it",
    ),
    "keep": (
        parse_share,
        "SHARE",
        "share of the texts within the classes that is answered; the report gives the threshold",
    ),
    "wrong_at_most": (
        parse_share,
        "SHARE",
        "share of the answers that may be wrong; the report gives the threshold",
    ),
    "false_alarms": (
        parse_number,
        "N",
        "maximum false alarms per 1,000 negatives; the report gives the threshold",
    ),
}


class EvaluateCommand(NamedTuple):
    """What the command line of evaluate.py asks for."""

    subject: str  # run folder, or exported file
    folder: RunFolder  # run folder, or the folder of the exported file
    spec: TrainSpec[Any]  # of the run
    others: tuple[str, ...]  # run folders to compare with
    data: str | None  # other labeled data
    out: str | None  # where to write
    json: bool  # whether to print the report
    require: list[QualityGate]  # bounds on metrics
    flags: dict[str, Any]  # of the task's modality, and `data`, `limit`, `format`, by name
    options: dict[str, Any]  # of the task's output, by name
    verify: str | None = None  # public key that the runs must be signed with

    @property
    def allows_outside(self) -> bool:
        """Return whether files outside of the data folder are read: by the flag, or by that of the run for its data."""
        return self.flags["allow_outside"] or (self.data is None and self.spec.run.allow_outside)

    @property
    def uses_other_data(self) -> bool:
        """Return whether other examples are evaluated than those that the run held out."""
        return any(self.flags.get(name) is not None for name in ("data", "split", "limit"))


def evaluation_parser(task: tasks.Task | None = None) -> cli.Parser:
    """Return the parser of evaluate.py for runs of one task; None: for runs of any task."""
    unit, metric = "examples", "AP50>=0.6"
    if task is not None:
        unit, name = task.modality.unit, task.output.primary_metrics[0]
        metric = f"{name}<=5" if name in task.output.lower_is_better else f"{name}>=0.6"
    parser = cli.Parser(
        prog="evaluate.py",
        description=f"Evaluate a trained run on labeled {unit}, next to the model before fine-tuning and other runs. "
        "Writes report.html for people and report.json for programs.",
        epilog=EXAMPLES.format(metric=metric),
        allow_abbrev=False,
    )
    about_runs = (
        f"run folder, or a file of python -m cityzoo export; further runs are compared on the same {unit}"
    )
    parser.add_argument("runs", metavar="RUN", nargs="+", help=about_runs)
    _add_general_flags(parser, unit)
    members = [tasks.find(name) for name in tasks.names()] if task is None else [task]
    for modality in dict.fromkeys(member.modality for member in members):
        taken = parser.flag_strings
        declared = [i for i in cli.flag_fields(modality.evaluate_flags) if cli.flag_name(i.name) not in taken]
        if declared:
            cli.add_flags(parser.add_argument_group(f"{modality.name} tasks"), declared, {}, modality.words)
            parser.set_defaults(**{item.name: item.default for item in declared})
    names = {item.name for member in members for item in fields(member.output)}
    group = parser.add_argument_group("thresholds") if names & set(OUTPUT_OPTIONS) else parser
    for name in OUTPUT_OPTIONS:
        if name in names:
            parse, metavar, help = OUTPUT_OPTIONS[name]
            about: dict[str, Any] = {"metavar": metavar, "help": help, "default": argparse.SUPPRESS}
            group.add_argument(cli.flag_name(name), type=cli.argparse_type(parse), **about)
    return parser


def _add_general_flags(parser: cli.Parser, unit: str) -> None:
    add = parser.add_argument_group("data").add_argument
    add("--data", metavar="PATH", help="other labeled data, as train.py takes it (default: the run's own)")
    add("--format", help="format of --data (default: detected)")
    add("--limit", type=cli.argparse_type(parse_count), metavar="N", help=f"use this many {unit}")
    help = "read files that --data names or links to outside of its folder, too (default: refuse, as in training)"
    add("--allow-outside", action="store_true", help=help)
    add = parser.add_argument_group("report").add_argument
    help = "with --predict: list answers below this score in review.csv (default: review_below of the policy)"
    about: dict[str, Any] = {"metavar": "0..1", "help": help, "default": argparse.SUPPRESS}
    add("--review-below", type=cli.argparse_type(parse_score), **about)
    add("--out", metavar="FOLDER", help="where to write (default: the run folder, or a new one in it)")
    add("--json", action="store_true", help="print the report as one line of JSON, too")
    help = f"write the features of the {unit} for TensorBoard's embedding projector"
    add("--projector", action="store_true", help=help)
    help = "PEM file: refuse runs with files that this key did not sign, that changed, are missing or extra"
    add("--verify", metavar="PUBLIC_KEY", help=help)
    add(
        "--require",
        type=cli.argparse_type(parse_requirement),
        action="append",
        default=[],
        metavar='"METRIC>=N"',
        help="exit with code 1 if a metric misses this bound (repeatable)",
    )


def parse_evaluation(arguments: Sequence[str]) -> EvaluateCommand:
    """Read the command line of evaluate.py; the first run determines which flags there are.

    Raises:
        InputError: no run folder, or a value that cannot be used.
    """
    first, asks_for_help = evaluation_parser(), {"-h", "--help"}
    words = [word for word in arguments if word not in asks_for_help]
    if all(word.startswith("-") for word in words):
        first.parse_args(arguments)  # prints the help or the error
    for action in first._actions:
        action.type = None  # a flag of several modalities is read by that of the run
    known, _ = first.parse_known_args(words)
    first_run = str(known.runs[0])
    require_plain(Path(first_run))
    folder, spec = open_run(str(Path(first_run).parent) if _is_file(first_run) else first_run)
    task = tasks.find(spec.run.task)
    parser = evaluation_parser(task)
    parser.subject, parser.find_tasks = f"runs of '{spec.run.task_name}'", _tasks_with
    given = vars(parser.parse_args(arguments))
    options = {name: given.pop(name) for name in OUTPUT_OPTIONS if name in given}
    common = {name: given.pop(name) for name in ("out", "json", "require", "verify")}
    others = tuple(given.pop("runs")[1:])
    return EvaluateCommand(
        first_run, folder, spec, others, given["data"], flags=given, options=options, **common
    )


def _is_file(path: str) -> bool:
    from cityzoo.runtime.runtime_model import format_of, is_exported

    return is_exported(Path(path)) and bool(format_of(Path(path)))


def _tasks_with(word: str) -> list[str]:
    return [name for name in tasks.names() if word in evaluation_parser(tasks.find(name)).flag_strings]
