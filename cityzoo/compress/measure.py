"""Time exported files next to each other: in turn, so that other work on the machine slows all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

WARM_UP, ROUNDS = 3, 25


def median_milliseconds(paths: Sequence[Path], rounds: int = ROUNDS) -> list[float]:
    """Return the median time of one example for each exported file, measured in turn on this machine.

    Args:
        paths: the files.
        rounds: how often each one runs.

    Raises:
        InputError: a runtime is missing, or a file is damaged.
    """
    from keras.utils import Progbar

    from cityzoo.runtime.runtime_model import open_model

    models = [open_model(path) for path in paths]
    inputs = [_noise(model) for model in models]
    seconds: list[list[float]] = [[] for _ in models]
    bar = Progbar(WARM_UP + rounds, unit_name="round")
    for number in range(WARM_UP + rounds):
        for model, given, times in zip(models, inputs, seconds, strict=True):
            started = time.perf_counter()
            model.named_outputs(given)
            if number >= WARM_UP:
                times.append(time.perf_counter() - started)
        bar.add(1)
    return [statistics.median(times) * 1000 for times in seconds]


def _noise(model: Any) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    made = {}
    for info in model.inputs:
        shape = tuple(side or 1 for side in info.shape)
        is_real = "float" in info.dtype
        values = rng.uniform(0, 255, shape) if is_real else np.zeros(shape)
        made[info.name] = values.astype(info.dtype)
    return made
