"""Regions from a detector that `python -m cityzoo export` wrote: plates, persons, or the lower half of vehicles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cityzoo.errors import InputError, unknown
from cityzoo.redact.regions import Region
from cityzoo.redact.tiles import tile_windows
from cityzoo.runtime.detection_outputs import VARIANTS, restorer
from cityzoo.runtime.exported_folder import DESCRIPTION, read_document
from cityzoo.runtime.image_input import boxes_on_image, fit_images
from cityzoo.runtime.runtime_model import open_model
from heads.detection_decode import class_wise_nms, decode_detections

PLATES = ("plate", "license_plate", "licence_plate", "number_plate", "numberplate")
WHOLE = ("face", "head", "person", "pedestrian", "rider", "people", *PLATES)
VEHICLES = ("car", "bus", "truck", "van", "motorbike", "motorcycle", "vehicle", "taxi", "lorry", "pickup")
LOWER = 0.5  # of a vehicle's box: where its plates are
SCORE = 0.1  # far below the thresholds of a report: a miss costs more than a covered leaf
BEST_SCORE = 0.35  # of a detector whose report has none
IOU = 0.6


class DetectorFinder:
    """Find the regions of some classes with an exported detector, in the whole image and in tiles at full resolution.

    Args:
        folder: that `python -m cityzoo export` wrote.
        classes: to cover; none: all that stand for people, plates and vehicles. Of vehicles the lower half is covered.
        score: lowest score of a detection.

    Raises:
        InputError: no exported detector, or a class that it does not know.
    """

    def __init__(self, folder: Path, classes: Sequence[str] = (), score: float = SCORE) -> None:
        about = read_document(folder, DESCRIPTION)
        self.names: list[str] = about["class_names"]
        self.score, self.best_score = score, about.get("thresholds", {}).get("best F1", BEST_SCORE)
        size = about["inputs"][0].get("size_hw")
        if about["variant"] not in VARIANTS or not size:
            raise InputError(f"'{folder}' is not a detector: give an exported run of a task with boxes")
        for name in classes:
            if name not in self.names:
                raise unknown(f"class of '{folder}'", name, self.names)
        known = [name for name in self.names if name.lower() in (*WHOLE, *VEHICLES)]
        self.classes = tuple(classes) or tuple(known)
        if not self.classes:
            raise InputError(
                f"no class of '{folder}' stands for people or vehicles: name some, '{folder}:{','.join(self.names)}'"
            )
        self.size_hw, self.about = (size[0], size[1]), about
        self.model = open_model(folder / about["model"], restore=restorer(about["variant"], len(self.names)))

    def find(self, image: np.ndarray) -> list[Region]:
        """Return the regions of an image, (H, W, 3) uint8 RGB."""
        return [part_to_cover(region) for region in self.detect(image, self.score)]

    def detect(self, image: np.ndarray, score: float | None = None) -> list[Region]:
        """Return the whole boxes of the classes.

        Args:
            image: (H, W, 3) uint8 RGB.
            score: lowest score; None: that of the best F1 in the report of the detector, which knows no tiles.
        """
        height, width = image.shape[:2]
        tiles = [] if score is None else tile_windows((height, width), self.size_hw)
        windows, score = [(0, 0, width, height), *tiles], self.best_score if score is None else score
        found = [self._detect(image[y1:y2, x1:x2], (x1, y1), score) for x1, y1, x2, y2 in windows]
        boxes, scores, labels = (np.concatenate(column) for column in zip(*found, strict=True))
        table = np.zeros((len(boxes), len(self.names)), np.float32)
        table[np.arange(len(boxes)), labels] = scores
        kept = class_wise_nms(boxes, table, score, IOU, max(len(boxes), 1))
        rows = zip(*(column.tolist() for column in kept), strict=True)
        return [
            Region(self.names[label], (box[0], box[1], box[2], box[3]), sure)
            for box, sure, label in rows
            if self.names[label] in self.classes
        ]

    def _detect(
        self, image: np.ndarray, offset_xy: tuple[int, int], score: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        feeds, (matrix,) = fit_images(self.about, [image])
        boxes, scores, labels = decode_detections(np.asarray(self.model(feeds)), score, IOU)[0]
        boxes = boxes_on_image(boxes, matrix, image.shape[:2]) + [*offset_xy, *offset_xy]
        return boxes.astype(np.float32), scores, labels


def part_to_cover(region: Region) -> Region:
    """Return what of a detected object has to be covered."""
    name, (x1, y1, x2, y2) = region.kind.lower(), region.box_xyxy
    if name in VEHICLES:
        return Region("plate", (x1, y2 - LOWER * (y2 - y1), x2, y2), region.score)
    return Region("plate" if name in PLATES else name, region.box_xyxy, region.score)
