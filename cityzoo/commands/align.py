"""Align images and sentences, so that words find images."""

from __future__ import annotations

from collections.abc import Sequence

from cityzoo import cli
from cityzoo.errors import InputError

PROG = "python -m cityzoo align"
ABOUT = """\
Train two small projections of frozen features on pairs of an image and a sentence, so that a sentence is near its
image (contrastive learning as in CLIP). The data is a CSV, TSV or JSONL with columns image and text, or a folder with
train, val and test. The report has recall at 1, 5 and 10 both ways on held-out pairs, with the pairs shuffled as a
control.
"""
EXAMPLES = f"""\
examples:
  python -m cityzoo demo captioned_scenes --out scenes/
  {PROG} --data scenes/ --out runs/words
  {PROG} --data pairs.csv --encoders image=mobilenet_075:4,text=minilm --epochs 30
  python -m cityzoo find runs/words --frames frames/ --out found/ "a bus in the rain at night"
"""
FLAGS = {
    "run": "out limit strict seed",
    "modality": "val encoders cache",
    "fit": "epochs batch_size learning_rate optimizer schedule weight_decay patience",
    "output": "width hidden dropout",
}
TITLES = {"run": "run", "modality": "pairs", "fit": "training", "output": "projections"}


def _parser() -> cli.Parser:
    from cityzoo.align.pairs import make_task

    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES, allow_abbrev=False)
    sources = "pairs: a CSV, TSV or JSONL with columns image and text, or a folder of them"
    parser.add_argument("--data", metavar="PATH", help=sources)
    parser.add_argument("--resume", metavar="RUN", help="continue a run folder that was stopped")
    task = make_task()
    for section, names in FLAGS.items():
        group = parser.add_argument_group(TITLES[section])
        chosen = [item for item in task.flags[section] if item.name in names.split()]
        cli.add_flags(group, chosen, task.defaults, task.modality.words)
    return parser


def main(arguments: Sequence[str]) -> int:
    """Align as the flags say; return 0."""
    given = vars(_parser().parse_args(arguments))
    resumed = given.pop("resume")
    values = {name: value for name, value in given.items() if value is not None}
    if bool(resumed) == ("data" in values) or (resumed and values):
        raise InputError(f"give --data, or --resume alone: see {PROG} --help")
    with cli.start_backend():
        from cityzoo.align.aligning import align
    align(values, resumed)
    return 0
