"""Find images by words, or score them by prompts, with a run of align."""

from __future__ import annotations

from collections.abc import Sequence

from cityzoo import cli
from cityzoo.cli.values import parse_count, parse_mapping, parse_number
from cityzoo.errors import InputError

PROG = "python -m cityzoo find"
ABOUT = """\
Rank the images of a folder, or frames of a video, by how near they are to a sentence, with a run of align: a contact
sheet, a page and report.json with the scores. With --classes each image gets a share for each prompt (zero-shot
classification); with labeled --data these are evaluated.
"""
EXAMPLES = f"""\
examples:
  {PROG} runs/words --frames frames/ --out found/ "a bus in the rain at night"
  {PROG} runs/words --frames road.mp4 --every 2 --out found/ "large dark smoke on the left"
  {PROG} runs/words --data labeled/ --classes "fire=large fire,smoke=dark smoke,none=no fire and no smoke" --out zero/
"""


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES)
    add = parser.add_argument
    count, number, mapping = map(cli.argparse_type, (parse_count, parse_number, parse_mapping))
    add("run", metavar="RUN", help="run folder of align")
    add("query", nargs="?", default="", metavar="WORDS", help="a sentence to find images by")
    add("--frames", metavar="PATH", help="an image, a folder of images, or a video")
    add("--data", metavar="SOURCE", help="labeled images instead, to evaluate --classes on")
    add("--out", required=True, metavar="FOLDER", help="new folder")
    add("--most", type=count, default=12, metavar="N", help="images to show (default: %(default)s)")
    add("--classes", type=mapping, metavar="CLASS=PROMPT,...", help="score each image by these prompts")
    about = "between two frames of a video (default: %(default)s)"
    add("--every", type=number, default=1.0, dest="seconds", metavar="SECONDS", help=about)
    add("--limit", type=count, metavar="N", help="read this many images only")
    add(
        "--cache",
        default="auto",
        metavar="auto|off|FOLDER",
        help="where features are cached (default: %(default)s)",
    )
    return parser


def main(arguments: Sequence[str]) -> int:
    """Find as the flags say; return 0."""
    given = vars(_parser().parse_intermixed_args(arguments))
    if (given["frames"] is None) == (given["data"] is None):
        raise InputError(f"give either --frames or --data: see {PROG} --help")
    if not given["query"] and not given["classes"]:
        raise InputError(f"give words to find images by, or --classes: see {PROG} --help")
    with cli.start_backend():
        from cityzoo.align.finding import FindRequest, find
    find(FindRequest(**given))
    return 0
