"""How a model of images is checked: images that are alike, slices, simple methods to compare it with."""

from __future__ import annotations

import os

from cityzoo.data.image.image_info import open_images
from cityzoo.data.image.slices import scene_names
from cityzoo.modalities import Masks
from cityzoo.modalities.model_checks import ModelChecks
from cityzoo.sample import ImageSet


class ImageChecks(ModelChecks):
    """Checks of models of images."""

    def groups(self, examples: ImageSet) -> list[str]:
        """Return the scene of each image, "" where not known."""
        return scene_names(examples)

    def hashes(self, examples: ImageSet) -> list[str]:
        paths = [example.path for example in examples.examples]
        known = open_images(paths, os.path.commonpath(paths) if paths else "")
        return [known[path].perceptual_hash for path in paths]

    def slices(self, examples: ImageSet, by: str) -> Masks:
        """Return the images of each slice; see `cityzoo.data.image.slices.slice_masks`."""
        from keras.utils import Progbar

        from cityzoo.data.image.slices import slice_masks

        bar = Progbar(len(examples), unit_name="image")
        return slice_masks(examples, by, lambda done, total: bar.update(done))
