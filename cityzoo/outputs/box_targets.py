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
        names = np.array(self.class_names, object)
        broken = [
            rules.find(scene).find_violations(each.boxes_xyxy, names[each.labels].tolist(), each.size_hw)
            for each, scene in zip(train.examples, scene_names(train), strict=True)
        ]
        if count := sum(int(np.count_nonzero(each == PLACE)) for each in broken):
            LOG.warning(
                "%d of %d labeled boxes are where --rule-loss says that none can be: they are learned as they are "
                "labeled; correct these labels, or the rules",
                *(count, sum(map(len, broken))),
            )
        return replace(self, known_rules=(rules, bits))

    def label_columns(self, images: Sequence[ImageExample]) -> dict[str, Sequence[Any]]:
        """Return boxes and labels, and masks of where no object can stand."""
        found: dict[str, Sequence[Any]] = {
            "boxes": [image.boxes_xyxy for image in images],
            "labels": [image.labels for image in images],
        }
        if self.known_rules:
            rules, bits = self.known_rules
            scenes = scene_names(ImageSet("", self.class_names, tuple(images)))
            pairs = zip(images, scenes, strict=True)
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
