"""Pseudo-labels: boxes that a first model is sure of, as labels of images that have none.

Sohn et al. 2020, "A Simple Semi-Supervised Learning Framework for Object Detection" (STAC), arXiv 2005.04757: a model
is trained on the labeled images, labels the others once, and a second one is trained on both, the others strongly
augmented. Images without a confident box have no say.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.errors import InputError
from cityzoo.sample import Detections, ImageSet

LOG = logging.getLogger(__name__)
FILE = "pseudo_labels.json"


def label_images(images: ImageSet, results: Sequence[Detections]) -> tuple[ImageSet, dict[str, Any]]:
    """Return the images with boxes, with these as their labels, and what was counted.

    Args:
        images: without labels.
        results: confident detections of each.

    Returns:
        The images; `images`, `without` (images that are left out) and `boxes` by class.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> two = ImageSet("unlabelled", ("car", "bus"), tuple(ImageExample(f"{n}.jpg", (50, 50)) for n in "ab"))
        >>> nothing, one = Detections([], [], []), Detections([[0, 0, 20, 20]], [0.9], [1])
        >>> found, facts = label_images(two, [nothing, one])
        >>> found.examples[0].path, found.examples[0].labels.tolist(), facts
        ('b.jpg', [1], {'images': 1, 'without': 1, 'boxes': {'car': 0, 'bus': 1}})
    """
    pairs = zip(images.examples, results, strict=True)
    kept = [replace(e, boxes_xyxy=r.boxes_xyxy, labels=r.labels) for e, r in pairs if len(r)]
    labels = np.concatenate([np.zeros(0, int), *(each.labels for each in kept)]).astype(int)
    counts = np.bincount(labels, minlength=len(images.class_names))
    facts = {
        "images": len(kept),
        "without": len(images) - len(kept),
        "boxes": dict(zip(images.class_names, counts.tolist(), strict=True)),
    }
    return replace(images, examples=tuple(kept)), facts


def read_facts(folder: Path) -> dict[str, Any]:
    """Return `pseudo_labels` as `pseudo_label` counted them in a run's folder; nothing where there are none."""
    file = folder / FILE
    return {"pseudo_labels": json.loads(file.read_text(encoding="utf-8"))} if file.is_file() else {}


def pseudo_label(
    images: ImageSet, output: Any, modality: Any, first: Path, folder: Path, least: int = 1
) -> ImageSet:
    """Return images with the boxes that a run's model finds in them, and write the counts into a folder.

    Boxes count from the score of the best F1 on the validation images of that run.

    Args:
        images: without labels.
        output: what the model's outputs mean.
        modality: of the images.
        first: folder of the run.
        folder: gets `pseudo_labels.json`.
        least: images that are needed, those of a batch.

    Raises:
        InputError: boxes are found in fewer images.
    """
    from cityzoo.model import load

    report = json.loads((first / "report.json").read_text(encoding="utf-8"))
    results = modality.predict(load(first / "model.keras"), images, output)
    found, facts = label_images(images, output.prelabel(results, report, None))
    facts["score"] = report["operating_point"]["score"]
    (folder / FILE).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    boxes = ", ".join(f"{name} {count}" for name, count in facts["boxes"].items())
    LOG.info(
        "pseudo-labels: %d of %d unlabeled images, boxes with a score of %.2f or more: %s; %d images without any are "
        "left out",
        *(facts["images"], len(images), facts["score"], boxes, facts["without"]),
    )
    if len(found) < least:
        raise InputError(
            f"--unlabelled: the model of the labeled images finds boxes in {len(found)} of {len(images)} others, less "
            f"than a batch of {least}: give more labels, more images, or a smaller --batch-size"
        )
    return found
