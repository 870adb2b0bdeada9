"""Targets of detectors: boxes with classes, and where no object can stand by the rules of its camera."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.cli import flag
from cityzoo.cli.flag_files import read_mapping
from cityzoo.cli.values import parse_number
from cityzoo.data.image.place_masks import ClassBits, assign_bits
from cityzoo.data.image.scene_rules import KEYS, PLACE, Rules, parse_rules
from cityzoo.data.image.slices import scene_names
from cityzoo.errors import InputError
from cityzoo.outputs import Output
from cityzoo.sample import ImageExample, ImageSet

LOG = logging.getLogger(__name__)


def parse_rule_file(text: str) -> Mapping[str, Any]:
    """Return the content of a file of rules.

    Raises:
        InputError: not there, or damaged.
    """
    return read_mapping(Path(text), KEYS["the rules"])


@dataclass(frozen=True)
class BoxTargets(Output):
    """What `Output` says about targets, for boxes."""

    rule_loss: Mapping[str, Any] | None = flag(
        None,
        "where objects can stand, which the detector is trained to keep to: a YAML file as for --rules of evaluate.py",
        parse_rule_file,
        "FILE",
    )
    rule_weight: float = flag(
        1.0, "weight of --rule-loss against the loss of background", parse_number, "WEIGHT"
    )
    known_rules: tuple[Rules, ClassBits] | None = None  # of --rule-loss, once the training images are known

    def with_train_statistics(self, train: ImageSet, may_lack_classes: bool = False) -> BoxTargets:
        """Return the output that knows the rules of --rule-loss; warn of labels that break them.

        Raises:
            InputError: rules that cannot be used.
        """
        if not self.rule_loss:
            return self
        try:
            rules = parse_rules(self.rule_loss, self.class_names)
            bits = assign_bits(rules, self.class_names)
        except InputError as error:
            raise InputError(f"--rule-loss: {error}") from error
        found = replace(self, known_rules=(rules, bits))
        possible = np.concatenate([np.ones(0, bool), *found._find_possible(train.examples)])
        if not possible.all():
            LOG.warning(
                "%d of %d labeled boxes are where --rule-loss says that none can be: they are learned as background; "
                "correct these labels, or the rules",
                *(np.count_nonzero(~possible), len(possible)),
            )
        return found

    def _find_possible(self, images: Sequence[ImageExample]) -> list[np.ndarray]:
        # Which labeled boxes of each image are where their class can be.
        if not self.known_rules:
            return [np.ones(len(each.labels), bool) for each in images]
        rules, names = self.known_rules[0], np.array(self.class_names, object)
        return [
            rules.find(scene).find_violations(each.boxes_xyxy, names[each.labels].tolist(), each.size_hw)
            != PLACE
            for each, scene in zip(images, self._scenes(images), strict=True)
        ]

    def _scenes(self, images: Sequence[ImageExample]) -> list[str]:
        return scene_names(ImageSet("", self.class_names, tuple(images)))

    def label_columns(self, images: Sequence[ImageExample]) -> dict[str, Sequence[Any]]:
        """Return boxes and labels; with --rule-loss those that are possible, and masks of where no object can stand."""
        kept = self._find_possible(images)
        found: dict[str, Sequence[Any]] = {
            "boxes": [image.boxes_xyxy[own] for image, own in zip(images, kept, strict=True)],
            "labels": [image.labels[own] for image, own in zip(images, kept, strict=True)],
        }
        if self.known_rules:
            rules, bits = self.known_rules
            pairs = zip(images, self._scenes(images), strict=True)
            found["masks"] = [bits.mask(rules.find(scene), image.size_hw) for image, scene in pairs]
        return found

    def make_targets(self, batch: dict[str, Any]) -> Any:
        """Return (B, N, 5) float32: xyxy in pixels of the network's input and the class; padding -1.

        With --rule-loss they end with the rows of `heads.place_loss.append_places`.
        """
        import tensorflow as tf

        boxes = batch["bounding_boxes"]
        found = tf.concat([boxes["boxes"], tf.cast(boxes["labels"], tf.float32)[..., None]], axis=-1)
        if not self.known_rules:
            return found
        from heads.place_loss import append_places

        return append_places(found, batch["segmentation_masks"])
