"""Let a model look at pictures without labels: annotated copies and COCO json."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from cityzoo import predict
from cityzoo.data.pictures import read_picture
from cityzoo.report.coco import coco_results, coco_truth
from cityzoo.report.drawing import draw_detections
from cityzoo.sample import PictureSet

if TYPE_CHECKING:
    import keras

    from cityzoo.kinds import Kind

LOG = logging.getLogger(__name__)
USUAL_SCORE = 0.3


def usual_score(report: dict[str, Any]) -> float:
    """Return the score at which a run's report found the best F1, or 0.3 where there is none."""
    return (report.get("operating_point") or {}).get("score") or USUAL_SCORE


def write(folder: Path, model: keras.Model, kind: Kind, found: PictureSet, source: str, score: float) -> None:
    """Write what a model sees in pictures without labels.

    Args:
        folder: gets `pictures/`, annotated copies, and `detections.json`: COCO's format with the images and
            the categories, so that annotation tools open it as it is; each annotation has a `score`.
        model: a whole, loaded model.
        kind: what its outputs mean.
        found: the pictures.
        source: the picture or the folder that they come from; folders in it are kept.
        score: detections below it are left out.
    """
    import keras

    pictures = PictureSet(found.split, kind.class_names, found.pictures)
    detections = predict.sure(predict.all_of(model, pictures, kind), score)
    target, origin = folder / "pictures", Path(source)
    bar = keras.utils.Progbar(len(pictures), unit_name="picture")
    for picture, seen in zip(pictures.pictures, detections, strict=True):
        image = read_picture(picture.path)
        drawn = draw_detections(image, seen.boxes_xyxy, seen.labels, kind.class_names, seen.scores)
        place = target / (
            Path(picture.path).relative_to(origin) if origin.is_dir() else Path(picture.path).name
        )
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(drawn)).save(place.with_name(place.name + ".jpg"), quality=92)
        bar.add(1)
    document = coco_truth(pictures)
    rows = coco_results(pictures, detections)
    document["annotations"] = [
        {"id": i, "iscrowd": 0, "area": r["bbox"][2] * r["bbox"][3], **r} for i, r in enumerate(rows, 1)
    ]
    (folder / "detections.json").write_text(json.dumps(document))
    LOG.info(
        "%d detections with a score of %.2f or more in %d pictures: %s",
        len(rows),
        score,
        len(pictures),
        folder,
    )
