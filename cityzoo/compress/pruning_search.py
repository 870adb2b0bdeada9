"""Find how many channels must go for a target, by measuring real, smaller models."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.compress.speed import compare_speed
from cityzoo.errors import InputError
from zoo.pruning.cut import cut

if TYPE_CHECKING:
    import keras

    from zoo.pruning.channels import Channels

LOG = logging.getLogger(__name__)
FINENESS = 64  # the number of removed channels is found up to this part of all that can be


class Search:
    """Find the fewest channels to remove for a target, by bisection with real, smaller models."""

    def __init__(
        self, original: keras.Model, model: keras.Model, channels: Channels, steps: list[np.ndarray], by: str
    ) -> None:
        self.original, self.model, self.channels, self.steps, self.by = original, model, channels, steps, by

    def find(self, share: float) -> tuple[keras.Model, np.ndarray]:
        """Return the smaller model and which channels it keeps."""
        low, high = 0, len(self.steps)
        best, keep, least = self._try(high)
        if least > share:
            raise InputError(
                f"--target-{self.by} {share:.2g}x cannot be reached: {least:.2f}x is left if every group keeps its "
                "least share; give a higher target or more --rounds"
            )
        while high - low > max(1, len(self.steps) // FINENESS):
            middle = (low + high) // 2
            smaller, kept, reached = self._try(middle)
            if reached <= share:
                best, keep, high = smaller, kept, middle
            else:
                low = middle
        return best, keep

    def _try(self, count: int) -> tuple[keras.Model, np.ndarray, float]:
        keep = np.ones(self.channels.count, bool)
        keep[np.concatenate(self.steps[:count])] = False
        smaller = cut(self.model, self.channels, keep)
        reached = self._share(smaller)
        LOG.info("%d of %d steps: %.2fx %s", count, len(self.steps), reached, self.by)
        return smaller, keep, reached

    def _share(self, smaller: keras.Model) -> float:
        if self.by == "parameters":
            return smaller.count_params() / self.original.count_params()
        return compare_speed(self.original, smaller).ratio

    def measure(self, smaller: keras.Model, keep: np.ndarray) -> dict[str, Any]:
        """Return what a report says of the cut."""
        speed = compare_speed(self.original, smaller)
        LOG.info(
            "kept %d of %d channels: parameters %s -> %s, latency %.1f -> %.1f ms (%.2fx)",
            *(keep.sum(), len(keep), f"{self.original.count_params():,}", f"{smaller.count_params():,}"),
            *(speed.first_ms, speed.second_ms, speed.ratio),
        )
        return {
            "channels": [len(keep), int(keep.sum())],
            "parameters": [self.original.count_params(), smaller.count_params()],
            "latency_ms": [speed.first_ms, speed.second_ms],
            "latency_share": round(speed.ratio, 3),
        }
