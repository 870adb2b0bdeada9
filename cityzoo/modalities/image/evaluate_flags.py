"""Flags of evaluate.py for tasks on images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cityzoo.cli import flag
from cityzoo.cli.flag_files import read_mapping
from cityzoo.cli.values import AUTO, parse_count, parse_mapping, parse_number, parse_score, parse_share
from cityzoo.modalities.image.flags import BAD_BOXES

ROBUSTNESS_IMAGES = 100
PATCH_SHARE = 0.05  # of the image


def parse_slices(text: str) -> str:
    """Check a value of --slice-by, before anything is evaluated.

    Raises:
        InputError: a pattern or a table that cannot be used.
    """
    from cityzoo.data.image.slices import parse_slice_by

    if text != AUTO:
        parse_slice_by(text)
    return text


def parse_rules(text: str) -> Mapping[str, Any] | str:
    """Return the content of a file of rules, or "fit".

    Raises:
        InputError: not there, or damaged.
    """
    return text if text == "fit" else read_mapping(Path(text), ("places", "heights", "scenes"))


@dataclass(frozen=True)
class ImageEvaluateFlags:
    """Flags of evaluate.py for tasks on images."""

    split: str | None = flag(
        None,
        "images to evaluate on (default: val; all if --data has no val split)",
        choices=("val", "train", "all"),
    )
    class_map: Mapping[str, str] | None = flag(
        None,
        "rename the data's classes to the model's, or drop them: van=car,person=ignore",
        parse_mapping,
        "A=B",
    )
    bad_boxes: str = flag(
        "clip", "what to do about bad boxes, as in train.py", choices=BAD_BOXES, was="labels"
    )
    slice_by: str = flag(
        AUTO,
        "also report by camera or scene: the files' folder, a pattern with one group such as 'cam(\\d+)', or a CSV of "
        "file name and slice; auto: scenes found in the data",
        parse_slices,
        "folder|REGEX|FILE.csv",
    )
    predict: str | None = flag(
        None,
        "an image or a folder without labels: write annotated copies and JSON, evaluate nothing",
        metavar="PATH",
    )
    score: float | None = flag(
        None, "lowest score that --predict shows (default: that of the best F1)", parse_score, "0..1"
    )
    robustness: int | None = flag(
        None,
        "also evaluate under fog, rain, snow, night ... at 5 strengths and under attack, on N images "
        f"({ROBUSTNESS_IMAGES} if not given)",
        parse_count,
        "N",
        const=ROBUSTNESS_IMAGES,
    )
    attack_eps: float = flag(
        4.0, "how far an attack of --robustness may change a pixel, of 255", parse_number, "LEVELS", was="eps"
    )
    adversarial: int | None = flag(
        None,
        "classifiers: accuracy under attack (PGD, 20 steps) by how far a pixel may change, on N images "
        f"({ROBUSTNESS_IMAGES} if not given)",
        parse_count,
        "N",
        const=ROBUSTNESS_IMAGES,
    )
    patch_search: float | None = flag(
        None,
        "classifiers: search a patch that covers this share of the image and turns answers wherever it lies, on half "
        f"of the images, and measure it on the others, next to noise and gray ({PATCH_SHARE:g} if not given)",
        parse_share,
        "SHARE",
        const=PATCH_SHARE,
    )
    interventions: int | None = flag(
        None,
        "change N images to see what answers rely on: objects, backgrounds, overlays at the border "
        f"({ROBUSTNESS_IMAGES} if not given)",
        parse_count,
        "N",
        const=ROBUSTNESS_IMAGES,
    )
    rules: Mapping[str, Any] | str | None = flag(
        None,
        "also evaluate without boxes that cannot be: a YAML file of where objects stand and how tall they are there, "
        "or fit, which makes it from the training labels; --predict leaves such boxes out",
        parse_rules,
        "FILE|fit",
    )
    explain: str | None = flag(
        None,
        "show which pixels predictions depend on: in N informative images, or for prediction K of one image",
        metavar="N|IMAGE[:K]",
    )
