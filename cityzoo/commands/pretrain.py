"""Pretrain a backbone on unlabeled images, and write weights that train.py starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from cityzoo import cli
from cityzoo.cli.values import parse_count
from cityzoo.errors import InputError

PROG = "python -m cityzoo pretrain"
ABOUT = """\
Pretrain a backbone on the city's own images, without labels: two views of one image, or two neighbouring frames of one
camera, are to be alike (simclr, byol), or what is hidden is to be predicted (mae); supcon takes the labels of labeled
data. The result is a run folder with a report, and a weights file for train.py --weights. With --probe the report
compares it with ImageNet's and random weights. With a backbone of series, mae fills in hidden measurements, and
train.py --weights takes the run folder; with an encoder of texts, mae is masked language modelling.
"""
EXAMPLES = f"""\
examples:
  {PROG} --method mae --data frames/ --out street.weights.h5
  {PROG} --method byol --data frames/ --backbone mobilenet_025 --probe labeled/ --probe-task vehicle_classify
  {PROG} --method simclr --data frames/ --weights imagenet --epochs 50
  {PROG} --method mae --data sensors.csv --backbone stid --history 12
  {PROG} --method mae --data texts.csv --backbone minilm --out letters.weights.h5
  {PROG} --resume runs/pretrain_mae-mobilenet_050-1
  python train.py --backbone mobilenet_050 --weights street.weights.h5 --data labeled/ --backbone-rate 1
"""
METHODS = ("simclr", "byol", "mae", "supcon")
TRAINING = {
    "run": "format limit strict allow_outside weights seed",
    "fit": "epochs batch_size learning_rate find_lr optimizer schedule weight_decay clip_norm",
    "modality": "image_size augment keep_decoded precision bad_boxes exif split_by class_map history horizon graph "
    "hidden_size split max_tokens",
}
TITLES = {
    "run": "run",
    "fit": "training",
    "output": "methods",
    "reader": "pairs of images",
    "modality": "images",
    ("series", "modality"): "series",
    ("series", "reader"): "series",
    ("text", "modality"): "texts",
    ("text", "reader"): "texts",
}
OF_IMAGES = "split_by class_map"  # flags that texts have with other meanings
WORDS = {"unit": "images", "weights": "random|auto|imagenet|FILE"}


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES, allow_abbrev=False)
    add, count = parser.add_argument, cli.argparse_type(parse_count)
    add("--method", metavar="|".join(METHODS), help="how to learn without labels; supcon learns with them")
    about = (
        "images: a folder, a file or tfds:NAME; sensors; or texts: a table, or a .txt of lines; labels are "
    )
    about += "ignored but for supcon"
    add("--data", metavar="PATH", help=about)
    add(
        "--backbone",
        default="mobilenet_050",
        help="network to pretrain; see train.py --list (default: %(default)s)",
    )
    add(
        "--out", metavar="FILE", help="weights file to write (default: backbone.weights.h5 in the run folder)"
    )
    add("--run", metavar="FOLDER", help="new run folder (default: runs/pretrain_METHOD-BACKBONE-NUMBER)")
    add("--resume", metavar="RUN", help="continue a run folder that was stopped")
    group = parser.add_argument_group("comparison with other starting weights")
    about = "labeled data for a linear head on the frozen backbone, with all labels and with 10 of each class"
    group.add_argument("--probe", metavar="DATA", help=about)
    about = "task of that data, which classifies images or texts (default: vehicle_classify or text_intent)"
    group.add_argument("--probe-task", metavar="TASK", help=about)
    about = "use this many images of each of its splits"
    group.add_argument("--probe-limit", type=count, metavar="N", help=about)
    about = "weights to compare with, too (default: the published ones, if they are here)"
    group.add_argument("--against", metavar="FILE", help=about)
    _add_training_flags(parser)
    return parser


def _add_training_flags(parser: cli.Parser) -> None:
    from cityzoo.pretrain.request import make_task

    images = make_task(METHODS[0])
    kinds = [*map(make_task, METHODS), make_task("mae", "stid"), make_task("mae", "minilm")]
    known: dict[str, Any] = {}
    for task in kinds:
        for section, items in task.flags.items():
            names = TRAINING.get(section, "").split() or [item.name for item in items]
            title = TITLES.get((task.modality.name, section)) or TITLES.get(section, section)
            taken = {name for own in known.values() for name in own}  # one flag is shared by all that have it
            chosen = {item.name: item for item in items if item.name in names and item.name not in taken}
            known.setdefault(title, {}).update(chosen)
    words = {**images.modality.words, **WORDS}
    for title, own in known.items():
        group = parser.add_argument_group(title)
        cli.add_flags(group, list(own.values()), {**images.defaults, "augment": "by method"}, words)


def main(arguments: Sequence[str]) -> int:
    """Pretrain as the flags say; return 0."""
    given = vars(_parser().parse_args(arguments))
    resumed, method, run = (given.pop(name) for name in ("resume", "method", "run"))
    from cityzoo.pretrain.request import PretrainingRequest, make_task

    own = {item.name for item in fields(PretrainingRequest)} & set(given)
    own_values = {name: given.pop(name) for name in sorted(own)}
    if resumed:
        given.pop("backbone")
        if method or any(value is not None for value in given.values()):
            raise InputError("--resume uses the run's saved settings: remove the other flags")
        request = PretrainingRequest.read(resumed)
    else:
        if method is None or given.get("data") is None:
            raise InputError(f"--{'data' if method else 'method'} is missing: try {PROG} --help")
        task = make_task(method, given["backbone"])
        known = {item.name for items in task.flags.values() for item in items}
        _refuse_others(method, given, known - set(OF_IMAGES.split() if task.modality.name == "text" else ()))
        given |= {"out": run} if run else {}
        request = PretrainingRequest(method, given, **own_values)
        request.check()
    with cli.start_backend():
        from cityzoo.pretrain import pretraining
    pretraining.pretrain(request, resumed)
    return 0


def _refuse_others(method: str, given: dict[str, Any], known: set[str]) -> None:
    strange = sorted(set(given) - known)
    if strange:
        raise InputError(
            f"{cli.flag_name(strange[0])} does not apply to --method {method} of this backbone: remove it"
        )
