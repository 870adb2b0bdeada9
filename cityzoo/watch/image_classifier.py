"""What a classifier of whole images, such as one of fire and smoke, sees in the frames of cameras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cityzoo.errors import InputError
from cityzoo.runtime.class_shares import CLASSIFIERS, class_shares
from cityzoo.runtime.exported_folder import DESCRIPTION, read_document
from cityzoo.runtime.image_input import fit_images, is_image_input
from cityzoo.runtime.runtime_model import open_model
from cityzoo.watch.detector import check_policy, find_exported
from cityzoo.watch.frames import Frame, Thinner

FPS = 2.0  # frames per second and camera: a fire grows slowly
FRAMES = "5 of 8 frames"  # of the rules that nobody wrote
FLAG = "--incidents"


class ImageClassifier:
    """An exported classifier of images.

    Args:
        path: the folder that `python -m cityzoo export` wrote, its model file, or the run.
        fps: most frames per second of a camera that are classified.
        threads: of its runtime; None: those of the machine.

    Raises:
        InputError: no exported classifier of images.

    Attributes:
        path: the exported folder.
        thresholds: probability from which a class is an alarm in its report, by class; None: not in the report.
        rules: of each class with such a threshold.
    """

    def __init__(self, path: Path, fps: float = FPS, threads: int | None = None) -> None:
        self.path = find_exported(path, FLAG)
        self.about, self.fps = read_document(self.path, DESCRIPTION), fps
        if self.about.get("output") not in CLASSIFIERS or not is_image_input(self.about):
            raise InputError(
                f"{FLAG} '{path}' does not classify images: give an exported run, such as one of incident_classify"
            )
        check_policy(self.path, self.about, self.about["class_names"])
        points = self.about.get("thresholds", {})
        self.thresholds: dict[str, float | None] = {
            name: points.get(f"alarm: {name}") for name in self.about["class_names"]
        }
        found = [name for name, value in self.thresholds.items() if value is not None]
        self.rules = tuple(f"{name} in {FRAMES}" for name in found)
        self.model = open_model(self.path / self.about["model"], threads)
        self._thinners: dict[str, Thinner] = {}

    def classify(self, frames: Sequence[Frame]) -> list[Mapping[str, float] | None]:
        """Return the probability of each class in each frame; None for frames that are not due."""
        found: list[Mapping[str, float] | None] = [None] * len(frames)
        due = [row for row, frame in enumerate(frames) if self._is_due(frame)]
        if due:
            feeds, _ = fit_images(self.about, [frames[row].image for row in due])
            shares = class_shares(self.about["output"], np.asarray(self.model(feeds)))
            for row, values in zip(due, shares.tolist(), strict=True):
                found[row] = dict(zip(self.thresholds, values, strict=True))
        return found

    def to_json(self) -> dict[str, object]:
        """Return the entry of watched.json."""
        return {
            "classifier": str(self.path),
            "model": self.model.digest,
            "thresholds": self.thresholds,
            "fps": self.fps,
        }

    def _is_due(self, frame: Frame) -> bool:
        return self._thinners.setdefault(frame.camera, Thinner(self.fps)).is_due(frame.time)
