"""COCO average precision and recall, and COCO files for other tools."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.errors import InputError
from cityzoo.metrics.matching import box_xywh, require_one_per_image
from cityzoo.sample import Detections, ImageSet

log = logging.getLogger(__name__)

# In the order of the COCO evaluation.
SUMMARY = (
    *("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large"),
    *("AR1", "AR10", "AR100", "AR_small", "AR_medium", "AR_large"),
)


def coco_metrics(truth: ImageSet, detections: Sequence[Detections]) -> dict[str, Any]:
    """Return the COCO box metrics of detections, over all classes and for each.

    AP is the mean over classes and over IoU .50:.05:.95 of the precision at 101 recalls; small, medium and large boxes
    are those under 32 x 32, under 96 x 96 and above, in pixels of the original image. At most 100 detections per class
    and image count, best score first.

    Args:
        truth: annotated images.
        detections: one per image, in the same order; labels are positions in `truth.class_names`.

    Returns:
        The twelve numbers named in `SUMMARY`, 0..1, None where no truth box is of that size; `per_class`:
        name -> {AP, AP50, AR, n_boxes}, None where the class has no truth; `n_images`, `n_boxes`,
        `n_detections`.

    Raises:
        InputError: not one Detections per image, or a label outside the class names.

    Reference: Lin et al., Microsoft COCO: Common Objects in Context, ECCV 2014, and its published evaluation.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> cars = ImageSet("val", ("car",), (ImageExample("a.jpg", (50, 50), [[0, 0, 40, 40]], [0]),))
        >>> metrics = coco_metrics(cars, [Detections([[0, 0, 40, 40]], [0.9], [0])])
        >>> round(metrics["AP"], 3), metrics["AP_large"], metrics["per_class"]["car"]["n_boxes"]
        (1.0, None, 1)
    """
    from faster_coco_eval import COCO
    from faster_coco_eval.core import COCOeval_faster

    annotated, found = coco_truth(truth), coco_predictions(truth, detections)
    summary, per_class = [-1.0] * len(SUMMARY), np.full((len(truth.class_names), 3), -1.0)
    if annotated["annotations"]:
        silent: dict[str, Any] = {"print_function": lambda *_: None}
        both = (COCO(each, **silent) for each in (annotated, found))
        evaluation = COCOeval_faster(*both, iouType="bbox", **silent)
        evaluation.run()
        summary, per_class = evaluation.stats[: len(SUMMARY)], _class_scores(evaluation.eval)
    n_boxes = np.bincount(_all_labels(truth), minlength=len(truth.class_names))
    return {
        **{name: _known(value) for name, value in zip(SUMMARY, summary, strict=True)},
        "per_class": {
            name: {
                **{key: _known(v) for key, v in zip(("AP", "AP50", "AR"), row, strict=True)},
                "n_boxes": int(n),
            }
            for name, row, n in zip(truth.class_names, per_class, n_boxes, strict=True)
        },
        "n_images": len(truth),
        "n_boxes": len(annotated["annotations"]),
        "n_detections": len(found["annotations"]),
    }


def coco_truth(truth: ImageSet) -> dict[str, Any]:
    """Return annotated images as a COCO dict: images, annotations and categories.

    Image and category ids count from 1; `bbox` is x, y, width, height in pixels.
    """
    images = [
        {"id": row, "file_name": image.name, "height": int(image.size_hw[0]), "width": int(image.size_hw[1])}
        for row, image in enumerate(truth.examples, start=1)
    ]
    boxes = [
        {"image_id": row, "category_id": label + 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
        for row, image in enumerate(truth.examples, start=1)
        for box, label in zip(box_xywh(image.boxes_xyxy).tolist(), image.labels.tolist(), strict=True)
    ]
    return {
        "info": {"description": f"{truth.split} split"},
        "images": images,
        "annotations": [{"id": i, **box} for i, box in enumerate(boxes, start=1)],
        "categories": [{"id": i, "name": name} for i, name in enumerate(truth.class_names, start=1)],
    }


def coco_results(truth: ImageSet, detections: Sequence[Detections]) -> list[dict[str, Any]]:
    """Return detections as a COCO results list: image_id, category_id, bbox (x, y, width, height), score.

    Detections that are not finite, from a diverged model, are left out with a warning.

    Raises:
        InputError: not one Detections per image, or a label outside the class names.
    """
    _check(truth, detections)
    results: list[dict[str, Any]] = []
    dropped = 0
    for row, found in enumerate(detections, start=1):
        finite = np.isfinite(found.scores) & np.isfinite(found.boxes_xyxy).all(axis=-1)
        dropped += int((~finite).sum())
        columns = (box_xywh(found.boxes_xyxy[finite]), found.labels[finite], found.scores[finite])
        for box, label, score in zip(*(column.tolist() for column in columns), strict=True):
            results.append({"image_id": row, "category_id": label + 1, "bbox": box, "score": score})
    if dropped:
        log.warning(
            "left out %d detections whose box or score is not finite: the model has diverged", dropped
        )
    return results


def coco_predictions(images: ImageSet, detections: Sequence[Detections]) -> dict[str, Any]:
    """Return detections as a COCO dict for annotation tools: each annotation has a `score`."""
    rows = coco_results(images, detections)
    annotations = [
        {"id": i, "iscrowd": 0, "area": row["bbox"][2] * row["bbox"][3], **row}
        for i, row in enumerate(rows, start=1)
    ]
    return {**coco_truth(images), "annotations": annotations}


def write_coco_json(
    folder: str | Path, truth: ImageSet, detections: Sequence[Detections]
) -> tuple[Path, Path]:
    """Write `truth.json` and `detections.json`, from which any COCO tool reproduces `coco_metrics`.

    Raises:
        InputError: not one Detections per image, or a label outside the class names.
    """
    contents = {"truth.json": coco_truth(truth), "detections.json": coco_results(truth, detections)}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder / "truth.json", folder / "detections.json"


def _check(truth: ImageSet, detections: Sequence[Detections]) -> None:
    require_one_per_image(truth, detections)
    for owner, labels in (
        ("annotations", _all_labels(truth)),
        ("detections", np.concatenate([found.labels for found in detections] or [np.zeros(0, np.int32)])),
    ):
        outside = labels[(labels < 0) | (labels >= len(truth.class_names))]
        if len(outside):
            raise InputError(
                f"{owner} contain label {outside[0]}, allowed are 0..{len(truth.class_names) - 1} "
                f"({', '.join(truth.class_names)}): map the labels to these classes first"
            )


def _all_labels(truth: ImageSet) -> np.ndarray:
    return np.concatenate([image.labels for image in truth.examples] or [np.zeros(0, np.int32)])


def _class_scores(evaluation: dict[str, Any]) -> np.ndarray:
    """Return (classes, 3): AP, AP50 and AR of each class, -1 without truth."""
    shape = evaluation["counts"]  # IoU thresholds, recalls, classes, sizes, numbers of detections
    precision = np.asarray(evaluation["precision"]).reshape(shape)[:, :, :, 0, -1]
    recall = np.asarray(evaluation["recall"]).reshape(shape[0], *shape[2:])[:, :, 0, -1]
    return np.stack([precision.mean(axis=(0, 1)), precision[0].mean(axis=0), recall.mean(axis=0)], axis=-1)


def _known(value: float) -> float | None:
    return None if value < 0 else float(value)
