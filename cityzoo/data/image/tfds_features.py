"""Detection of the features of a TensorFlow data set that contain images and their boxes or labels."""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

from cityzoo.errors import InputError

# Preferred in this order: kitti has both `type` and `occluded`, voc both `label` and `pose`.
LABEL_NAMES = ("label", "type", "category", "class")


class BoxFeature(NamedTuple):
    """Keys of the images and boxes of a data set."""

    image: str  # key of the image
    objects: str  # key of the list of objects
    bbox: str  # key of the box in an object
    label: str | None  # key of the class in an object; None for a single class, named after the list


class LabelFeature(NamedTuple):
    """Keys of the images of a data set and their classes."""

    image: str  # key of the image
    label: str  # key of its class


def feature_of(tfds: ModuleType, features: Any, name: str) -> BoxFeature | LabelFeature:
    """Return the keys of image and boxes of a data set, or else of image and class.

    Raises:
        InputError: no image, or neither a list of objects with boxes nor a class.
    """
    image = next((key for key, each in features.items() if isinstance(each, tfds.features.Image)), None)
    for key, each in features.items():
        fields = dict(getattr(getattr(each, "feature", None), "items", dict)())
        bbox = next((k for k, field in fields.items() if isinstance(field, tfds.features.BBoxFeature)), None)
        if image and bbox:
            return BoxFeature(image, key, bbox, _class_label(tfds, fields))
    label = _class_label(tfds, dict(features.items()))
    if image and label:
        return LabelFeature(image, label)
    raise InputError(
        f"tfds:{name} has no images with boxes or a class (features: {', '.join(features)}): use a data "
        "set for detection or image classification"
    )


def class_names(features: Any, feature: BoxFeature | LabelFeature) -> tuple[str, ...]:
    """Return the class names, in the data set's order."""
    if isinstance(feature, LabelFeature):
        return tuple(features[feature.label].names)
    if feature.label is None:
        return (feature.objects,)
    return tuple(features[feature.objects].feature[feature.label].names)


def _class_label(tfds: ModuleType, fields: dict[str, Any]) -> str | None:
    labels = [key for key, field in fields.items() if isinstance(field, tfds.features.ClassLabel)]
    return next((key for key in LABEL_NAMES if key in labels), labels[0] if labels else None)
