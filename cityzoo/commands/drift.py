"""Compare new data with what a run was evaluated on, without labels: python -m cityzoo drift RUN --data week/."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from cityzoo import cli
from cityzoo.cli.values import parse_seed, parse_share

LOG = logging.getLogger(__name__)
PROG = "python -m cityzoo drift"
ABOUT = """\
Tell whether new data differs from the held-out data of a run, in what, and what the run's metric probably is on it.
No labels are needed. Limits are such that unchanged data hardly ever raises an alarm.
"""
EXAMPLES = f"""\
examples:
  {PROG} runs/mine --data week/                        report.html and report.json in runs/mine/drift-1
  {PROG} runs/mine --data week/ --fail-on-drift        exit code 1 if something has changed, for cron
  {PROG} runs/mine --data frames/ --new-camera         is the model good enough for it? 200 frames suffice

--data takes images, texts, sounds or a table, as the run's task does; labels in it are ignored.
"""


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES, allow_abbrev=False)
    add, of = parser.add_argument, cli.argparse_type
    add("run", metavar="RUN", help="run folder of train.py")
    add("--data", required=True, metavar="PATH", help="new examples: a folder or a file")
    add("--out", metavar="FOLDER", help="where to write (default: a new folder in the run folder)")
    help = "the frames are of a camera that the run has never seen: accept it by the predicted metric"
    add("--new-camera", action="store_true", help=help)
    help = "accept a new camera from this share of the held-out metric on (default: 0.9)"
    add("--accept-at", type=of(parse_share), default=0.9, metavar="SHARE", help=help)
    help = "of unchanged periods that may raise an alarm (default: 0.05)"
    add("--false-alarms", type=of(parse_share), default=0.05, metavar="SHARE", help=help)
    help = "exit with code 1 if something has changed, or a new camera is not accepted"
    add("--fail-on-drift", action="store_true", help=help)
    add("--seed", type=of(parse_seed), default=0, metavar="S", help="of folds and permutations (default: 0)")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Write the report; return 1 if that is wanted and something has changed."""
    given = _parser().parse_args(arguments)
    from pathlib import Path

    from cityzoo.security.encrypted_folder import require_plain

    require_plain(Path(given.run))
    with cli.start_backend():
        import tensorflow  # noqa: F401  (its start-up messages are suppressed here)
    from cityzoo.continual.drift_report import write_drift_report
    from cityzoo.evaluation.evaluated_run import open_evaluated
    from cityzoo.fit.run_folder import next_free_folder

    run = open_evaluated(given.run)
    folder = next_free_folder(given.out, run.folder.path, "drift")
    options = (given.new_camera, given.false_alarms, given.accept_at, given.seed)
    report = write_drift_report(run, given.data, folder, *options)
    for line in report["warnings"]:
        LOG.info("%s", line)
    predicted = report.get("predicted")
    if predicted:
        values = tuple(predicted[name] for name in ("metric", "value", "low", "high", "held_out"))
        LOG.info("predicted %s: %.3f (%.3f to %.3f); held-out: %.3f", *values)
    is_wrong = report["drift"]
    if report["is_new_camera"] and predicted:
        LOG.info("new camera: %s", predicted["accepted"])
        is_wrong = predicted["accepted"] != "accepted" if given.new_camera else is_wrong
    LOG.info("%s: %s", "drift" if report["drift"] else "no drift", folder / "report.html")
    return 1 if given.fail_on_drift and is_wrong else 0
