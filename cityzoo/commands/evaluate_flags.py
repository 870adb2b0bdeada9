"""The command line of evaluate.py: general flags, and those of the run's own task."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, NamedTuple

from cityzoo import cli, tasks
from cityzoo.cli.values import parse_count, parse_number, parse_share
from cityzoo.evaluation.quality_gate import QualityGate, parse_requirement
from cityzoo.fit.run_folder import RunFolder, open_run
from cityzoo.spec import TrainSpec

EXAMPLES = """examples:
  python evaluate.py runs/mine                          the run's own held-out data
  python evaluate.py runs/new runs/old                  both on the same data: what improved, what regressed
  python evaluate.py runs/mine --data other_place/      labeled data of another place
  python evaluate.py runs/mine --require "{metric}>=0.6"    exit code 1 if it is less
"""
# Options of outputs that matter for evaluation alone.
OUTPUT_OPTIONS = {
    "wanted_precision": (
        parse_share,
        "SHARE",
        "target precision; the report gives the score that reaches it",
    ),
    "false_alarms": (
        parse_number,
        "N",
        "maximum false alarms per 1,000 negatives; the report gives the threshold",
    ),
}


class EvaluateCommand(NamedTuple):
    """What the command line of evaluate.py asks for.

    Attributes:
        folder: run folder.
        spec: of the run.
        others: run folders to compare with.
        data: other labeled data.
        out: where to write.
        json: whether to print the report.
        require: bounds on metrics.
        slice_by: what defines slices.
        flags: of the task's modality, and `data`, `limit`, `format`, by name.
        options: of the task's output, by name.
    """

    folder: RunFolder
    spec: TrainSpec[Any]
    others: tuple[str, ...]
    data: str | None
    out: str | None
    json: bool
    require: list[QualityGate]
    slice_by: str
    flags: dict[str, Any]
    options: dict[str, Any]

    @property
    def uses_other_data(self) -> bool:
        """Return whether other examples are evaluated than those that the run held out."""
        return any(self.flags.get(name) is not None for name in ("data", "split", "limit"))


def evaluation_parser(task: tasks.Task | None = None) -> cli.Parser:
    """Return the parser of evaluate.py for runs of one task; None: without a task's own flags."""
    unit = "examples" if task is None else task.modality.unit
    metric = "AP50" if task is None else task.output.primary_metrics[0]
    parser = cli.Parser(
        prog="evaluate.py",
        description=f"Evaluate a trained run on labeled {unit}, next to the model before fine-tuning and other runs. "
        "Writes report.html for people and report.json for programs.",
        epilog=EXAMPLES.format(metric=metric),
        formatter_class=cli.HelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "runs", metavar="RUN", nargs="+", help=f"run folder; further runs are compared on the same {unit}"
    )
    add = parser.add_argument_group("data").add_argument
    add("--data", metavar="PATH", help="other labeled data, as train.py takes it (default: the run's own)")
    add("--format", help="format of --data (default: detected)")
    add("--limit", type=cli.typed(parse_count), metavar="N", help=f"use this many {unit}")
    group = parser.add_argument_group("report")
    group.add_argument(
        "--out", metavar="FOLDER", help="where to write (default: the run folder, or a new one in it)"
    )
    group.add_argument("--json", action="store_true", help="print the report as one line of JSON, too")
    group.add_argument(
        "--require",
        type=cli.typed(parse_requirement),
        action="append",
        default=[],
        metavar='"METRIC>=N"',
        help="exit with code 1 if a metric misses this bound (repeatable)",
    )
    group.add_argument(
        "--slice-by",
        default="auto",
        metavar="folder|REGEX|FILE.csv",
        help="also report by camera or scene: the files' folder, a pattern with one group such as 'cam(\\d+)', or a "
        "CSV of file name and slice (default: scenes found in the data)",
    )
    if task is not None:
        _add_task_flags(parser, task)
    return parser


def _add_task_flags(parser: cli.Parser, task: tasks.Task) -> None:
    declared = task.modality.evaluate_flags
    if declared is not None and cli.flag_fields(declared):
        cli.add_flags(
            parser.add_argument_group(task.modality.unit), cli.flag_fields(declared), {}, task.modality.unit
        )
    names = {item.name for item in fields(task.output)}
    options = {name: about for name, about in OUTPUT_OPTIONS.items() if name in names}
    group = parser.add_argument_group("thresholds") if options else parser
    for name, (parse, metavar, help) in options.items():
        flag = cli.flag_name(name)
        group.add_argument(flag, type=cli.typed(parse), metavar=metavar, help=help, default=argparse.SUPPRESS)
    parser.set_defaults(**{item.name: item.default for item in cli.flag_fields(declared)})


def parse_evaluation(arguments: Sequence[str]) -> EvaluateCommand:
    """Read the command line of evaluate.py; the first run says which flags there are.

    Raises:
        InputError: no run folder, or a value that cannot be used.
    """
    first = evaluation_parser()
    path = next((word for word in arguments if not word.startswith("-")), None)
    if path is None:
        first.parse_args(arguments)  # prints the help or the error
    known, _ = first.parse_known_args(arguments)
    folder, spec = open_run(known.runs[0])
    task = tasks.find(spec.run.task)
    parser = evaluation_parser(task)
    parser.subject, parser.find_tasks = f"runs of '{spec.run.task_name}'", _tasks_with
    given = vars(parser.parse_args(arguments))
    options = {name: given.pop(name) for name in OUTPUT_OPTIONS if name in given}
    common = {name: given.pop(name) for name in ("out", "json", "require", "slice_by")}
    others = tuple(given.pop("runs")[1:])
    return EvaluateCommand(folder, spec, others, given["data"], flags=given, options=options, **common)


def _tasks_with(word: str) -> list[str]:
    return [name for name in tasks.names() if word in _flags_of(tasks.find(name))]


def _flags_of(task: tasks.Task) -> set[str]:
    parser = evaluation_parser(task)
    return {flag for action in parser._actions for flag in action.option_strings}
