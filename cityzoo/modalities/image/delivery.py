"""How exported models of images are fed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from augment.warp import GRAY
from cityzoo.modalities.delivery import DeliveredInput

RESIZE = {
    "letterbox": "scale to fit, keeping the aspect ratio, to whole pixels; centered (offset rounded down), padded",
    "stretch": "scale to fill, both sides on their own",
}


class DeliveredImage(DeliveredInput):
    """The part of the modality that export asks."""

    def describe_input(self, model: Any, output: Any, shape: Sequence[int | None]) -> dict[str, Any]:
        mode = output.resize_mode
        resize = {
            "mode": mode,
            "rule": RESIZE[mode],
            "filter": "bilinear, after halving while an image is twice as large",
        }
        return {
            "layout": "NHWC",
            "color": "RGB, upright by EXIF",
            "range": [0, 255],
            "size_hw": list(shape[1:3]),
            "resize": {**resize, **({"pad_value": int(GRAY)} if mode == "letterbox" else {})},
        }
