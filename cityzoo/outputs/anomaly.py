"""Anomalies: distance from everything seen in normal frames, as a score and a heat map."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np

from cityzoo.cli import flag
from cityzoo.cli.search_range import options
from cityzoo.cli.values import parse_count, parse_number
from cityzoo.outputs import ClosedFormInput, Output, PredictionSummary
from cityzoo.sample import ImageExample, ImageSet

if TYPE_CHECKING:
    import keras

    from cityzoo.metrics.weighted import WeightedMetrics

SMOOTH_CELLS = 0.8  # deviation of the Gaussian over the map: single cells are noise
NORMAL = 0  # position in the class names


class AnomalyResult(NamedTuple):
    """Anomaly score and map of an image."""

    score: float  # distance of its strangest place
    heat: np.ndarray  # (h, w) float32, distance of each cell of the network's input
    # where the input's corners lie in the image: x1, y1, x2, y2 pixels, possibly outside of it
    corners: tuple[float, float, float, float]


@dataclass(frozen=True)
class Anomaly(Output):
    """Anomalies by a memory bank of normal patches; see `cityzoo.outputs.Output`."""

    class_names: tuple[str, ...]  # "normal" first, then one name for all that is not
    # patches that are remembered
    memory: int = flag(
        1024,
        "normal patches in memory: more are finer and slower",
        parse_count,
        "N",
        search=options(512, 1024, 2048, 4096),
    )
    # wanted at most among 1,000 normal frames; sets the threshold
    false_alarms: float = flag(5.0, "maximum alarms per 1,000 normal frames", parse_number, "N")
    page: ClassVar[str] = "anomaly"
    primary_metrics: ClassVar[tuple[str, ...]] = ("image_auroc", "pixel_auroc")
    result_type: ClassVar[type] = AnomalyResult
    bootstrap_samples: ClassVar[int] = 1000
    closed_form_layer: ClassVar[str] = "head_bank"
    trainable: ClassVar[bool] = False
    label_layouts: ClassVar[tuple[str, ...]] = ("class_folders", "csv")
    supports_ensemble: ClassVar[bool] = False  # distances of different features have no common scale
    resize_mode: ClassVar[Literal["letterbox", "stretch"]] = "stretch"

    def build_head(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Return (batch, H / 8, W / 8, 1) distances."""
        from heads.memory_bank import PatchMemoryBank

        return PatchMemoryBank(self.memory)(features)

    def loss(self, size_hw: tuple[int, int] | None) -> keras.losses.Loss:
        """Return the mean distance; nothing is trained with it."""
        import keras

        return keras.losses.MeanAbsoluteError()

    def fit_closed_form(self, given: ClosedFormInput) -> dict[str, Any]:
        """Fill the memory with patches of the normal frames, in one pass."""
        import keras

        from heads.memory_bank import MOST_PATCHES, bank_weights, coreset

        inputs, seed = given.inputs, given.seed
        rows, place = np.divmod(_spread(inputs.shape, MOST_PATCHES, seed), np.prod(inputs.shape[1:3]))
        patches = np.empty((len(rows), inputs.shape[-1]), np.float32)
        for row in np.unique(rows):
            chosen = rows == row
            patches[chosen] = inputs[row].reshape(-1, inputs.shape[-1])[place[chosen]]
        bar = keras.utils.Progbar(self.memory, unit_name="patch")
        kept = patches[coreset(patches, self.memory, seed, bar.update)]
        bar.update(self.memory, finalize=True)
        filled = kept[np.arange(self.memory) % len(kept)]  # fewer patches than the memory has places
        given.layer.set_weights(bank_weights(filled))
        return {"how": "coreset", "patches": len(patches), "memory": len(kept)}

    def decode(
        self, outputs: np.ndarray, matrices: np.ndarray, images: Sequence[ImageExample]
    ) -> list[AnomalyResult]:
        """Return score and heat map of each image."""
        import cv2

        found = []
        for heat, image in zip(np.asarray(outputs, np.float32)[..., 0], images, strict=True):
            smooth = cv2.GaussianBlur(heat, (0, 0), SMOOTH_CELLS, borderType=cv2.BORDER_REPLICATE)
            height, width = image.size_hw
            found.append(AnomalyResult(float(smooth.max()), smooth, (0.0, 0.0, float(width), float(height))))
        return found

    def metrics(self, truth: ImageSet, results: Sequence[AnomalyResult]) -> dict[str, Any]:
        """Return AUROC by image and by pixel, if there are labeled anomalies."""
        from cityzoo.metrics.anomaly import anomaly_metrics

        return anomaly_metrics(truth, results)

    def weighted_metrics(self, truth: ImageSet, results: Sequence[AnomalyResult]) -> WeightedMetrics:
        """Return what gives the figures of weighted images."""
        from cityzoo.metrics.anomaly import weighted_anomaly_metrics

        return weighted_anomaly_metrics(truth, results)

    def details(self, truth: ImageSet, results: Sequence[AnomalyResult]) -> dict[str, Any]:
        """Return the alarm threshold."""
        from cityzoo.metrics.anomaly import alarm_threshold

        return {"alarm": alarm_threshold(truth, results, self.false_alarms)}

    def write_results(self, truth: ImageSet, results: Sequence[AnomalyResult], folder: Path) -> None:
        """Write `predictions.csv`: path, true class, score."""
        with (folder / "predictions.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["path", "true", "score"])
            for image, result in zip(truth.examples, results, strict=True):
                name = truth.class_names[int(np.argmax(np.asarray(image.target)))]
                writer.writerow([image.name, name, f"{result.score:.6f}"])

    def summarize_predictions(
        self,
        images: ImageSet,
        results: Sequence[AnomalyResult],
        report: Mapping[str, Any],
        score: float | None,
    ) -> PredictionSummary:
        """Return score and alarm of every image, by the report's threshold or by --score."""
        known = (report.get("alarm") or {}).get("threshold")
        least = score if score is not None else float("inf") if known is None else known
        rows = {
            each.name: {"score": round(r.score, 4), "alarm": bool(r.score >= least)}
            for each, r in zip(images.examples, results, strict=True)
        }
        alarms = sum(row["alarm"] for row in rows.values())
        return PredictionSummary(
            list(results), "predictions.json", rows, f"{alarms} alarms (score {least:.3g} or more)"
        )

    def uncertainty(self, outputs: np.ndarray, results: Sequence[AnomalyResult]) -> np.ndarray:
        """Return the scores: what is strange is worth a look."""
        return np.array([max(result.score, 0.0) for result in results])

    def prelabel(
        self, results: Sequence[AnomalyResult], report: Mapping[str, Any], score: float | None
    ) -> list[tuple[str, ...]]:
        """Return normal, or the name of an anomaly, by the report's threshold or by `score`."""
        known = (report.get("alarm") or {}).get("threshold")
        least = score if score is not None else float("inf") if known is None else known
        return [(self.class_names[int(result.score >= least)],) for result in results]


def _spread(shape: tuple[int, ...], most: int, seed: int) -> np.ndarray:
    """Positions of patches, all or as many as `most`, drawn without order."""
    total = int(np.prod(shape[:3]))
    if total <= most:
        return np.arange(total)
    return np.sort(np.random.default_rng(seed).choice(total, most, replace=False))
