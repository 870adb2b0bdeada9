"""Let a model look at images without labels: annotated copies, and what it saw as JSON."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from cityzoo import predict
from cityzoo.data.image.decode import read_image
from cityzoo.sample import ImageSet

if TYPE_CHECKING:
    import keras

    from cityzoo.outputs import Output

LOG = logging.getLogger(__name__)


def write(
    folder: Path,
    model: keras.Model,
    output: Output,
    found: ImageSet,
    source: str,
    report: dict[str, Any],
    score: float | None = None,
) -> None:
    """Write what a model sees in images without labels.

    Args:
        folder: gets `images/`, annotated copies, and a JSON file of what was seen in each.
        model: a whole, loaded model.
        output: what its outputs mean.
        found: the images.
        source: the image or the folder that they come from; folders in it are kept.
        report: of the run, whose thresholds hold here.
        score: what counts from this score on, instead.
    """
    import keras

    images = replace(found, class_names=output.class_names)
    seen = output.summarize_predictions(images, predict.predict_all(model, images, output), report, score)
    target, origin = folder / "images", Path(source)
    bar = keras.utils.Progbar(len(images), unit_name="image")
    for image, result in zip(images.examples, seen.results, strict=True):
        drawn = output.draw(read_image(image.path), None, result)
        place = target / (Path(image.path).relative_to(origin) if origin.is_dir() else Path(image.path).name)
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawn).save(place.with_name(place.name + ".jpg"), quality=92)
        bar.add(1)
    (folder / seen.file).write_text(json.dumps(seen.document))
    LOG.info("%s in %d images: %s", seen.line, len(images), folder)
