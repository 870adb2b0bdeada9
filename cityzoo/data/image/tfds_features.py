"""Where a TensorFlow data set keeps its images and their boxes or labels, read off its specification."""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

from cityzoo.errors import InputError

# Of several, in this order: kitti has `type` beside `occluded`, voc `label` beside `pose`.
LABEL_NAMES = ("label", "type", "category", "class")


class BoxFeature(NamedTuple):
    """Say where a data set keeps its images and boxes.

    Attributes:
        image: key of the image.
        objects: key of the list of objects.
        bbox: key of the box in an object.
        label: key of the class in an object, or None: one class, named after the list.
    """

    image: str
    objects: str
    bbox: str
    label: str | None


class LabelFeature(NamedTuple):
    """Say where a data set keeps its images and the class of each.

    Attributes:
        image: key of the image.
        label: key of its class.
    """

    image: str
    label: str


def feature_of(tfds: ModuleType, features: Any, name: str) -> BoxFeature | LabelFeature:
    """Return where the features of a data set hold image and boxes, or else image and class.

    Raises:
        InputError: no image, or neither a list of objects with a box each nor a class.
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
        f"tfds:{name} has no images with boxes or a class (features: {', '.join(features)}): take a data "
        "set of detection or image classification"
    )


def class_names(features: Any, feature: BoxFeature | LabelFeature) -> tuple[str, ...]:
    """Return the names of the classes, in the data set's order."""
    if isinstance(feature, LabelFeature):
        return tuple(features[feature.label].names)
    if feature.label is None:
        return (feature.objects,)
    return tuple(features[feature.objects].feature[feature.label].names)


def _class_label(tfds: ModuleType, fields: dict[str, Any]) -> str | None:
    labels = [key for key, field in fields.items() if isinstance(field, tfds.features.ClassLabel)]
    return next((key for key in LABEL_NAMES if key in labels), labels[0] if labels else None)
