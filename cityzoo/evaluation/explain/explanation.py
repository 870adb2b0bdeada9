"""A prediction with its attribution and occlusion maps, their agreement, and the sheet that shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from cityzoo.data.image.decode import read_image
from cityzoo.evaluation.explain.answer_selection import Answer
from cityzoo.metrics.anomaly import resize_heatmap
from cityzoo.outputs.attribution_target import confidence
from cityzoo.sample import ImageExample
from cityzoo.visualize.boxes import draw_detections
from cityzoo.visualize.heatmap import overlay_heatmap
from cityzoo.visualize.sheets import CELL_WIDTH, fit_into, image_grid

GRID = 10  # positions of the patch along each side
SHARE = 1 / 6  # of the image's sides covered by the patch at most
BATCH = 16
FINE = 8  # samples per side of a patch position, to compare both maps
LEAST_LOSS = 0.25  # log odds at full color: a map of less shows noise
AROUND, LEAST_PART = 4.0, 1 / 3  # size of the part shown, relative to the box and at least of the image
SMOOTH = 4  # times finer


@dataclass(frozen=True)
class Explanation:
    """A prediction and its two maps.

    Attributes:
        image: the image.
        answer: the prediction.
        words: the predicted class.
        odds: log odds of the prediction.
        attribution: (h, w) float32 over the network's input, contribution of each cell to the logit.
        corners: of the network's input in the image: x1, y1, x2, y2 pixels.
        left: (GRID, GRID) float32 over the image: log odds with a patch there.
        box_xyxy: (4,) pixels of the image; None: the whole image.
    """

    image: ImageExample
    answer: Answer
    words: str
    odds: float
    attribution: np.ndarray
    corners: np.ndarray
    left: np.ndarray
    box_xyxy: np.ndarray | None = None

    @property
    def confidence(self) -> float:
        """Confidence of the network, 0..1."""
        return float(confidence(self.odds))

    @property
    def covered(self) -> float:
        """Confidence with the most harmful patch, 0..1."""
        return float(confidence(self.left.min()))

    @property
    def losses(self) -> np.ndarray:
        """Log odds lost with a patch, (GRID, GRID) over the image."""
        return self.odds - self.left

    @property
    def agreement(self) -> float | None:
        """Rank correlation of the positive parts of both maps."""
        height, width = self.image.size_hw
        corners = np.divide(self.corners, [width, height, width, height]) * GRID * FINE
        fine = resize_heatmap(np.maximum(self.attribution, 0), tuple(corners), (GRID * FINE, GRID * FINE))
        return rank_correlation(
            fine.reshape(GRID, FINE, GRID, FINE).mean(axis=(1, 3)), np.maximum(self.losses, 0)
        )

    def share_in_box(self, attribution: np.ndarray) -> float:
        """Return the share, 0..1, of a map's positive part that lies in the box."""
        x1, y1, x2, y2 = np.asarray(self.box_xyxy).round().astype(int)
        glow = resize_heatmap(np.maximum(attribution, 0), tuple(self.corners), self.image.size_hw)
        return float(glow[y1:y2, x1:x2].sum() / max(glow.sum(), 1e-12))


def occlusion_map(
    number: Callable[[np.ndarray], np.ndarray],
    image: np.ndarray,
    area_xyxy: tuple[int, int, int, int],
    box_xyxy: np.ndarray | None = None,
) -> np.ndarray:
    """Return the score of a prediction with a patch of the image's mean color at each position.

    Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional Networks" (arXiv 1311.2901). The patch is
    centered at `GRID` x `GRID` positions. It covers a sixth of each side, or the size of a smaller box, but at least
    one step.

    Args:
        number: images (B, h, w, 3) float32 -> (B,) scores.
        image: (h, w, 3) uint8 or float32, at the network's input.
        area_xyxy: of the image without padding, whole pixels, x2 and y2 exclusive.
        box_xyxy: of the prediction, pixels.

    Returns:
        (GRID, GRID) float32 over the area.
    """
    x1, y1, x2, y2 = area_xyxy
    width, height = x2 - x1, y2 - y1
    color = image[y1:y2, x1:x2].mean(axis=(0, 1))
    size_wh = np.array([width, height])
    sides = size_wh if box_xyxy is None else box_xyxy[2:] - box_xyxy[:2]
    reach = np.clip(sides, size_wh / GRID, size_wh * SHARE) / 2
    rows, columns = np.divmod(np.arange(GRID**2), GRID)
    middles = np.stack([x1 + (columns + 0.5) * width / GRID, y1 + (rows + 0.5) * height / GRID], axis=1)
    patches = np.concatenate([middles - reach, middles + reach], axis=1).round().astype(int)
    patches = np.clip(patches, [x1, y1, x1, y1], [x2, y2, x2, y2])
    left = []
    for start in range(0, GRID**2, BATCH):
        covered = np.repeat(image[None].astype(np.float32), len(patches[start : start + BATCH]), axis=0)
        for each, (left_x, top, right, bottom) in zip(covered, patches[start : start + BATCH], strict=True):
            each[top:bottom, left_x:right] = color
        left.append(number(covered))
    return np.concatenate(left).reshape(GRID, GRID).astype(np.float32)


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    """Return Spearman's rank correlation of two maps of one shape, -1..1; None if one is constant.

    Example:
        >>> rank_correlation(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 4.0], [9.0, 16.0]]))
        1.0
    """
    from scipy.stats import spearmanr

    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return round(float(spearmanr(np.ravel(one), np.ravel(other)).statistic), 4)


def draw_explanations(rows: Sequence[Explanation], class_names: Sequence[str], path: Path) -> None:
    """Write an image file with one row per prediction: image, attribution map, occlusion map."""
    Image.fromarray(np.concatenate([_row(each, class_names) for each in rows])).save(path)


def _row(each: Explanation, class_names: Sequence[str]) -> np.ndarray:
    height, width = each.image.size_hw
    cell_hw = round(CELL_WIDTH * float(np.clip(height / width, 0.4, 1.1))), CELL_WIDTH
    return image_grid(_panels(each, class_names, cell_hw), 3, cell_hw, _captions(each, class_names))


def _panels(each: Explanation, class_names: Sequence[str], cell_hw: tuple[int, int]) -> list[np.ndarray]:
    # Cropped and resized before drawing, to keep lines and letters sharp.
    x1, y1, x2, y2 = _part(each)
    image = fit_into(read_image(each.image.path, each.image.window_xyxy)[y1:y2, x1:x2], cell_hw)
    scale, corner = image.shape[1] / (x2 - x1), np.array([x1, y1, x1, y1])
    whole = (np.array([0, 0, *each.image.size_hw[::-1]]) - corner) * scale
    highest = max(LEAST_LOSS, float(each.losses.max()))
    panels = [
        image,
        overlay_heatmap(image, _smooth(each.attribution), tuple((each.corners - corner) * scale)),
        overlay_heatmap(image, _smooth(each.losses), tuple(whole), (0.0, highest)),
    ]
    if each.box_xyxy is None:
        return panels
    box, label = (each.box_xyxy[None] - corner) * scale, [each.answer.label]
    return [draw_detections(panel, box, label, class_names) for panel in panels]


def _part(each: Explanation) -> tuple[int, int, int, int]:
    """Return the part of an image to show: all of it, or the surroundings of a small box."""
    size_wh = np.array(each.image.size_hw[::-1])
    if each.box_xyxy is None:
        return 0, 0, *size_wh
    low, high = each.box_xyxy[:2], each.box_xyxy[2:]
    side = size_wh * np.clip(AROUND * ((high - low) / size_wh).max(), LEAST_PART, 1.0)
    first = np.clip((low + high) / 2 - side / 2, 0, size_wh - side)
    x1, y1, x2, y2 = np.concatenate([first, first + side]).round().astype(int).tolist()
    return x1, y1, x2, y2


def _smooth(values: np.ndarray) -> np.ndarray:
    """Return a finer map, without the artifacts of linear interpolation."""
    import cv2

    return cv2.resize(values.astype(np.float32), None, fx=SMOOTH, fy=SMOOTH, interpolation=cv2.INTER_CUBIC)


def _captions(each: Explanation, class_names: Sequence[str]) -> list[str]:
    name = Path(each.image.path).name
    agreement = "" if each.agreement is None else f"   agreement {each.agreement:.2f}"
    return [
        f"{each.words} {each.confidence:.2f}, {truth_words(each, class_names)}   {name}",
        "Grad-CAM" if each.box_xyxy is None else "HiResCAM",
        f"covered: {each.confidence:.2f} \N{RIGHTWARDS ARROW} {each.covered:.2f}{agreement}",
    ]


def truth_words(each: Explanation, class_names: Sequence[str]) -> str:
    """Return the truth of a prediction: "true: bus", or whether a box was found."""
    if each.box_xyxy is not None:
        return "found" if each.answer.right else "false alarm"
    true = [name for name, value in zip(class_names, np.asarray(each.image.target), strict=True) if value]
    return f"true: {'+'.join(true) or 'none'}"
