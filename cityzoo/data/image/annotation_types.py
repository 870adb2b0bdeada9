"""Choose between the boxes and the labels of whole images that a source brings."""

from __future__ import annotations

from dataclasses import replace

from cityzoo.data.image.raw import RawDataset
from cityzoo.errors import InputError

WANTS = ("boxes", "labels", "either", "frames")


def select_annotations(raw: RawDataset, wants: str, source: str, format: str) -> RawDataset:
    """Return the annotations with what is wanted of them, and nothing else.

    Args:
        raw: annotations of a source.
        wants: one of `WANTS`, see `load`.
        source: where they come from, for messages.
        format: the format they were read as, for messages.

    Returns:
        Images with `names` None throughout, or images without boxes; all of the second kind when at least
        one image of the source carries labels and `wants` is not "boxes".

    Raises:
        InputError: the source lacks what is wanted.
    """
    labelled = any(each.names is not None for each in raw.images)
    boxed = not labelled or any(each.boxes for each in raw.images)
    if wants == "boxes" and not boxed:
        raise InputError(
            f"'{source}' ({format}) labels whole images and has no boxes: give boxes (YOLO, COCO, VOC, "
            "CSV), or take a --task for such data (vehicle_classify, incident_classify, traffic_state)"
        )
    if wants == "labels" and not labelled:
        raise InputError(
            f"'{source}' ({format}) has boxes and no labels of whole images: give a folder for each class, "
            "or a CSV with the columns path,label"
        )
    if wants == "boxes" or not labelled:
        return replace(raw, images=tuple(replace(each, names=None) for each in raw.images))
    return replace(raw, images=tuple(replace(each, boxes=()) for each in raw.images))
