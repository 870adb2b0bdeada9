"""The detector that serving_litserve.py and serving_bentoml.py serve, with cityzoo's own decoding and answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

BATCH, WARM_UP = 4, 3  # examples at most, as in cityzoo's server


class Detector:
    """An exported detector: bytes of JPEG files in, answers out."""

    def __init__(self, folder: Path) -> None:
        import numpy as np

        from cityzoo.runtime import exported_folder
        from cityzoo.runtime.detection_outputs import restorer
        from cityzoo.runtime.runtime_model import open_model

        self.about = exported_folder.read_document(folder, exported_folder.DESCRIPTION)
        self.restore = restorer(self.about["variant"], len(self.about["class_names"]))
        self.file = open_model(folder / self.about["model"], None, self.restore)
        side = self.about["inputs"][0]["size_hw"]
        for rows in range(1, BATCH + 1):
            for _ in range(WARM_UP):
                self.file.named_outputs({"images": np.zeros((rows, *side, 3), np.float32)})

    def prepare(self, data: bytes) -> Any:
        """Return the example of an image file."""
        from cityzoo.runtime.image_input import fit_images
        from cityzoo.serve.examples import Examples
        from cityzoo.serve.images import decode_image

        images = [decode_image(data, 25)]
        feeds, matrices = fit_images(self.about, images)
        return Examples(feeds, images, matrices)

    def answer(self, examples: list[Any]) -> list[dict[str, Any]]:
        """Return the answers of some examples, computed as one batch."""
        import numpy as np

        from cityzoo.serve import answers

        (name,) = examples[0].feeds
        outputs = self.file.named_outputs({name: np.concatenate([each.feeds[name] for each in examples])})
        rows = [{key: array[n : n + 1] for key, array in outputs.items()} for n in range(len(examples))]
        return [
            answers.answer(self.about, self.restore, example, row)[0]
            for example, row in zip(examples, rows, strict=True)
        ]
