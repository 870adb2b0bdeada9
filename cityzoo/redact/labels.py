"""Labeled data as what a redaction should cover."""

from __future__ import annotations

from pathlib import Path

from cityzoo.errors import InputError
from cityzoo.redact.detector import PLATES, WHOLE
from cityzoo.redact.regions import Region


def read_labels(data: str) -> dict[Path, list[Region]]:
    """Return the labeled people, faces and plates of a data set, by the absolute path of the image.

    Args:
        data: in any format that `train.py --data` reads; both splits are used.

    Raises:
        InputError: it has no such class.
    """
    from cityzoo.data.image.load import load

    dataset = load(data, progress=False)
    names = [name.lower() for name in dataset.train.class_names]
    wanted = {index: "plate" if name in PLATES else name for index, name in enumerate(names) if name in WHOLE}
    if not wanted:
        raise InputError(
            f"no class of --labels '{data}' has to be covered ({', '.join(names)}); known are {', '.join(WHOLE)}"
        )
    labels: dict[Path, list[Region]] = {}
    for example in (*dataset.train.examples, *dataset.val.examples):
        rows = zip(example.boxes_xyxy.tolist(), example.labels.tolist(), strict=True)
        labels[Path(example.path).resolve()] = [
            Region(wanted[label], (box[0], box[1], box[2], box[3])) for box, label in rows if label in wanted
        ]
    return labels
