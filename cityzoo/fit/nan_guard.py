"""Stop at a loss that is not finite before it spoils the saved weights, and save its batch."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import keras
import numpy as np


class NanGuard(keras.callbacks.Callback):
    """Stop training at the first loss that is not finite; later callbacks check `broken`."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = False
        self.epoch = self.step = 0
        self.loss = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            self.broken, self.step, self.loss = True, batch, loss
            self.model.stop_training = True


def write_batch(path: Path, batches: Any, step: int, rows: list[dict[str, Any]]) -> None:
    """Write the batch of a step as arrays, and which images it was made of.

    Args:
        path: the .npz file.
        batches: of the epoch, from its first step on.
        step: number of the step in the epoch, from 0.
        rows: of the batch: file and view of each image.
    """
    import tensorflow as tf

    for inputs, target, *_ in batches.skip(step).take(1):
        named = inputs if isinstance(inputs, dict) else {"images": inputs}
        targets = target if isinstance(target, dict) else {"target": target}
        arrays = tf.nest.map_structure(np.asarray, {**named, **targets})
        np.savez(path, rows=json.dumps(rows), **arrays)
