"""The flags of evaluate.py."""

from __future__ import annotations

import argparse

from cityzoo import cli
from cityzoo.cli.values import parse_count, parse_mapping, parse_number, parse_share
from cityzoo.errors import InputError
from cityzoo.evaluation.quality_gate import parse_requirement

ROBUSTNESS_IMAGES = 100
EXAMPLES = """examples:
  python evaluate.py runs/vehicle_detect-vgg16-1                          the run's own held-out images
  python evaluate.py runs/new runs/old                                    the same images: what got better, what worse
  python evaluate.py runs/vehicle_detect-vgg16-1 --data other_camera/     labelled images of another place
  python evaluate.py runs/vehicle_detect-vgg16-1 --predict frames/        draw and write down what it sees
  python evaluate.py runs/vehicle_detect-vgg16-1 --robustness --explain 4    fog, rain, night ...; where it looks
  python evaluate.py runs/vehicle_detect-vgg16-1 --require "AP50>=0.6"    exit code 1 if it is less
"""


def evaluation_parser() -> cli.Parser:
    """Return the parser of evaluate.py."""
    parser = cli.Parser(
        prog="evaluate.py",
        description="Judge a trained run on labelled images, beside what it was before and beside other runs, or let "
        "it look at new images. Writes report.html for people and report.json for programs.",
        epilog=EXAMPLES,
        formatter_class=cli.HelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "runs",
        metavar="RUN",
        nargs="+",
        help="a folder that train.py made; more of them are compared with the first on the first one's images",
    )
    _add_image_flags(parser.add_argument_group("which images"))
    judging = parser.add_argument_group("what is judged")
    _add_judging_flags(judging)
    _add_wishes(judging)
    parser.add_argument(
        "--out", metavar="FOLDER", help="where to write (default: the run folder, or a new one in it)"
    )
    parser.add_argument("--json", action="store_true", help="print the report as one line of JSON, too")
    parser.add_argument(
        "--require",
        type=cli.typed(parse_requirement),
        action="append",
        default=[],
        metavar='"FIGURE>=N"',
        help="leave with exit code 1 if a figure of report.json falls short; may be given several times",
    )
    return parser


def _add_judging_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--slice-by",
        default="auto",
        metavar="folder|REGEX|FILE.csv",
        help="also judge by camera or scene: the images' folder, a pattern with one group such as 'cam(\\d+)', or a "
        "CSV of file name and slice (default: scenes that the data tells)",
    )
    group.add_argument(
        "--robustness",
        nargs="?",
        type=cli.typed(parse_count),
        const=ROBUSTNESS_IMAGES,
        metavar="N",
        help=f"also through fog, rain, snow, night ... at 5 strengths and under attack, on N images "
        f"({ROBUSTNESS_IMAGES})",
    )
    group.add_argument(
        "--eps",
        type=cli.typed(parse_number),
        default=4.0,
        metavar="LEVELS",
        help="how far an attack of --robustness may move a pixel, of 255 (default: 4)",
    )
    group.add_argument(
        "--explain",
        metavar="N|IMAGE[:K]",
        help="show where the model looks: in N telling images, or for the K-th answer in one of them",
    )


def _add_wishes(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--wanted-precision",
        type=cli.typed(parse_share),
        metavar="SHARE",
        help="share of a detector's reports that shall be right: the report names the score for it",
    )
    group.add_argument(
        "--false-alarms",
        type=cli.typed(parse_number),
        metavar="N",
        help="false alarms wanted at most in 1,000 frames: the report names the threshold for it",
    )
    group.add_argument(
        "--score",
        type=cli.typed(_parse_score),
        metavar="0..1",
        help="lowest score that --predict shows (default: the best F1's of the report)",
    )


def _add_image_flags(parser: argparse._ArgumentGroup) -> None:
    parser.add_argument(
        "--data",
        metavar="PATH",
        help="other labelled images, as train.py takes them (default: the run's own)",
    )
    parser.add_argument(
        "--split",
        choices=("val", "train", "all"),
        help="which images of the data (default: val, and all where --data brings no val)",
    )
    parser.add_argument(
        "--class-map",
        type=cli.typed(parse_mapping),
        default=None,
        metavar="A=B,C=ignore",
        help="rename the data's classes to the model's, or drop them: van=car,person=ignore",
    )
    parser.add_argument(
        "--labels",
        choices=("clip", "drop", "fail"),
        default="clip",
        help="what to do about bad boxes, as in train.py (default: clip)",
    )
    parser.add_argument("--limit", type=cli.typed(parse_count), metavar="N", help="use this many images")
    parser.add_argument(
        "--predict",
        metavar="PATH",
        help="an image or a folder: write annotated images and COCO json, judge nothing",
    )


def _parse_score(text: str) -> float:
    try:
        score = float(text)
    except ValueError as error:
        raise InputError(f"'{text}' is not a score: give a number between 0 and 1") from error
    if not 0 <= score <= 1:
        raise InputError(f"score {text} is out of bounds: give a number between 0 and 1")
    return score
