"""Choose the unlabeled examples that are worth labeling, and write them with predicted labels."""

from __future__ import annotations

from collections.abc import Sequence

from cityzoo import cli
from cityzoo.cli.values import parse_count, parse_share

PROG = "python -m cityzoo select"
ABOUT = """\
Choose unlabeled examples by the uncertainty of a run's model times their distance from all that it was trained on, and
copy them into a new folder with predicted labels, which a person corrects and train.py --data reads. why.csv states
for each its uncertainty, its distance and the nearest known example; report.html shows them, and what the choice
would have gained over random choice on the run's own training data.

Exit code 1: in that simulation the choice is not better than random choice; the folder is written all the same.
"""
EXAMPLES = f"""\
examples:
  {PROG} runs/road --data frames/ --most 20 --out to_label/
  {PROG} runs/road --data frames/ --most 50 --labels cvat --out to_label/    annotations.xml of CVAT 1.1
  {PROG} runs/calls --data transcripts.csv --most 100 --out to_label/       texts.csv
  {PROG} runs/roads --data week.csv --most 20 --out to_check/              days.csv, which --leave-out reads
"""


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES)
    count, share = map(cli.argparse_type, (parse_count, parse_share))
    add = parser.add_argument
    add("run", metavar="RUN", help="run folder whose model chooses")
    add("--data", required=True, metavar="SOURCE", help="unlabeled examples: a folder or a file")
    add("--out", required=True, metavar="FOLDER", help="new folder")
    add("--most", type=count, default=20, metavar="N", help="examples to choose (default: %(default)s)")
    add(
        "--labels",
        default="",
        metavar="LAYOUT",
        help="boxes: yolo, coco or cvat; classes: csv, class_folders or cvat; tags: conll (default: the first)",
    )
    add(
        "--score",
        type=share,
        metavar="SCORE",
        help="write predictions from this score on (default: as in the report of the run)",
    )
    add("--limit", type=count, metavar="N", help="read this many unlabeled examples only")
    add(
        "--no-simulation",
        action="store_false",
        dest="simulates",
        help="leave out the comparison with random choice",
    )
    return parser


def main(arguments: Sequence[str]) -> int:
    """Select as the flags say; return 1 if the simulation shows no gain."""
    given = vars(_parser().parse_args(arguments))
    with cli.start_backend():
        from cityzoo.selection.selecting import SelectionRequest, select
    return 0 if select(SelectionRequest(**given)) else 1
