"""How a model of images is checked: images that are alike, slices, simple methods to compare it with."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from cityzoo.data.image.decode import read_image
from cityzoo.data.image.image_info import open_images
from cityzoo.data.image.slices import scene_names
from cityzoo.modalities import Masks
from cityzoo.modalities.frozen_baseline import fit_baseline, predict_baseline
from cityzoo.modalities.model_checks import ModelChecks
from cityzoo.monitor.camera_state import make_thumbnail
from cityzoo.sample import ImageSet


class ImageChecks(ModelChecks):
    """Checks of models of images."""

    supports_clusters: ClassVar[bool] = True

    def groups(self, examples: ImageSet) -> list[str]:
        """Return the scene of each image, "" where not known."""
        return scene_names(examples)

    def hashes(self, examples: ImageSet) -> list[str]:
        paths = [example.path for example in examples.examples]
        known = open_images(paths, os.path.commonpath(paths) if paths else "")
        return [known[path].perceptual_hash for path in paths]

    def thumbnails(self, examples: ImageSet) -> np.ndarray:
        each = examples.examples
        return np.stack([make_thumbnail(read_image(one.path, one.window_xyxy)) for one in each])

    def write_manifest(self, folder: Path, data: Any, output: Any) -> None:
        fit_baseline(folder, self, data, output)

    def baselines(self, run: Path, examples: ImageSet, output: Any) -> Mapping[str, Sequence[Any]]:
        return predict_baseline(run, self, examples, output)

    def slices(self, examples: ImageSet, by: str) -> Masks:
        """Return the images of each slice; see `cityzoo.data.image.slices.slice_masks`."""
        from keras.utils import Progbar

        from cityzoo.data.image.slices import slice_masks

        bar = Progbar(len(examples), unit_name="image")
        return slice_masks(examples, by, lambda done, total: bar.update(done))
