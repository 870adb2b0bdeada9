"""How good a watch was: python -m cityzoo watch --evaluate WATCHED --truth FILE."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cityzoo import cli
from cityzoo.commands.watch_flags import PROG, parse_seconds

LOG = logging.getLogger(__name__)
FLAG = "--evaluate"
ABOUT = """\
Compare what a watch has counted and reported with what really happened, and write report.html, report.json and
calibration.json into the folder `evaluation` in that of the watch.

The truth is truth.json of a demo video (with the tracks.txt in its folder), a CSV file of hand counts, with the columns
time (seconds, MM:SS or H:MM:SS) or frame (from 1), line, direction (forward, back or FROM-TO) and class, or a file of
labeled tracks as MOTChallenge has them, with the columns frame, id, left, top, width, height, score, class.
"""


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=ABOUT, allow_abbrev=False)
    add, path = parser.add_argument, Path
    add(FLAG, metavar="WATCHED", type=path, required=True, help="folder of a watch")
    add(
        "--truth",
        metavar="FILE",
        type=path,
        required=True,
        help="truth.json, hand counts as CSV, or labeled tracks",
    )
    add("--video", metavar="FILE", type=path, help="that was watched (default: the source of the watch)")
    add("--camera", metavar="NAME", help="of a watch of several cameras")
    about = "over which counts are compared (default: that of the watch)"
    add("--interval", metavar="TIME", type=cli.argparse_type(parse_seconds), help=about)
    return parser


def main(arguments: Sequence[str]) -> int:
    """Evaluate a watch and print the results."""
    given = _parser().parse_args(arguments)
    from cityzoo.watch.evaluate.evaluation import FOLDER, evaluate_watch
    from cityzoo.watch.output import Progress

    progress = Progress(None)
    report = evaluate_watch(
        given.evaluate, given.truth, given.video, given.interval, given.camera, progress.show
    )
    progress.end()
    for warning in report["warnings"]:
        LOG.warning("WARNING: %s", warning)
    sys.stdout.write("\n".join([*describe(report), f"written: {given.evaluate / FOLDER}", ""]))
    return 0


def describe(report: Mapping[str, Any]) -> list[str]:
    """Return the results as lines of text."""
    width = max(len(name) for name in report["methods"])
    lines = [f"{'':{width}}  counted   true  error  worst interval  recall  precision"]
    for name, row in report["methods"].items():
        shares = [_percent(row[key]) for key in ("relative", "worst_interval")]
        found = ["-" if row.get(key) is None else f"{row[key]:.3f}" for key in ("recall", "precision")]
        lines.append(
            f"{name:{width}}  {row['counted']:>7}  {row['true']:>5}  {shares[0]:>5}  {shares[1]:>14}  "
            f"{found[0]:>6}  {found[1]:>9}"
        )
    alarms = report.get("alarms")
    if alarms:
        for row in alarms["incidents"]:
            delay = row["seconds_to_alarm"]
            words = "not found" if delay is None else f"alarm after {delay:.1f} s"
            lines.append(f"{row['kind']} from {row['from']} to {row['until']}: {words}")
        low, high = alarms["false_per_day_interval"]
        lines.append(
            f"false alarms: {alarms['false']} in {alarms['hours']:.2f} h, {alarms['false_per_day']:.1f} a day "
            f"({low:.1f} to {high:.1f})"
        )
    if "tracks" in report:
        names = ("HOTA", "DetA", "AssA", "IDF1", "MOTA")
        lines.append(", ".join(f"{name} {report['tracks'][name]:.3f}" for name in names))
    return lines


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}%"
