"""Let a model look at pictures without labels: annotated copies, and what it saw as JSON."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from cityzoo import predict
from cityzoo.data.pictures import read_picture
from cityzoo.sample import PictureSet

if TYPE_CHECKING:
    import keras

    from cityzoo.kinds import Kind

LOG = logging.getLogger(__name__)


def write(
    folder: Path,
    model: keras.Model,
    kind: Kind,
    found: PictureSet,
    source: str,
    report: dict[str, Any],
    score: float | None = None,
) -> None:
    """Write what a model sees in pictures without labels.

    Args:
        folder: gets `pictures/`, annotated copies, and a JSON file of what was seen in each.
        model: a whole, loaded model.
        kind: what its outputs mean.
        found: the pictures.
        source: the picture or the folder that they come from; folders in it are kept.
        report: of the run, whose thresholds hold here.
        score: what counts from this score on, instead.
    """
    import keras

    pictures = replace(found, class_names=kind.class_names)
    seen = kind.seen(pictures, predict.all_of(model, pictures, kind), report, score)
    target, origin = folder / "pictures", Path(source)
    bar = keras.utils.Progbar(len(pictures), unit_name="picture")
    for picture, result in zip(pictures.pictures, seen.results, strict=True):
        drawn = kind.draw(read_picture(picture.path), None, result)
        place = target / (
            Path(picture.path).relative_to(origin) if origin.is_dir() else Path(picture.path).name
        )
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawn).save(place.with_name(place.name + ".jpg"), quality=92)
        bar.add(1)
    (folder / seen.file).write_text(json.dumps(seen.document))
    LOG.info("%s in %d pictures: %s", seen.line, len(pictures), folder)
