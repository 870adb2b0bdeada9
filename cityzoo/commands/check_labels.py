"""Find labels of a run's data that are probably wrong, for review."""

from __future__ import annotations

from collections.abc import Sequence

from cityzoo import cli
from cityzoo.cli.values import parse_count, parse_folds, parse_group_by, parse_share

PROG = "python -m cityzoo check-labels"
ABOUT = """\
Find labels of the data of a run that are probably wrong. Classes: linear heads on features of the backbone before
training are fitted on other folds, and confident learning (arXiv 1911.00068) compares what they are sure of with the
labels. Boxes: confident detections are compared with the labeled boxes; those of images that were in training come
from the models of --folds, if the run has them. labels.csv lists the labels to review, report.html shows them;
nothing is changed.
"""
EXAMPLES = f"""\
examples:
  {PROG} runs/kinds --out review/
  {PROG} runs/calls --folds 10 --out review/
  {PROG} runs/road --score 0.5 --out review/       boxes, by detections with a score of 0.5 or more
"""


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES)
    parsers = (parse_count, parse_folds, parse_group_by, parse_share)
    count, folds, group_by, share = map(cli.argparse_type, parsers)
    add = parser.add_argument
    add("run", metavar="RUN", help="run folder whose data is checked: one class an example, or boxes")
    add("--out", required=True, metavar="FOLDER", help="new folder")
    add(
        "--most",
        type=count,
        default=40,
        metavar="N",
        help="labels that the page shows (default: %(default)s); labels.csv has all",
    )
    add(
        "--folds",
        type=folds,
        default=5,
        metavar="K",
        help="classes: folds that heads are fitted on (default: %(default)s)",
    )
    add(
        "--group-by",
        type=group_by,
        default="duplicate",
        metavar="HOW|FILE.csv",
        help="classes: what lies in one fold, as in train.py (default: %(default)s)",
    )
    add(
        "--score",
        type=share,
        metavar="SCORE",
        help="boxes: detections from this score on count (default: that of the best F1 of the run's report)",
    )
    return parser


def main(arguments: Sequence[str]) -> int:
    """Check labels as the flags say."""
    given = vars(_parser().parse_args(arguments))
    with cli.start_backend():
        from cityzoo.selection.label_check import LabelCheck, check_labels
    check_labels(LabelCheck(**given))
    return 0
